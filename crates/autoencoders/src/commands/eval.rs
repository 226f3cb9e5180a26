//! `ae eval`.

use super::{compute, downloads, sources, stop_flag};
use crate::cli::{Cli, EvalArgs, Task, TaskArgs};
use crate::failure::Failure;
use crate::output;
use crate::progress::Training;
use ae_evaluation::{Context, Evaluation, EvaluationError, anomaly, likelihood, pretrain, reconstruction};
use std::path::PathBuf;

pub(crate) fn run(args: &EvalArgs, cli: &Cli) -> Result<(), Failure> {
    match &args.task {
        Task::Anomaly(args) => evaluate(args, cli, anomaly::SEEDS, anomaly::run),
        Task::Likelihood(args) => evaluate(args, cli, likelihood::SEEDS, likelihood::run),
        Task::Pretrain(args) => evaluate(args, cli, pretrain::SEEDS, pretrain::run),
        Task::Reconstruction(args) => evaluate(args, cli, reconstruction::SEEDS, reconstruction::run),
    }
}

fn evaluate(
    args: &TaskArgs,
    cli: &Cli,
    default_seeds: &[u64],
    task: fn(&mut Context<'_>) -> Result<(Evaluation, PathBuf), EvaluationError>,
) -> Result<(), Failure> {
    let device = compute(&args.compute)?;
    let sources = sources(&args.sources);
    let (mut progress, mut observer) =
        (downloads(), Training::new(Some("training a model that is missing (-v says which)".into())));
    let mut context = Context {
        sources: &sources,
        device,
        runs: &args.compute.runs,
        seeds: if args.seeds.is_empty() { default_seeds.to_vec() } else { args.seeds.clone() },
        progress: progress.as_mut(),
        observer: &mut observer,
        stop: stop_flag(),
    };
    let (evaluation, report) = task(&mut context)?;
    match cli.json {
        true => output::result(evaluation.to_json().trim_end()),
        false => {
            output::result(evaluation.to_text().trim_end());
            output::result(&format!("\nreport: {}", report.display()));
        }
    }
    Ok(())
}
