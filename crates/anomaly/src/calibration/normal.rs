//! Scores of rows known to be normal, the only input to a threshold.

use super::threshold::ThresholdError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Fewer rows than this are not compared.
const SUSPECTED: usize = 20;

/// Scores of rows known to be normal, the only input to a threshold.
///
/// There is no conversion from a slice, a vector or an array, so the scores of a labelled test set cannot get
/// in by accident. The constructors' names say which normal rows the scores come from.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalScores {
    scores: Vec<f64>,
    source: Provenance,
}

/// Which normal rows a threshold was calibrated on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// The rows that the model was trained on, as in the articles. Their errors are smaller than those of new
    /// normal rows, so alarms are more frequent than the rule says.
    Training,
    /// Normal rows that the model has not seen. Only with these does a quantile guarantee an alarm rate.
    HeldOut,
}

impl NormalScores {
    /// Scores of the normal rows that the model was trained on.
    ///
    /// # Errors
    /// If a score is not finite.
    pub fn of_training_rows(scores: impl Into<Vec<f64>>) -> Result<Self, ThresholdError> {
        Self::of(scores.into(), Provenance::Training)
    }

    /// Scores of normal rows held out from training and from the test, for calibration.
    ///
    /// # Errors
    /// If a score is not finite.
    pub fn of_held_out_rows(scores: impl Into<Vec<f64>>) -> Result<Self, ThresholdError> {
        Self::of(scores.into(), Provenance::HeldOut)
    }

    pub(crate) fn of(scores: Vec<f64>, source: Provenance) -> Result<Self, ThresholdError> {
        match scores.iter().position(|score| !score.is_finite()) {
            Some(row) => Err(ThresholdError::NonFiniteScore { row, value: scores[row] }),
            None => Ok(NormalScores { scores, source }),
        }
    }

    /// Checks that these rows can be of the same kind as `others`, normal rows that were not trained on
    /// either. Fails if at least half of them score above 95 % of the others, as anomalous rows would.
    ///
    /// # Errors
    /// [`ThresholdError::Suspicious`]; never with fewer than 20 rows on either side.
    pub fn check_against(&self, others: &NormalScores) -> Result<(), ThresholdError> {
        let n = self.scores.len();
        if n < SUSPECTED || others.scores.len() < SUSPECTED {
            return Ok(());
        }
        let mut sorted = others.scores.clone();
        let place = (sorted.len() - 1) * 95 / 100;
        let usual = *sorted.select_nth_unstable_by(place, f64::total_cmp).1;
        let above = self.scores.iter().filter(|&&score| score > usual).count();
        if 2 * above < n { Ok(()) } else { Err(ThresholdError::Suspicious { above, n, share: 95.0 }) }
    }

    /// The scores, in the order of the rows.
    pub fn as_slice(&self) -> &[f64] {
        &self.scores
    }

    /// Which rows the scores come from.
    pub fn source(&self) -> Provenance {
        self.source
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Provenance::Training => "training",
            Provenance::HeldOut => "held-out",
        })
    }
}
