//! Distances between the distributions of two sets of samples.

use crate::error::MetricError;
use crate::matrix::{doubles, map_distances, same_width};
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use ndarray::{Array1, Array2, ArrayBase, Axis, Data, Ix2, s};

/// Maximum rows of each set for the median heuristic.
const MEDIAN_ROWS: usize = 1000;

/// Fréchet distance between Gaussians fitted to two sets of feature vectors, `[N, D]` and `[M, D]`:
/// `‖μ₁ - μ₂‖² + tr(C₁ + C₂ - 2 (C₁C₂)^½)` (Heusel et al., 2017, equation 6), in squared units of the
/// features, `≥ 0`. Covariances divide by `N - 1`, as in the authors' code. With Inception's features it is
/// the FID; with other features it is comparable only with distances of the same features. Fewer samples than
/// features bias it upwards.
///
/// # Errors
/// Fewer than two samples in a set, different numbers of columns, or a value that is not finite.
pub fn frechet_distance<A, B, L, R>(
    features_a: &ArrayBase<L, Ix2>,
    features_b: &ArrayBase<R, Ix2>,
) -> Result<f64, MetricError>
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
    L: Data<Elem = A>,
    R: Data<Elem = B>,
{
    let (a, b) = pair(("features_a", features_a), ("features_b", features_b), "the Fréchet distance")?;
    let ((mean_a, covariance_a), (mean_b, covariance_b)) = (moments(a), moments(b));
    let difference = mean_a - mean_b;
    // (C₁C₂)^½ has the same trace as the square root of C₁^½ C₂ C₁^½, which is symmetric.
    let root = {
        let mut eigen = SymmetricEigen::new(covariance_a.clone());
        eigen.eigenvalues = roots(&eigen.eigenvalues);
        eigen.recompose()
    };
    let product = &root * &covariance_b * &root;
    let product = (&product + product.transpose()) * 0.5;
    let cross = roots(&product.symmetric_eigenvalues()).sum();
    let distance = difference.dot(&difference) + covariance_a.trace() + covariance_b.trace() - 2.0 * cross;
    Ok(distance.max(0.0))
}

/// Widths of the Gaussian kernel, in units of the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bandwidth<'a> {
    /// The median distance between two samples of the union (Gretton et al., 2012, section 8), computed on at
    /// most 1,000 evenly spaced rows of each set.
    Median,
    /// Explicit widths; the kernel is the mean of the kernels of these widths.
    Given(&'a [f64]),
}

/// Squared maximum mean discrepancy between two sets of samples, `[N, D]` and `[M, D]`, under the Gaussian
/// kernel `exp(-‖x - y‖² / 2σ²)`: the unbiased estimate (Gretton et al., 2012, equation 3). Around 0 for
/// samples of the same distribution, and negative as often as positive; at most 2.
///
/// # Errors
/// Fewer than two samples in a set, different numbers of columns, a value that is not finite, a bandwidth
/// that is not positive, or the median heuristic if most samples are equal.
pub fn mmd_rbf<A, B, L, R>(
    x: &ArrayBase<L, Ix2>,
    y: &ArrayBase<R, Ix2>,
    bandwidth: Bandwidth<'_>,
) -> Result<f64, MetricError>
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
    L: Data<Elem = A>,
    R: Data<Elem = B>,
{
    let (x, y) = pair(("x", x), ("y", y), "the maximum mean discrepancy")?;
    let widths = match bandwidth {
        Bandwidth::Median => vec![median_distance(&x, &y)?],
        Bandwidth::Given(widths) => widths.to_vec(),
    };
    if widths.is_empty() {
        return Err(MetricError::Empty { what: "bandwidths" });
    }
    if let Some(&bad) = widths.iter().find(|width| !(width.is_finite() && **width > 0.0)) {
        return Err(MetricError::Bandwidth(bad));
    }
    let exponents: Vec<f64> = widths.iter().map(|width| -0.5 / (width * width)).collect();
    let kernel = |distance: f64| exponents.iter().map(|e| (e * distance).exp()).sum::<f64>();
    let sum = |rows: &Array2<f64>, others: &Array2<f64>, without_itself: bool| -> f64 {
        let of_row = |index: usize, distances: ndarray::ArrayView1<f64>| -> f64 {
            let others = distances.iter().enumerate().filter(|(other, _)| !without_itself || *other != index);
            others.map(|(_, &distance)| kernel(distance)).sum()
        };
        map_distances(rows, others, of_row).iter().sum::<f64>() / exponents.len() as f64
    };
    let (n, m) = (x.nrows() as f64, y.nrows() as f64);
    let within = sum(&x, &x, true) / (n * (n - 1.0)) + sum(&y, &y, true) / (m * (m - 1.0));
    Ok(within - 2.0 * sum(&x, &y, false) / (n * m))
}

/// Checks and converts two sets of at least two rows each.
fn pair<A, B, L, R>(
    (name_a, a): (&'static str, &ArrayBase<L, Ix2>),
    (name_b, b): (&'static str, &ArrayBase<R, Ix2>),
    what: &'static str,
) -> Result<(Array2<f64>, Array2<f64>), MetricError>
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
    L: Data<Elem = A>,
    R: Data<Elem = B>,
{
    let (a, b) = (doubles(name_a, a)?, doubles(name_b, b)?);
    same_width((name_a, a.ncols()), (name_b, b.ncols()))?;
    let got = a.nrows().min(b.nrows());
    if got < 2 { Err(MetricError::TooFew { what, needed: 2, got }) } else { Ok((a, b)) }
}

/// Mean `[D]` and covariance `[D, D]` of rows.
fn moments(mut rows: Array2<f64>) -> (Array1<f64>, DMatrix<f64>) {
    let mean = rows.mean_axis(Axis(0)).expect("at least one row");
    rows -= &mean;
    let covariance = rows.t().dot(&rows) / (rows.nrows() as f64 - 1.0);
    let (height, width) = covariance.dim();
    (mean, DMatrix::from_iterator(height, width, covariance.iter().copied()))
}

/// Square roots of the eigenvalues of a positive semidefinite matrix. Eigenvalues within rounding error count
/// as zero, because their square roots would be significant.
fn roots(eigenvalues: &DVector<f64>) -> DVector<f64> {
    let least = eigenvalues.amax() * f64::EPSILON * eigenvalues.len() as f64;
    eigenvalues.map(|value| if value > least { value.sqrt() } else { 0.0 })
}

fn median_distance(x: &Array2<f64>, y: &Array2<f64>) -> Result<f64, MetricError> {
    let some = |rows: &Array2<f64>| rows.slice(s![..;rows.nrows().div_ceil(MEDIAN_ROWS), ..]).to_owned();
    let rows = ndarray::concatenate(Axis(0), &[some(x).view(), some(y).view()]).expect("of equal width");
    let later = map_distances(&rows, &rows, |index, distances| distances.slice(s![index + 1..]).to_vec());
    let mut distances = later.concat();
    let n_pairs = distances.len();
    let (below, &mut upper, _) = distances.select_nth_unstable_by(n_pairs / 2, f64::total_cmp);
    let lower = below.iter().copied().fold(0.0, f64::max);
    // The median of the distances, not of their squares.
    let lower = if n_pairs.is_multiple_of(2) { lower } else { upper };
    let median = (lower.sqrt() + upper.sqrt()) / 2.0;
    if median > 0.0 { Ok(median) } else { Err(MetricError::NoSpread) }
}
