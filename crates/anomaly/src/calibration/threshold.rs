//! Thresholds above which a row is flagged.
//!
//! A threshold is calibrated only on the scores of rows known to be normal. Anomaly is the positive class,
//! and a higher score is more anomalous.

use super::normal::{NormalScores, Provenance};
use super::tail::{Tail, TailError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a threshold is computed from the scores of normal rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// Mean plus `k` standard deviations (divided by `n`, as numpy's `std`).
    MeanStd {
        /// 0 or more; the articles use 1.
        k: f64,
    },
    /// The `⌈(n + 1) q⌉`-th smallest score. On held-out scores, a new normal row from the same source is
    /// flagged with probability at most `1 - q`, whatever the distribution of the scores (split conformal
    /// prediction; Vovk, Gammerman & Shafer 2005; Lei et al. 2018).
    Quantile {
        /// Above 0 and below 1.
        q: f64,
    },
    /// The lowest threshold at which a new normal row from the same source is flagged with probability at
    /// most `rate`: a row is flagged if its conformal p-value `(1 + #{calibration ≥ s}) / (n + 1)` is at most
    /// `rate` (Vovk, Gammerman & Shafer, 2005, section 2.2; Bates et al., 2023, section 2). Needs
    /// `⌈1 / rate⌉ - 1` held-out rows.
    FalseAlarmRate {
        /// Above 0 and below 1; 0.01 is one normal row in a hundred.
        rate: f64,
    },
    /// Extreme value theory: the score that normal rows exceed at `rate`, from a tail fitted above the
    /// quantile `tail`. For rates below what [`Rule::FalseAlarmRate`] can guarantee. This is an
    /// extrapolation, refused if the fit is doubtful; see [`mod@super::tail`].
    Pot {
        /// Above 0 and below `1 - tail`.
        rate: f64,
        /// At least 0.5 and below 1, because the law of the tail holds far out. 0.9 is usual for a few
        /// hundred rows, 0.98 for many thousands.
        tail: f64,
    },
}

impl Default for Rule {
    /// Mean plus one standard deviation.
    fn default() -> Self {
        Rule::MeanStd { k: 1.0 }
    }
}

/// A score above which a row is flagged, and how it was computed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Threshold {
    value: f64,
    rule: Rule,
    source: Provenance,
    n_samples: usize,
}

/// Why a threshold cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ThresholdError {
    /// Too few scores for the rule.
    #[error("need the scores of at least {needed} normal rows for {rule}, got {got}")]
    TooFewSamples {
        /// The rule.
        rule: Rule,
        /// Rows needed.
        needed: usize,
        /// Rows given.
        got: usize,
    },
    /// A score that is not finite.
    #[error("the score of normal row {row} (counting from 0) is {value}; every score must be finite")]
    NonFiniteScore {
        /// From 0.
        row: usize,
        /// NaN or infinite.
        value: f64,
    },
    /// A quantile out of range.
    #[error("a quantile must be above 0 and below 1, got {q}; 0.99 flags at most 1 in 100 normal rows")]
    QuantileOutOfRange {
        /// The configured value.
        q: f64,
    },
    /// A number of standard deviations out of range.
    #[error("the number of standard deviations must be finite and 0 or more, got {k}; 1 is usual")]
    DeviationsOutOfRange {
        /// The configured value.
        k: f64,
    },
    /// A rate out of range.
    #[error(
        "a false-alarm rate must be above 0 and below 1, got {rate}; 0.01 is one normal row in a hundred"
    )]
    RateOutOfRange {
        /// The configured value.
        rate: f64,
    },
    /// A tail that starts too low, or beyond the rate.
    #[error(
        "the tail must start at a quantile of at least 0.5 and below 1 - {rate}, got {tail}; 0.9 is usual"
    )]
    TailOutOfRange {
        /// The configured value.
        tail: f64,
        /// The rate.
        rate: f64,
    },
    /// A rule that does not hold for scores of training rows.
    #[error(
        "{rule} holds only for scores of held-out rows, but these are scores of training rows; hold out normal rows"
    )]
    NeedsHeldOut {
        /// The rule.
        rule: Rule,
    },
    /// A tail that cannot be extrapolated.
    #[error(transparent)]
    Tail(#[from] TailError),
    /// Calibration rows that look anomalous.
    #[error(
        "{above} of the {n} calibration scores lie above {share:.0} % of the scores of other normal rows; the \
         calibration rows may be anomalous or from another source: look at those with the highest scores"
    )]
    Suspicious {
        /// Calibration scores above that quantile.
        above: usize,
        /// Number of calibration scores.
        n: usize,
        /// That quantile of the other scores, in per cent.
        share: f64,
    },
    /// Stored scores that do not match the stored threshold.
    #[error("the stored scores do not match the stored threshold: {0}")]
    Stored(&'static str),
    /// Scores near the limit of double precision.
    #[error("the threshold overflows; scale the data down")]
    Overflow,
}

impl Rule {
    /// Checks that the rule's parameters are in range.
    ///
    /// # Errors
    /// A parameter out of range.
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

    /// The fewest normal rows that the rule needs. With fewer rows, a quantile's alarm rate could not be told
    /// from 0.
    pub fn samples_needed(self) -> usize {
        match self {
            Rule::MeanStd { .. } => 2,
            Rule::Quantile { q } => {
                // ⌈(n + 1) q⌉ ≤ n holds from n = q / (1 - q) on. The float may be off by one, so search
                // around it.
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
    /// If `k` is out of range, or there are fewer than 2 scores.
    pub fn mean_std(scores: &NormalScores, k: f64) -> Result<Self, ThresholdError> {
        Self::by(Rule::MeanStd { k }, scores)
    }

    /// The quantile `q` of the normal scores: see [`Rule::Quantile`].
    ///
    /// # Errors
    /// If `q` is out of range, or there are too few scores for it; the error says how many are needed.
    pub fn at_quantile(scores: &NormalScores, q: f64) -> Result<Self, ThresholdError> {
        Self::by(Rule::Quantile { q }, scores)
    }

    /// The threshold computed by a rule.
    ///
    /// # Errors
    /// See [`mean_std`](Self::mean_std) and [`at_quantile`](Self::at_quantile).
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
            // At most `allowed - 1` calibration scores may be as high as that of an alarm.
            Rule::FalseAlarmRate { rate } => nth(got - allowed(got, rate).min(got)),
            Rule::Pot { rate, tail } => {
                let mut sorted = normal.as_slice().to_vec();
                sorted.sort_by(f64::total_cmp);
                let tail = Tail::fit(&sorted, tail)?;
                // Ties at the start of the tail leave fewer excesses. A rate at or above their share needs no
                // extrapolation.
                if rate >= tail.excesses as f64 / got as f64 { tail.start } else { tail.exceeded_at(rate) }
            }
        };
        if !value.is_finite() {
            return Err(ThresholdError::Overflow);
        }
        Ok(Threshold { value, rule, source: normal.source(), n_samples: got })
    }

    /// Flags rows whose score lies above the threshold; a score equal to it is still normal. NaN is flagged,
    /// because a row that could not be scored must not pass silently.
    pub fn flag(&self, scores: &[f64]) -> Vec<bool> {
        scores.iter().map(|&score| self.is_anomalous(score)).collect()
    }

    /// [`flag`](Self::flag) of one score.
    pub fn is_anomalous(&self, score: f64) -> bool {
        score.is_nan() || score > self.value
    }

    /// The score above which a row is flagged.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The rule that computed it.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Which normal rows it was calibrated on.
    pub fn source(&self) -> Provenance {
        self.source
    }

    /// The number of these rows.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }
}

/// `⌈(n + 1) q⌉`, at least 1. A product that is a whole number up to rounding counts as that number.
fn rank(n: usize, q: f64) -> usize {
    let exact = (n as f64 + 1.0) * q;
    ((exact * (1.0 - 4.0 * f64::EPSILON)).ceil() as usize).max(1)
}

/// `⌊(n + 1) rate⌋`: how many of the top ranks among `n + 1` scores are flagged.
fn allowed(n: usize, rate: f64) -> usize {
    ((n as f64 + 1.0) * rate * (1.0 + 4.0 * f64::EPSILON)).floor() as usize
}

/// The stored form.
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
            Rule::Pot { rate, tail } => write!(f, "rate {rate} of the tail above quantile {tail}"),
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
