//! Mahalanobis distance of the difference: `s(x) = (r - μ)ᵀ Σ⁻¹ (r - μ) / D` for `r = x - x̂`, with the mean
//! `μ` and the Ledoit-Wolf shrunk covariance `Σ` of the differences of validation rows.
//!
//! Differences that usually occur together count once. For a row with gaps, the observed block of `μ` and `Σ`
//! is used, and the sum is divided by the number of observed values. Under a Gaussian, that block is the
//! distribution of the observed values, so scores of rows with and without gaps are comparable. If validation
//! rows have gaps, each covariance is computed over the rows that have both values.
//!
//! The share of a value is its part in `‖P^{-1/2} V^{-1/2} (r - μ)‖²`, with `V` the variances and `P` the
//! correlations. This splits the same sum into parts of 0 or more, each as close to its own value as possible
//! (Garthwaite & Koch, 2016, "Evaluating the contributions of individual variables to a quadratic form",
//! section 2).

use super::covariance::ledoit_wolf;
use super::residual::{Measure, Reconstructor};
use super::stored::{self, Arrays};
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_records::arrays::StoredArray;
use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use ndarray::{Array1, Array2};
use std::collections::HashMap;

/// Widest row that a covariance is stored for: 128 MiB.
const MAX_WIDTH: usize = 4096;
/// Gap patterns whose blocks are cached at a time.
const MAX_PATTERNS: usize = 64;

/// The measure, with mean and covariance of the differences.
#[derive(Debug)]
pub(crate) struct Mahalanobis {
    /// `[D]`.
    mean: Array1<f64>,
    /// `[D, D]`, positive definite.
    covariance: Array2<f64>,
    /// The factor of the whole covariance.
    whole: Cholesky<f64, Dyn>,
}

impl Mahalanobis {
    fn learn(residuals: &Array2<f64>, rows: &Samples) -> Result<Self, ScorerError> {
        let (n, width) = residuals.dim();
        if n < 2 {
            return Err(ScorerError::TooFewRows { what: "the Mahalanobis distance", needed: 2, got: n });
        }
        check_width(width)?;
        let mut mean = Array1::zeros(width);
        let mut centred = residuals.clone();
        for feature in 0..width {
            let seen: Vec<usize> = (0..n).filter(|&row| rows.is_observed(row, feature)).collect();
            let sum: f64 = seen.iter().map(|&row| residuals[[row, feature]]).sum();
            mean[feature] = sum / seen.len().max(1) as f64;
            for row in 0..n {
                let known = rows.is_observed(row, feature);
                centred[[row, feature]] = if known { residuals[[row, feature]] - mean[feature] } else { 0.0 };
            }
        }
        let known = |(row, feature)| f64::from(u8::from(rows.is_observed(row, feature)));
        let observed = rows.observed.as_ref().map(|_| Array2::from_shape_fn((n, width), known));
        Self::new(mean, ledoit_wolf(&centred, observed.as_ref()).covariance)
    }

    fn new(mean: Array1<f64>, covariance: Array2<f64>) -> Result<Self, ScorerError> {
        let whole = factor(&covariance, &(0..mean.len()).collect::<Vec<_>>())?;
        Ok(Mahalanobis { mean, covariance, whole })
    }
}

impl Measure for Mahalanobis {
    const NAME: &'static str = "mahalanobis";

    fn fit(reconstructor: &Reconstructor, validation: &Samples) -> Result<Self, ScorerError> {
        Self::learn(&reconstructor.residuals(validation)?, validation)
    }

    fn load(width: usize, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        check_width(width)?;
        let mean = Array1::from_vec(arrays.vector("mean", Some(width))?);
        Self::new(mean, arrays.matrix("covariance", Some(width), width)?)
    }

    fn arrays(&self) -> Vec<(String, StoredArray)> {
        vec![
            ("mean".into(), stored::vector(&self.mean.to_vec())),
            ("covariance".into(), stored::matrix(&self.covariance)),
        ]
    }

    fn scores(&self, residuals: &Array2<f64>, rows: &Samples) -> Result<Vec<f64>, ScorerError> {
        let mut blocks: HashMap<Vec<usize>, Cholesky<f64, Dyn>> = HashMap::new();
        let mut scores = Vec::with_capacity(rows.len());
        for (row, residual) in residuals.outer_iter().enumerate() {
            let seen = seen(rows, row);
            let difference =
                DVector::from_iterator(seen.len(), seen.iter().map(|&f| residual[f] - self.mean[f]));
            let n = seen.len() as f64;
            let factor = if seen.len() == self.mean.len() {
                &self.whole
            } else {
                if blocks.len() >= MAX_PATTERNS && !blocks.contains_key(&seen) {
                    blocks.clear();
                }
                if !blocks.contains_key(&seen) {
                    blocks.insert(seen.clone(), factor(&self.covariance, &seen)?);
                }
                &blocks[&seen]
            };
            // A triangular system with a positive diagonal can always be solved.
            let whitened = factor.l_dirty().solve_lower_triangular(&difference).expect("a positive diagonal");
            scores.push(whitened.norm_squared() / n);
        }
        Ok(scores)
    }

    fn parts(&self, residuals: &mut Array2<f64>, rows: &Samples) -> Result<(), ScorerError> {
        let mut blocks: HashMap<Vec<usize>, DMatrix<f64>> = HashMap::new();
        for (row, mut residual) in residuals.outer_iter_mut().enumerate() {
            let seen = seen(rows, row);
            if blocks.len() >= MAX_PATTERNS && !blocks.contains_key(&seen) {
                blocks.clear();
            }
            let whitening =
                blocks.entry(seen.clone()).or_insert_with(|| whitening(&block(&self.covariance, &seen)));
            let difference =
                DVector::from_iterator(seen.len(), seen.iter().map(|&f| residual[f] - self.mean[f]));
            let parts = &*whitening * difference;
            residual.fill(0.0);
            for (&feature, part) in seen.iter().zip(parts.iter()) {
                residual[feature] = part * part;
            }
        }
        Ok(())
    }
}

fn check_width(width: usize) -> Result<(), ScorerError> {
    if width <= MAX_WIDTH {
        return Ok(());
    }
    let legal = format!("at most {MAX_WIDTH} for the Mahalanobis distance, or the standardised score");
    Err(ScorerError::setting("the number of values of a row", width, legal))
}

/// The observed features of a row.
fn seen(rows: &Samples, row: usize) -> Vec<usize> {
    (0..rows.values.ncols()).filter(|&feature| rows.is_observed(row, feature)).collect()
}

fn block(covariance: &Array2<f64>, seen: &[usize]) -> DMatrix<f64> {
    DMatrix::from_fn(seen.len(), seen.len(), |i, j| covariance[[seen[i], seen[j]]])
}

fn factor(covariance: &Array2<f64>, seen: &[usize]) -> Result<Cholesky<f64, Dyn>, ScorerError> {
    let factor = block(covariance, seen).cholesky();
    factor.ok_or_else(|| ScorerError::Stored("`covariance` is not positive definite".into()))
}

/// `P^{-1/2} V^{-1/2}`.
fn whitening(covariance: &DMatrix<f64>) -> DMatrix<f64> {
    let scales = covariance.diagonal().map(|variance| 1.0 / variance.sqrt());
    let scale = DMatrix::from_diagonal(&scales);
    let decomposed = (&scale * covariance * &scale).symmetric_eigen();
    let roots = decomposed.eigenvalues.map(|value| 1.0 / value.max(f64::EPSILON).sqrt());
    let vectors = decomposed.eigenvectors;
    &vectors * DMatrix::from_diagonal(&roots) * vectors.transpose() * scale
}
