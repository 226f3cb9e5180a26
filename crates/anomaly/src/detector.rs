//! A fitted detector: judges rows and explains alarms.

use crate::calibrated::{CalibratedScorer, RowCalibration};
use crate::calibration::{Adaptive, AdaptiveError, Calibration};
use crate::error::ScorerError;
use crate::explain::{self, Bar};
use crate::file::golden::Golden;
use crate::judgement::{Explanation, Judgement, Nearest, Unknown};
use crate::scorers::Scorer;
use crate::scorers::references::{self, References};
use ae_intake::Samples;
use ae_intake::{IntakeError, RowNote, Schema, State, Table};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A schema, a calibrated scorer, and the reference rows that explain an alarm.
pub struct Detector {
    pub(crate) schema: Schema,
    pub(crate) scorer: CalibratedScorer,
    pub(crate) references: References,
    pub(crate) golden: Golden,
    pub(crate) about: About,
}

/// How a detector was made, as JSON, so that scoring rows does not depend on the training code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The configuration: a [`FitConfig`](crate::FitConfig).
    pub config: Value,
    /// The report: a [`FitReport`](crate::FitReport).
    pub report: Value,
    /// Version of the library that made it.
    pub version: String,
}

/// Why rows cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// A table that does not match the one the detector was fitted on.
    #[error(transparent)]
    Table(#[from] IntakeError),
    /// Rows that the scorer does not accept.
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

    /// The schema of the rows it accepts.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The scorer.
    pub fn scorer(&self) -> &dyn Scorer {
        self.scorer.scorer()
    }

    /// The calibration on the rows of all groups.
    pub fn calibration(&self) -> &Calibration {
        self.scorer.calibration()
    }

    /// The calibrations of groups with enough rows for one, by name.
    pub fn group_calibrations(&self) -> &BTreeMap<String, RowCalibration> {
        self.scorer.groups()
    }

    /// A threshold that starts at the promised rate and follows slow changes of the scores with this step; see
    /// [`adaptive`](crate::calibration::adaptive).
    ///
    /// # Errors
    /// A step out of range, a detector whose rule states no rate, or one with groups.
    pub fn adaptive(&self, step: f64) -> Result<Adaptive, AdaptiveError> {
        if self.schema.group.is_some() {
            return Err(AdaptiveError::Groups);
        }
        let rule = self.calibration().threshold().rule();
        Adaptive::new(rule.rate().ok_or(AdaptiveError::Rule(rule))?, step)
    }

    /// How it was made.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Number of golden rows, which are scored again on loading.
    pub fn golden_rows(&self) -> usize {
        self.golden.len()
    }

    /// Judges the rows `[N, C]` of an array. Its columns are those of the table the detector was fitted on,
    /// in the same order and units, with NaN for missing values. For windows, the rows are consecutive steps.
    ///
    /// # Errors
    /// The wrong number of columns, or an infinite value.
    pub fn judge(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<Judgement>, JudgeError> {
        let encoded = self.schema.encode_array(rows)?;
        Ok(self.judge_encoded(&encoded.samples, &encoded.rows)?)
    }

    /// Judges every row of a table. It needs the columns that the detector was fitted on, in any order. For
    /// windows, it judges every step; the first steps, which have no full window, are unknown.
    ///
    /// # Errors
    /// A missing column, or values that the detector does not accept.
    pub fn judge_table(&self, table: &Table) -> Result<Vec<Judgement>, JudgeError> {
        let rows: Vec<usize> = (0..table.len()).collect();
        let mut judgements = Vec::with_capacity(rows.len());
        // Windows take many times what their steps take, so that only some are encoded at a time.
        let most = table.memory.encoded_rows(self.schema.width());
        for rows in rows.chunks(most) {
            let encoded = self.schema.encode(table, rows)?;
            judgements.extend(self.judge_encoded(&encoded.samples, &encoded.rows)?);
        }
        Ok(judgements)
    }

    /// Judges encoded rows, each by the threshold of its group; `notes` say which rows can be judged, and their groups. A
    /// row that cannot be judged is unknown and does not affect the others.
    ///
    /// # Errors
    /// Rows of the wrong width.
    pub fn judge_encoded(&self, samples: &Samples, notes: &[RowNote]) -> Result<Vec<Judgement>, ScorerError> {
        let ready: Vec<usize> = (0..notes.len()).filter(|&at| notes[at].state == State::Ready).collect();
        let groups: &[String] = self.schema.group.as_ref().map_or(&[], |group| &group.names);
        let group_of = |at: usize| {
            notes[ready[at]].group.and_then(|place| groups.get(place as usize)).map(String::as_str)
        };
        let judged = match ready.len() == notes.len() {
            true => self.scorer.judge_groups(samples, group_of)?,
            false => self.scorer.judge_groups(&samples.select(&ready), group_of)?,
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

    /// Explains row `row` of encoded rows by what would make it normal: at most five columns (channels and
    /// segments of steps, for windows), which come first in at most `most` shares; and by the nearest normal
    /// row. It works for every scorer. A row that is normal is explained by what contributes most to its
    /// score.
    ///
    /// Cost: for a table of `D` columns, at most about `5 D + 20` rows are scored, and `D + 5` if one column is
    /// wrong; wider than 256 columns, it is as for 256. For series and windows, a few hundred rows for each
    /// segment that is named, and at most about 6,000.
    ///
    /// # Errors
    /// A row that cannot be scored.
    pub fn explain(&self, samples: &Samples, row: usize, most: usize) -> Result<Explanation, ScorerError> {
        let bar = Bar { group: None, threshold: self.calibration().threshold().value() };
        self.explain_by(samples, row, bar, most)
    }

    /// Explains a row that is judged by the threshold of its group, or by one that moves; see [`Detector::explain`].
    ///
    /// # Errors
    /// A row that cannot be scored.
    pub fn explain_by(
        &self,
        samples: &Samples,
        row: usize,
        bar: Bar<'_>,
        most: usize,
    ) -> Result<Explanation, ScorerError> {
        let one = samples.select(&[row]);
        let found = explain::explain(&self.schema, &self.scorer, &self.references, &one, bar)?;
        let shares = explain::shares(&found, &self.schema, &one, most);
        let in_units = |index: usize, value: f32| self.schema.in_units(index, value);
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
        Ok(Explanation { shares, sufficient: found.sufficient, nearest })
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
