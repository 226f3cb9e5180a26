//! Standardised mean absolute difference: `s(x) = mean_j |x_j - x̂_j| / σ_j` over the observed `j`, with the
//! usual difference of each value, `σ_j² = mean (x_j - x̂_j)²` over validation rows.
//!
//! The spread is measured around 0, which is what a good reconstruction leaves. A value that is never
//! reconstructed well thus counts no more than one that always is. A `σ_j` below 1 % of the root mean square
//! over all values is raised to that, so that values which are constant in the validation rows do not drown
//! out the rest.

use super::model::QuickChain;
use super::residual::{Measure, OfRow, Reconstructor, by_chain, row_by_row};
use super::stored::{self, Arrays};
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_records::arrays::StoredArray;
use ndarray::{Array1, Array2};

/// Minimum spread of a value, as a fraction of the root mean square over all values.
const MIN_SPREAD: f64 = 0.01;

/// The measure, with the usual difference of each value.
#[derive(Debug)]
pub(crate) struct Standardised {
    /// `[D]`, above zero.
    spreads: Array1<f64>,
}

impl Standardised {
    fn learn(residuals: &Array2<f64>, rows: &Samples) -> Result<Self, ScorerError> {
        let (n, width) = residuals.dim();
        if n < 2 {
            return Err(ScorerError::TooFewRows { what: "the standardised score", needed: 2, got: n });
        }
        let mut spreads = Array1::zeros(width);
        let (mut all, mut count) = (0.0, 0usize);
        for feature in 0..width {
            let seen = (0..n).filter(|&row| rows.is_observed(row, feature));
            let (squares, seen) =
                seen.fold((0.0, 0usize), |(sum, n), row| (sum + residuals[[row, feature]].powi(2), n + 1));
            (all, count) = (all + squares, count + seen);
            // Never observed: replaced by the overall spread below.
            spreads[feature] = if seen == 0 { f64::NAN } else { (squares / seen as f64).sqrt() };
        }
        let root = (all / count.max(1) as f64).sqrt();
        let root = if root > 0.0 { root } else { 1.0 };
        spreads
            .mapv_inplace(|spread: f64| if spread.is_nan() { root } else { spread.max(MIN_SPREAD * root) });
        Ok(Standardised { spreads })
    }
}

impl OfRow for Standardised {
    fn of_row(&self, errors: impl Iterator<Item = (usize, f64)>) -> f64 {
        let add =
            |(sum, n), (feature, error): (usize, f64)| (sum + error.abs() / self.spreads[feature], n + 1);
        let (sum, n) = errors.fold((0.0, 0usize), add);
        sum / n as f64
    }
}

impl Measure for Standardised {
    const NAME: &'static str = "standardised";

    fn fit(reconstructor: &Reconstructor, validation: &Samples) -> Result<Self, ScorerError> {
        Self::learn(&reconstructor.residuals(validation)?, validation)
    }

    fn load(width: usize, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let spreads = Array1::from_vec(arrays.vector("spreads", Some(width))?);
        if spreads.iter().any(|&spread| spread <= 0.0) {
            return Err(ScorerError::Stored("`spreads` holds values that are not above 0".into()));
        }
        Ok(Standardised { spreads })
    }

    fn arrays(&self) -> Vec<(String, StoredArray)> {
        vec![("spreads".into(), stored::vector(&self.spreads.to_vec()))]
    }

    fn scores(&self, residuals: &Array2<f64>, rows: &Samples) -> Result<Vec<f64>, ScorerError> {
        Ok(row_by_row(self, residuals, rows))
    }

    fn parts(&self, residuals: &mut Array2<f64>, _: &Samples) -> Result<(), ScorerError> {
        for mut row in residuals.outer_iter_mut() {
            row.zip_mut_with(&self.spreads, |residual, spread| *residual = residual.abs() / spread);
        }
        Ok(())
    }

    fn quick_scores(&self, chain: &QuickChain<'_>, rows: &Samples) -> Option<Vec<f64>> {
        by_chain(self, chain, rows)
    }
}
