//! What the tasks of `ae eval` do. Each task is a file with a constant `RUN` and an entry in the list here; its name, help
//! text, seeds and options are in [`ae_catalogue::tasks`], from which the command line takes them.

use crate::context::Context;
use crate::error::EvaluationError;
use crate::outcome::Evaluation;
use crate::subject::Subject;
pub use ae_catalogue::tasks::{OptionValues, TASKS, Task, TaskOption};
use std::path::PathBuf;

/// Runs a task; returns its results and the path of the report.
pub(crate) type RunTask =
    fn(&mut Context<'_>, &OptionValues) -> Result<(Evaluation, PathBuf), EvaluationError>;

macro_rules! tasks {
    ($($module:ident),* $(,)?) => {
        /// What each task does, beside its description.
        const RUNS: &[(Task, RunTask)] = &[$((crate::$module::TASK, crate::$module::RUN)),*];
    };
}

tasks![
    anomaly,
    benchmark,
    compression,
    denoise,
    dimension,
    features,
    forecast,
    generate,
    likelihood,
    pretrain,
    recommend,
    reconstruction,
    regimes,
    restore,
    retrieval,
    search,
    selection
];

/// Trains the models that are missing under `context.runs`, computes the results for each seed, and
/// writes tables, pictures and the report. Returns the results and the report's path,
/// `runs/eval-<name>/<id>/report.html`.
///
/// # Errors
/// No seeds, a seed that is given twice, an option that the task does not have, a model that cannot be
/// trained, data that do not suit the task, or a file that cannot be written. See [`EvaluationError`].
pub fn run(
    task: &Task,
    context: &mut Context<'_>,
    options: &OptionValues,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    context.subject = Subject::of(task, options)?;
    let is_known = |name: &String| task.options.iter().any(|option| option.name == name);
    if let Some(option) = options.names().find(|name| !is_known(name)) {
        return Err(EvaluationError::NoSuchOption { task: task.name, option: option.clone() });
    }
    let found = RUNS.iter().find(|(known, _)| known.name == task.name);
    let (_, run) = found.expect("every task of the list has a file");
    run(context, options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    #[test]
    fn the_lists_agree() {
        let names: Vec<&str> = RUNS.iter().map(|(task, _)| task.name).collect();
        assert_eq!(names, TASKS.iter().map(|task| task.name).collect::<Vec<_>>());
    }

    #[test]
    fn options_are_those_of_the_task() {
        let mut options = OptionValues::default();
        options.set("data", vec!["a".into(), "b".into()]);
        assert_eq!((options.one("data"), options.all("labels")), (Some("b"), &[][..]));
        let task = TASKS.iter().find(|task| task.name == "pretrain").unwrap();
        let error = Bench::new().with(&[0], |context| run(task, context, &options)).unwrap_err();
        assert!(error.to_string().starts_with("the task `pretrain` has no option `data`;"), "{error}");
        assert!(error.is_usage());
    }

    #[test]
    fn every_task_checks_its_seeds_before_it_trains() {
        for task in TASKS {
            for (seeds, words) in [(&[][..], "no seeds"), (&[4, 4], "seed 4 is given twice")] {
                let run = Bench::new().with(seeds, |context| run(task, context, &OptionValues::default()));
                let error = run.unwrap_err().to_string();
                assert!(error.contains(words), "{}: {error}", task.name);
            }
        }
    }
}
