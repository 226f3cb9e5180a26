//! The metadata of a checkpoint: all of it but the tensors.

use crate::record::FileRecord;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The position of the loop, without its tensors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Steps taken.
    pub step: u64,
    /// Epochs finished.
    pub epoch: u64,
    /// Batches taken in the current epoch.
    pub batch: usize,
    /// Sums since the last line of the log.
    pub window: Window,
    /// Early stopping: the best validation loss and its epoch.
    pub best: Option<Best>,
    /// The learning rate that falls when the validation loss stands still.
    #[serde(default, skip_serializing_if = "Plateau::is_new")]
    pub plateau: Plateau,
    /// Whether early stopping has ended the run.
    pub stopped: bool,
    /// Bytes of `metrics.jsonl` that belong to the steps taken.
    pub metrics_length: u64,
    /// Seconds spent in training steps so far.
    pub seconds: f64,
}

/// What a run is made from: only a run made from the same may continue from a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The training configuration and everything else that determines the run, by name.
    pub settings: Value,
    /// The data with their checksums.
    pub data: Vec<FileRecord>,
}

/// Differences that are named; a changed file of settings may have many.
const MAX_NAMED: usize = 4;

impl Origin {
    /// What has changed since `earlier`, in words; `None` if nothing has.
    pub fn changed_since(&self, earlier: &Origin) -> Option<String> {
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
    let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    for key in keys {
        let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
        differences(&name, &of(then), &of(now), changes);
    }
}

/// The format of checkpoints that this version writes and reads.
pub const FORMAT: u32 = 1;

/// The metadata of a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointMetadata {
    /// See [`FORMAT`].
    pub format: u32,
    /// What the run is made from.
    pub origin: Origin,
    /// Where the loop is.
    pub position: Position,
}

/// Loss terms summed over samples, in double precision, in the order of steps; each with its number of
/// samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// By term.
    pub sums: BTreeMap<String, (f64, i64)>,
}

impl Window {
    /// Adds the mean `values` of a step's `samples` samples, one for each name.
    pub fn add(&mut self, names: &[String], values: &[f64], samples: i64) {
        for (name, value) in names.iter().zip(values) {
            let sum = self.sums.entry(name.clone()).or_default();
            sum.0 += value * samples as f64;
            sum.1 += samples;
        }
    }

    /// The mean of each term.
    pub fn means(&self) -> BTreeMap<String, f64> {
        let mean = |(name, (sum, samples)): (&String, &(f64, i64))| (name.clone(), sum / *samples as f64);
        self.sums.iter().map(mean).collect()
    }
}

/// The best epoch so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Its validation loss.
    pub loss: f64,
    /// Its number, from 1.
    pub epoch: u64,
}

/// How the validation loss stands with a learning rate that falls when it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// The lowest loss so far.
    pub best: Option<f64>,
    /// Epochs since the lowest loss or the last reduction.
    pub waited: u64,
    /// How often the rate has been reduced.
    pub reductions: u32,
}

impl Plateau {
    fn is_new(&self) -> bool {
        *self == Plateau::default()
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
