//! The list of the tasks of `ae eval`. Each task is a file with a constant `TASK` and an entry in the list.
//! The command line takes names, help texts, seeds and options from here.

use crate::context::Context;
use crate::error::EvaluationError;
use crate::outcome::Evaluation;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A task of `ae eval`.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// Its name on the command line and in the folder of its results, `runs/eval-<name>`.
    pub name: &'static str,
    /// Title of the report.
    pub title: &'static str,
    /// One line of help, without a full stop.
    pub about: &'static str,
    /// Default seeds.
    pub seeds: &'static [u64],
    /// Its options besides the seeds.
    pub options: &'static [TaskOption],
    pub(crate) run: Run,
}

/// Runs a task; returns its results and the path of the report.
type Run = fn(&mut Context<'_>, &OptionValues) -> Result<(Evaluation, PathBuf), EvaluationError>;

/// An option of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskOption {
    /// Its name, without the dashes.
    pub name: &'static str,
    /// Placeholder of the value in the help: `SET|FILE`.
    pub value: &'static str,
    /// Help text, without a full stop.
    pub about: &'static str,
    /// The default value.
    pub default: Option<&'static str>,
    /// Whether it may be given several times.
    pub repeats: bool,
    /// The option that must be given with it.
    pub requires: Option<&'static str>,
}

/// Values of a task's options, by the option's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionValues(BTreeMap<String, Vec<String>>);

macro_rules! tasks {
    ($($module:ident),* $(,)?) => {
        /// All tasks, in alphabetical order.
        pub const TASKS: &[Task] = &[$(crate::$module::TASK),*];
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

impl Task {
    /// Trains the models that are missing under `context.runs`, computes the results for each seed, and
    /// writes tables, pictures and the report. Returns the results and the report's path,
    /// `runs/eval-<name>/<id>/report.html`.
    ///
    /// # Errors
    /// No seeds, a seed that is given twice, an option that the task does not have, a model that cannot be
    /// trained, data that do not suit the task, or a file that cannot be written. See [`EvaluationError`].
    pub fn run(
        &self,
        context: &mut Context<'_>,
        options: &OptionValues,
    ) -> Result<(Evaluation, PathBuf), EvaluationError> {
        let is_known = |name: &String| self.options.iter().any(|option| option.name == name);
        if let Some(option) = options.0.keys().find(|name| !is_known(name)) {
            return Err(EvaluationError::NoSuchOption { task: self.name, option: option.clone() });
        }
        (self.run)(context, options)
    }
}

impl OptionValues {
    /// Sets an option to these values.
    pub fn set(&mut self, name: &str, values: Vec<String>) {
        self.0.insert(name.into(), values);
    }

    /// All values of an option, in the order given.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of an option that does not repeat.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.all(name).last().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;
    use std::collections::BTreeSet;

    #[test]
    fn the_list_is_in_order_and_its_help_is_worded_alike() {
        assert!(TASKS.is_sorted_by(|a, b| a.name < b.name), "alphabetical, each once");
        for task in TASKS {
            let seeds: BTreeSet<u64> = task.seeds.iter().copied().collect();
            assert!(!seeds.is_empty() && seeds.len() == task.seeds.len(), "{}", task.name);
            let helps = task.options.iter().map(|option| option.about).chain([task.about]);
            for help in helps {
                assert!(!help.is_empty() && !help.contains('\n') && !help.ends_with('.'), "{help}");
            }
            for option in task.options {
                let is_there = |name: &str| task.options.iter().any(|other| other.name == name);
                assert!(option.requires.is_none_or(is_there), "{} requires what is missing", option.name);
            }
        }
    }

    #[test]
    fn options_are_those_of_the_task() {
        let mut options = OptionValues::default();
        options.set("data", vec!["a".into(), "b".into()]);
        assert_eq!((options.one("data"), options.all("labels")), (Some("b"), &[][..]));
        let task = TASKS.iter().find(|task| task.name == "denoise").unwrap();
        let error = Bench::new().with(&[0], |context| task.run(context, &options)).unwrap_err();
        assert!(error.to_string().starts_with("the task `denoise` has no option `data`;"), "{error}");
        assert!(error.is_usage());
    }

    #[test]
    fn every_task_checks_its_seeds_before_it_trains() {
        for task in TASKS {
            for (seeds, words) in [(&[][..], "no seeds"), (&[4, 4], "seed 4 is given twice")] {
                let run = Bench::new().with(seeds, |context| task.run(context, &OptionValues::default()));
                let error = run.unwrap_err().to_string();
                assert!(error.contains(words), "{}: {error}", task.name);
            }
        }
    }
}
