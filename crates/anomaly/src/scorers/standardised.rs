//! Mean absolute difference, each value in the unit of its own usual difference:
//! `s(x) = mean_j |x_j - x̂_j| / σ_j`, over the observed `j`, with `σ_j² = mean (x_j - x̂_j)²` over validation rows.
//!
//! The spread is taken around 0, because 0 is what a good reconstruction leaves. So a value that is never rebuilt well
//! counts as little as one that always is. A `σ_j` below 1 % of the root mean square of all is raised to that: what is
//! constant in the validation rows must not drown the rest.

use super::residual::{Measure, OfRow, Reconstructor, by_chain, row_by_row};
use super::stored::{self, Arrays};
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_records::arrays::StoredArray;
use ae_tensor::DenseChain;
use ndarray::{Array1, Array2};

/// Least spread of a value, in parts of the root mean square of all.
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
            // Never observed: as the others, see below.
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

    fn quick_scores(&self, chain: &DenseChain, rows: &Samples) -> Option<Vec<f64>> {
        by_chain(self, chain, rows)
    }
}
