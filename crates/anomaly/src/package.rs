//! A detector as one safetensors file: what it expects, how it scores, where an alarm begins, and rows by which a reader
//! makes sure that it still does what it did.

use crate::calibration::Calibration;
use crate::error::ScorerError;
use crate::fit::{FitConfig, FitReport};
use crate::golden::Golden;
use crate::judgement::{Explanation, Judgement, Nearest, Share, Unknown};
use crate::kinds::Settings;
use crate::references::{self, References};
use crate::scorer::{self, Saved, Scorer};
use crate::stored::{self, Tensors};
use crate::threshold::{Threshold, ThresholdError};
use ae_datasets::Samples;
use ae_datasets::intake::{IntakeError, RowNote, Schema, SchemaError, State};
use ae_tensor::Tensor;
use ae_training::tensors::{self, TensorFileError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The layout of the file that this version writes and reads.
const FORMAT: u32 = 1;

/// A schema, a scorer, its calibration, and what is needed to explain an alarm.
pub struct TrainedDetector {
    schema: Schema,
    scorer: Box<dyn Scorer>,
    calibration: Calibration,
    references: References,
    golden: Golden,
    about: About,
}

/// How a detector came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// What was asked for.
    pub config: FitConfig,
    /// What came of it.
    pub report: FitReport,
    /// Version of the library that made it.
    pub version: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    format: u32,
    schema: Schema,
    scorer: Settings,
    threshold: Threshold,
    about: About,
}

/// A detector file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
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

impl TrainedDetector {
    pub(crate) fn new(
        schema: Schema,
        scorer: Box<dyn Scorer>,
        calibration: Calibration,
        references: &Samples,
        golden: Golden,
        config: &FitConfig,
        report: &FitReport,
    ) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_string();
        let about = About { config: config.clone(), report: report.clone(), version };
        TrainedDetector { schema, scorer, calibration, references: References::of(references), golden, about }
    }

    /// What it expects of a row.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How it scores.
    pub fn scorer(&self) -> &dyn Scorer {
        self.scorer.as_ref()
    }

    /// Where an alarm begins.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// How it came about.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Rows that it makes sure of itself with.
    pub fn golden_rows(&self) -> usize {
        self.golden.len()
    }

    /// Judges encoded rows; `notes` say of each whether it can be judged. A row that cannot is unknown and does not
    /// spoil the others.
    ///
    /// # Errors
    /// Rows of another width.
    pub fn judge(&self, samples: &Samples, notes: &[RowNote]) -> Result<Vec<Judgement>, ScorerError> {
        let ready: Vec<usize> = (0..notes.len()).filter(|&at| notes[at].state == State::Ready).collect();
        let scores = match ready.len() == notes.len() {
            true => self.scorer.scores_each(samples)?,
            false => self.scorer.scores_each(&samples.select(&ready))?,
        };
        let mut scores = scores.into_iter();
        let judge = |note: &RowNote| match note.state {
            State::TooLittleObserved => {
                Judgement::Unknown { reason: Unknown::TooLittleObserved { observed: note.observed } }
            }
            State::WarmingUp => Judgement::Unknown { reason: Unknown::WarmingUp },
            State::Ready => match scores.next().expect("a score for each row that can be judged") {
                Ok(score) => {
                    let verdict = self.calibration.verdict(score);
                    if verdict.is_anomalous {
                        Judgement::Anomalous(verdict)
                    } else {
                        Judgement::Normal(verdict)
                    }
                }
                Err(error) => Judgement::Unknown { reason: Unknown::NoScore { detail: error.to_string() } },
            },
        };
        Ok(notes.iter().map(judge).collect())
    }

    /// Explains row `row` of encoded rows: at most `most` shares, and the nearest normal row.
    ///
    /// # Errors
    /// A row that cannot be scored.
    pub fn explain(&self, samples: &Samples, row: usize, most: usize) -> Result<Explanation, ScorerError> {
        let one = samples.select(&[row]);
        let names = self.schema.feature_names();
        let expected = self.scorer.reconstruct(&one)?;
        let in_units = |index: usize, value: f32| self.schema.in_units(index, value);
        let mut shares: Vec<Share> = match self.scorer.contributions(&one)? {
            None => Vec::new(),
            Some(contributions) => (0..self.schema.width())
                .map(|index| Share {
                    feature: names[index].clone(),
                    index,
                    share: contributions[[0, index]],
                    value: one.is_observed(0, index).then(|| in_units(index, one.values[[0, index]])),
                    expected: expected.as_ref().map(|expected| in_units(index, expected[[0, index]])),
                })
                .collect(),
        };
        // A stable sort: of equal shares the first stays first.
        shares.sort_by(|a, b| b.share.total_cmp(&a.share));
        shares.truncate(most);
        let near =
            self.references.nearest(&references::with_gaps(&one), 1).pop().and_then(|mut near| near.pop());
        let nearest = near.map(|near| Nearest {
            distance: near.squared.sqrt(),
            values: self
                .references
                .row(near.index)
                .iter()
                .enumerate()
                .map(|(index, &value)| (!value.is_nan()).then(|| in_units(index, value as f32)))
                .collect(),
        });
        Ok(Explanation { shares, nearest })
    }

    /// Writes the detector; a crash leaves the old file or the new one. The same detector gives the same bytes.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), PackageError> {
        let Saved { settings, tensors } = self.scorer.save();
        let mut all: Vec<(String, Tensor)> = stored::prefixed("scorer.", tensors).collect();
        all.push(("calibration.scores".into(), stored::vector(self.calibration.scores())));
        all.push(("references".into(), self.references.tensor(true)));
        all.extend(stored::prefixed("golden.", self.golden.tensors()));
        let metadata = Metadata {
            format: FORMAT,
            schema: self.schema.clone(),
            scorer: settings,
            threshold: *self.calibration.threshold(),
            about: self.about.clone(),
        };
        Ok(tensors::write(path, &all, &metadata)?)
    }

    /// Reads a detector, and scores its golden rows again: through schema, scaling, scorer and all.
    ///
    /// # Errors
    /// A file that is damaged, foreign, hostile, of another version, or that scores its golden rows otherwise.
    pub fn load(path: &Path) -> Result<Self, PackageError> {
        let damaged = |reason: String| PackageError::Damaged { path: path.into(), reason };
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        // The layout first: another version may hold other things.
        let (_, Format { format }) = tensors::read(path)?;
        if format != FORMAT {
            return Err(PackageError::Format { path: path.into(), got: format });
        }
        let (tensors, metadata): (_, Metadata) = tensors::read(path)?;
        let Metadata { schema, scorer: settings, threshold, about, .. } = metadata;
        schema.validate().map_err(|error: SchemaError| damaged(error.to_string()))?;
        let all: Vec<(String, Tensor)> = tensors.into_iter().collect();
        let held: usize = all.iter().map(|(_, tensor)| tensor.numel()).sum();
        if schema.width() > held {
            let reason =
                format!("its samples of {} values are larger than all that it holds", schema.width());
            return Err(damaged(reason));
        }
        let stored = Tensors::new(&all);
        let wrong = |error: ScorerError| damaged(error.to_string());
        let scores = stored.vector("calibration.scores", None).map_err(wrong)?;
        if !scores.is_sorted() {
            return Err(damaged("its calibration scores are not in order".into()));
        }
        let calibration = Calibration::restore(scores, threshold);
        let calibration = calibration.map_err(|error: ThresholdError| damaged(error.to_string()))?;
        let references = References::load("references", schema.width(), &stored).map_err(wrong)?;
        let golden = Golden::load(&schema, &stored.below("golden.")).map_err(wrong)?;
        let own = |(name, tensor): &(String, Tensor)| {
            name.strip_prefix("scorer.").map(|name| (name.to_string(), tensor.shallow_clone()))
        };
        let saved = Saved { settings, tensors: all.iter().filter_map(own).collect() };
        let scorer = scorer::load(&saved).map_err(wrong)?;
        if scorer.width() != schema.width() {
            let reason = format!("it scores {} values and its schema has {}", scorer.width(), schema.width());
            return Err(damaged(reason));
        }
        let detector = TrainedDetector { schema, scorer, calibration, references, golden, about };
        detector.check(path)?;
        Ok(detector)
    }

    fn check(&self, path: &Path) -> Result<(), PackageError> {
        let damaged = |reason: String| PackageError::Damaged { path: path.into(), reason };
        let got = self.golden.score(&self.schema, self.scorer.as_ref());
        let got = got.map_err(|error: ScorerError| damaged(error.to_string()))?;
        match self.golden.worst(&got) {
            Some((row, off)) if off.is_nan() || off > Golden::TOLERANCE => Err(PackageError::Golden {
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

impl std::fmt::Debug for TrainedDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainedDetector")
            .field("scorer", &self.scorer.name())
            .field("threshold", self.calibration.threshold())
            .finish_non_exhaustive()
    }
}

/// A golden row that cannot be encoded is a stored one that was altered.
impl From<IntakeError> for ScorerError {
    fn from(error: IntakeError) -> Self {
        ScorerError::Stored(error.to_string())
    }
}
