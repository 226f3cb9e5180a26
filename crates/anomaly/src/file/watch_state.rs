//! The position of a detector in a stream, from which an interrupted watch continues.

use crate::calibration::{Adaptive, Drift, NormalScores};
use crate::detector::Detector;
use crate::events::EventTracker;
use ae_intake::{GroupState, WindowState};
use ae_records::digest::{self, Sealed, UNKNOWN};
use ae_records::files::{self, FileError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file format that this version writes and reads.
const FORMAT: u32 = 3;
/// Mean number of rows until the drift detector raises a false alarm.
const RUN_LENGTH: f64 = 100_000.0;
/// Largest state that is read, in bytes; the steps of a window take most of it.
const MAX_BYTES: u64 = 256 << 20;
/// What stands before the checksum: the first field.
const MARKER: &str = r#"{"sha256":""#;

/// The position of a watch in its stream, stored as one line of JSON with its own checksum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchState {
    sha256: String,
    format: u32,
    /// Fingerprint of the detector: another detector cannot continue from this state.
    detector: String,
    /// The last acknowledged line, from 1; 0 for none.
    pub line: u64,
    /// The first line, if it names the columns.
    pub header: Option<String>,
    /// Steps that the next window begins with.
    pub window: Option<WindowState>,
    /// Steps that the next window of each group begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<GroupState>,
    /// Detects drift of the distribution of scores; `None` if there are too few calibration scores.
    pub drift: Option<Drift>,
    /// The level of an adaptive threshold; `None` for a fixed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptive: Option<Adaptive>,
    /// The events so far, and the one that goes on.
    pub events: EventTracker,
    /// Bytes of the output that are acknowledged.
    pub written: u64,
}

/// A state that a watch cannot continue from.
#[derive(Debug, thiserror::Error)]
pub enum WatchStateError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content cannot be used.
    #[error("cannot continue from the state {}: {reason}; remove it to start over", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl WatchState {
    /// The state before the first line.
    pub fn new(detector: &Detector) -> Self {
        let scores = NormalScores::of_held_out_rows(detector.calibration().scores()).ok();
        let drift = scores.and_then(|scores| Drift::new(&scores, RUN_LENGTH, 0).ok());
        WatchState {
            sha256: UNKNOWN.into(),
            format: FORMAT,
            detector: fingerprint(detector),
            line: 0,
            header: None,
            window: None,
            groups: None,
            drift,
            adaptive: None,
            events: EventTracker::new(detector.schema()),
            written: 0,
        }
    }

    /// Reads a state that belongs to `detector`.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or belongs to another detector or version.
    pub fn read(path: &Path, detector: &Detector) -> Result<Self, WatchStateError> {
        let state = Self::decode(&files::read(path, MAX_BYTES)?);
        let state = state.and_then(|state| {
            if state.detector != fingerprint(detector) {
                return Err("it belongs to another detector".into());
            }
            match state.events.fits(detector.schema()) {
                true => Ok(state),
                false => Err("its events cannot be those of this detector".into()),
            }
        });
        state.map_err(|reason| WatchStateError::Unusable { path: path.into(), reason })
    }

    /// Parses the content of a file; the error says what is wrong with it.
    ///
    /// # Errors
    /// If it is no state, is damaged, or has another version's format.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        match seal(bytes).stated_and_actual(bytes) {
            None => return Err("it holds no checksum, so it is no state of this version".into()),
            Some((stated, actual)) if stated != actual => {
                return Err(format!(
                    "it is damaged: its SHA-256 is {actual}, but it was written with {stated}"
                ));
            }
            Some(_) => {}
        }
        let state: WatchState = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if state.format != FORMAT {
            return Err(format!("it has format {}, not {FORMAT}", state.format));
        }
        Ok(WatchState { sha256: UNKNOWN.into(), ..state })
    }

    /// The content of its file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("the state is always JSON");
        let sealed = seal(&bytes).seal(&mut bytes);
        assert!(sealed, "the first field is the place for the checksum");
        bytes
    }

    /// Replaces the file atomically. It survives a crash of the process; a crash of the system may lose the last
    /// lines.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        files::replace_often(path, &self.encode())
    }
}

fn seal(bytes: &[u8]) -> Sealed<'static> {
    Sealed { marker: MARKER, within: bytes.len().min(MARKER.len() + UNKNOWN.len()) }
}

/// Identifies a detector by its scorer, its columns and its calibration scores.
fn fingerprint(detector: &Detector) -> String {
    let columns = serde_json::to_string(detector.schema()).expect("a schema is always JSON");
    let scores = detector.calibration().scores().iter().flat_map(|score| score.to_bits().to_le_bytes());
    let bytes: Vec<u8> =
        detector.scorer().name().into_bytes().into_iter().chain(columns.into_bytes()).chain(scores).collect();
    digest::sha256(&bytes)
}
