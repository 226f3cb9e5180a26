//! The judgement on a row (a verdict, or why there is none), and the explanation of an alarm.

use crate::calibration::Verdict;
use ae_intake::Feature;
use serde::{Deserialize, Serialize};

/// The judgement on a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Judgement {
    /// Not flagged: similar to the calibration rows.
    Normal(Verdict),
    /// Flagged.
    Anomalous(Verdict),
    /// Not judged.
    Unknown {
        /// Why.
        #[serde(flatten)]
        reason: Unknown,
    },
}

/// Why a row was not judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Unknown {
    /// Less was observed than the detector requires.
    TooLittleObserved {
        /// Share of the row, or of the window, that was observed.
        observed: f32,
    },
    /// Too few time steps so far to fill a window.
    WarmingUp,
    /// The row has no finite score.
    NoScore {
        /// The scorer's error message.
        detail: String,
    },
}

impl std::fmt::Display for Judgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Judgement::Normal(verdict) | Judgement::Anomalous(verdict) => {
                let Verdict { score, threshold, p_value, severity, .. } = verdict;
                let name = self.name();
                write!(
                    f,
                    "{name}: score {score:.4}, threshold {threshold:.4}, p-value {p_value:.4}, severity {severity:.2}"
                )
            }
            Judgement::Unknown { reason } => write!(f, "unknown: {reason}"),
        }
    }
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unknown::TooLittleObserved { observed } => {
                write!(f, "only {:.0} % of the values were observed", 100.0 * f64::from(*observed))
            }
            Unknown::WarmingUp => f.write_str("too few steps so far to fill a window"),
            Unknown::NoScore { detail } => write!(f, "no score: {detail}"),
        }
    }
}

impl Judgement {
    /// The judgement that follows from a verdict.
    pub fn of(verdict: Verdict) -> Self {
        if verdict.is_anomalous { Judgement::Anomalous(verdict) } else { Judgement::Normal(verdict) }
    }

    /// The verdict, if the row was judged.
    pub fn verdict(&self) -> Option<&Verdict> {
        match self {
            Judgement::Normal(verdict) | Judgement::Anomalous(verdict) => Some(verdict),
            Judgement::Unknown { .. } => None,
        }
    }

    /// `normal`, `anomalous` or `unknown`.
    pub fn name(&self) -> &'static str {
        match self {
            Judgement::Normal(_) => "normal",
            Judgement::Anomalous(_) => "anomalous",
            Judgement::Unknown { .. } => "unknown",
        }
    }
}

/// Why a row was flagged: what would make it normal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// First the smallest set of columns that was found to make the row normal if they are replaced by what is
    /// expected given the others, the most important first; for series and windows, of segments of steps. Then
    /// the values that are not in that set, whose share is 0, the farthest from what is expected first.
    pub shares: Vec<Share>,
    /// Whether replacing that set makes the row normal. If not, more columns are wrong than are named, or no
    /// normal row is like the others. True for a row that is normal as it is.
    pub sufficient: bool,
    /// The nearest of the stored normal rows; `None` if they share no observed value with this row.
    pub nearest: Option<Nearest>,
}

/// The share of one column, or of one segment of steps, in what makes a row anomalous.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The column. For a category, with the level that was observed or, if no training row had it, the one
    /// that is expected. For a segment, its step that is farthest from what is expected.
    pub feature: Feature,
    /// Position of that value in a sample, from 0.
    pub index: usize,
    /// For series and windows, the named steps; `None` for tables, and for values that are not named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<Segment>,
    /// From 0 to 1; the shares of a row sum to 1. Half of it is the part that replacing this alone has in the
    /// drop of the score, half the part that it has in the drop beyond all the others.
    pub share: f64,
    /// The observed value in units of its column; for a category, 1 for the level that was observed. `None` if
    /// it was not observed.
    pub value: Option<f64>,
    /// The value that is expected given the others, in units of its column: what the nearest of the stored
    /// normal rows have, and so always within the range of the training rows.
    pub expected: Option<f64>,
    /// For a category, the level that is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_level: Option<String>,
}

/// Consecutive steps of a series or window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// The first step, from 0.
    pub first: usize,
    /// The last step.
    pub last: usize,
}

/// The normal row nearest to a flagged one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// Euclidean distance over the scaled values that both rows have, scaled up for missing ones.
    pub distance: f64,
    /// Its values in units of their columns, `[D]`; `None` if not observed.
    pub values: Vec<Option<f64>>,
}
