//! `ae encode`, `ae reconstruct` and `ae interpolate`: a trained model in use.

use super::{chosen, downloads, sources};
use crate::cli::{ApplyArgs, Cli, EncodeArgs, InterpolateArgs, PathName, ReconstructArgs, SplitName};
use crate::failure::Failure;
use crate::output;
use ae_evaluation::apply::{self, Applied, Between, Interpolation, Part, Source, Wish};
use std::path::Path;

pub(crate) fn encode(args: &EncodeArgs, cli: &Cli) -> Result<(), Failure> {
    let device = chosen(&args.common.machine)?;
    let wish = wish(&args.common, &args.out);
    let done = apply::encode(&wish, &sources(&args.common.sources), downloads().as_mut(), device)?;
    show(&done, cli, &format!("codes of {}, mean squared error {:.4}", done.code, done.mean_squared_error));
    Ok(())
}

pub(crate) fn reconstruct(args: &ReconstructArgs, cli: &Cli) -> Result<(), Failure> {
    let device = chosen(&args.common.machine)?;
    let wish = wish(&args.common, &args.out);
    let done = apply::reconstruct(&wish, &sources(&args.common.sources), downloads().as_mut(), device)?;
    show(&done, cli, &format!("reconstructed, mean squared error {:.4}", done.mean_squared_error));
    Ok(())
}

pub(crate) fn interpolate(args: &InterpolateArgs, cli: &Cli) -> Result<(), Failure> {
    let device = chosen(&args.common.machine)?;
    let wish = wish(&args.common, &args.out);
    let path = args.path.map(|path| match path {
        PathName::Linear => Interpolation::Linear,
        PathName::Spherical => Interpolation::Spherical,
    });
    let between = Between { rows: [args.from, args.to], steps: args.steps, path };
    let sources = sources(&args.common.sources);
    let (done, path) = apply::interpolate(&wish, &between, &sources, downloads().as_mut(), device)?;
    match cli.json {
        true => output::json(&done),
        false => output::summary(&format!(
            "{} steps between rows {} and {} of {}, {path}: {}",
            done.rows,
            args.from,
            args.to,
            done.input,
            place(&done)
        )),
    }
    Ok(())
}

fn wish(args: &ApplyArgs, out: &Path) -> Wish {
    let part = args.split.map(|split| match split {
        SplitName::Train => Part::Train,
        SplitName::Validation => Part::Validation,
        SplitName::Test => Part::Test,
    });
    Wish {
        model: args.model.clone(),
        source: Source { input: args.input.clone(), part, resize: args.resize },
        out: out.into(),
        label: args.label.clone(),
    }
}

fn show(done: &Applied, cli: &Cli, what: &str) {
    if cli.json {
        return output::json(done);
    }
    let input = if done.rows == 1 { done.input.replacen("rows", "row", 1) } else { done.input.clone() };
    output::summary(&format!("{} {input}: {what}: {}", done.rows, place(done)));
}

/// Where the result is.
fn place(done: &Applied) -> String {
    apply::shown(&done.files).unwrap_or(Path::new("")).display().to_string()
}
