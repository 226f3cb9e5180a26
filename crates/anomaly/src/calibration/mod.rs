//! From a score to a verdict: p-value, threshold and severity, by the scores of held-out normal rows.
//!
//! **p-value**: `(1 + #{calibration ≥ s}) / (n + 1)`, conformal: of a new normal row from the same source it is at most
//! `u` with probability at most `u`, for every `u`.
//!
//! **Severity**, the same scale for every detector: by how many digits a score is improbable, relative to the threshold.
//! With `a(s) = -log10 P(normal score ≥ s)` it is `a(s) / 2 a(t)` up to the threshold `t`, and `1 - a(t) / 2 a(s)` above:
//! 0 for what is most usual, 0.5 on the threshold, 0.75 for twice its digits (of a threshold at 1 %: 1 in 10,000), and
//! towards 1. `P` is `(1 + #{calibration ≥ s}) / (n + 1)` at the calibration scores, its logarithm linear between them,
//! and beyond the largest an exponential tail with the mean excess of the highest tenth; where a tail was fitted
//! ([`Rule::Pot`]), the line to the rate at its threshold. Beyond the largest score it is an extrapolation, and says how
//! far a row is off, not how probable it is.

pub mod budget;
pub mod drift;
pub mod normal;
pub mod tail;
pub mod threshold;

pub use budget::{BudgetError, FalseAlarmBudget};
pub use drift::{Drift, DriftError, DriftStatus};
pub use normal::{NormalScores, Provenance};
pub use threshold::{Rule, Threshold, ThresholdError};

use serde::{Deserialize, Serialize};

/// Threshold and calibration scores: all that a verdict needs beside the score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Calibration {
    /// Rising, at least one.
    scores: Vec<f64>,
    threshold: Threshold,
    digits: Digits,
}

/// What is said of a row that has a score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Higher is more anomalous.
    pub score: f64,
    /// Of this or a higher score for a normal row, in (0, 1].
    pub p_value: f64,
    /// The score above which an alarm begins.
    pub threshold: f64,
    /// In [0, 1]: 0.5 on the threshold, above it for alarms only, comparable between detectors.
    pub severity: f64,
    /// Whether the score lies above the threshold.
    pub is_anomalous: bool,
}

/// What `a(s)` needs beside the scores.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Digits {
    /// Digits for each unit of score beyond the largest calibration score; above 0.
    slope: f64,
    /// `a` at the threshold, and at least half the digits of a single calibration row.
    at_threshold: f64,
}

impl Calibration {
    /// Sorts the scores and takes the threshold that the rule gives.
    ///
    /// # Errors
    /// As [`Threshold::by`].
    pub fn fit(normal: &NormalScores, rule: Rule) -> Result<Self, ThresholdError> {
        let threshold = Threshold::by(rule, normal)?;
        let mut scores = normal.as_slice().to_vec();
        scores.sort_by(f64::total_cmp);
        Self::new(scores, threshold)
    }

    /// Of parts that were stored: calibration scores in any order, and the threshold that they gave.
    ///
    /// # Errors
    /// Scores that are not finite, or not those that the threshold was made from.
    pub fn restore(mut scores: Vec<f64>, threshold: Threshold) -> Result<Self, ThresholdError> {
        if let Some(row) = scores.iter().position(|score| !score.is_finite()) {
            return Err(ThresholdError::NonFiniteScore { row, value: scores[row] });
        }
        if scores.is_empty() || scores.len() != threshold.n_samples() {
            return Err(ThresholdError::Stored("there are more or fewer of them than it was made from"));
        }
        scores.sort_by(f64::total_cmp);
        // The bootstrap of a fitted tail is not repeated at each start.
        if !matches!(threshold.rule(), Rule::Pot { .. }) {
            let again =
                Threshold::by(threshold.rule(), &NormalScores::of(scores.clone(), threshold.source())?)?;
            let (value, again) = (threshold.value(), again.value());
            if (value - again).abs() > 1e-9 * value.abs().max(again.abs()) {
                return Err(ThresholdError::Stored("they give another one"));
            }
        }
        Self::new(scores, threshold)
    }

    fn new(scores: Vec<f64>, threshold: Threshold) -> Result<Self, ThresholdError> {
        let digits = Digits { slope: slope(&scores, &threshold), at_threshold: 0.0 };
        let mut calibration = Calibration { scores, threshold, digits };
        let n = calibration.scores.len() as f64;
        let least = ((n + 1.0) / n).log10() / 2.0;
        calibration.digits.at_threshold = calibration.digits(threshold.value()).max(least);
        Ok(calibration)
    }

    /// What the score says.
    pub fn verdict(&self, score: f64) -> Verdict {
        let threshold = self.threshold.value();
        let is_anomalous = self.threshold.is_anomalous(score);
        Verdict {
            score,
            p_value: self.p_value(score),
            threshold,
            severity: self.severity(score),
            is_anomalous,
        }
    }

    /// `(1 + #{calibration ≥ s}) / (n + 1)`, in (0, 1]; the least there is for a score that is no number.
    pub fn p_value(&self, score: f64) -> f64 {
        let n = self.scores.len();
        let below = if score.is_nan() { n } else { self.scores.partition_point(|&own| own < score) };
        (1 + n - below) as f64 / (n + 1) as f64
    }

    /// In [0, 1]; 0.5 on the threshold, more above it and only there. 1 for a score that is no number.
    pub fn severity(&self, score: f64) -> f64 {
        let threshold = self.threshold.value();
        if score.is_nan() {
            return 1.0;
        }
        let (own, usual) = (self.digits(score), self.digits.at_threshold);
        if score > threshold {
            // Rounding must not take an alarm to 0.5.
            let severity = if own.is_finite() { 1.0 - 0.5 * usual / own.max(usual) } else { 1.0 };
            return severity.max(0.5f64.next_up());
        }
        if score == threshold { 0.5 } else { (0.5 * own / usual).min(0.5) }
    }

    /// `-log10 P(normal score ≥ s)`, 0 or more, rising with `s`.
    fn digits(&self, score: f64) -> f64 {
        let n = self.scores.len();
        let at = |place: usize| -((1 + n - place) as f64 / (n + 1) as f64).log10();
        // How many lie below, and how many are not above.
        let below = self.scores.partition_point(|&own| own < score);
        if below == n {
            let last = self.scores[n - 1];
            let first = self.scores.partition_point(|&own| own < last);
            return at(first) + (score - last) * self.digits.slope;
        }
        let next = self.scores[below];
        if below == 0 || next == score {
            return at(below);
        }
        let last = self.scores[below - 1];
        let first = self.scores.partition_point(|&own| own < last);
        let width = next - last;
        // Halves, where the distance of two floats is none.
        let part = if width.is_finite() {
            (score - last) / width
        } else {
            (score / 2.0 - last / 2.0) / (next / 2.0 - last / 2.0)
        };
        at(first) + part.clamp(0.0, 1.0) * (at(below) - at(first))
    }

    /// Where an alarm begins.
    pub fn threshold(&self) -> &Threshold {
        &self.threshold
    }

    /// The calibration scores, rising.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }
}

/// Digits for each unit of score beyond the largest calibration score.
fn slope(scores: &[f64], threshold: &Threshold) -> f64 {
    let n = scores.len();
    let last = scores[n - 1];
    let above = threshold.value() - last;
    if let Rule::Pot { rate, .. } = threshold.rule()
        && above > 0.0
    {
        let first = scores.partition_point(|&own| own < last);
        let digits = -rate.log10() + ((1 + n - first) as f64 / (n + 1) as f64).log10();
        if digits > 0.0 && (digits / above).is_finite() {
            return digits / above;
        }
    }
    let start = scores[(n - n.div_ceil(10)).saturating_sub(1)];
    let excesses = scores.iter().filter(|&&score| score > start).map(|score| score - start);
    let (sum, k) = excesses.fold((0.0, 0.0), |(sum, k), excess| (sum + excess, k + 1.0));
    // Equal scores have no spread; one of a hundredth of their size stands in for it.
    let spread = if sum > 0.0 { sum / k } else { (last.abs() / 100.0).max(f64::MIN_POSITIVE) };
    (std::f64::consts::LOG10_E / spread).clamp(f64::MIN_POSITIVE, f64::MAX)
}

/// As it is written in files.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    scores: Vec<f64>,
    threshold: Threshold,
}

impl From<Calibration> for Stored {
    fn from(calibration: Calibration) -> Self {
        Stored { scores: calibration.scores, threshold: calibration.threshold }
    }
}

impl TryFrom<Stored> for Calibration {
    type Error = ThresholdError;

    fn try_from(stored: Stored) -> Result<Self, ThresholdError> {
        Calibration::restore(stored.scores, stored.threshold)
    }
}

#[cfg(test)]
mod tests;
