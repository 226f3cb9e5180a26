//! `ae detect`: fits, applies and inspects anomaly detectors.

mod events;
mod explain;
mod fit;
mod groups;
mod inspect;
mod order;
mod remarks;
mod score;
mod stdin;
mod times;
mod unreadable;
mod verdicts;
mod watch;
mod words;

use crate::cli::{Cli, DetectAction, DetectArgs};
use crate::failure::Failure;
use ae_anomaly::Detector;
use ae_intake::IntakeError;
use ae_records::files;
use std::path::Path;

pub(crate) fn run(args: &DetectArgs, cli: &Cli) -> Result<(), Failure> {
    match &args.action {
        DetectAction::Fit(args) => fit::run(args, cli),
        DetectAction::Inspect { detector } => inspect::run(detector, cli),
        DetectAction::Score(args) => score::run(args, cli),
        DetectAction::Watch(args) => watch::run(args),
    }
}

fn load(path: &Path) -> Result<Detector, Failure> {
    Detector::load(path).map_err(Failure::new)
}

/// Refuses an output that is one of the inputs or, without `force`, one that exists. Checks before the work
/// starts that it can be written.
fn keep(path: &Path, force: bool, sources: &[&Path]) -> Result<(), Failure> {
    apart(path, sources)?;
    if path.exists() && !force {
        return Err(Failure::usage(format!(
            "{} already exists; give another name, or --force to replace it",
            path.display()
        )));
    }
    if path.is_dir() { Ok(()) } else { files::check_writable(path).map_err(Failure::new) }
}

/// Refuses an output that is one of the inputs.
fn apart(path: &Path, sources: &[&Path]) -> Result<(), Failure> {
    let real = |path: &Path| path.canonicalize().ok();
    let same = sources.iter().find(|source| {
        real(path).is_some_and(|out| real(source) == Some(out))
            || (path == **source && path != Path::new("-"))
    });
    match same {
        None => Ok(()),
        Some(source) => {
            let (path, source) = (path.display(), source.display());
            Err(Failure::usage(format!(
                "{path} would overwrite {source}, which this command uses; give another name"
            )))
        }
    }
}

fn reading(error: IntakeError) -> Failure {
    Failure::new(error)
}
