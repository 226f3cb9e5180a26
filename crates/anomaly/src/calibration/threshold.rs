//! Where an alarm begins. A threshold is a value of its own, calibrated on the scores of rows known to be
//! normal and on nothing else; anomaly is the positive class, and a higher score is more anomalous.

use super::normal::{NormalScores, Provenance};
use super::tail::{Tail, TailError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a threshold follows from the scores of normal rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// Mean plus `k` standard deviations (divided by `n`, as numpy's `std`).
    MeanStd {
        /// 0 or more; the articles take 1.
        k: f64,
    },
    /// The `⌈(n + 1) q⌉`-th smallest score. On held-out scores, a new normal row from the same source is
    /// flagged with probability at most `1 - q`, whatever the scores' distribution (split conformal prediction;
    /// Vovk, Gammerman & Shafer 2005; Lei et al. 2018).
    Quantile {
        /// Above 0 and below 1.
        q: f64,
    },
    /// The lowest threshold with which a new normal row from the same source raises an alarm with probability at most
    /// `rate`: an alarm is a conformal p-value `(1 + #{calibration ≥ s}) / (n + 1)` of at most `rate` (Vovk, Gammerman &
    /// Shafer, 2005, section 2.2; Bates et al., 2023, section 2). Needs `⌈1 / rate⌉ - 1` held-out rows.
    FalseAlarmRate {
        /// Above 0 and below 1; 0.01 is one normal row in a hundred.
        rate: f64,
    },
    /// Extreme value theory: the score that normal rows exceed at `rate`, from a tail fitted above the quantile `tail`.
    /// For rates below what [`Rule::FalseAlarmRate`] can promise; an extrapolation, refused where the fit is doubtful, see
    /// [`mod@super::tail`].
    Pot {
        /// Above 0 and below `1 - tail`.
        rate: f64,
        /// 0.5 or more and below 1, as the tail's law holds far out; 0.9 is usual for some hundred rows, 0.98 for many
        /// thousand.
        tail: f64,
    },
}

impl Default for Rule {
    /// Mean plus one standard deviation.
    fn default() -> Self {
        Rule::MeanStd { k: 1.0 }
    }
}

/// A score above which a row is flagged, and where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Threshold {
    value: f64,
    rule: Rule,
    source: Provenance,
    n_samples: usize,
}

/// Why there is no threshold.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ThresholdError {
    /// The rule says nothing about so few scores.
    #[error("need the scores of at least {needed} normal rows for {rule}, got {got}")]
    TooFewSamples {
        /// The rule in words.
        rule: Rule,
        /// Rows that are enough.
        needed: usize,
        /// Rows there are.
        got: usize,
    },
    /// A score that is no number.
    #[error("the score of normal row {row} (from 0) is {value}; every score must be finite")]
    NonFiniteScore {
        /// From 0.
        row: usize,
        /// NaN or an infinity.
        value: f64,
    },
    /// No quantile.
    #[error("a quantile lies above 0 and below 1, got {q}; 0.99 flags at most 1 in 100 normal rows")]
    QuantileOutOfRange {
        /// What was asked for.
        q: f64,
    },
    /// No number of standard deviations.
    #[error("the number of standard deviations must be finite and 0 or more, got {k}; 1 is usual")]
    DeviationsOutOfRange {
        /// What was asked for.
        k: f64,
    },
    /// No rate.
    #[error("a false-alarm rate lies above 0 and below 1, got {rate}; 0.01 is one normal row in a hundred")]
    RateOutOfRange {
        /// What was asked for.
        rate: f64,
    },
    /// A tail that begins beyond the rate.
    #[error("a tail begins at a quantile of at least 0.5 and below 1 - {rate}, got {tail}; 0.9 is usual")]
    TailOutOfRange {
        /// What was asked for.
        tail: f64,
        /// The rate.
        rate: f64,
    },
    /// A promise that training rows cannot keep.
    #[error(
        "{rule} is a promise that only held-out rows can keep, and these scores are of training rows; hold normal rows out"
    )]
    NeedsHeldOut {
        /// The rule in words.
        rule: Rule,
    },
    /// A tail that cannot be extrapolated.
    #[error(transparent)]
    Tail(#[from] TailError),
    /// Calibration rows that look anomalous.
    #[error(
        "{above} of the {n} calibration scores lie above {share:.0} % of those of other normal rows; the calibration rows may be \
         anomalous or of another source, look at the rows with the highest scores"
    )]
    Suspicious {
        /// Calibration scores above that quantile.
        above: usize,
        /// Calibration scores.
        n: usize,
        /// The quantile of the other scores, in per cent.
        share: f64,
    },
    /// Stored scores that do not give the stored threshold.
    #[error("the stored scores do not give the stored threshold: {0}")]
    Stored(&'static str),
    /// Scores near the end of what a float can say.
    #[error("the threshold is too large for a number; scale the data down")]
    Overflow,
}

impl Rule {
    /// Whether the rule's number is in its range.
    ///
    /// # Errors
    /// Where it is not.
    pub fn validate(self) -> Result<(), ThresholdError> {
        match self {
            Rule::MeanStd { k } if !(k.is_finite() && k >= 0.0) => {
                Err(ThresholdError::DeviationsOutOfRange { k })
            }
            Rule::Quantile { q } if !(q > 0.0 && q < 1.0) => Err(ThresholdError::QuantileOutOfRange { q }),
            Rule::FalseAlarmRate { rate } | Rule::Pot { rate, .. } if !(rate > 0.0 && rate < 1.0) => {
                Err(ThresholdError::RateOutOfRange { rate })
            }
            Rule::Pot { rate, tail } if !(tail >= 0.5 && tail < 1.0 - rate) => {
                Err(ThresholdError::TailOutOfRange { tail, rate })
            }
            _ => Ok(()),
        }
    }

    /// Normal rows that the rule needs at least. For a quantile, fewer could not tell the alarm rate that it
    /// promises from 0.
    pub fn samples_needed(self) -> usize {
        match self {
            Rule::MeanStd { .. } => 2,
            Rule::Quantile { q } => {
                // ⌈(n + 1) q⌉ ≤ n from n = q / (1 - q) on; the float may be one off, so look around it.
                let guess = (q / (1.0 - q)) as usize;
                (guess.saturating_sub(2).max(1)..).find(|&n| rank(n, q) <= n).unwrap_or(usize::MAX)
            }
            Rule::FalseAlarmRate { rate } => {
                let guess = (1.0 / rate) as usize;
                (guess.saturating_sub(2).max(1)..).find(|&n| allowed(n, rate) >= 1).unwrap_or(usize::MAX)
            }
            Rule::Pot { tail, .. } => (super::tail::EXCESSES as f64 / (1.0 - tail)).ceil() as usize,
        }
    }
}

impl Threshold {
    /// Mean plus `k` standard deviations of the normal scores: see [`Rule::MeanStd`].
    ///
    /// # Errors
    /// Where `k` is out of range, or there are fewer than 2 scores.
    pub fn mean_std(scores: &NormalScores, k: f64) -> Result<Self, ThresholdError> {
        Self::by(Rule::MeanStd { k }, scores)
    }

    /// The quantile `q` of the normal scores: see [`Rule::Quantile`].
    ///
    /// # Errors
    /// Where `q` is out of range, or there are too few scores for it: the error says how many are needed.
    pub fn at_quantile(scores: &NormalScores, q: f64) -> Result<Self, ThresholdError> {
        Self::by(Rule::Quantile { q }, scores)
    }

    /// The threshold that a rule gives.
    ///
    /// # Errors
    /// As [`mean_std`](Self::mean_std) and [`at_quantile`](Self::at_quantile).
    pub fn by(rule: Rule, normal: &NormalScores) -> Result<Self, ThresholdError> {
        rule.validate()?;
        let (needed, got) = (rule.samples_needed(), normal.as_slice().len());
        if got < needed {
            return Err(ThresholdError::TooFewSamples { rule, needed, got });
        }
        let promises = matches!(rule, Rule::FalseAlarmRate { .. } | Rule::Pot { .. });
        if promises && normal.source() == Provenance::Training {
            return Err(ThresholdError::NeedsHeldOut { rule });
        }
        let nth = |place: usize| *normal.as_slice().to_vec().select_nth_unstable_by(place, f64::total_cmp).1;
        let value = match rule {
            Rule::MeanStd { k } => {
                let n = got as f64;
                let mean = normal.as_slice().iter().sum::<f64>() / n;
                let variance = normal.as_slice().iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n;
                mean + k * variance.sqrt()
            }
            Rule::Quantile { q } => nth(rank(got, q) - 1),
            // So many calibration scores, less one, may be as high as that of an alarm.
            Rule::FalseAlarmRate { rate } => nth(got - allowed(got, rate).min(got)),
            Rule::Pot { rate, tail } => {
                let mut sorted = normal.as_slice().to_vec();
                sorted.sort_by(f64::total_cmp);
                let tail = Tail::fit(&sorted, tail)?;
                // Ties at the start of the tail leave fewer excesses; above the start there is no extrapolation.
                if rate >= tail.excesses as f64 / got as f64 { tail.start } else { tail.exceeded_at(rate) }
            }
        };
        if !value.is_finite() {
            return Err(ThresholdError::Overflow);
        }
        Ok(Threshold { value, rule, source: normal.source(), n_samples: got })
    }

    /// Which rows are anomalous: those whose score lies above the threshold; on it is still normal. A score that
    /// is NaN is flagged, because a row that could not be scored must not pass in silence.
    pub fn flag(&self, scores: &[f64]) -> Vec<bool> {
        scores.iter().map(|&score| self.is_anomalous(score)).collect()
    }

    /// [`flag`](Self::flag) of one score.
    pub fn is_anomalous(&self, score: f64) -> bool {
        score.is_nan() || score > self.value
    }

    /// The score above which an alarm begins.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The rule that gave it.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Which normal rows it was calibrated on.
    pub fn source(&self) -> Provenance {
        self.source
    }

    /// How many of them.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }
}

/// `⌈(n + 1) q⌉`, from 1. A product that is a whole number but for the float's last digits counts as that number.
fn rank(n: usize, q: f64) -> usize {
    let exact = (n as f64 + 1.0) * q;
    ((exact * (1.0 - 4.0 * f64::EPSILON)).ceil() as usize).max(1)
}

/// `⌊(n + 1) rate⌋`: the places from the top, of `n + 1`, at which a score is an alarm.
fn allowed(n: usize, rate: f64) -> usize {
    ((n as f64 + 1.0) * rate * (1.0 + 4.0 * f64::EPSILON)).floor() as usize
}

/// As it is written in files.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    value: f64,
    rule: Rule,
    source: Provenance,
    n_samples: usize,
}

impl From<Threshold> for Stored {
    fn from(t: Threshold) -> Self {
        Stored { value: t.value, rule: t.rule, source: t.source, n_samples: t.n_samples }
    }
}

impl TryFrom<Stored> for Threshold {
    type Error = ThresholdError;

    fn try_from(stored: Stored) -> Result<Self, ThresholdError> {
        let Stored { value, rule, source, n_samples } = stored;
        rule.validate()?;
        if !value.is_finite() {
            return Err(ThresholdError::Overflow);
        }
        let needed = rule.samples_needed();
        if n_samples < needed {
            return Err(ThresholdError::TooFewSamples { rule, needed, got: n_samples });
        }
        Ok(Threshold { value, rule, source, n_samples })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::MeanStd { k } => write!(f, "mean + {k} std"),
            Rule::Quantile { q } => write!(f, "quantile {q}"),
            Rule::FalseAlarmRate { rate } => write!(f, "false-alarm rate {rate}"),
            Rule::Pot { rate, tail } => write!(f, "rate {rate} of the tail from the quantile {tail}"),
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Threshold { value, rule, source, n_samples } = self;
        write!(f, "{value:.6} ({rule} of {n_samples} {source} scores of normal rows)")
    }
}

#[cfg(test)]
#[path = "threshold_tests.rs"]
mod tests;
