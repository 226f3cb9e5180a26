//! What is said about a row: the verdict, or why there is none; and why an alarm was raised.

use crate::calibration::Verdict;
use ae_intake::Feature;
use serde::{Deserialize, Serialize};

/// What is said about a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Judgement {
    /// As the rows that were calibrated on.
    Normal(Verdict),
    /// An alarm.
    Anomalous(Verdict),
    /// Not judged.
    Unknown {
        /// Why.
        #[serde(flatten)]
        reason: Unknown,
    },
}

/// Why a row is not judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Unknown {
    /// Less was observed than the detector asks for.
    TooLittleObserved {
        /// Share of the row, or of the window, that was observed.
        observed: f32,
    },
    /// Fewer time steps have come than a window has.
    WarmingUp,
    /// It has no finite score.
    NoScore {
        /// What the scorer says.
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
                write!(f, "only {:.0} % was observed", 100.0 * f64::from(*observed))
            }
            Unknown::WarmingUp => f.write_str("fewer steps have come than a window has"),
            Unknown::NoScore { detail } => write!(f, "no score: {detail}"),
        }
    }
}

impl Judgement {
    /// What a verdict says.
    pub fn of(verdict: Verdict) -> Self {
        if verdict.is_anomalous { Judgement::Anomalous(verdict) } else { Judgement::Normal(verdict) }
    }

    /// The verdict, where there is one.
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
    /// The values that the score is made of, the largest share first; none for a score that is not made of shares.
    pub shares: Vec<Share>,
    /// The nearest of the normal rows that the detector keeps; none where no value is shared.
    pub nearest: Option<Nearest>,
}

/// The part of a value in a row's score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// Which value: its column, with the level of a category or the step of a window.
    pub feature: Feature,
    /// Its place in a sample, from 0.
    pub index: usize,
    /// 0 to 1; all shares of a row sum to 1.
    pub share: f64,
    /// What it is, in units of its column; none where it was not observed.
    pub value: Option<f64>,
    /// What the model expects, in units of its column.
    pub expected: Option<f64>,
}

/// A normal row beside one that was flagged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// Euclidean distance over the scaled values that both have, scaled up for those that are missing.
    pub distance: f64,
    /// Its values in units of their columns, `[D]`; none where not observed.
    pub values: Vec<Option<f64>>,
}
