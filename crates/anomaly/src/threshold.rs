//! Where an alarm begins. A threshold is a value of its own, calibrated on the scores of rows known to be
//! normal and on nothing else; anomaly is the positive class, and a higher score is more anomalous.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Scores of rows that are known to be normal: the only thing that a threshold is made from.
///
/// There is no conversion from a slice, a vector or an array, so that the scores of a labelled test set cannot
/// get in by accident: whoever makes one says, by the constructor's name, which normal rows these were.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalScores {
    scores: Vec<f64>,
    source: Source,
}

/// Which normal rows a threshold was calibrated on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The rows that the model was trained on, as the articles do. Their errors are smaller than those of new
    /// normal rows, so alarms come more often than the rule says.
    Training,
    /// Normal rows that the model has not seen. Only with these does a quantile promise an alarm rate.
    HeldOut,
}

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
    source: Source,
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
    /// Scores near the end of what a float can say.
    #[error("the threshold is too large for a number; scale the data down")]
    Overflow,
}

impl NormalScores {
    /// Scores of the normal rows that the model was trained on.
    ///
    /// # Errors
    /// Where a score is not finite.
    pub fn of_training_rows(scores: impl Into<Vec<f64>>) -> Result<Self, ThresholdError> {
        Self::new(scores.into(), Source::Training)
    }

    /// Scores of normal rows kept out of training for calibration, and out of the test as well.
    ///
    /// # Errors
    /// Where a score is not finite.
    pub fn of_held_out_rows(scores: impl Into<Vec<f64>>) -> Result<Self, ThresholdError> {
        Self::new(scores.into(), Source::HeldOut)
    }

    fn new(scores: Vec<f64>, source: Source) -> Result<Self, ThresholdError> {
        match scores.iter().position(|score| !score.is_finite()) {
            Some(row) => Err(ThresholdError::NonFiniteScore { row, value: scores[row] }),
            None => Ok(NormalScores { scores, source }),
        }
    }

    /// The scores, in the order of the rows.
    pub fn as_slice(&self) -> &[f64] {
        &self.scores
    }

    /// Which rows these are.
    pub fn source(&self) -> Source {
        self.source
    }
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
        let (needed, got) = (rule.samples_needed(), normal.scores.len());
        if got < needed {
            return Err(ThresholdError::TooFewSamples { rule, needed, got });
        }
        let value = match rule {
            Rule::MeanStd { k } => {
                let n = got as f64;
                let mean = normal.scores.iter().sum::<f64>() / n;
                let variance = normal.scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n;
                mean + k * variance.sqrt()
            }
            Rule::Quantile { q } => {
                let mut sorted = normal.scores.clone();
                *sorted.select_nth_unstable_by(rank(got, q) - 1, f64::total_cmp).1
            }
        };
        if !value.is_finite() {
            return Err(ThresholdError::Overflow);
        }
        Ok(Threshold { value, rule, source: normal.source, n_samples: got })
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
    pub fn source(&self) -> Source {
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

/// As it is written in files.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    value: f64,
    rule: Rule,
    source: Source,
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
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Training => "training",
            Source::HeldOut => "held-out",
        })
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
