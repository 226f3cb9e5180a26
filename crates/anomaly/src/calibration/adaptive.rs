//! A threshold that follows slow changes, so that the share of flagged rows stays near the promise.
//!
//! Adaptive conformal inference (Gibbs & Candès, 2021, equation 2): a row is flagged if its improbability exceeds the
//! level `α_t`, and then `α_{t+1} = α_t + γ (α - flagged_t)`. Whatever the rows are, the share of the first `T` that is
//! flagged differs from `α` by at most `(max(α, 1 - α) + γ) / (γ T)` (proposition 4.1 there).
//!
//! That is also its price: a fault that lasts becomes normal after about `1 / (γ (1 - α))` rows. It is an option for
//! streams whose level wanders, never the default.

use super::{Calibration, Rule, Verdict};
use crate::judgement::Judgement;
use serde::{Deserialize, Serialize};

/// The usual step: a fault is forgotten within about 200 rows.
pub const USUAL_STEP: f64 = 0.005;
/// The lowest level that a threshold is computed for; below it, nothing is flagged.
const MIN_LEVEL: f64 = 1e-12;

/// The level of an adaptive threshold; it can be saved and restored at any row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Adaptive {
    rate: f64,
    step: f64,
    level: f64,
}

/// Settings of an adaptive threshold that are out of range.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum AdaptiveError {
    /// The step.
    #[error(
        "the step of an adaptive threshold must be above 0 and at most 0.5, got {0}; {USUAL_STEP} is usual"
    )]
    Step(f64),
    /// The rate.
    #[error("an adaptive threshold needs a false-alarm rate above 0 and below 1, got {0}")]
    Rate(f64),
    /// A rule that states no rate.
    #[error(
        "an adaptive threshold needs a detector with a false-alarm rate, but this one has the rule {0}; fit one \
             with a rate, such as --false-alarms '1 %'"
    )]
    Rule(Rule),
    /// Several thresholds.
    #[error(
        "a detector with groups has no adaptive threshold; fit a detector for each group, from a file of its rows"
    )]
    Groups,
    /// The stored level.
    #[error("the stored level of an adaptive threshold is {0}, which no stream leads to")]
    Level(f64),
}

impl Adaptive {
    /// Starts at the promised rate; `step` is `γ`.
    ///
    /// # Errors
    /// A rate or a step out of range.
    pub fn new(rate: f64, step: f64) -> Result<Self, AdaptiveError> {
        Adaptive { rate, step, level: rate }.checked()
    }

    /// The step, `γ`.
    pub fn step(&self) -> f64 {
        self.step
    }

    /// The judgement by the current threshold instead of the calibrated one; the threshold then moves. A row that was
    /// not judged moves nothing.
    pub fn judge(&mut self, calibration: &Calibration, judgement: Judgement) -> Judgement {
        match judgement.verdict() {
            Some(verdict) => Judgement::of(self.verdict(calibration, verdict.score)),
            None => judgement,
        }
    }

    fn checked(self) -> Result<Self, AdaptiveError> {
        let Adaptive { rate, step, level } = self;
        if !(rate > 0.0 && rate < 1.0) {
            return Err(AdaptiveError::Rate(rate));
        }
        if !(step > 0.0 && step <= 0.5) {
            return Err(AdaptiveError::Step(step));
        }
        // One step beyond the levels at which everything, or nothing, is flagged.
        if !(-step..=1.0 + step).contains(&level) {
            return Err(AdaptiveError::Level(level));
        }
        Ok(self)
    }

    /// The current level: above 0 and below 1 except for moments.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// The verdict on the score of the next row by the current threshold, which then moves.
    pub fn verdict(&mut self, calibration: &Calibration, score: f64) -> Verdict {
        let survival = calibration.survival();
        let threshold = match self.level {
            level if level >= 1.0 => f64::MIN,
            level if level < MIN_LEVEL => f64::MAX,
            level => survival.score_at(-level.log10()),
        };
        let is_anomalous = score.is_nan() || score > threshold;
        let flagged = if is_anomalous { 1.0 } else { 0.0 };
        let bounds = (-self.step, 1.0 + self.step);
        self.level = (self.level + self.step * (self.rate - flagged)).clamp(bounds.0, bounds.1);
        let severity = calibration.severity(score);
        // A severity above 0.5 belongs to flagged rows only.
        let severity = if is_anomalous { severity.max(0.5f64.next_up()) } else { severity.min(0.5) };
        Verdict { score, p_value: calibration.p_value(score), threshold, severity, is_anomalous }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    rate: f64,
    step: f64,
    level: f64,
}

impl From<Adaptive> for Stored {
    fn from(Adaptive { rate, step, level }: Adaptive) -> Self {
        Stored { rate, step, level }
    }
}

impl TryFrom<Stored> for Adaptive {
    type Error = AdaptiveError;

    fn try_from(Stored { rate, step, level }: Stored) -> Result<Self, AdaptiveError> {
        Adaptive { rate, step, level }.checked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::NormalScores;
    use ae_records::seed::stream_rng;
    use rand::RngExt;

    fn calibration() -> Calibration {
        let mut rng = stream_rng(1, "tests of adaptive thresholds", 0);
        let scores: Vec<f64> = (0..400).map(|_| -(1.0 - rng.random::<f64>()).ln()).collect();
        let normal = NormalScores::of_held_out_rows(scores).unwrap();
        Calibration::fit(&normal, Rule::FalseAlarmRate { rate: 0.02 }).unwrap()
    }

    /// Scores that slowly rise to three times what they were.
    fn drifting(n: usize) -> Vec<f64> {
        let mut rng = stream_rng(2, "tests of adaptive thresholds", 0);
        let scale = |row: usize| 1.0 + 2.0 * row as f64 / n as f64;
        (0..n).map(|row| -scale(row) * (1.0 - rng.random::<f64>()).ln()).collect()
    }

    #[test]
    fn the_rate_is_kept_on_scores_that_drift_where_a_fixed_threshold_breaks_it() {
        let (calibration, scores) = (calibration(), drifting(6000));
        let mut adaptive = Adaptive::new(0.02, USUAL_STEP).unwrap();
        let flagged = scores.iter().filter(|&&s| adaptive.verdict(&calibration, s).is_anomalous).count();
        let rate = flagged as f64 / scores.len() as f64;
        let bound = (0.98 + USUAL_STEP) / (USUAL_STEP * scores.len() as f64);
        assert!((rate - 0.02).abs() <= bound, "{rate}");
        let fixed = scores.iter().filter(|&&s| calibration.verdict(s).is_anomalous).count();
        assert!(fixed > 5 * flagged, "{fixed} {flagged}");
    }

    #[test]
    fn a_restored_level_goes_on_with_the_same_verdicts_and_junk_is_refused() {
        let (calibration, scores) = (calibration(), drifting(300));
        let mut adaptive = Adaptive::new(0.02, 0.05).unwrap();
        for (row, &score) in scores.iter().enumerate() {
            let text = serde_json::to_string(&adaptive).unwrap();
            let mut again: Adaptive = serde_json::from_str(&text).unwrap();
            let verdict = adaptive.verdict(&calibration, score);
            assert_eq!(verdict, again.verdict(&calibration, score), "{row}");
            assert_eq!(verdict.is_anomalous, verdict.severity > 0.5);
        }
        for junk in [r#"{"rate":2,"step":0.1,"level":0.5}"#, r#"{"rate":0.1,"step":0.1,"level":9}"#] {
            assert!(serde_json::from_str::<Adaptive>(junk).is_err());
        }
        assert!(Adaptive::new(0.01, 0.0).is_err() && Adaptive::new(0.0, 0.1).is_err());
    }
}
