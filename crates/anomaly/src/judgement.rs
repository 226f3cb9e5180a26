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

/// Why a row was flagged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The values that make up the score, largest share first. Empty for a score that does not split into
    /// shares.
    pub shares: Vec<Share>,
    /// The nearest of the stored normal rows; `None` if they share no observed value with this row.
    pub nearest: Option<Nearest>,
}

/// The share of one value in a row's score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The value's column, with the level of a category or the step of a window.
    pub feature: Feature,
    /// Its position in a sample, from 0.
    pub index: usize,
    /// From 0 to 1; the shares of a row sum to 1.
    pub share: f64,
    /// The observed value in units of its column; `None` if it was not observed.
    pub value: Option<f64>,
    /// The value that the model expects, in units of its column.
    pub expected: Option<f64>,
}

/// The normal row nearest to a flagged one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// Euclidean distance over the scaled values that both rows have, scaled up for missing ones.
    pub distance: f64,
    /// Its values in units of their columns, `[D]`; `None` if not observed.
    pub values: Vec<Option<f64>>,
}
