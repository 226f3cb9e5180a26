//! The third stage: training, by the same loop as everything else.

use super::prepared::PreparedRows;
use super::{FitConfig, FitError, FitOptions, model, robust};
use crate::scorers::{ModelDescription, NormalRows, TrainedModel};
use ae_datasets::SampleShape;
use ae_intake::Samples;
use ae_models::{Model, ModelConfig};
use ae_tensor::{Device, Noise};
use ae_training::{
    BatchSize, EarlyStopping, Observer, Outcome, Splits, TrainOptions, TrainingConfig, train_with,
};
use std::sync::atomic::Ordering;

/// Steps that training takes at most where nothing is configured, and the epochs that these are kept within.
const MAX_STEPS: usize = 8000;
const EPOCHS: (usize, usize) = (4, 500);
/// Epochs without improvement after which training stops where nothing is configured.
const PATIENCE_EPOCHS: u64 = 20;

/// Trained models of one kind, and how they came about.
#[derive(Debug)]
pub struct Trained {
    /// The variant and its settings, as configured or as suits the rows.
    pub model: ModelConfig,
    /// The members; one but for an ensemble.
    pub members: Vec<TrainedModel>,
    /// The same model before its first step.
    pub untrained: TrainedModel,
    /// How the first member was trained last.
    pub outcome: Outcome,
    /// Training rows that were left out of the last loss of the first member, ascending; none unless asked for.
    pub trimmed: Vec<usize>,
    /// The validation rows less those that may be anomalous; none unless asked for.
    usual_validation: Option<Samples>,
}

impl Trained {
    /// Trains what is configured.
    ///
    /// # Errors
    /// A model that cannot be built or cannot leave gaps out, training that fails, or an interruption.
    pub fn on(
        rows: &PreparedRows,
        config: &FitConfig,
        options: &mut FitOptions<'_>,
    ) -> Result<Self, FitError> {
        let model = model::choose(config, rows)?;
        let mut trainer = Trainer { config, shape: &rows.shape, model: &model, options };
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
        // What may be anomalous must not say how large a usual error is.
        let usual = |share| robust::usual(&members[0], &rows.validation, share, config.seed);
        let usual_validation = config.robust.map(usual).transpose()?;
        let untrained = TrainedModel::untrained(members[0].description(), config.seed)?;
        Ok(Trained { model, members, untrained, outcome, trimmed, usual_validation })
    }

    /// Numbers in the code of one row.
    pub fn code_size(&self) -> usize {
        self.members[0].code_size()
    }

    /// What scorers learn from: the training rows, and the validation rows that may say what is usual.
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
}

impl Trainer<'_, '_> {
    /// One model.
    pub(super) fn train(
        &mut self,
        rows: &Samples,
        validation: &Samples,
        seed: u64,
    ) -> Result<(TrainedModel, Outcome), FitError> {
        let settings = TrainingConfig { seed, ..self.settings(rows.len()) };
        let shape = SampleShape::from_dims(self.shape).expect("a row has at least one value");
        // Labels say what is anomalous, which is none of the model's business.
        let [rows, validation] = [rows, validation].map(|samples| samples.clone().with_labels(None));
        let splits = Splits::of(rows, validation)?.shaped(shape);
        let model = self.model.initialise(&splits.summary, &Noise::new(seed, 0, Device::Cpu))?;
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
        Ok((TrainedModel::new(&description, model)?, outcome))
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
