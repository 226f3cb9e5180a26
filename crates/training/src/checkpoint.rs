//! `checkpoint/state.safetensors`: all that a resumed run needs to continue bit for bit.

use crate::config::TrainingConfig;
use crate::data::Splits;
use crate::tensors::{self, TensorFileError};
use ae_models::Model;
use ae_records::checkpoint::{CheckpointMetadata, FORMAT, Origin, Position};
use ae_tensor::optimizer::OptimizerError;
use ae_tensor::{Optimizer, Tensor};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
    /// The settings or the data have changed since the checkpoint was written.
    #[error(
        "{} cannot be continued, because the run would go on with something else: {changes}; restore what it began \
         with, or start a new run",
        path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// What has changed.
        changes: String,
    },
    /// A new run in a folder that holds a checkpoint.
    #[error(
        "{} belongs to an earlier run, which a new run must not continue; resume that run, or choose another folder",
        .0.display()
    )]
    Occupied(PathBuf),
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
    pub(crate) fn named(&self) -> Vec<(String, Tensor)> {
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

    pub(crate) fn save(
        &self,
        path: &Path,
        origin: &Origin,
        position: &Position,
    ) -> Result<(), CheckpointError> {
        let (origin, position) = (origin.clone(), position.clone());
        Ok(tensors::write(path, &self.named(), &CheckpointMetadata { format: FORMAT, origin, position })?)
    }

    /// Copies a saved state into the run's own tensors, if it was saved by a run of the same origin.
    pub(crate) fn load(&mut self, path: &Path, origin: &Origin) -> Result<Position, CheckpointError> {
        let mismatch = |reason: String| CheckpointError::Mismatch { path: path.into(), reason };
        let (saved, metadata): (BTreeMap<String, Tensor>, CheckpointMetadata) = tensors::read(path)?;
        let position = of_origin(path, metadata, origin)?;
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

/// What a run is made from.
pub(crate) fn origin(mut settings: Map<String, Value>, config: &TrainingConfig, data: &Splits) -> Origin {
    let training = serde_json::to_value(config).expect("settings are always JSON");
    settings.insert("training".into(), training);
    Origin { settings: settings.into(), data: data.checksums() }
}

/// Refuses a checkpoint from which a run of this origin cannot go on, before anything in its folder is changed.
pub(crate) fn check(path: &Path, origin: &Origin) -> Result<(), CheckpointError> {
    let (_, metadata): (BTreeMap<String, Tensor>, CheckpointMetadata) = tensors::read(path)?;
    of_origin(path, metadata, origin).map(|_| ())
}

/// The position of a checkpoint that was saved by a run of the same origin.
fn of_origin(
    path: &Path,
    metadata: CheckpointMetadata,
    origin: &Origin,
) -> Result<Position, CheckpointError> {
    let CheckpointMetadata { format, origin: earlier, position } = metadata;
    if format != FORMAT {
        let reason = format!("it has format {format}, but this version reads format {FORMAT}");
        return Err(CheckpointError::Mismatch { path: path.into(), reason });
    }
    let earlier = lengthened(earlier, origin, &position);
    match origin.changed_since(&earlier) {
        Some(changes) => Err(CheckpointError::Changed { path: path.into(), changes }),
        None => Ok(position),
    }
}

/// What a run began with, as if it had been told the number of epochs of now: a run may be made longer, or shorter, as long as it
/// has not taken more.
fn lengthened(mut earlier: Origin, now: &Origin, position: &Position) -> Origin {
    const EPOCHS: &str = "/training/epochs";
    let taken = position.epoch + u64::from(position.batch > 0);
    if let (Some(then), Some(epochs)) = (earlier.settings.pointer_mut(EPOCHS), now.settings.pointer(EPOCHS))
        && epochs.as_u64().is_some_and(|epochs| epochs >= taken)
    {
        *then = epochs.clone();
    }
    earlier
}
