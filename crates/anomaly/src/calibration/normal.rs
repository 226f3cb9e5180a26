//! Scores of rows known to be normal, the only input to a threshold.

use super::blocks;
use super::error::ThresholdError;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::BTreeSet;
use std::fmt;

/// Fewer rows than this are not compared.
const SUSPECTED: usize = 20;
/// Probability below which a difference between two parts of a series is not chance.
const BY_CHANCE: f64 = 0.001;

/// Scores of rows known to be normal, the only input to a threshold.
///
/// There is no conversion from a slice, a vector or an array, so the scores of a labelled test set cannot get
/// in by accident. The constructors' names say which normal rows the scores come from.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalScores {
    /// In the order of the rows.
    scores: Vec<f64>,
    source: Provenance,
    /// How many scores apart two scores are that have nothing in common; 1 for independent rows.
    overlap: usize,
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

    /// Scores of windows of a held-out part of a series, in the order of time. Two windows that are `overlap` or more
    /// scores apart share no step; 1 if no two share any.
    ///
    /// # Errors
    /// If a score is not finite.
    pub fn of_held_out_windows(scores: impl Into<Vec<f64>>, overlap: usize) -> Result<Self, ThresholdError> {
        let scores = Self::of(scores.into(), Provenance::HeldOut)?;
        Ok(NormalScores { overlap: overlap.max(1), ..scores })
    }

    pub(crate) fn of(scores: Vec<f64>, source: Provenance) -> Result<Self, ThresholdError> {
        match scores.iter().position(|score| !score.is_finite()) {
            Some(row) => Err(ThresholdError::NonFiniteScore { row, value: scores[row] }),
            None => Ok(NormalScores { scores, source, overlap: 1 }),
        }
    }

    /// How many independent scores these are worth; `None` if all of them are independent.
    pub fn blocks(&self) -> Option<f64> {
        (self.overlap > 1).then(|| blocks::blocks(self.scores.len(), self.overlap))
    }

    /// How many scores apart two scores are that have nothing in common.
    pub fn overlap(&self) -> usize {
        self.overlap
    }

    /// The places of the scores beyond the outer fence, the third quartile plus three times the interquartile range
    /// (Tukey, 1977), of the logarithms if all scores are positive; at most this share of all, the highest first.
    pub(crate) fn far_above(&self, share: f64) -> BTreeSet<usize> {
        let n = self.scores.len();
        let positive = self.scores.iter().all(|&score| score > 0.0);
        let value = |place: usize| if positive { self.scores[place].ln() } else { self.scores[place] };
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| self.scores[a].total_cmp(&self.scores[b]));
        let quartile = |share: f64| value(order[(n.saturating_sub(1) as f64 * share).round() as usize]);
        if n == 0 {
            return BTreeSet::new();
        }
        let fence = quartile(0.75) + 3.0 * (quartile(0.75) - quartile(0.25));
        let most = (n as f64 * share) as usize;
        order.iter().rev().take(most).copied().filter(|&place| value(place) > fence).collect()
    }

    /// The same without these places.
    pub(crate) fn without(&self, places: &BTreeSet<usize>) -> Self {
        let kept = self.scores.iter().enumerate().filter(|(place, _)| !places.contains(place));
        NormalScores { scores: kept.map(|(_, &score)| score).collect(), ..*self }
    }

    /// Checks that these rows can be of the same kind as `others`, normal rows that were not trained on
    /// either. Fails if at least half of them score above 95 % of the others, as anomalous rows would. Windows that
    /// share steps rise and fall together, so for these the difference must also be one that as few independent
    /// scores would show in one of a thousand cases (Welch's test of the logarithms).
    ///
    /// # Errors
    /// [`ThresholdError::Suspicious`], with the places of the high scores; never with fewer than 20 rows on either
    /// side.
    pub fn check_against(&self, others: &NormalScores) -> Result<(), ThresholdError> {
        let n = self.scores.len();
        if n < SUSPECTED || others.scores.len() < SUSPECTED {
            return Ok(());
        }
        let mut sorted = others.scores.clone();
        let place = (sorted.len() - 1) * 95 / 100;
        let usual = *sorted.select_nth_unstable_by(place, f64::total_cmp).1;
        let high: Vec<usize> = (0..n).filter(|&place| self.scores[place] > usual).collect();
        let (Some(&first), Some(&last)) = (high.first(), high.last()) else { return Ok(()) };
        let differ = self.blocks().is_none() || self.exceeds_by_chance(others) < BY_CHANCE;
        if 2 * high.len() < n || !differ {
            return Ok(());
        }
        Err(ThresholdError::Suspicious { above: high.len(), n, share: 95.0, first, last })
    }

    /// The probability that the mean of as many independent scores exceeds the others' by this much.
    fn exceeds_by_chance(&self, others: &NormalScores) -> f64 {
        let positive = self.scores.iter().chain(&others.scores).all(|&score| score > 0.0);
        let moments = |all: &NormalScores| {
            let value = |score: &f64| if positive { score.ln() } else { *score };
            let n = all.scores.len() as f64;
            let mean = all.scores.iter().map(value).sum::<f64>() / n;
            let variance = all.scores.iter().map(|score| (value(score) - mean).powi(2)).sum::<f64>() / n;
            let blocks = blocks::blocks(all.scores.len(), all.overlap);
            // The variance of the mean, and its degrees of freedom.
            (mean, variance / (blocks - 1.0), blocks - 1.0)
        };
        let ((own, of_own, own_freedom), (other, of_other, other_freedom)) = (moments(self), moments(others));
        let variance = of_own + of_other;
        if variance <= 0.0 {
            return if own > other { 0.0 } else { 1.0 };
        }
        let freedom = variance.powi(2) / (of_own.powi(2) / own_freedom + of_other.powi(2) / other_freedom);
        let student = StudentsT::new(0.0, 1.0, freedom).expect("degrees of freedom above 0");
        student.sf((own - other) / variance.sqrt())
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
