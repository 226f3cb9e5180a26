//! `ae sample`: draws new samples from a trained model.

use super::{compute, downloads, sources, stop_flag};
use crate::cli::{Cli, SampleArgs, SamplerName};
use crate::failure::Failure;
use crate::output;
use crate::progress::Training;
use ae_evaluation::sampling::{self, Drawn, Wish};
use ae_evaluation::{Context, Sampler, apply};
use std::path::Path;

pub(crate) fn run(args: &SampleArgs, cli: &Cli) -> Result<(), Failure> {
    let wish = Wish {
        model: args.model.clone(),
        sampler: args.sampler.map(sampler),
        label: args.label.clone(),
        n: args.n,
        seed: args.seed,
        out: args.out.clone(),
    };
    let mut downloads = downloads();
    let mut context = Context {
        sources: &sources(&args.sources),
        device: compute(&args.compute)?,
        runs: &args.compute.runs,
        seeds: vec![args.seed],
        progress: downloads.as_mut(),
        observer: &mut Training::new(None),
        stop: stop_flag(),
        subject: ae_evaluation::Subject::default(),
    };
    let Drawn { sampler, files, .. } = sampling::draw(&mut context, &wish)?;
    let place = apply::shown(&files).unwrap_or(Path::new("")).display().to_string();
    let of_label = args.label.as_ref().map_or_else(String::new, |label| format!(" of label {label}"));
    match cli.json {
        true => {
            let kind = if place.ends_with(".png") { "picture" } else { "out" };
            let mut result = serde_json::json!({
                "sampler": sampler.name(), "samples": args.n, "seed": args.seed, kind: place,
            });
            if let Some(label) = &args.label {
                result["label"] = label.as_str().into();
            }
            output::json(&result);
        }
        false => {
            output::summary(&format!(
                "{} samples{of_label} by {sampler}, seed {}: {place}",
                args.n, args.seed
            ));
        }
    }
    Ok(())
}

fn sampler(name: SamplerName) -> Sampler {
    match name {
        SamplerName::Prior => Sampler::Prior,
        SamplerName::Gaussian => Sampler::Gaussian,
        SamplerName::Gmm => Sampler::Gmm,
        SamplerName::TwoStage => Sampler::TwoStage,
        SamplerName::Positions => Sampler::Positions,
    }
}
