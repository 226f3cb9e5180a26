//! Turns a score into a verdict (p-value, threshold, severity), using the scores of held-out normal rows.
//!
//! **p-value**: the conformal p-value `(1 + #{calibration ≥ s}) / (n + 1)`. For a new normal row from the
//! same source, it is at most `u` with probability at most `u`, for every `u`.
//!
//! **Severity**: how improbable a score is, in decimal digits relative to the threshold, on the same scale
//! for every detector. With `a(s) = -log10 P(normal score ≥ s)`, severity is `a(s) / 2 a(t)` up to the
//! threshold `t` and `1 - a(t) / 2 a(s)` above it. It is 0 for the most usual scores, 0.5 at the threshold,
//! 0.75 at twice the threshold's digits (1 in 10,000 for a threshold at 1 %), and approaches 1. At the
//! calibration scores, `P` is `(1 + #{calibration ≥ s}) / (n + 1)`; between them its logarithm is linear.
//! Beyond the largest, `P` is an exponential tail with the mean excess of the highest tenth or, if a tail was
//! fitted ([`Rule::Pot`]), the line to the rate at its threshold. There severity is an extrapolation: it says
//! how far off a row is, not how probable.

pub mod adaptive;
pub mod blocks;
pub mod budget;
pub mod drift;
pub mod error;
pub mod normal;
pub mod promise;
mod survival;
pub mod tail;
pub mod threshold;

pub use adaptive::{Adaptive, AdaptiveError};
pub use budget::{BudgetError, FalseAlarmBudget};
pub use drift::{Drift, DriftError, DriftStatus};
pub use error::ThresholdError;
pub use normal::{NormalScores, Provenance};
pub use promise::{Basis, Promise};
pub use threshold::{Rule, Threshold};

use serde::{Deserialize, Serialize};
pub(crate) use survival::Survival;

/// Calibration scores and threshold: everything needed to turn a score into a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Calibration {
    survival: Survival,
    threshold: Threshold,
    /// Digits at the threshold, and at least half those of a single calibration row.
    at_threshold: f64,
}

/// The verdict on a scored row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Higher is more anomalous.
    pub score: f64,
    /// The p-value of the score among normal rows, in (0, 1].
    pub p_value: f64,
    /// The score above which a row is flagged.
    pub threshold: f64,
    /// In [0, 1]: 0.5 at the threshold, higher for flagged rows only; comparable between detectors.
    pub severity: f64,
    /// Whether the score lies above the threshold.
    pub is_anomalous: bool,
}

impl Calibration {
    /// Sorts the scores and computes the threshold by the rule.
    ///
    /// # Errors
    /// See [`Threshold::by`].
    pub fn fit(normal: &NormalScores, rule: Rule) -> Result<Self, ThresholdError> {
        let threshold = Threshold::by(rule, normal)?;
        let mut scores = normal.as_slice().to_vec();
        scores.sort_by(f64::total_cmp);
        Self::new(scores, threshold)
    }

    /// Restores a calibration from its stored parts: the calibration scores, in any order, and the threshold
    /// computed from them.
    ///
    /// # Errors
    /// Scores that are not finite, or that the threshold was not computed from.
    pub fn restore(mut scores: Vec<f64>, threshold: Threshold) -> Result<Self, ThresholdError> {
        if let Some(row) = scores.iter().position(|score| !score.is_finite()) {
            return Err(ThresholdError::NonFiniteScore { row, value: scores[row] });
        }
        if scores.is_empty() || scores.len() != threshold.n_samples() {
            return Err(ThresholdError::Stored("their number differs"));
        }
        scores.sort_by(f64::total_cmp);
        // A fitted tail is not fitted again on every load, and a threshold from stretches of a series depends on
        // the order of the scores.
        if !matches!(threshold.rule(), Rule::Pot { .. }) && threshold.blocks().is_none() {
            let again =
                Threshold::by(threshold.rule(), &NormalScores::of(scores.clone(), threshold.source())?)?;
            let (value, again) = (threshold.value(), again.value());
            if (value - again).abs() > 1e-9 * value.abs().max(again.abs()) {
                return Err(ThresholdError::Stored("they give a different one"));
            }
        }
        Self::new(scores, threshold)
    }

    fn new(scores: Vec<f64>, threshold: Threshold) -> Result<Self, ThresholdError> {
        let n = scores.len() as f64;
        let rate = threshold.extrapolated().then(|| threshold.rule().rate()).flatten();
        let survival = Survival::of(scores, rate.map(|rate| (threshold.value(), rate)));
        let least = ((n + 1.0) / n).log10() / 2.0;
        let at_threshold = survival.digits(threshold.value()).max(least);
        Ok(Calibration { survival, threshold, at_threshold })
    }

    /// The verdict on a score.
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

    /// `(1 + #{calibration ≥ s}) / (n + 1)`, in (0, 1]; for NaN, the smallest possible value.
    pub fn p_value(&self, score: f64) -> f64 {
        self.survival.p_value(score)
    }

    /// In [0, 1]: 0.5 at the threshold, higher only above it; 1 for NaN.
    pub fn severity(&self, score: f64) -> f64 {
        let threshold = self.threshold.value();
        if score.is_nan() {
            return 1.0;
        }
        let (own, usual) = (self.survival.digits(score), self.at_threshold);
        if score > threshold {
            // Rounding must not pull an alarm down to 0.5.
            let severity = if own.is_finite() { 1.0 - 0.5 * usual / own.max(usual) } else { 1.0 };
            return severity.max(0.5f64.next_up());
        }
        if score == threshold { 0.5 } else { (0.5 * own / usual).min(0.5) }
    }

    /// How improbable a score is among normal rows.
    pub(crate) fn survival(&self) -> &Survival {
        &self.survival
    }

    /// The threshold above which a row is flagged.
    pub fn threshold(&self) -> &Threshold {
        &self.threshold
    }

    /// The calibration scores, ascending.
    pub fn scores(&self) -> &[f64] {
        self.survival.scores()
    }
}

/// The stored form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    scores: Vec<f64>,
    threshold: Threshold,
}

impl From<Calibration> for Stored {
    fn from(calibration: Calibration) -> Self {
        Stored { scores: calibration.survival.into_scores(), threshold: calibration.threshold }
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
