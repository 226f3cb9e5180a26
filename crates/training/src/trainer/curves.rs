//! What a run says while it trains: loss curves, events and progress.

use super::Loop;
use crate::evaluate::to_doubles;
use crate::observer::Progress;
use crate::outcome::TrainError;
use crate::tensorboard::{self, EventError, EventWriter};
use ae_records::metrics::MetricLine;
use ae_tensor::Tensor;
use std::collections::BTreeMap;
use std::path::Path;

/// The curve of the learning rate; of each group of parameters if there are several.
const RATE: &str = "learning_rate";

/// What TensorBoard draws: a folder for each split, so that a term of both is one chart.
#[derive(Debug)]
pub(super) struct Events {
    train: EventWriter,
    validation: EventWriter,
}

impl Events {
    /// Continues those of a run after `step`.
    pub(super) fn open(folder: &Path, step: u64) -> Result<Self, EventError> {
        let open = |split: &str| EventWriter::append_after(&folder.join(split), step);
        Ok(Events { train: open("train")?, validation: open("validation")? })
    }
}

impl Loop<'_> {
    /// Fetches pending losses from the device and checks that each is finite.
    pub(super) fn collect(&mut self) -> Result<(), TrainError> {
        let (values, samples): (Vec<Tensor>, Vec<i64>) = self.pending.drain(..).unzip();
        let first = self.position.step + 1 - values.len() as u64;
        for (index, (row, samples)) in to_doubles(&values).into_iter().zip(samples).enumerate() {
            if let Some(bad) = row.iter().rposition(|value| !value.is_finite()) {
                let (term, value, step) = (self.names[bad].clone(), row[bad], first + index as u64);
                let checkpoint = self.checkpoint.clone().map(|(path, _)| path).filter(|path| path.exists());
                return Err(TrainError::NotFinite { term, value, step, checkpoint });
            }
            self.position.window.add(&self.names, &row, samples);
        }
        Ok(())
    }

    /// Ends a window of the loss curves.
    pub(super) fn write_window(&mut self) -> Result<BTreeMap<String, f64>, TrainError> {
        self.collect()?;
        let terms = std::mem::take(&mut self.position.window).means();
        self.write("train", &terms)?;
        Ok(terms)
    }

    pub(super) fn write(&mut self, split: &str, terms: &BTreeMap<String, f64>) -> Result<(), TrainError> {
        let (step, epoch) = (self.position.step, self.position.epoch);
        if let Some(log) = &mut self.log {
            log.append(&MetricLine { step, epoch, split: split.into(), terms: terms.clone() })?;
        }
        // Those of the step that was taken last.
        let batches = self.data.train.len().div_ceil(self.config.batch.samples(self.data.train.len()));
        let groups = if split == "train" { self.groups.len() } else { 0 };
        let rates: Vec<f64> =
            (0..groups).map(|group| self.rate(group, step.saturating_sub(1), batches)).collect();
        if let Some(events) = &mut self.events {
            let of_split = if split == "train" { &mut events.train } else { &mut events.validation };
            let now = tensorboard::now();
            for (name, value) in terms {
                of_split.scalar(step, name, *value, now)?;
            }
            for (group, rate) in self.groups.iter().zip(&rates) {
                let tag = if rates.len() == 1 { RATE.into() } else { format!("{RATE}/{group}") };
                of_split.scalar(step, &tag, *rate, now)?;
            }
            of_split.flush()?;
        }
        Ok(())
    }

    pub(super) fn samples_per_second(&self) -> f64 {
        self.samples as f64 / self.started.elapsed().as_secs_f64().max(1e-9)
    }

    pub(super) fn progress(&self, terms: BTreeMap<String, f64>, batch: usize) -> Progress {
        let batches = self.data.train.len().div_ceil(batch);
        Progress {
            step: self.position.step,
            steps: self.config.epochs * batches as u64,
            epoch: self.position.epoch,
            epochs: self.config.epochs,
            terms,
            learning_rate: self.rate(0, self.position.step.saturating_sub(1), batches),
            samples_per_second: self.samples_per_second(),
        }
    }
}
