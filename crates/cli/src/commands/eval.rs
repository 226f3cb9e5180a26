//! `ae eval`.

use super::{compute, downloads, sources, stop_flag};
use crate::cli::{AnomalyArgs, Cli, EvalArgs, Task, TaskArgs};
use crate::failure::Failure;
use crate::output;
use crate::progress::Training;
use ae_evaluation::{Context, Evaluation, EvaluationError};
use ae_evaluation::{
    anomaly, denoise, dimension, features, generate, likelihood, pretrain, reconstruction, regimes, selection,
};
use std::path::PathBuf;

pub(crate) fn run(args: &EvalArgs, cli: &Cli) -> Result<(), Failure> {
    match &args.task {
        Task::Anomaly(args) => {
            let AnomalyArgs { data, labels, normal, settings, task } = args;
            let options = anomaly::Options {
                data: data.clone(),
                labels: labels.clone(),
                normal: normal.clone(),
                settings: settings.clone(),
            };
            evaluate(task, cli, anomaly::SEEDS, |context| anomaly::run(context, &options))
        }
        Task::Generate(args) => evaluate(args, cli, generate::SEEDS, generate::run),
        Task::Likelihood(args) => evaluate(args, cli, likelihood::SEEDS, likelihood::run),
        Task::Pretrain(args) => evaluate(args, cli, pretrain::SEEDS, pretrain::run),
        Task::Denoise(args) => evaluate(args, cli, denoise::SEEDS, denoise::run),
        Task::Dimension(args) => evaluate(args, cli, dimension::SEEDS, dimension::run),
        Task::Features(args) => evaluate(args, cli, features::SEEDS, features::run),
        Task::Reconstruction(args) => evaluate(args, cli, reconstruction::SEEDS, reconstruction::run),
        Task::Selection(args) => evaluate(args, cli, selection::SEEDS, selection::run),
        Task::Regimes(args) => evaluate(args, cli, regimes::SEEDS, regimes::run),
    }
}

fn evaluate(
    args: &TaskArgs,
    cli: &Cli,
    default_seeds: &[u64],
    task: impl Fn(&mut Context<'_>) -> Result<(Evaluation, PathBuf), EvaluationError>,
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
    context.observer.on_end();
    match cli.json {
        true => output::result(evaluation.to_json().trim_end()),
        false => {
            output::result(evaluation.to_text().trim_end());
            output::result(&format!("\nreport: {}", report.display()));
        }
    }
    Ok(())
}
