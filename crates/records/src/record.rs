//! `record.json`: what was run, on which data and machine, and with which result. It is for people and
//! reports; nothing in it is needed to use the model.

use crate::files::{self, FileError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The record of one run, written at its start and rewritten as more is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Version of this layout: 1.
    pub format: u32,
    /// Name of the preset, or of the configuration file without its ending.
    pub preset: String,
    /// Name of the variant in the registry.
    pub variant: String,
    /// One sentence from the preset.
    pub description: String,
    /// The command that repeats this run.
    pub command: String,
    /// The seed that every draw depends on.
    pub seed: u64,
    /// The state of the run.
    pub status: Status,
    /// UTC, RFC 3339.
    pub started: String,
    /// UTC, RFC 3339; when the status last changed.
    pub ended: Option<String>,
    /// Epochs taken.
    pub epochs: u64,
    /// Optimizer steps taken.
    pub steps: u64,
    /// How often the run was resumed after an interruption.
    pub resumed: u32,
    /// The weights that it began with; absent: random ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<InitRecord>,
    /// The data.
    pub data: DataRecord,
    /// The networks.
    pub model: ModelRecord,
    /// The machine.
    pub machine: Machine,
    /// Version of each part: `autoencoders`, `libtorch`, `tch`.
    pub versions: BTreeMap<String, String>,
    /// Time spent.
    pub seconds: Seconds,
    /// Held-out figures by name, such as `test/negative_elbo`; the unit is in the name or in the docs of the task.
    pub metrics: BTreeMap<String, f64>,
    /// What the preset expects, with what was obtained.
    pub expected: Vec<Expectation>,
}

/// The state of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Status {
    /// Started; also the state of a killed run.
    #[default]
    Running,
    /// Reached its last epoch, or stopped early as configured.
    Finished,
    /// Stopped by the user; can be resumed.
    Interrupted,
    /// Stopped by an error.
    Failed {
        /// The error's message.
        reason: String,
    },
}

/// The data of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataRecord {
    /// Name of the set, or the user's path.
    pub set: String,
    /// Shape of one sample, such as `[1, 28, 28]`.
    pub shape: Vec<usize>,
    /// Training rows.
    pub train: usize,
    /// Validation rows, for early stopping.
    pub validation: usize,
    /// Test rows; nothing is chosen on them.
    pub test: usize,
    /// Description of the preprocessing.
    pub preprocessing: String,
    /// Files read.
    pub files: Vec<FileRecord>,
}

/// The weights of another model that a run began with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InitRecord {
    /// The run's folder or the model file.
    pub from: String,
    /// Checksum of the model file, lower-case hexadecimal.
    pub sha256: String,
    /// Parameters that were not trained: names of networks or of parts of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frozen: Vec<String>,
}

/// A file and its checksum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Name without folders.
    pub name: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

/// The networks of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelRecord {
    /// Trainable parameters.
    pub parameters: u64,
    /// Floating-point operations of one sample's forward pass; a multiply and an add count as two.
    pub flops: u64,
    /// Layer by layer.
    pub layers: Vec<LayerRecord>,
}

/// One layer of the summary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// `encoder`, `decoder`, …
    pub network: String,
    /// Such as `dense 400`.
    pub layer: String,
    /// Output shape of one sample.
    pub output: Vec<i64>,
    /// Trainable parameters of this layer.
    pub parameters: u64,
    /// As in [`ModelRecord::flops`].
    pub flops: u64,
}

/// The machine of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// `cpu` or `cuda:0`.
    pub device: String,
    /// Threads that libtorch used, of each worker.
    pub threads: usize,
    /// What computed the layers that our own kernels exist for: `libtorch`, or `native (avx2)` with the instruction set.
    /// Empty in records of before there were any; libtorch computed those.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kernels: String,
    /// Workers that trained together; absent: one process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// Processor's name.
    pub processor: String,
    /// Operating system.
    pub system: String,
}

/// Wall-clock time in seconds, summed over resumptions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seconds {
    /// In training steps.
    pub training: f64,
    /// Mean of one epoch, training steps only.
    pub per_epoch: f64,
    /// Training samples per second.
    pub samples_per_second: f64,
}

/// An expected result and the result obtained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// Name in [`Record::metrics`].
    pub metric: String,
    /// The result of this run; `None` if it was not measured.
    pub obtained: Option<f64>,
    /// The bound as text: `≤ 106`.
    pub expected: String,
    /// Where the bound comes from.
    pub source: String,
    /// Whether the bound holds.
    pub met: bool,
}

impl Record {
    /// Reads `record.json`.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text = files::read_to_string(path)?;
        serde_json::from_str(&text).map_err(|e| FileError::new("read", path)(io::Error::from(e)))
    }

    /// Writes `record.json` atomically, into a folder that is there.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let mut text = serde_json::to_string_pretty(self).expect("a record is always JSON");
        text.push('\n');
        files::write_atomic_beside(path, text.as_bytes())
    }
}

/// The time as records state it: UTC, RFC 3339, whole seconds, such as `2026-11-21T05:42:10Z`. A clock outside of the
/// years 0 to 9999, which RFC 3339 cannot write, gives the nearest time within them.
pub fn now() -> String {
    stamp(SystemTime::now())
}

fn stamp(time: SystemTime) -> String {
    /// The first second of the year 0.
    const FIRST: i64 = -62_167_219_200;
    let whole = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => whole(after.as_secs()),
        Err(before) => {
            let before = before.duration();
            // Rounded down, as after 1970.
            -whole(before.as_secs()).saturating_add(i64::from(before.subsec_nanos() > 0))
        }
    };
    let seconds = seconds.clamp(FIRST, Timestamp::MAX.as_second());
    let time = Timestamp::from_second(seconds).expect("it is within the range of timestamps");
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_time_is_in_utc_and_whole_seconds() {
        let (text, seconds) = (now(), Timestamp::now().as_second());
        let told: Timestamp = text.parse().unwrap();
        assert!((0..=2).contains(&(seconds - told.as_second())), "{text}");
        assert_eq!((text.len(), text.as_bytes()[19]), (20, b'Z'));
    }

    #[test]
    fn a_clock_that_is_far_off_gives_a_time_all_the_same() {
        const DAY: u64 = 86_400;
        let check = |time: Option<SystemTime>, expected: &str| {
            // Some systems cannot represent the time at all.
            if let Some(time) = time {
                assert_eq!(stamp(time), expected);
            }
        };
        let (before, after) = (|d| UNIX_EPOCH.checked_sub(d), |d| UNIX_EPOCH.checked_add(d));
        let days = |days: u64| Duration::from_secs(days * DAY);
        check(after(Duration::from_millis(1500)), "1970-01-01T00:00:01Z");
        check(before(Duration::from_millis(1500)), "1969-12-31T23:59:58Z");
        check(before(days(36_524)), "1870-01-01T00:00:00Z");
        // The years -1000 and 20000, and the ends of the system's own range.
        check(before(days(1_085_000)), "0000-01-01T00:00:00Z");
        check(after(days(6_585_400)), "9999-12-30T22:00:00Z");
        check(before(Duration::from_secs(1 << 62)), "0000-01-01T00:00:00Z");
        check(after(Duration::from_secs(1 << 62)), "9999-12-30T22:00:00Z");
    }
}
