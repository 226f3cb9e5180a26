//! An invertible covariance estimate from few rows: `Σ = (1 - ρ) S + ρ μ I`, with the sample covariance `S`,
//! `μ = tr S / D`, and the `ρ` of least mean squared error (Ledoit & Wolf, 2004, "A well-conditioned
//! estimator for large-dimensional covariance matrices", section 3).

use nalgebra::DMatrix;
use ndarray::Array2;

/// A shrunk covariance.
#[derive(Debug)]
pub(crate) struct Shrunk {
    /// `[D, D]`, positive definite.
    pub(crate) covariance: Array2<f64>,
    /// `ρ`, in [0, 1].
    #[cfg_attr(not(test), expect(dead_code, reason = "compared with the golden file"))]
    pub(crate) shrinkage: f64,
}

/// The shrunk covariance of centred rows `[N, D]`; sums are divided by `N`, as in scikit-learn. For rows with
/// gaps, `observed` is 1 for observed values and 0 for gaps, where the rows hold 0. Each covariance is then
/// over the rows that have both values, and the eigenvalues are raised to make the matrix positive definite.
pub(crate) fn ledoit_wolf(centred: &Array2<f64>, observed: Option<&Array2<f64>>) -> Shrunk {
    let (n, width) = (centred.nrows() as f64, centred.ncols() as f64);
    let squares = centred.mapv(|x| x * x);
    let sample = match observed {
        None => centred.t().dot(centred) / n,
        Some(observed) => {
            positive(centred.t().dot(centred) / observed.t().dot(observed).mapv(|both| both.max(1.0)))
        }
    };
    let mean = sample.diag().sum() / width;
    // Squared norms of S - μI and of the error of S, divided by D.
    let delta = (sample.mapv(|s| s * s).sum() - width * mean * mean) / width;
    let fourth = squares.t().dot(&squares).sum();
    let beta = (fourth / n - sample.mapv(|s| s * s).sum()) / (n * width);
    let beta = beta.min(delta).max(0.0);
    let shrinkage = if beta == 0.0 { 0.0 } else { beta / delta };
    let mut covariance = sample * (1.0 - shrinkage);
    // Without shrinkage, a constant column would leave the matrix singular.
    let least = if mean > 0.0 { 1e-9 * mean } else { 1e-12 };
    covariance.diag_mut().mapv_inplace(|value| value + shrinkage * mean + least);
    Shrunk { covariance, shrinkage }
}

/// A symmetric matrix with its eigenvalues raised to at least a thousandth of their mean.
fn positive(matrix: Array2<f64>) -> Array2<f64> {
    let width = matrix.nrows();
    let decomposed = DMatrix::from_fn(width, width, |i, j| matrix[[i, j]]).symmetric_eigen();
    let least = 1e-3 * matrix.diag().sum() / width as f64;
    let values = decomposed.eigenvalues.map(|value| value.max(least));
    let raised =
        &decomposed.eigenvectors * DMatrix::from_diagonal(&values) * decomposed.eigenvectors.transpose();
    Array2::from_shape_fn((width, width), |(i, j)| (raised[(i, j)] + raised[(j, i)]) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn array(value: &Value) -> Array2<f64> {
        let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
        Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
    }

    /// From `tests/reference/anomaly.py`: scikit-learn's `LedoitWolf` on few and many rows, near a plane and
    /// isotropic. The term added to the diagonal is within the tolerance.
    #[test]
    fn shrinkage_is_that_of_scikit_learn() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/reference/anomaly.json")).unwrap();
        for case in golden["ledoit_wolf"].as_array().unwrap() {
            let rows = array(&case["rows"]);
            let centred = &rows - &rows.mean_axis(ndarray::Axis(0)).unwrap();
            let shrunk = ledoit_wolf(&centred, None);
            let expected = case["shrinkage"].as_f64().unwrap();
            assert!((shrunk.shrinkage - expected).abs() < 1e-12, "{} {expected}", shrunk.shrinkage);
            let covariance = array(&case["covariance"]);
            let scale = covariance.diag().sum();
            let off = (&shrunk.covariance - &covariance).mapv(f64::abs).fold(0.0f64, |a, b| a.max(*b));
            assert!(off < 2e-9 * scale, "{off}");
        }
    }

    #[test]
    fn rows_without_any_spread_still_give_an_invertible_matrix() {
        let shrunk = ledoit_wolf(&Array2::zeros((5, 3)), None);
        assert!(shrunk.covariance.diag().iter().all(|&value| value > 0.0));
    }
}
