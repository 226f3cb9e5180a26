//! The third stage: trains the network, using the same loop as all other training.

use super::prepared::PreparedRows;
use super::{FitConfig, FitError, FitOptions, model, robust};
use crate::scorers::completion::Completion;
use crate::scorers::{ModelDescription, NormalRows, TrainedModel};
use ae_datasets::SampleShape;
use ae_intake::Samples;
use ae_models::limits::MAX_ACTIVATIONS;
use ae_models::{CodeForm, Model, ModelConfig};
use ae_tensor::{Device, Noise};
use ae_training::{
    BatchSize, EarlyStopping, Observer, Outcome, Splits, TrainOptions, TrainingConfig, train_with,
};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Default number of training steps, and the range of epochs that it is limited to.
const MAX_STEPS: usize = 8000;
const EPOCHS: (usize, usize) = (4, 500);
/// Default number of epochs without improvement after which training stops.
const PATIENCE_EPOCHS: u64 = 20;

/// Trained models of one kind, and how they were trained.
#[derive(Debug)]
pub struct Trained {
    /// The variant and its settings, as configured or chosen to suit the rows.
    pub model: ModelConfig,
    /// The members: one model, or several for an ensemble.
    pub members: Vec<TrainedModel>,
    /// The same model before its first training step.
    pub untrained: TrainedModel,
    /// The outcome of the first member's last training.
    pub outcome: Outcome,
    /// Training rows that the first member's last training left out, ascending; empty unless the fit is
    /// robust.
    pub trimmed: Vec<usize>,
    /// The validation rows without those that may be anomalous; `None` unless the fit is robust.
    usual_validation: Option<Samples>,
    /// Fills the gaps of training rows; `None` for rows that are too wide.
    pub(crate) completion: Option<Arc<Completion>>,
}

impl Trained {
    /// Trains the configured models.
    ///
    /// # Errors
    /// A model that cannot be built or cannot leave gaps out, failed training, or an interruption.
    pub fn on(
        rows: &PreparedRows,
        config: &FitConfig,
        options: &mut FitOptions<'_>,
    ) -> Result<Self, FitError> {
        let model = model::choose(config, rows)?;
        let completion = Completion::fit(&rows.train, config.seed).map(Arc::new);
        let own = completion.clone();
        let mut trainer = Trainer { config, shape: &rows.shape, model: &model, options, completion: own };
        let (mut members, mut first) = (Vec::new(), None);
        for member in 0..config.members {
            let seed = config.seed.wrapping_add(member as u64);
            let (trained, outcome, trimmed) = match config.robust {
                None => {
                    let (trained, outcome) = trainer.train(&rows.train, &rows.validation, seed)?;
                    (trained, outcome, Vec::new())
                }
                Some(share) => robust::train(&mut trainer, rows, share, seed)?,
            };
            first.get_or_insert((outcome, trimmed));
            members.push(trained);
        }
        let (outcome, trimmed) = first.expect("at least one member, which was checked");
        // Possibly anomalous rows must not determine the usual error.
        let usual = |share| robust::usual(&members[0], &rows.validation, share, config.seed);
        let usual_validation = config.robust.map(usual).transpose()?;
        let untrained = TrainedModel::untrained(members[0].description(), config.seed)?;
        let untrained = untrained.with_completion(completion.clone());
        Ok(Trained { model, members, untrained, outcome, trimmed, usual_validation, completion })
    }

    /// Values in the code of one row, as the decoder takes it.
    pub fn code_size(&self) -> usize {
        self.members[0].code_size()
    }

    /// What the code of one row consists of.
    pub fn code_form(&self) -> CodeForm {
        self.members[0].autoencoder().code_form()
    }

    /// The training rows without those that may be anomalous.
    pub(super) fn usual_train<'a>(&self, rows: &'a PreparedRows) -> Cow<'a, Samples> {
        if self.trimmed.is_empty() {
            return Cow::Borrowed(&rows.train);
        }
        let kept: Vec<usize> =
            (0..rows.train.len()).filter(|row| self.trimmed.binary_search(row).is_err()).collect();
        Cow::Owned(rows.train.select(&kept))
    }

    /// The rows that scorers learn from: the training rows, and the validation rows without possible
    /// anomalies.
    pub fn normal_rows<'a>(&'a self, rows: &'a PreparedRows, seed: u64) -> NormalRows<'a> {
        let validation = self.usual_validation.as_ref().unwrap_or(&rows.validation);
        NormalRows { train: &rows.train, validation, seed }
    }
}

/// Trains models of one kind.
pub(super) struct Trainer<'t, 'o> {
    config: &'t FitConfig,
    shape: &'t [usize],
    model: &'t ModelConfig,
    options: &'t mut FitOptions<'o>,
    completion: Option<Arc<Completion>>,
}

impl Trainer<'_, '_> {
    /// Trains one model.
    pub(super) fn train(
        &mut self,
        rows: &Samples,
        validation: &Samples,
        seed: u64,
    ) -> Result<(TrainedModel, Outcome), FitError> {
        let settings = TrainingConfig { seed, ..self.settings(rows.len()) };
        let shape = SampleShape::from_dims(self.shape).expect("a row has at least one value");
        // The labels mark anomalies; the model must not see them.
        let [rows, validation] = [rows, validation].map(|samples| {
            let samples = match &self.completion {
                Some(completion) => completion.filled(samples),
                None => samples.clone(),
            };
            samples.with_labels(None)
        });
        let splits = Splits::of(rows, validation)?.shaped(shape);
        let model = self.model.initialise(&splits.summary, &Noise::new(seed, 0, Device::Cpu))?;
        // A larger one could not be loaded again.
        model.check_activations(MAX_ACTIVATIONS)?;
        for warning in model.warnings() {
            tracing::warn!("{warning}");
        }
        let stop = self.options.stop;
        let observer = self.options.observer.as_mut().map(|observer| &mut **observer as &mut dyn Observer);
        let options = TrainOptions { observer, stop, ..TrainOptions::default() };
        let outcome = train_with(&model, &splits, &settings, options)?;
        if outcome.interrupted || stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Err(FitError::Interrupted);
        }
        let description = ModelDescription::new(self.model, &splits.summary);
        let model: &dyn Model = model.as_ref();
        let model = TrainedModel::new(&description, model)?.with_completion(self.completion.clone());
        Ok((model, outcome))
    }

    fn settings(&self, n: usize) -> TrainingConfig {
        self.config.training.clone().unwrap_or_else(|| {
            let batch = if n < 2000 { 32 } else { 128 };
            let epochs = (MAX_STEPS * batch / n.max(1)).clamp(EPOCHS.0, EPOCHS.1);
            TrainingConfig {
                epochs: epochs as u64,
                batch: BatchSize::Samples(batch),
                early_stopping: Some(EarlyStopping { patience: PATIENCE_EPOCHS, ..EarlyStopping::default() }),
                ..TrainingConfig::default()
            }
        })
    }
}
