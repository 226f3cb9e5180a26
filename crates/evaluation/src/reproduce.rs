//! `ae reproduce`: runs presets at a tier as independent jobs, and compares the results with their
//! references.
//!
//! A job is one preset with one seed; jobs can run in any order and in separate processes. A job asks for a
//! finished run as every task does ([`Context::trained`]), so it continues where an earlier call stopped.
//! Then it computes the measures that the preset's expectations need.

mod table;

pub use table::{Reproduction, Row, Standing};

use crate::context::{Context, Wanted, finished_seconds};
use crate::error::EvaluationError;
use crate::measures::{self, Metrics};
use crate::presets::{Given, PRESETS};
use ae_records::metrics;
use ae_records::record::Machine;
use ae_records::run_dir::RunDir;
use ae_records::text::{self, shell_quoted};
use ae_tensor::Kernels;
use ae_training::{Expected, Experiment, Tier};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One run of a preset.
#[derive(Clone, Debug)]
pub struct Job {
    /// Preset or file, as the user gave it.
    pub given: String,
    /// Name of the preset; its runs lie in `runs/<name>`.
    pub preset: String,
    /// How much computing time to spend.
    pub tier: Tier,
    /// The seed of all random draws.
    pub seed: u64,
    /// What to train, and the expected results.
    pub experiment: Experiment,
    /// The overrides that the tier applies to the preset.
    overrides: Vec<String>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With figures.
    Finished(Box<Finished>),
    /// Without figures, for this reason.
    Failed(String),
}

/// A job and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The preset's name.
    pub preset: String,
    /// The seed.
    pub seed: u64,
    /// The job's log file.
    #[serde(serialize_with = "text::serialize_path")]
    pub log: PathBuf,
    /// The result.
    pub ending: Ending,
}

/// The results of a finished job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The run's folder.
    #[serde(serialize_with = "text::serialize_path")]
    pub folder: PathBuf,
    /// The run's held-out figures, those of the measures and, if a single loss is minimised,
    /// `train/loss_change`: the mean loss of the last eighth of the training steps minus that of the first
    /// eighth.
    pub metrics: Metrics,
    /// Training time in seconds.
    pub seconds: f64,
    /// The machine it was trained on.
    pub machine: Machine,
    /// Versions of the software it was trained with.
    pub versions: BTreeMap<String, String>,
}

/// The jobs of these presets and files, or of all presets of the tier if `given` is empty. Each runs with
/// `seeds`; if that is empty, with the seeds of its tier, or else with seed 0. Validates all of them before
/// the first starts.
///
/// # Errors
/// A preset that is unknown, not part of the tier or given twice, an invalid override or measure, or a seed
/// given twice.
pub fn jobs(given: &[String], tier: Tier, seeds: &[u64]) -> Result<Vec<Job>, EvaluationError> {
    let all: Vec<String> = PRESETS.iter().map(|preset| preset.name.to_string()).collect();
    let (names, is_asked_for) = if given.is_empty() { (all, false) } else { (given.to_vec(), true) };
    let (mut jobs, mut seen) = (Vec::new(), BTreeSet::new());
    for given in &names {
        let preset = Given::open(given)?;
        if !seen.insert(preset.name.clone()) {
            return Err(EvaluationError::PresetTwice(preset.name));
        }
        let written = preset.load(&[])?;
        let Some(settings) = written.tier(tier) else {
            if is_asked_for {
                return Err(EvaluationError::NotInTier { preset: preset.name, tier });
            }
            continue;
        };
        let own = if settings.seeds.is_empty() { &[0][..] } else { &settings.seeds };
        let mut distinct = BTreeSet::new();
        for &seed in if seeds.is_empty() { own } else { seeds } {
            if !distinct.insert(seed) {
                return Err(EvaluationError::SeedTwice(seed));
            }
            jobs.push(Job::new(&preset, tier, seed)?);
        }
    }
    Ok(jobs)
}

impl Job {
    /// The job of a preset or file at a tier.
    ///
    /// # Errors
    /// As [`jobs`].
    pub fn new(preset: &Given, tier: Tier, seed: u64) -> Result<Self, EvaluationError> {
        let written = preset.load(&[])?;
        let (Some(overrides), Some(mut experiment)) = (written.tier_overrides(tier), written.at(tier)?)
        else {
            return Err(EvaluationError::NotInTier { preset: preset.name.clone(), tier });
        };
        for measure in &experiment.measures {
            measures::find(measure)?;
        }
        experiment.training.seed = seed;
        let (given, preset) = (preset.given.clone(), preset.name.clone());
        Ok(Job { given, preset, tier, seed, experiment, overrides })
    }

    /// Identifies the job: `vae-seed0`.
    pub fn id(&self) -> String {
        format!("{}-seed{}", self.preset, self.seed)
    }

    /// The command that trains only this run.
    pub fn command(&self, threads: usize) -> String {
        let mut words = vec![format!("ae train {}", shell_quoted(&self.given))];
        words.extend(self.overrides.iter().map(|setting| format!("--set {}", shell_quoted(setting))));
        words.push(format!("--seed {} --threads {threads}", self.seed));
        if Kernels::chosen() != Kernels::Auto {
            words.push(format!("--kernels {}", Kernels::chosen()));
        }
        words.join(" ")
    }

    /// Training seconds of an earlier run with these settings and any seed. `None` if no earlier run exists.
    pub fn earlier_seconds(&self, runs: &Path) -> Option<f64> {
        finished_seconds(&runs.join(&self.preset), &self.experiment)
    }

    /// Reuses or trains the run, then computes its measures. With `again`, saved measures are recomputed.
    /// Calls `begin` with the name of each measure before computing it.
    ///
    /// # Errors
    /// The run fails or is interrupted, a measure does not suit it, or a figure is NaN or infinite.
    pub fn run(
        &self,
        context: &mut Context<'_>,
        again: bool,
        begin: &mut dyn FnMut(&str),
    ) -> Result<Finished, EvaluationError> {
        let (name, experiment) = (self.preset.clone(), self.experiment.clone());
        let command = self.command(ae_tensor::device::threads());
        let run = context.trained(&Wanted { name, experiment, command, run: None })?;
        let mut metrics = run.record.metrics.clone();
        metrics.extend(loss_change(&run.dir)?.map(|change| ("train/loss_change".to_string(), change)));
        metrics.extend(measures::of_run(context, &run, &self.experiment.measures, again, begin)?);
        let folder = run.dir.root().to_path_buf();
        if let Some((metric, &value)) = metrics.iter().find(|(_, value)| !value.is_finite()) {
            return Err(EvaluationError::NotFinite { metric: metric.clone(), value, folder });
        }
        let record = run.record;
        let (seconds, machine, versions) = (record.seconds.training, record.machine, record.versions);
        Ok(Finished { folder, metrics, seconds, machine, versions })
    }

    /// The expected results: those of the preset. If it has none and minimises a single loss, that the loss
    /// falls.
    pub fn expected(&self, metrics: &Metrics) -> Vec<Expected> {
        if !self.experiment.expected.is_empty() {
            return self.experiment.expected.clone();
        }
        let falls = Expected {
            metric: "train/loss_change".into(),
            at_most: Some(0.0),
            source: "the loss of every run should fall".into(),
            ..Expected::default()
        };
        metrics.contains_key(&falls.metric).then_some(falls).into_iter().collect()
    }
}

/// Mean loss of the last eighth of the curve's points minus that of the first eighth. `None` if several
/// losses are minimised, or if the curve has fewer than two points.
fn loss_change(dir: &RunDir) -> Result<Option<f64>, EvaluationError> {
    let lines = metrics::read(&dir.metrics())?;
    let train = lines.iter().filter(|line| line.split == "train");
    let losses: Vec<f64> = train.filter_map(|line| line.terms.get("loss").copied()).collect();
    if losses.len() < 2 {
        return Ok(None);
    }
    let n = losses.len().div_ceil(8);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    Ok(Some(mean(&losses[losses.len() - n..]) - mean(&losses[..n])))
}

#[cfg(test)]
mod tests;
