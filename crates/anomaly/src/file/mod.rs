//! A detector as one safetensors file: what it expects, how it scores, where an alarm begins, and rows by which a reader
//! makes sure that it still does what it did.

pub(crate) mod golden;

use crate::calibrated::CalibratedScorer;
use crate::calibration::{Calibration, Threshold, ThresholdError};
use crate::detector::{About, Detector};
use crate::error::ScorerError;
use crate::scorers::references::References;
use crate::scorers::stored::{self, Arrays};
use crate::scorers::{self, Saved};
use ae_intake::{IntakeError, Schema, SchemaError};
use ae_records::arrays::{self, StoredArray, TensorFileError};
use golden::Golden;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The layout of the file that this version writes and reads.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    format: u32,
    schema: Schema,
    scorer: Value,
    threshold: Threshold,
    about: About,
}

/// A detector file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DetectorFileError {
    /// The file itself.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// Written by another version.
    #[error("{} has layout {got} and this version reads {FORMAT}; fit the detector again", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its layout.
        got: u32,
    },
    /// Parts that do not belong together.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The detector does not do what it did.
    #[error(
        "{} does not score as it did when it was made: row {row} of its {rows} golden rows had {expected:.9e} and has \
         {got:.9e}, off by {off:.1e} where {tolerance:.0e} is allowed; the file was altered, or this machine computes otherwise",
        path.display()
    )]
    Golden {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: usize,
        /// Golden rows in all.
        rows: usize,
        /// The stored score.
        expected: f64,
        /// The score now.
        got: f64,
        /// Relative difference.
        off: f64,
        /// Largest difference that is right.
        tolerance: f64,
    },
}

impl Detector {
    /// Writes the detector; a crash leaves the old file or the new one. The same detector gives the same bytes.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), DetectorFileError> {
        let Saved { settings, arrays } = self.scorer().save();
        let mut all: Vec<(String, StoredArray)> = stored::prefixed("scorer.", arrays).collect();
        all.push(("calibration.scores".into(), stored::vector(self.calibration().scores())));
        all.push(("references".into(), self.references.in_single()));
        all.extend(stored::prefixed("golden.", self.golden.arrays()));
        let metadata = Metadata {
            format: FORMAT,
            schema: self.schema.clone(),
            scorer: settings,
            threshold: *self.calibration().threshold(),
            about: self.about.clone(),
        };
        Ok(arrays::write(path.as_ref(), &all, &metadata)?)
    }

    /// Reads a detector, and scores its golden rows again: through schema, scaling, scorer and all.
    ///
    /// # Errors
    /// A file that is damaged, foreign, hostile, of another version, or that scores its golden rows otherwise.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, DetectorFileError> {
        let path = path.as_ref();
        let damaged = |reason: String| DetectorFileError::Damaged { path: path.into(), reason };
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        // The layout first: another version may hold other things.
        let (_, Format { format }) = arrays::read(path)?;
        if format != FORMAT {
            return Err(DetectorFileError::Format { path: path.into(), got: format });
        }
        let (all, metadata): (BTreeMap<String, StoredArray>, Metadata) = arrays::read(path)?;
        let Metadata { schema, scorer: settings, threshold, about, .. } = metadata;
        schema.validate().map_err(|error: SchemaError| damaged(error.to_string()))?;
        let held: usize = all.values().map(StoredArray::len).sum();
        if schema.width() > held {
            let reason =
                format!("its samples of {} values are larger than all that it holds", schema.width());
            return Err(damaged(reason));
        }
        let stored = Arrays::new(&all);
        let wrong = |error: ScorerError| damaged(error.to_string());
        let scores = stored.vector("calibration.scores", None).map_err(wrong)?;
        if !scores.is_sorted() {
            return Err(damaged("its calibration scores are not in order".into()));
        }
        let calibration = Calibration::restore(scores, threshold);
        let calibration = calibration.map_err(|error: ThresholdError| damaged(error.to_string()))?;
        let references = References::load("references", schema.width(), &stored).map_err(wrong)?;
        let golden = Golden::load(&schema, &stored.below("golden.")).map_err(wrong)?;
        let scorer = scorers::load_from(settings, &stored.below("scorer.")).map_err(wrong)?;
        if scorer.width() != schema.width() {
            let reason = format!("it scores {} values and its schema has {}", scorer.width(), schema.width());
            return Err(damaged(reason));
        }
        let scorer = CalibratedScorer::new(scorer, calibration);
        let detector = Detector { schema, scorer, references, golden, about };
        detector.check(path)?;
        Ok(detector)
    }

    fn check(&self, path: &Path) -> Result<(), DetectorFileError> {
        let damaged = |reason: String| DetectorFileError::Damaged { path: path.into(), reason };
        let got = self.golden.score(&self.schema, self.scorer());
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
/// A golden row that cannot be encoded is a stored one that was altered.
impl From<IntakeError> for ScorerError {
    fn from(error: IntakeError) -> Self {
        ScorerError::Stored(error.to_string())
    }
}
