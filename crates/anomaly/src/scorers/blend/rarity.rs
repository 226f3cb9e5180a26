//! How rare a score is among normal rows: what makes scores of different scorers comparable.
//!
//! `r(s) = 1 / p(s)`, with the share `p(s)` of normal rows that score at least `s`, up to the score that one in ten
//! reaches. Beyond it, where few normal rows are and the anomalies are to be told apart, it grows with the excess:
//! `r(s) = 10 (1 + (s - s₁₀) / e)`, with the mean excess `e` of the normal rows beyond `s₁₀`.

use crate::error::ScorerError;
use crate::scorers::stored::{self, Arrays};
use ae_records::arrays::StoredArray;

/// Share of normal rows beyond which a score is in the tail.
const TAIL: f64 = 0.1;
/// Steps of the share, from 1 to [`TAIL`].
const STEPS: usize = 90;

/// The scores of normal rows that one scorer gives.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rarity {
    /// The score that is exceeded by a share of `1 - at / 100`, rising; the last is where the tail begins.
    quantiles: Vec<f64>,
    /// Mean excess in the tail, above zero.
    excess: f64,
}

impl Rarity {
    /// From the scores of normal rows that the scorer was not fitted on; at least one.
    pub(super) fn of(mut scores: Vec<f64>) -> Self {
        scores.sort_unstable_by(f64::total_cmp);
        let last = scores.len() - 1;
        let quantile = |step: usize| {
            let place = step as f64 / 100.0 * last as f64;
            let (below, part) = (place.floor() as usize, place.fract());
            scores[below] + part * (scores[(below + 1).min(last)] - scores[below])
        };
        let quantiles: Vec<f64> = (0..=STEPS).map(quantile).collect();
        let start = quantiles[STEPS];
        let beyond: Vec<f64> =
            scores.iter().map(|score| score - start).filter(|excess| *excess > 0.0).collect();
        let mean = beyond.iter().sum::<f64>() / beyond.len().max(1) as f64;
        let excess = [mean, start.abs(), 1.0].into_iter().find(|scale| *scale > 0.0 && scale.is_finite());
        Rarity { quantiles, excess: excess.expect("1 is above 0") }
    }

    pub(super) fn load(arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let quantiles = arrays.vector("quantiles", Some(STEPS + 1))?;
        let excess = arrays.vector("excess", Some(1))?[0];
        if excess <= 0.0 || quantiles.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(ScorerError::Stored("`quantiles` do not rise, or `excess` is not above 0".into()));
        }
        Ok(Rarity { quantiles, excess })
    }

    pub(super) fn arrays(&self) -> Vec<(String, StoredArray)> {
        vec![
            ("quantiles".into(), stored::vector(&self.quantiles)),
            ("excess".into(), stored::vector(&[self.excess])),
        ]
    }

    /// The logarithm of the rarity, `ln r(s)`: 0 for the lowest score, ln 10 for what one normal row in ten reaches.
    pub(super) fn ln_of(&self, score: f64) -> f64 {
        let start = self.quantiles[STEPS];
        if score >= start {
            return -TAIL.ln() + ((score - start) / self.excess).ln_1p();
        }
        let above = self.quantiles.partition_point(|quantile| *quantile <= score);
        let Some(below) = above.checked_sub(1) else { return 0.0 };
        let (low, high) = (self.quantiles[below], self.quantiles[above]);
        let share = 1.0 - (below as f64 + (score - low) / (high - low)) / 100.0;
        -share.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_evenly_spread_scores_it_is_the_logarithm_of_the_share_above() {
        let rarity = Rarity::of((0..=1000).map(f64::from).collect());
        for score in [0.0f64, 1.0, 250.0, 505.5, 899.0] {
            let expected = -(1.0 - score / 1000.0).ln();
            assert!((rarity.ln_of(score) - expected).abs() < 1e-12, "{score}");
        }
        assert!((rarity.ln_of(900.0) - 10f64.ln()).abs() < 1e-12);
        // The mean excess of 901 to 1000 over 900.
        assert!((rarity.ln_of(900.0 + 50.5) - 20f64.ln()).abs() < 1e-12);
        assert_eq!(rarity.ln_of(-3.0), 0.0);
    }

    #[test]
    fn it_never_falls_and_stays_finite() {
        for scores in
            [vec![0.0; 50], vec![3.0], vec![1e-300, 1e300], (0..40).map(|at| f64::from(at / 20)).collect()]
        {
            let rarity = Rarity::of(scores.clone());
            let mut last = 0.0;
            for score in [-1.0, 0.0, 1e-300, 0.5, 1.0, 3.0, 4.0, 1e10, 1e300, f64::MAX] {
                let own = rarity.ln_of(score);
                assert!(own >= last && own.is_finite(), "{scores:?}: {score} {own}");
                last = own;
            }
        }
    }
}
