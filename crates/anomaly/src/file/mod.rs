//! Saves and loads a detector as one safetensors file.
//!
//! The file holds the schema, the scorer, the calibration, and golden rows with their scores. Loading scores
//! the golden rows again to check that the detector still behaves as it did.

pub(crate) mod golden;
mod watch_state;

pub use watch_state::{WatchState, WatchStateError};

use crate::calibrated::{CalibratedScorer, RowCalibration};
use crate::calibration::{Calibration, Threshold, ThresholdError};
use crate::detector::{About, Detector};
use crate::error::ScorerError;
use crate::gaps::GapCalibration;
use crate::scorers::references::References;
use crate::scorers::stored::{self, Arrays};
use crate::scorers::{self, Saved};
use ae_intake::{IntakeError, Schema, SchemaError};
use ae_models::limits;
use ae_records::arrays::{self, StoredArray, TensorFileError};
use ae_records::text::one_line;
use golden::Golden;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file format that this version writes and reads.
const FORMAT: u32 = 2;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    format: u32,
    schema: Schema,
    scorer: Value,
    threshold: Threshold,
    /// The calibrations of groups, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    groups: BTreeMap<String, Calibration>,
    about: About,
}

/// Why a detector file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DetectorFileError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// Written by another version.
    #[error("{} has format {got}, but this version reads format {FORMAT}; fit the detector again", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        got: u32,
    },
    /// A model of `ae train`.
    #[error(
        "{} is a trained model, not a detector; `ae encode` and `ae reconstruct` use it, and `ae detect fit` makes a detector",
        .0.display()
    )]
    Model(PathBuf),
    /// Parts that do not fit together.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The detector does not score as it did when it was made.
    #[error(
        "{} does not score as it did when it was made: row {row} (counting from 0) of its {rows} golden rows \
         scored {expected:.9e} and now scores {got:.9e}, a relative difference of {off:.1e} where {tolerance:.0e} is \
         allowed; the file was altered, or this machine computes differently",
        path.display()
    )]
    Golden {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: usize,
        /// Number of golden rows.
        rows: usize,
        /// The stored score.
        expected: f64,
        /// The score now.
        got: f64,
        /// Relative difference.
        off: f64,
        /// Largest relative difference allowed.
        tolerance: f64,
    },
}

impl Detector {
    /// Writes the detector. A crash leaves either the old file or the new one. The same detector gives the
    /// same bytes.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), DetectorFileError> {
        let Saved { settings, arrays } = self.scorer().save();
        let mut all: Vec<(String, StoredArray)> = stored::prefixed("scorer.", arrays).collect();
        all.push(("calibration.scores".into(), stored::vector(self.calibration().scores())));
        all.push(("references".into(), self.references.in_single()));
        all.extend(stored::prefixed("golden.", self.golden.arrays()));
        let gaps = self.scorer.rows().gaps().map(GapCalibration::arrays).unwrap_or_default();
        all.extend(stored::prefixed("gaps.", gaps));
        for (place, own) in self.group_calibrations().values().enumerate() {
            let gaps = own.gaps().map(GapCalibration::arrays).unwrap_or_default();
            all.extend(stored::prefixed(&format!("groups.{place}.gaps."), gaps));
        }
        let of_group = |(name, own): (&String, &RowCalibration)| (name.clone(), own.calibration().clone());
        let metadata = Metadata {
            format: FORMAT,
            schema: self.schema.clone(),
            scorer: settings,
            threshold: *self.calibration().threshold(),
            groups: self.group_calibrations().iter().map(of_group).collect(),
            about: self.about.clone(),
        };
        Ok(arrays::write(path.as_ref(), &all, &metadata)?)
    }

    /// Reads a detector and scores its golden rows again, from schema and scaling to score.
    ///
    /// # Errors
    /// A file that is damaged, foreign, hostile or from another version, or that scores its golden rows
    /// differently.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, DetectorFileError> {
        let path = path.as_ref();
        let damaged = |reason: String| DetectorFileError::Damaged { path: path.into(), reason };
        #[derive(Deserialize)]
        struct Format {
            format: u32,
            /// Of a trained model.
            preset: Option<IgnoredAny>,
        }
        // Check the format first: another version may hold other metadata.
        let (_, Format { format, preset }) = arrays::read(path)?;
        if preset.is_some() {
            return Err(DetectorFileError::Model(path.into()));
        }
        if format != FORMAT {
            return Err(DetectorFileError::Format { path: path.into(), got: format });
        }
        let (all, metadata): (BTreeMap<String, StoredArray>, Metadata) = arrays::read(path)?;
        let Metadata { schema, scorer: settings, threshold, groups, about, .. } = metadata;
        schema.validate().map_err(|error: SchemaError| damaged(error.to_string()))?;
        let held: usize = all.values().map(StoredArray::len).sum();
        if schema.width() > held {
            let reason =
                format!("its samples have {} values, more than the whole file holds", schema.width());
            return Err(damaged(reason));
        }
        let stored = Arrays::new(&all);
        let wrong = |error: ScorerError| damaged(error.to_string());
        let scores = stored.vector("calibration.scores", None).map_err(wrong)?;
        if !scores.is_sorted() {
            return Err(damaged("its calibration scores are not sorted".into()));
        }
        let calibration = Calibration::restore(scores, threshold);
        let calibration = calibration.map_err(|error: ThresholdError| damaged(error.to_string()))?;
        check_groups(&schema, &groups, &calibration).map_err(damaged)?;
        let references = References::load("references", schema.width(), &stored).map_err(wrong)?;
        let golden = Golden::load(&schema, &stored.below("golden.")).map_err(wrong)?;
        let scorer = scorers::load_from(settings, &stored.below("scorer.")).map_err(wrong)?;
        if scorer.width() != schema.width() {
            let reason =
                format!("its scorer takes {} values, but its schema has {}", scorer.width(), schema.width());
            return Err(damaged(reason));
        }
        let gaps = GapCalibration::load(schema.width(), &stored.below("gaps.")).map_err(wrong)?;
        let of_group = |(place, (name, own)): (usize, (String, Calibration))| {
            let gaps = GapCalibration::load(schema.width(), &stored.below(&format!("groups.{place}.gaps.")))?;
            Ok((name, RowCalibration::restore(own, gaps)))
        };
        let groups = groups.into_iter().enumerate().map(of_group).collect::<Result<_, _>>().map_err(wrong)?;
        stored.check_all_used().map_err(wrong)?;
        let rows = RowCalibration::restore(calibration, gaps);
        let scorer = CalibratedScorer::new(scorer, rows).with_groups(groups);
        let detector = Detector { schema, scorer, references, golden, about };
        detector.check(path)?;
        Ok(detector)
    }

    fn check(&self, path: &Path) -> Result<(), DetectorFileError> {
        let damaged = |reason: String| DetectorFileError::Damaged { path: path.into(), reason };
        // libtorch panics on what it cannot compute, and the file may describe anything.
        let got = limits::guarded(|| self.golden.score(&self.schema, self.scorer()));
        let got = got.map_err(|panicked| damaged(panicked.to_string()))?;
        let got = got.map_err(|error: ScorerError| damaged(error.to_string()))?;
        match self.golden.worst(&got) {
            Some((row, off)) if off.is_nan() || off > Golden::TOLERANCE => Err(DetectorFileError::Golden {
                path: path.into(),
                row,
                rows: self.golden.len(),
                expected: self.golden.scores()[row],
                got: got.get(row).copied().unwrap_or(f64::NAN),
                off,
                tolerance: Golden::TOLERANCE,
            }),
            _ => Ok(()),
        }
    }
}

/// Checks that each calibration belongs to a group of the schema, and follows the rule of all groups.
fn check_groups(
    schema: &Schema,
    groups: &BTreeMap<String, Calibration>,
    of_all: &Calibration,
) -> Result<(), String> {
    let known: &[String] = schema.group.as_ref().map_or(&[], |group| &group.names);
    for (name, calibration) in groups {
        if known.binary_search(name).is_err() {
            return Err(format!("it calibrates a group `{}` that its schema lacks", one_line(name)));
        }
        if calibration.threshold().rule() != of_all.threshold().rule() {
            return Err(format!("its group `{}` has a threshold by another rule", one_line(name)));
        }
    }
    Ok(())
}

/// A golden row that cannot be encoded means that the file was altered.
impl From<IntakeError> for ScorerError {
    fn from(error: IntakeError) -> Self {
        ScorerError::Stored(error.to_string())
    }
}
