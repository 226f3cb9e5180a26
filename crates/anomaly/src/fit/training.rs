//! Training of the members.

use super::model::shape;
use super::{Encoded, FitConfig, FitError, robust};
use crate::trained::{ModelDescription, TrainedModel};
use ae_datasets::intake::Schema;
use ae_datasets::{SampleShape, Samples};
use ae_models::{Model, ModelConfig};
use ae_tensor::{Device, Noise};
use ae_training::{
    BatchSize, EarlyStopping, Observer, Outcome, Splits, TrainOptions, TrainingConfig, train_with,
};
use std::sync::atomic::{AtomicBool, Ordering};

/// Steps that training takes at most where nothing is configured, and the epochs that these are kept within.
const STEPS: usize = 8000;
const EPOCHS: (usize, usize) = (4, 500);
const PATIENCE: u64 = 20;

/// Trains models of one kind.
pub(super) struct Trainer<'a> {
    pub(super) config: &'a FitConfig,
    pub(super) schema: &'a Schema,
    pub(super) wanted: &'a ModelConfig,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) stop: &'a AtomicBool,
}

impl Trainer<'_> {
    /// The members, how the first was trained, and the training rows that were left out of the last loss.
    pub(super) fn members(
        &mut self,
        encoded: &Encoded,
    ) -> Result<(Vec<TrainedModel>, Outcome, Vec<usize>), FitError> {
        let mut first = None;
        let mut members = Vec::new();
        for member in 0..self.config.members {
            let seed = self.config.seed.wrapping_add(member as u64);
            let (model, outcome, trimmed) = match self.config.robust {
                None => {
                    let (model, outcome) = self.train(&encoded.train, &encoded.validation, seed)?;
                    (model, outcome, Vec::new())
                }
                Some(share) => robust::train(self, encoded, share, seed)?,
            };
            first.get_or_insert((outcome, trimmed));
            members.push(model);
        }
        let (outcome, trimmed) = first.expect("there is at least one member");
        Ok((members, outcome, trimmed))
    }

    /// The same model without a step.
    pub(super) fn untrained(&self, member: &TrainedModel) -> Result<TrainedModel, FitError> {
        Ok(TrainedModel::untrained(member.description(), self.config.seed)?)
    }

    /// One model.
    pub(super) fn train(
        &mut self,
        rows: &Samples,
        validation: &Samples,
        seed: u64,
    ) -> Result<(TrainedModel, Outcome), FitError> {
        let settings = TrainingConfig { seed, ..self.settings(rows.len()) };
        let splits = self.splits(rows, validation);
        let model = self.wanted.initialise(&splits.summary, &Noise::new(seed, 0, Device::Cpu))?;
        for warning in model.warnings() {
            tracing::warn!("{warning}");
        }
        let options =
            TrainOptions { observer: Some(self.observer), stop: Some(self.stop), ..TrainOptions::default() };
        let outcome = train_with(&model, &splits, &settings, options)?;
        if outcome.interrupted || self.stop.load(Ordering::Relaxed) {
            return Err(FitError::Stopped);
        }
        let description = ModelDescription::new(self.wanted, &splits.summary);
        let model: &dyn Model = model.as_ref();
        Ok((TrainedModel::new(&description, model)?, outcome))
    }

    fn settings(&self, n: usize) -> TrainingConfig {
        self.config.training.clone().unwrap_or_else(|| {
            let batch = if n < 2000 { 32 } else { 128 };
            let epochs = (STEPS * batch / n.max(1)).clamp(EPOCHS.0, EPOCHS.1);
            TrainingConfig {
                epochs: epochs as u64,
                batch: BatchSize::Samples(batch),
                early_stopping: Some(EarlyStopping { patience: PATIENCE, ..EarlyStopping::default() }),
                ..TrainingConfig::default()
            }
        })
    }

    fn splits(&self, rows: &Samples, validation: &Samples) -> Splits {
        let shape = SampleShape::from_dims(&shape(self.schema)).expect("a schema has at least one value");
        // Labels say what is anomalous, which is none of the model's business.
        let [rows, validation] = [rows, validation].map(|samples| samples.clone().with_labels(None));
        Splits::of(rows, validation).expect("parts have at least a few rows").shaped(shape)
    }
}
