//! The configuration of an experiment, as written in a preset or a user's file.

mod batch;

use crate::expected::Expected;
use crate::schedule::{Length, OneCycle, ReduceOnPlateau, Schedule};
use crate::tier::TierPart;
use ae_datasets::DataConfig;
use ae_models::ModelConfig;
use ae_tensor::OptimizerConfig;
use ae_tensor::optimizer::OptimizerError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub use batch::BatchSize;

/// An experiment: data, model, training and expected results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// A description in one sentence.
    #[serde(default)]
    pub description: String,
    /// The variant and its settings.
    pub model: ModelConfig,
    /// The data.
    #[serde(default)]
    pub data: DataConfig,
    /// The training loop.
    #[serde(default)]
    pub training: TrainingConfig,
    /// Names of the measures that `expected` needs beyond what every run records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<String>,
    /// Results that a run should reach, each with its source.
    #[serde(default)]
    pub expected: Vec<Expected>,
    /// Settings that differ in the tier `smoke`.
    #[serde(default, skip_serializing_if = "TierPart::is_default")]
    pub smoke: TierPart,
    /// Settings that differ in the tier `cpu`: its seeds, if any.
    #[serde(default, skip_serializing_if = "TierPart::is_default")]
    pub cpu: TierPart,
    /// Settings that differ in the tier `full`.
    #[serde(default, skip_serializing_if = "TierPart::is_default")]
    pub full: TierPart,
}

impl Experiment {
    /// An experiment with this model, the default data and training, and no expected results.
    pub fn of(model: ModelConfig) -> Self {
        Experiment {
            description: String::new(),
            model,
            data: DataConfig::default(),
            training: TrainingConfig::default(),
            measures: Vec::new(),
            expected: Vec::new(),
            smoke: TierPart::default(),
            cpu: TierPart::default(),
            full: TierPart::default(),
        }
    }
}

/// Settings of the training loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Seed of every draw: weights, order, noise, splits.
    pub seed: u64,
    /// Passes over the training data.
    pub epochs: u64,
    /// Samples per step: a number, at least 1, or `"full"`.
    pub batch: BatchSize,
    /// Optimizer of every group of parameters.
    pub optimizer: OptimizerConfig,
    /// Base learning rate.
    pub learning_rate: f64,
    /// How the learning rate changes over time.
    pub schedule: Schedule,
    /// Greatest L2 norm of a group's gradient; absent: no clipping.
    pub clip_norm: Option<f64>,
    /// Decay of a moving average of the weights, such as 0.999, which is evaluated and saved in their place;
    /// absent: none.
    pub ema: Option<f64>,
    /// Stops when the validation loss no longer falls; needs `data.validation` above 0.
    pub early_stopping: Option<EarlyStopping>,
    /// Settings for single groups of parameters: `[training.groups.discriminator]`. The model defines the
    /// names.
    pub groups: BTreeMap<String, GroupConfig>,
    /// The folder of a run, or a model file, whose weights this one begins with; absent: random weights. Its model must have
    /// the same tensors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_from: Option<PathBuf>,
    /// Parameters that stay as they are: names of networks, such as `encoder`, or of a part of one, such as `encoder.0`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
    /// Steps between two points of the loss curves. The default becomes less in runs of under 2,000 steps: a twentieth of
    /// them.
    pub log_every: u64,
    /// Steps between two checkpoints. There is one after the last epoch as well, and after each other, unless saving would
    /// then take more than a twentieth of the time.
    pub checkpoint_every: u64,
}

/// Steps between two points of the loss curves, by default.
const LOG_EVERY: u64 = 100;
/// Points that the curves of a short run have at least, if it has as many steps.
const MIN_POINTS: u64 = 20;

impl Default for TrainingConfig {
    fn default() -> Self {
        TrainingConfig {
            seed: 0,
            epochs: 10,
            batch: BatchSize::Samples(128),
            optimizer: OptimizerConfig::default(),
            learning_rate: 1e-3,
            schedule: Schedule::Constant,
            clip_norm: None,
            ema: None,
            early_stopping: None,
            groups: BTreeMap::new(),
            init_from: None,
            freeze: Vec::new(),
            log_every: LOG_EVERY,
            checkpoint_every: 1000,
        }
    }
}

/// Settings of one group of parameters that override the general ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupConfig {
    /// Base learning rate.
    pub learning_rate: Option<f64>,
    /// Optimizer.
    pub optimizer: Option<OptimizerConfig>,
}

/// When to stop before the last epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EarlyStopping {
    /// Epochs to wait for a better validation loss; at least 1.
    pub patience: u64,
    /// How much lower a loss must be to count as better; at least 0.
    pub min_delta: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        EarlyStopping { patience: 10, min_delta: 0.0 }
    }
}

/// Settings for a group of parameters that the model does not have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("training.groups.{group} is not a group of this model's parameters; its groups are `{known}`")]
pub struct UnknownGroup {
    /// The name as written.
    pub group: String,
    /// The model's groups.
    pub known: String,
}

/// A setting out of range.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{setting} = {got} is out of range; it must be {legal}")]
pub struct SettingError {
    /// Path of the setting.
    pub setting: String,
    /// The value given.
    pub got: String,
    /// What it must be.
    pub legal: &'static str,
}

impl TrainingConfig {
    /// The learning rate of a group at step `step`, counted from 0; an epoch has `batches` batches. `reductions` is how often
    /// the validation loss has stood still; see [`Schedule::ReduceOnPlateau`].
    pub fn rate(&self, group: &str, step: u64, batches: usize, reductions: u32) -> f64 {
        let epoch = batches as u64;
        let length = Length { epoch, total: self.epochs * epoch };
        self.schedule.rate(self.learning_rate_of(group), step, length, reductions)
    }

    /// The setting that needs validation rows, if there is one.
    pub(crate) fn needs_validation(&self) -> Option<&'static str> {
        match self.schedule {
            _ if self.early_stopping.is_some() => Some("training.early_stopping"),
            Schedule::ReduceOnPlateau(_) => Some("training.schedule.reduce_on_plateau"),
            _ => None,
        }
    }

    /// Steps between two points of the loss curves of a run whose epochs have `batches` batches.
    pub fn log_interval(&self, batches: usize) -> u64 {
        let steps = self.epochs.saturating_mul(batches as u64);
        if self.log_every == LOG_EVERY { LOG_EVERY.min(steps / MIN_POINTS).max(1) } else { self.log_every }
    }

    /// The base learning rate of a group of parameters.
    pub fn learning_rate_of(&self, group: &str) -> f64 {
        self.groups.get(group).and_then(|own| own.learning_rate).unwrap_or(self.learning_rate)
    }

    /// The optimizer of a group of parameters.
    pub fn optimizer_of(&self, group: &str) -> OptimizerConfig {
        self.groups.get(group).and_then(|own| own.optimizer).unwrap_or(self.optimizer)
    }

    /// Refuses settings for groups that the model does not have.
    ///
    /// # Errors
    /// Names the unknown group and the model's groups.
    pub fn check_groups(&self, names: &[&str]) -> Result<(), UnknownGroup> {
        match self.groups.keys().find(|group| !names.contains(&group.as_str())) {
            None => Ok(()),
            Some(group) => Err(UnknownGroup { group: group.clone(), known: names.join("`, `") }),
        }
    }

    /// Refuses settings out of range.
    ///
    /// # Errors
    /// Names the first setting out of range, and what it must be.
    pub fn check(&self) -> Result<(), SettingError> {
        let legal = |setting: &str, got: String, fine: bool, legal| {
            if fine { Ok(()) } else { Err(SettingError { setting: setting.into(), got, legal }) }
        };
        let rate = self.learning_rate;
        legal("training.learning_rate", rate.to_string(), rate > 0.0 && rate.is_finite(), "above 0")?;
        legal("training.epochs", self.epochs.to_string(), self.epochs >= 1, "at least 1")?;
        legal("training.log_every", self.log_every.to_string(), self.log_every >= 1, "at least 1")?;
        let every = self.checkpoint_every;
        legal("training.checkpoint_every", every.to_string(), every >= 1, "at least 1")?;
        let clip = self.clip_norm.unwrap_or(1.0);
        legal("training.clip_norm", clip.to_string(), clip > 0.0, "above 0")?;
        let ema = self.ema.unwrap_or(0.5);
        legal("training.ema", ema.to_string(), (0.0..1.0).contains(&ema), "at least 0 and below 1")?;
        if let Some(EarlyStopping { patience, min_delta }) = self.early_stopping {
            let name = |setting: &str| format!("training.early_stopping.{setting}");
            legal(&name("patience"), patience.to_string(), patience >= 1, "at least 1")?;
            let fine = min_delta >= 0.0 && min_delta.is_finite();
            legal(&name("min_delta"), min_delta.to_string(), fine, "at least 0")?;
        }
        let share = |setting, value: f64| {
            legal(setting, value.to_string(), (0.0..=1.0).contains(&value), "between 0 and 1")
        };
        let times = |setting, value: f64| {
            legal(setting, value.to_string(), value >= 1.0 && value.is_finite(), "at least 1")
        };
        match self.schedule {
            Schedule::Constant => {}
            Schedule::Cosine { floor, .. } => share("training.schedule.cosine.floor", floor)?,
            Schedule::Step { every, factor, .. } => {
                legal("training.schedule.step.every", every.to_string(), every >= 1, "at least 1")?;
                let fine = factor > 0.0 && factor <= 1.0;
                legal("training.schedule.step.factor", factor.to_string(), fine, "above 0 and at most 1")?;
            }
            Schedule::Stages { first, growth, factor } => {
                legal("training.schedule.stages.first", first.to_string(), first >= 1, "at least 1")?;
                legal("training.schedule.stages.growth", growth.to_string(), growth >= 1, "at least 1")?;
                let fine = factor > 0.0 && factor <= 1.0;
                legal("training.schedule.stages.factor", factor.to_string(), fine, "above 0 and at most 1")?;
            }
            Schedule::OneCycle(OneCycle { rise, start, end }) => {
                share("training.schedule.one_cycle.rise", rise)?;
                times("training.schedule.one_cycle.start", start)?;
                times("training.schedule.one_cycle.end", end)?;
            }
            Schedule::ReduceOnPlateau(ReduceOnPlateau { factor, patience, min_delta, min }) => {
                let name = |setting: &str| format!("training.schedule.reduce_on_plateau.{setting}");
                legal(
                    &name("factor"),
                    factor.to_string(),
                    factor > 0.0 && factor < 1.0,
                    "above 0 and below 1",
                )?;
                legal(&name("patience"), patience.to_string(), patience >= 1, "at least 1")?;
                let fine = min_delta >= 0.0 && min_delta.is_finite();
                legal(&name("min_delta"), min_delta.to_string(), fine, "at least 0")?;
                legal(&name("min"), min.to_string(), min >= 0.0 && min.is_finite(), "at least 0")?;
            }
        }
        for (name, group) in &self.groups {
            let own = group.learning_rate.unwrap_or(rate);
            let setting = format!("training.groups.{name}.learning_rate");
            legal(&setting, own.to_string(), own > 0.0 && own.is_finite(), "above 0")?;
            if let Some(optimizer) = &group.optimizer {
                check_optimizer(&format!("training.groups.{name}.optimizer"), optimizer)?;
            }
        }
        check_optimizer("training.optimizer", &self.optimizer)
    }
}

fn check_optimizer(setting: &str, optimizer: &OptimizerConfig) -> Result<(), SettingError> {
    let setting = || setting.to_string();
    optimizer.check().map_err(|error| match error {
        OptimizerError::OutOfRange { name, got, legal } => {
            SettingError { setting: setting(), got: format!("{{ {name} = {got} }}"), legal }
        }
        other => SettingError { setting: setting(), got: other.to_string(), legal: "valid" },
    })
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
