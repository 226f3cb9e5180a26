//! What a task judges in place of its own presets, data and budget: `ae eval TASK --run`, `--data`, `--set` and `--quick`.

use crate::apply::trained::experiment_of;
use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::tasks::{OptionValues, TASKS, Task};
use ae_models::ModelConfig;
use ae_records::config;
use ae_records::names::{did_you_mean, nearest};
use ae_records::record::Record;
use ae_records::run_dir::{RunDir, RunDirError};
use ae_records::text::shell_quoted;
use ae_training::Experiment;
use ae_training::experiment::RunError;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Epochs, training rows and test rows of a quick look.
const QUICK: [(&str, u64); 3] = [("training.epochs", 2), ("data.max_train", 2000), ("data.max_test", 500)];

/// What a task judges in place of what it would by itself; by default, nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Runs in place of presets.
    runs: Vec<PathBuf>,
    /// Data of the presets.
    data: Option<String>,
    /// Overrides of the presets, of the form `key.path=value`.
    settings: Vec<String>,
    is_quick: bool,
}

/// The models of a task, each by its name: presets, or runs that are there already.
#[derive(Debug)]
pub(crate) struct Models<'a> {
    presets: Vec<&'a str>,
    runs: Vec<(String, Wanted)>,
}

/// Variants that learn from the label of each sample.
const LABELLED: [&str; 3] = ["classifier", "cvae", "stacked"];

impl Subject {
    /// What the options of a task say.
    ///
    /// # Errors
    /// Runs for a task that takes none, or together with options for presets that are trained.
    pub(crate) fn of(task: &Task, options: &OptionValues) -> Result<Self, EvaluationError> {
        let runs: Vec<PathBuf> = options.all("run").iter().map(PathBuf::from).collect();
        if !task.takes_runs() {
            if runs.is_empty() {
                return Ok(Subject::default());
            }
            let others = TASKS.iter().filter(|task| task.takes_runs()).map(|task| task.name);
            let others = others.collect::<Vec<_>>().join(", ");
            return Err(EvaluationError::TakesNoRuns { task: task.name, why: task.why_no_runs(), others });
        }
        for option in ["data", "set", "quick"] {
            if !runs.is_empty() && options.names().any(|name| name == option) {
                return Err(EvaluationError::ForPresets { option });
            }
        }
        Ok(Subject {
            runs,
            data: options.one("data").map(String::from),
            settings: options.all("set").to_vec(),
            is_quick: options.names().any(|name| name == "quick"),
        })
    }

    /// Whether it judges other data than those of the presets.
    pub(crate) fn has_data(&self) -> bool {
        let names_data = |setting: &String| setting.trim_start().starts_with("data.set");
        !self.runs.is_empty() || self.data.is_some() || self.settings.iter().any(names_data)
    }

    /// Whether runs are judged, and no presets.
    pub(crate) fn has_runs(&self) -> bool {
        !self.runs.is_empty()
    }

    /// Whether it is anything but the task as it is.
    pub(crate) fn is_given(&self) -> bool {
        *self != Subject::default()
    }

    /// What a reader of the results must know first; empty unless they are those of a quick look.
    pub(crate) fn caution(&self) -> String {
        let [epochs, train, test] = QUICK.map(|(_, number)| number);
        match self.is_quick {
            true => format!(
                "This is a quick look, without a verdict: each model was trained for {epochs} epochs on at most {train} rows, \
                 and judged on at most {test}. The figures show that everything works, not which model is better. "
            ),
            false => String::new(),
        }
    }

    /// The options as typed, after the name of the task, each behind a space.
    pub(crate) fn words(&self) -> String {
        let option = |name: &str, value: String| format!(" --{name} {}", shell_quoted(value));
        let runs = self.runs.iter().map(|run| option("run", run.display().to_string()));
        let data = self.data.iter().map(|data| option("data", data.clone()));
        let settings = self.settings.iter().map(|setting| option("set", setting.clone()));
        let quick = self.is_quick.then(|| " --quick".to_string());
        runs.chain(data).chain(settings).chain(quick).collect()
    }

    /// A preset as the user wants it. A run stays as it is.
    ///
    /// # Errors
    /// A setting that there is not.
    pub(crate) fn adapt(&self, wanted: &Wanted) -> Result<Wanted, EvaluationError> {
        let settings = self.settings_of(wanted.experiment.model.name())?;
        if settings.is_empty() || wanted.run.is_some() {
            return Ok(wanted.clone());
        }
        let before = &wanted.experiment;
        let text = config::to_toml(before);
        let origin = format!("the preset {}", wanted.name);
        let experiment: Experiment = config::load(&origin, &text, &settings)?;
        let experiment = experiment.for_own_data(before, &settings);
        let experiment = experiment.without_claims_of(before, &wanted.name, &settings);
        let seed = format!(" --seed {}", before.training.seed);
        let command = wanted.command.strip_suffix(&seed).unwrap_or(&wanted.command);
        let words: String = settings.iter().map(|it| format!(" --set {}", shell_quoted(it))).collect();
        Ok(Wanted { experiment, command: format!("{command}{words}{seed}"), ..wanted.clone() })
    }

    /// The settings for models of other variants than these.
    pub(crate) fn settings_of_others(&self, variants: &BTreeSet<String>) -> Vec<&String> {
        let is_other = |setting: &&String| variant_of(setting).is_some_and(|of| !variants.contains(of));
        self.settings.iter().filter(is_other).collect()
    }

    /// The overrides for presets of a variant. Those of another variant's model are left out.
    fn settings_of(&self, variant: &str) -> Result<Vec<String>, EvaluationError> {
        // As a TOML string, which a path with a space or a backslash has to be.
        let data = self.data.iter().map(|data| format!("data.set={}", toml_string(data)));
        let mut settings: Vec<String> = data.collect();
        for setting in &self.settings {
            let Some(of) = variant_of(setting) else {
                settings.push(setting.clone());
                continue;
            };
            let known = ModelConfig::all();
            let names: Vec<&str> = known.iter().map(ModelConfig::name).collect();
            if !names.contains(&of) {
                let near = did_you_mean(&nearest(of, names));
                return Err(EvaluationError::NoSuchVariant { setting: setting.clone(), nearest: near });
            }
            if of == variant {
                settings.push(setting.clone());
            }
        }
        if self.is_quick {
            settings.extend(QUICK.map(|(key, number)| format!("{key}={number}")));
        }
        Ok(settings)
    }
}

/// The variant whose model a setting is about.
fn variant_of(setting: &str) -> Option<&str> {
    setting.trim_start().strip_prefix("model.")?.split(['.', '=']).next()
}

fn toml_string(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

impl<'a> Models<'a> {
    /// The runs that the user gave, or else these presets. Runs bring their seeds with them.
    ///
    /// # Errors
    /// A folder that holds no run.
    pub(crate) fn of(context: &mut Context<'_>, presets: &'a [&'a str]) -> Result<Self, EvaluationError> {
        let folders: Vec<RunDir> = context.subject.runs.iter().map(RunDir::new).collect();
        let mut runs: Vec<(String, Wanted)> = Vec::new();
        for dir in folders {
            if !dir.config().exists() {
                return Err(RunError::from(RunDirError::NotARun(dir.root().into())).into());
            }
            let experiment = experiment_of(&dir)?;
            let record = Record::read(&dir.record()).map_err(RunError::from)?;
            let (name, command) = (record.preset, record.command);
            runs.push((name.clone(), Wanted { name, experiment, command, run: Some(dir) }));
        }
        name_apart(&mut runs);
        if let Some((_, first)) = runs.first() {
            context.seeds = vec![first.experiment.training.seed];
        }
        let presets = if runs.is_empty() { suited(context, presets)? } else { presets.to_vec() };
        Ok(Models { presets, runs })
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        match self.runs.is_empty() {
            true => self.presets.clone(),
            false => self.runs.iter().map(|(name, _)| name.as_str()).collect(),
        }
    }

    /// The model of this name.
    ///
    /// # Errors
    /// Unknown preset.
    pub(crate) fn wanted(&self, name: &str, seed: u64) -> Result<Wanted, EvaluationError> {
        match self.runs.iter().find(|(own, _)| own == name) {
            Some((_, wanted)) => Ok(wanted.clone()),
            None => Wanted::preset(name, &[], seed),
        }
    }

    /// The runs that the user gave, each by its name.
    pub(crate) fn runs(&self) -> &[(String, Wanted)] {
        &self.runs
    }

    /// The first run, if runs are judged.
    pub(crate) fn first_run(&self) -> Option<&Wanted> {
        self.runs.first().map(|(_, wanted)| wanted)
    }

    /// The name of the data of the first run, without folders.
    pub(crate) fn data(&self) -> Option<&str> {
        self.first_run().map(|wanted| name_of(&wanted.experiment.data.set))
    }
}

/// Those of the presets that can be trained on the data that the user names: some need labels. Says which are left out.
fn suited<'a>(context: &mut Context<'_>, presets: &[&'a str]) -> Result<Vec<&'a str>, EvaluationError> {
    let Some(set) = context.subject.data.clone() else { return Ok(presets.to_vec()) };
    let (mut kept, mut left_out, mut has_labels) = (Vec::new(), Vec::new(), None);
    for preset in presets {
        let wanted = Wanted::preset(preset, &[], 0)?;
        let mut suits = !LABELLED.contains(&wanted.experiment.model.name());
        if !suits {
            if has_labels.is_none() {
                let data = context.subject.adapt(&wanted)?.experiment.data;
                let loaded = ae_datasets::load(&data, context.sources, 0, context.progress);
                has_labels = Some(loaded.map_err(RunError::from)?.train.labels.is_some());
            }
            suits = has_labels == Some(true);
        }
        if suits { kept.push(*preset) } else { left_out.push(*preset) }
    }
    if !left_out.is_empty() {
        tracing::warn!("left out {}, as {set} has no labels to learn from", left_out.join(", "));
    }
    Ok(kept)
}

/// The name of a set, or of a file without its folder.
pub(crate) fn name_of(set: &str) -> &str {
    set.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or(set)
}

/// Names of rivals in the metrics of the tasks, or how they begin.
const RIVALS: [&str; 7] = ["pca", "pixels", "data", "input", "random", "median", "damaged"];

/// Adds its folder's name to a run that would be called like another, and `run-` to one that would be called like a rival.
fn name_apart(runs: &mut [(String, Wanted)]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (name, _) in runs.iter() {
        *counts.entry(name.clone()).or_default() += 1;
    }
    for (at, (name, wanted)) in runs.iter_mut().enumerate() {
        if RIVALS.iter().any(|rival| name.starts_with(rival)) {
            *name = format!("run-{name}");
        }
        if counts.get(&wanted.name).is_some_and(|count| *count > 1) {
            let folder = wanted.run.as_ref().and_then(|dir| dir.root().file_name());
            let folder =
                folder.map_or_else(|| (at + 1).to_string(), |folder| folder.to_string_lossy().into_owned());
            *name = format!("{name}-{folder}");
        }
    }
    // Folders of one name in different places.
    for at in 1..runs.len() {
        if runs[..at].iter().any(|(earlier, _)| *earlier == runs[at].0) {
            runs[at].0 = format!("{}-{}", runs[at].0, at + 1);
        }
    }
}

#[cfg(test)]
#[path = "subject_tests.rs"]
mod tests;
