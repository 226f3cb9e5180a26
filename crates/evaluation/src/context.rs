//! The context of every task, which supplies trained models from earlier or new runs.

use crate::apply::trained::experiment_of;
use crate::error::EvaluationError;
use crate::pictures;
use crate::presets::Given;
use crate::subject::Subject;
use ae_datasets::Sources;
use ae_models::ModelConfig;
use ae_records::record::{Record, Status};
use ae_records::run_dir::{RunDir, RunDirError};
use ae_records::text::shell_quoted;
use ae_tensor::DeviceChoice;
use ae_training::experiment::{self, Request, Run, RunError, in_a_free_folder, new_run_dir};
use ae_training::{Experiment, NamedSettings, Observer, PortableModel, Splits, TrainError};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// The context that every task runs in.
pub struct Context<'a> {
    /// Where to get data.
    pub sources: &'a Sources,
    /// Where to compute.
    pub device: DeviceChoice,
    /// The folder `runs`, for earlier runs, new runs and the evaluation's report.
    pub runs: &'a Path,
    /// Every result is computed once for each seed; pictures show the first seed.
    pub seeds: Vec<u64>,
    /// Receives the progress of downloads.
    pub progress: &'a mut dyn ae_fetch::Progress,
    /// Receives the progress of training.
    pub observer: &'a mut dyn Observer,
    /// Set from outside to interrupt. The run is saved, and the task ends with
    /// [`EvaluationError::Interrupted`].
    pub stop: &'a AtomicBool,
    /// What a task judges in place of its own presets.
    pub subject: Subject,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("runs", &self.runs)
            .field("seeds", &self.seeds)
            .finish_non_exhaustive()
    }
}

/// An experiment whose run a task needs.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Name of the preset; its runs lie in `runs/<name>`.
    pub name: String,
    /// What to train.
    pub experiment: Experiment,
    /// The command that trains it, for the run's record.
    pub command: String,
    /// A finished run of it, which is taken as it is; absent: any with these settings, or a new one.
    pub run: Option<RunDir>,
}

impl Wanted {
    /// A preset with overrides of the form `key.path=value`.
    ///
    /// # Errors
    /// Unknown preset or override.
    pub fn preset(name: &str, overrides: &[&str], seed: u64) -> Result<Self, EvaluationError> {
        let settings: Vec<String> = overrides.iter().map(|setting| setting.to_string()).collect();
        let mut experiment = Given::open(name)?.load(&settings)?;
        experiment.training.seed = seed;
        let settings: String =
            settings.iter().map(|setting| format!(" --set {}", shell_quoted(setting))).collect();
        let command = format!("ae train {}{settings} --seed {seed}", shell_quoted(name));
        Ok(Wanted { name: name.into(), experiment, command, run: None })
    }
}

impl Context<'_> {
    /// A finished run of this experiment, with its data. Takes the newest one under `runs/<name>` that this version of the
    /// program trained with the same settings, seed and data files, and whose model loads. If there is none, resumes an
    /// interrupted or killed run, or starts a new one.
    ///
    /// # Errors
    /// The run fails, or is interrupted ([`EvaluationError::Interrupted`]).
    pub fn trained(&mut self, wanted: &Wanted) -> Result<Run, EvaluationError> {
        self.trained_as("", wanted)
    }

    /// The same, as one of several models: progress begins with `place`, such as `3 of 14: `.
    ///
    /// # Errors
    /// As [`Self::trained`].
    pub(crate) fn trained_as(&mut self, place: &str, wanted: &Wanted) -> Result<Run, EvaluationError> {
        if let Some(dir) = &wanted.run {
            self.announce_reuse(place, wanted, dir);
            return self.open(dir);
        }
        let candidates = candidates(&self.runs.join(&wanted.name), &wanted.experiment);
        let with = |wished: fn(&Status) -> bool| candidates.iter().filter(move |(r, _)| wished(&r.status));
        for (record, dir) in with(|status| *status == Status::Finished) {
            if let Some(run) = self.reuse(wanted, record, dir)? {
                self.announce_reuse(place, wanted, dir);
                return Ok(run);
            }
        }
        // The record of a killed run says "running"; the lock on its folder shows whether it really is.
        let mut unfinished = None;
        for (record, dir) in with(|status| matches!(status, Status::Interrupted | Status::Running)) {
            if self.has_same_data(wanted, record, dir)? && dir.reopen().is_ok() {
                unfinished = Some(dir.clone());
                break;
            }
        }
        let run = match unfinished {
            None => self.run(place, wanted, None)?,
            Some(dir) => match self.run(place, wanted, Some(dir.clone())) {
                Err(RunError::Train(TrainError::Checkpoint(error))) => {
                    tracing::warn!("not resuming the run in {}: {error}", dir.root().display());
                    self.run(place, wanted, None)?
                }
                other => other?,
            },
        };
        if run.interrupted {
            return Err(EvaluationError::Interrupted(run.dir.root().into()));
        }
        pictures::write(&run)?;
        Ok(run)
    }

    /// The finished run in a folder, with its data.
    ///
    /// # Errors
    /// The folder holds no run or an unfinished one, its model does not load, or its data have changed.
    pub fn open(&mut self, dir: &RunDir) -> Result<Run, EvaluationError> {
        if !dir.config().exists() {
            return Err(RunError::from(RunDirError::NotARun(dir.root().into())).into());
        }
        let experiment = experiment_of(dir)?;
        let record = Record::read(&dir.record()).map_err(RunError::from)?;
        let loaded = self.load(&experiment, &record, dir)?;
        loaded.map_err(|reason| EvaluationError::Unusable { folder: dir.root().into(), reason })
    }

    /// Says which of several models comes next, if it is not trained.
    fn announce_reuse(&mut self, place: &str, wanted: &Wanted, dir: &RunDir) {
        if !place.is_empty() {
            let (name, folder) = (&wanted.name, dir.root().display());
            self.observer.on_run(&format!("{place}{name}, the run in {folder}"));
        }
    }

    /// Runs the experiment in a new folder, or resumes the run in a folder.
    fn run(&mut self, place: &str, wanted: &Wanted, unfinished: Option<RunDir>) -> Result<Run, RunError> {
        if let Some(dir) = unfinished {
            return self.run_in(dir, true, place, wanted);
        }
        let (runs, seed) = (self.runs, wanted.experiment.training.seed);
        in_a_free_folder(
            || new_run_dir(runs, &wanted.name, seed),
            |dir| self.run_in(dir, false, place, wanted),
        )
    }

    fn run_in(&mut self, run: RunDir, resume: bool, place: &str, wanted: &Wanted) -> Result<Run, RunError> {
        let request = Request {
            name: wanted.name.clone(),
            experiment: wanted.experiment.clone(),
            run,
            resume,
            device: self.device,
            sources: self.sources.clone(),
            command: wanted.command.clone(),
            workers: None,
        };
        let verb = if resume { "resuming" } else { "training" };
        let (name, seed, folder) =
            (&wanted.name, wanted.experiment.training.seed, request.run.root().display());
        self.observer.on_run(&format!(
            "{place}{verb} {name} with seed {seed}, of which there is no finished run, in {folder}"
        ));
        experiment::run(request, self.progress, self.observer, self.stop)
    }

    /// The output folder of a task: `runs/eval-<task>/<time>-seed<first seed>`.
    pub(crate) fn folder(&self, task: &str) -> PathBuf {
        let seed = self.seeds.first().copied().unwrap_or(0);
        new_run_dir(self.runs, &format!("eval-{task}"), seed).root().into()
    }

    /// The command that repeats a task.
    pub(crate) fn command(&self, task: &str) -> String {
        let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
        let seeds =
            if self.subject.has_runs() { String::new() } else { format!(" --seeds {}", seeds.join(",")) };
        format!("ae eval {task}{}{seeds}", self.subject.words())
    }

    /// Requires at least one seed and no seed twice.
    pub(crate) fn check_seeds(&self) -> Result<(), EvaluationError> {
        let mut seen = BTreeSet::new();
        if let Some(&twice) = self.seeds.iter().find(|&&seed| !seen.insert(seed)) {
            return Err(EvaluationError::SeedTwice(twice));
        }
        if seen.is_empty() { Err(EvaluationError::NoSeeds) } else { Ok(()) }
    }

    /// An earlier run; `None` if its model does not load or was trained on other data.
    fn reuse(
        &mut self,
        wanted: &Wanted,
        record: &Record,
        dir: &RunDir,
    ) -> Result<Option<Run>, EvaluationError> {
        match self.load(&wanted.experiment, record, dir)? {
            Ok(run) => {
                tracing::info!("using the run in {}", dir.root().display());
                Ok(Some(run))
            }
            Err(reason) => {
                tracing::warn!("not using the run in {}: {reason}", dir.root().display());
                Ok(None)
            }
        }
    }

    /// The run in a folder, or why it cannot be used.
    fn load(
        &mut self,
        experiment: &Experiment,
        record: &Record,
        dir: &RunDir,
    ) -> Result<Result<Run, String>, EvaluationError> {
        let device = self.device.resolve().map_err(RunError::from)?;
        let trained = match PortableModel::load::<ModelConfig>(dir.model(), device) {
            Ok(trained) => trained,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let Experiment { model, data, training, .. } = experiment;
        if trained.metadata.model != NamedSettings::of(model) || trained.metadata.seed != training.seed {
            return Ok(Err("its model has other settings".into()));
        }
        let loaded = Splits::load(data, self.sources, training.seed, device, self.progress);
        let splits = loaded.map_err(RunError::from)?;
        let dataset = &splits.dataset;
        if dataset.files != record.data.files || trained.metadata.preprocessing != dataset.preprocessing {
            return Ok(Err("the data have changed since".into()));
        }
        Ok(Ok(Run {
            record: record.clone(),
            model: trained.model,
            splits,
            experiment: experiment.clone(),
            dir: dir.clone(),
            interrupted: false,
        }))
    }

    /// Whether an unfinished run was trained on the data as they are now. Says so if not.
    fn has_same_data(
        &mut self,
        wanted: &Wanted,
        record: &Record,
        dir: &RunDir,
    ) -> Result<bool, EvaluationError> {
        let Experiment { data, training, .. } = &wanted.experiment;
        let loaded = ae_datasets::load_any(data, self.sources, training.seed, self.progress);
        let same = loaded.map_err(RunError::from)?.about().files == record.data.files;
        if !same {
            tracing::warn!("not resuming the run in {}: the data have changed since", dir.root().display());
        }
        Ok(same)
    }
}

/// Runs with the same settings in a folder that this version of the program trained, newest first. Skips what cannot be read: the folder belongs to
/// the user and may contain anything.
fn candidates(folder: &Path, experiment: &Experiment) -> Vec<(Record, RunDir)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(Record, RunDir)> = entries
        .map(|entry| RunDir::new(entry.path()))
        .filter(|dir| is_same(dir, experiment))
        .filter_map(|dir| Some((Record::read(&dir.record()).ok()?, dir)))
        .filter(|(record, dir)| is_of_this_version(record, dir))
        .collect();
    found.sort_by(|(a, dir_a), (b, dir_b)| (&b.started, dir_b.root()).cmp(&(&a.started, dir_a.root())));
    found
}

/// Training seconds of the newest finished run with these settings in a folder, for any seed.
pub(crate) fn finished_seconds(folder: &Path, experiment: &Experiment) -> Option<f64> {
    let mut records: Vec<Record> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| RunDir::new(entry.path()))
        .filter_map(|dir| {
            let record = Record::read(&dir.record()).ok()?;
            let mut experiment = experiment.clone();
            experiment.training.seed = record.seed;
            (record.status == Status::Finished && is_same(&dir, &experiment)).then_some(record)
        })
        .collect();
    records.sort_by(|a, b| a.started.cmp(&b.started));
    records.last().map(|record| record.seconds.training)
}

/// Whether this version of the program trained a run. Says so if not: another may train otherwise.
fn is_of_this_version(record: &Record, dir: &RunDir) -> bool {
    let (this, other) = (env!("CARGO_PKG_VERSION"), record.versions.get("autoencoders"));
    let Some(other) = other.filter(|other| *other != this) else { return true };
    tracing::warn!("not using the run in {}: it is of version {other}, not {this}", dir.root().display());
    false
}

/// Whether a run has these settings; the description and expectations may differ.
fn is_same(dir: &RunDir, wanted: &Experiment) -> bool {
    experiment_of(dir)
        .is_ok_and(|it| it.model == wanted.model && it.data == wanted.data && it.training == wanted.training)
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
