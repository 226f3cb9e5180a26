//! `checkpoint/state.safetensors`: all that a resumed run needs to continue bit for bit.

use crate::tensors::{self, TensorFileError};
use ae_models::Model;
use ae_records::record::FileRecord;
use ae_tensor::optimizer::OptimizerError;
use ae_tensor::{Optimizer, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
}

/// What a run is made from: only a run made from the same may continue from a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Origin {
    /// The training configuration and everything else that determines the run, by name.
    pub(crate) settings: Value,
    /// The data with their checksums.
    pub(crate) data: Vec<FileRecord>,
}

/// Differences that are named; a changed file of settings may have many.
const MAX_NAMED: usize = 4;

impl Origin {
    /// What has changed since `earlier`, in words; `None` if nothing has.
    fn changed_since(&self, earlier: &Origin) -> Option<String> {
        let mut changes = Vec::new();
        differences("", &earlier.settings, &self.settings, &mut changes);
        let then: BTreeMap<&str, &str> = by_name(&earlier.data);
        let now = by_name(&self.data);
        for (name, sha256) in &then {
            match now.get(name) {
                None => changes.push(format!("`{name}` is no longer among its data")),
                Some(other) if other != sha256 => {
                    changes.push(format!("the content of `{name}` has changed"))
                }
                Some(_) => {}
            }
        }
        changes.extend(
            now.keys().filter(|name| !then.contains_key(*name)).map(|name| format!("`{name}` is new")),
        );
        if changes.is_empty() && self.data != earlier.data {
            changes.push("the order of its data has changed".into());
        }
        let more = changes.len().saturating_sub(MAX_NAMED);
        changes.truncate(MAX_NAMED);
        if more > 0 {
            changes.push(format!("{more} more"));
        }
        (!changes.is_empty()).then(|| changes.join(", "))
    }
}

fn by_name(files: &[FileRecord]) -> BTreeMap<&str, &str> {
    files.iter().map(|file| (file.name.as_str(), file.sha256.as_str())).collect()
}

/// Appends the settings that differ, each with its dotted name, old and new value.
fn differences(name: &str, then: &Value, now: &Value, changes: &mut Vec<String>) {
    let (Value::Object(then), Value::Object(now)) = (then, now) else {
        if then != now {
            changes.push(format!("`{name}` was {then} and is {now}"));
        }
        return;
    };
    let keys: std::collections::BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    for key in keys {
        let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
        differences(&name, &of(then), &of(now), changes);
    }
}

/// The format of checkpoints that this version writes and reads.
const FORMAT: u32 = 1;

/// The metadata of a checkpoint.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    format: u32,
    origin: Origin,
    position: Position,
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

    pub(crate) fn save(
        &self,
        path: &Path,
        origin: &Origin,
        position: &Position,
    ) -> Result<(), CheckpointError> {
        let (origin, position) = (origin.clone(), position.clone());
        Ok(tensors::write(path, &self.named(), &Metadata { format: FORMAT, origin, position })?)
    }

    /// Copies a saved state into the run's own tensors, if it was saved by a run of the same origin.
    pub(crate) fn load(&mut self, path: &Path, origin: &Origin) -> Result<Position, CheckpointError> {
        let mismatch = |reason: String| CheckpointError::Mismatch { path: path.into(), reason };
        let (saved, metadata): (BTreeMap<String, Tensor>, Metadata) = tensors::read(path)?;
        let Metadata { format, origin: earlier, position } = metadata;
        if format != FORMAT {
            return Err(mismatch(format!("it has format {format}, but this version reads format {FORMAT}")));
        }
        if let Some(changes) = origin.changed_since(&earlier) {
            return Err(CheckpointError::Changed { path: path.into(), changes });
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn origin(seed: u64, sha256: &str) -> Origin {
        let file = FileRecord { name: "rows.csv".into(), sha256: sha256.into() };
        Origin { settings: json!({ "training": { "seed": seed }, "model": { "vae": {} } }), data: vec![file] }
    }

    #[test]
    fn what_has_changed_is_named() {
        let before = origin(0, "aa");
        assert_eq!(before.changed_since(&before), None);
        let changes = origin(1, "bb").changed_since(&before).unwrap();
        assert_eq!(changes, "`training.seed` was 0 and is 1, the content of `rows.csv` has changed");
        let none = Origin { data: Vec::new(), ..before.clone() };
        assert_eq!(none.changed_since(&before).unwrap(), "`rows.csv` is no longer among its data");
        assert_eq!(before.changed_since(&none).unwrap(), "`rows.csv` is new");
        let many: serde_json::Map<_, _> = (0..9).map(|key| (key.to_string(), json!(1))).collect();
        let many = Origin { settings: Value::from(many), ..before.clone() };
        assert!(many.changed_since(&before).unwrap().ends_with("7 more"));
    }
}
