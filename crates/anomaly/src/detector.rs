//! A detector in use: it judges rows and says why.

use crate::calibrated::CalibratedScorer;
use crate::calibration::Calibration;
use crate::error::ScorerError;
use crate::file::golden::Golden;
use crate::judgement::{Explanation, Judgement, Nearest, Share, Unknown};
use crate::scorers::Scorer;
use crate::scorers::references::{self, References};
use ae_intake::Samples;
use ae_intake::{IntakeError, RowNote, Schema, State, Table};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A schema, a calibrated scorer, and what is needed to explain an alarm.
pub struct Detector {
    pub(crate) schema: Schema,
    pub(crate) scorer: CalibratedScorer,
    pub(crate) references: References,
    pub(crate) golden: Golden,
    pub(crate) about: About,
}

/// How a detector came about, as JSON: what scores a row need not know how models are trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// What was asked for: a [`FitConfig`](crate::FitConfig).
    pub config: Value,
    /// What came of it: a [`FitReport`](crate::FitReport).
    pub report: Value,
    /// Version of the library that made it.
    pub version: String,
}

/// Rows that cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// A table that is not like the one that was fitted on.
    #[error(transparent)]
    Table(#[from] IntakeError),
    /// Rows that the scorer does not take.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
}

impl Detector {
    pub(crate) fn new(
        schema: Schema,
        scorer: CalibratedScorer,
        references: &Samples,
        golden: Golden,
        about: About,
    ) -> Self {
        Detector { schema, scorer, references: References::of(references), golden, about }
    }

    /// What it expects of a row.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How it scores.
    pub fn scorer(&self) -> &dyn Scorer {
        self.scorer.scorer()
    }

    /// Where an alarm begins.
    pub fn calibration(&self) -> &Calibration {
        self.scorer.calibration()
    }

    /// How it came about.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Rows that it makes sure of itself with.
    pub fn golden_rows(&self) -> usize {
        self.golden.len()
    }

    /// Judges rows `[N, C]` of an array: the columns of the table that was fitted on, in their order and their own units,
    /// NaN where a value is missing. For windows the rows are steps that follow one another.
    ///
    /// # Errors
    /// Another number of columns, or an infinite value.
    pub fn judge(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<Judgement>, JudgeError> {
        let encoded = self.schema.encode_array(rows)?;
        Ok(self.judge_encoded(&encoded.samples, &encoded.rows)?)
    }

    /// Judges every row of a table that has the columns that the detector was fitted on, in any order; of windows,
    /// every step, of which the first have no window yet.
    ///
    /// # Errors
    /// A table without one of the columns, or with values that the detector cannot take.
    pub fn judge_table(&self, table: &Table) -> Result<Vec<Judgement>, JudgeError> {
        let rows: Vec<usize> = (0..table.len()).collect();
        let encoded = self.schema.encode(table, &rows)?;
        Ok(self.judge_encoded(&encoded.samples, &encoded.rows)?)
    }

    /// Judges encoded rows; `notes` say of each whether it can be judged. A row that cannot is unknown and does not
    /// spoil the others.
    ///
    /// # Errors
    /// Rows of another width.
    pub fn judge_encoded(&self, samples: &Samples, notes: &[RowNote]) -> Result<Vec<Judgement>, ScorerError> {
        let ready: Vec<usize> = (0..notes.len()).filter(|&at| notes[at].state == State::Ready).collect();
        let judged = match ready.len() == notes.len() {
            true => self.scorer.judge(samples)?,
            false => self.scorer.judge(&samples.select(&ready))?,
        };
        let mut judged = judged.into_iter();
        let judge = |note: &RowNote| match note.state {
            State::TooLittleObserved => {
                Judgement::Unknown { reason: Unknown::TooLittleObserved { observed: note.observed } }
            }
            State::WarmingUp => Judgement::Unknown { reason: Unknown::WarmingUp },
            State::Ready => judged.next().expect("a judgement for each row that can be judged"),
        };
        Ok(notes.iter().map(judge).collect())
    }

    /// Explains row `row` of encoded rows: at most `most` shares, and the nearest normal row.
    ///
    /// # Errors
    /// A row that cannot be scored.
    pub fn explain(&self, samples: &Samples, row: usize, most: usize) -> Result<Explanation, ScorerError> {
        let one = samples.select(&[row]);
        let expected = self.scorer().reconstruct(&one)?;
        let in_units = |index: usize, value: f32| self.schema.in_units(index, value);
        let mut shares = Vec::new();
        if let Some(contributions) = self.scorer().contributions(&one)? {
            for (index, feature) in self.schema.features().into_iter().enumerate() {
                shares.push(Share {
                    feature,
                    index,
                    share: contributions[[0, index]],
                    value: one.is_observed(0, index).then(|| in_units(index, one.values[[0, index]])),
                    expected: expected.as_ref().map(|expected| in_units(index, expected[[0, index]])),
                });
            }
        }
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
}

impl std::fmt::Debug for Detector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detector")
            .field("scorer", &self.scorer().name())
            .field("threshold", self.calibration().threshold())
            .finish_non_exhaustive()
    }
}
