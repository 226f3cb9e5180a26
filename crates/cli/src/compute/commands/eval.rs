//! `ae eval`: runs an evaluation.

use super::{compute, downloads, sources, stop_flag};
use crate::cli::{ChosenTask, Cli, EvalArgs};
use crate::failure::Failure;
use crate::output;
use crate::progress::Training;
use ae_evaluation::{Context, Subject};

pub(crate) fn run(args: &EvalArgs, cli: &Cli) -> Result<(), Failure> {
    let ChosenTask { task, options, common } = &args.task;
    if !common.seeds.is_empty() && !options.all("run").is_empty() {
        return Err(Failure::usage(
            "--seeds is for models that are trained; a run was trained with a seed of its own",
        ));
    }
    let device = compute(&common.compute)?;
    let sources = sources(&common.sources);
    let (mut progress, mut observer) = (downloads(), Training::new(None));
    let mut context = Context {
        sources: &sources,
        device,
        runs: &common.compute.runs,
        seeds: if common.seeds.is_empty() { task.seeds.to_vec() } else { common.seeds.clone() },
        progress: progress.as_mut(),
        observer: &mut observer,
        stop: stop_flag(),
        subject: Subject::default(),
    };
    let (evaluation, report) = ae_evaluation::tasks::run(task, &mut context, options)?;
    context.observer.on_end();
    match cli.json {
        true => output::json(&evaluation),
        false => {
            output::result(evaluation.to_text(output::width()).trim_end());
            output::summary(&format!("\nreport: {}", report.display()));
        }
    }
    Ok(())
}
