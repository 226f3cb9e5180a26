//! `checkpoint/state.safetensors`: all that a resumed run needs to continue bit for bit.

use crate::tensors::{self, TensorFileError};
use ae_models::Model;
use ae_tensor::optimizer::OptimizerError;
use ae_tensor::{Optimizer, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The position of the loop, without its tensors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Steps taken.
    pub(crate) step: u64,
    /// Epochs finished.
    pub(crate) epoch: u64,
    /// Batches taken in the current epoch.
    pub(crate) batch: usize,
    /// Sums since the last line of the log.
    pub(crate) window: Window,
    /// Early stopping: the best validation loss and its epoch.
    pub(crate) best: Option<Best>,
    /// Whether early stopping has ended the run.
    pub(crate) stopped: bool,
    /// Bytes of `metrics.jsonl` that belong to the steps taken.
    pub(crate) metrics_length: u64,
    /// Seconds spent in training steps so far.
    pub(crate) seconds: f64,
    /// How often the run was resumed.
    pub(crate) resumed: u32,
}

/// Loss terms summed over samples, in double precision, in the order of steps; each with its number of
/// samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Window {
    pub(crate) sums: BTreeMap<String, (f64, i64)>,
}

/// The best epoch so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    pub(crate) loss: f64,
    pub(crate) epoch: u64,
}

/// A checkpoint that cannot be resumed.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file itself.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// A checkpoint of another model or optimizer.
    #[error("{} is not a checkpoint of this run: {reason}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
}

/// What a checkpoint stores of a run.
pub(crate) struct RunTensors<'a> {
    pub(crate) model: &'a dyn Model,
    pub(crate) optimizers: &'a mut [Optimizer],
    /// Moving averages of all parameters, in their order; empty without EMA.
    pub(crate) averages: &'a [Tensor],
    /// Parameters and buffers of the best epoch; empty without early stopping.
    pub(crate) best: &'a [Tensor],
}

impl RunTensors<'_> {
    /// Every tensor by name; all share memory with the run.
    fn named(&self) -> Vec<(String, Tensor)> {
        // Parameters come first in the state, so the averages, which cover parameters only, get the right
        // names.
        let state = self.model.state();
        let with = |prefix: &str, tensors: &[Tensor]| -> Vec<(String, Tensor)> {
            let name = |((name, _), tensor): (&(String, Tensor), &Tensor)| {
                (format!("{prefix}.{name}"), tensor.shallow_clone())
            };
            state.iter().zip(tensors).map(name).collect()
        };
        let mut all: Vec<_> =
            state.iter().map(|(name, t)| (format!("model.{name}"), t.shallow_clone())).collect();
        all.extend(with("average", self.averages));
        all.extend(with("best", self.best));
        for (index, optimizer) in self.optimizers.iter().enumerate() {
            all.extend(optimizer.state().into_iter().map(|(n, t)| (format!("optimizer.{index}.{n}"), t)));
        }
        all
    }

    pub(crate) fn save(&self, path: &Path, position: &Position) -> Result<(), CheckpointError> {
        Ok(tensors::write(path, &self.named(), position)?)
    }

    /// Copies a saved state into the run's own tensors.
    pub(crate) fn load(&mut self, path: &Path) -> Result<Position, CheckpointError> {
        let mismatch = |reason: String| CheckpointError::Mismatch { path: path.into(), reason };
        let (saved, position): (BTreeMap<String, Tensor>, Position) = tensors::read(path)?;
        for (name, mut mine) in self.named() {
            let saved = saved.get(&name).ok_or_else(|| mismatch(format!("it has no `{name}`")))?;
            if saved.size() != mine.size() {
                let (got, needed) = (saved.size(), mine.size());
                return Err(mismatch(format!("`{name}` has shape {got:?} instead of {needed:?}")));
            }
            ae_tensor::tch::no_grad(|| mine.copy_(saved));
        }
        for (index, optimizer) in self.optimizers.iter_mut().enumerate() {
            let find = |n: &str| saved.get(&format!("optimizer.{index}.{n}")).map(Tensor::shallow_clone);
            let load = optimizer.load_state(find, position.step);
            load.map_err(|e: OptimizerError| mismatch(e.to_string()))?;
        }
        Ok(position)
    }
}
