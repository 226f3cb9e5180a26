//! `ae sample`: draws new samples from a trained model.

use super::{compute, downloads, sources, stop_flag};
use crate::cli::{Cli, SampleArgs, SamplerName};
use crate::failure::Failure;
use crate::output;
use crate::progress::Training;
use ae_evaluation::sampling::{self, Drawn, Wish};
use ae_evaluation::{Context, Sampler};

pub(crate) fn run(args: &SampleArgs, cli: &Cli) -> Result<(), Failure> {
    let wish = Wish {
        model: args.model.clone(),
        sampler: args.sampler.map(sampler),
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
    };
    let Drawn { sampler, picture, .. } = sampling::draw(&mut context, &wish)?;
    let picture = picture.display().to_string();
    match cli.json {
        true => output::json(&serde_json::json!({
            "sampler": sampler.name(), "samples": args.n, "seed": args.seed, "picture": picture,
        })),
        false => output::result(&format!("{} samples by {sampler}, seed {}: {picture}", args.n, args.seed)),
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
