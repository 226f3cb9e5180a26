//! Distances between originals and their reconstructions.

use crate::error::MetricError;
use ndarray::{ArrayBase, Axis, Data, Dimension, RemoveAxis, Zip};

/// Mean squared error over all elements, in squared units of the data, `≥ 0`.
///
/// Takes arrays of any shape with elements of type `f32`, `f64` or small integers; sums in `f64`.
///
/// # Errors
/// Different shapes, no elements, or a value that is not finite.
pub fn mse<A, B, D, L, R>(
    original: &ArrayBase<L, D>,
    reconstruction: &ArrayBase<R, D>,
) -> Result<f64, MetricError>
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
    D: Dimension,
    L: Data<Elem = A>,
    R: Data<Elem = B>,
{
    mean_over_pairs(original, reconstruction, |difference| difference * difference)
}

/// Mean absolute error over all elements, in units of the data, `≥ 0`; otherwise as [`mse`].
///
/// # Errors
/// As [`mse`].
pub fn mae<A, B, D, L, R>(
    original: &ArrayBase<L, D>,
    reconstruction: &ArrayBase<R, D>,
) -> Result<f64, MetricError>
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
    D: Dimension,
    L: Data<Elem = A>,
    R: Data<Elem = B>,
{
    mean_over_pairs(original, reconstruction, f64::abs)
}

/// Peak signal-to-noise ratio over all elements, in decibels: `10 · log₁₀(data_range² / MSE)`; infinite if
/// the two are equal. `data_range` is the greatest minus the least *possible* value: 1, or 255 for bytes.
///
/// Papers that report "mean PSNR" take the mean of [`psnr_per_sample`], which is a different value.
///
/// # Errors
/// As [`mse`], or a data range that is not positive and finite.
pub fn psnr<A, B, D, L, R>(
    original: &ArrayBase<L, D>,
    reconstruction: &ArrayBase<R, D>,
    data_range: f64,
) -> Result<f64, MetricError>
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
    D: Dimension,
    L: Data<Elem = A>,
    R: Data<Elem = B>,
{
    check_data_range(data_range)?;
    Ok(decibel(mse(original, reconstruction)?, data_range))
}

/// [`psnr`] of each sample along the first axis: `[N]`.
///
/// # Errors
/// As [`psnr`].
pub fn psnr_per_sample<A, B, D, L, R>(
    originals: &ArrayBase<L, D>,
    reconstructions: &ArrayBase<R, D>,
    data_range: f64,
) -> Result<Vec<f64>, MetricError>
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
    D: RemoveAxis,
    L: Data<Elem = A>,
    R: Data<Elem = B>,
{
    check_data_range(data_range)?;
    check_pair(originals.shape(), reconstructions.shape())?;
    let pairs = originals.axis_iter(Axis(0)).zip(reconstructions.axis_iter(Axis(0)));
    pairs.map(|(left, right)| Ok(decibel(mse(&left, &right)?, data_range))).collect()
}

/// Checks that both have the same shape and are not empty.
pub(crate) fn check_pair(original: &[usize], reconstruction: &[usize]) -> Result<(), MetricError> {
    if original != reconstruction {
        let (original, reconstruction) = (original.to_vec(), reconstruction.to_vec());
        return Err(MetricError::ShapeMismatch { original, reconstruction });
    }
    if original.contains(&0) {
        return Err(MetricError::Empty { what: "original" });
    }
    Ok(())
}

/// Checks that the data range is a positive, finite number.
pub(crate) fn check_data_range(data_range: f64) -> Result<(), MetricError> {
    if data_range.is_finite() && data_range > 0.0 { Ok(()) } else { Err(MetricError::DataRange(data_range)) }
}

/// Refuses values that are not finite, naming the index of the first.
pub(crate) fn check_finite<A, D, S>(what: &'static str, values: &ArrayBase<S, D>) -> Result<(), MetricError>
where
    A: Copy + Into<f64>,
    D: Dimension,
    S: Data<Elem = A>,
{
    let bad = values.iter().map(|&v| v.into()).enumerate().find(|(_, v): &(usize, f64)| !v.is_finite());
    bad.map_or(Ok(()), |(index, value)| Err(MetricError::NotFinite { what, index, value }))
}

fn decibel(mse: f64, data_range: f64) -> f64 {
    // Divide first: the square of a huge range would overflow.
    20.0 * (data_range / mse.sqrt()).log10()
}

fn mean_over_pairs<A, B, D, L, R>(
    original: &ArrayBase<L, D>,
    reconstruction: &ArrayBase<R, D>,
    cost: impl Fn(f64) -> f64,
) -> Result<f64, MetricError>
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
    D: Dimension,
    L: Data<Elem = A>,
    R: Data<Elem = B>,
{
    check_pair(original.shape(), reconstruction.shape())?;
    let pairs = Zip::from(original).and(reconstruction);
    let sum = pairs.fold(0.0, |sum, &left, &right| sum + cost(left.into() - right.into()));
    if !sum.is_finite() {
        check_finite("original", original)?;
        check_finite("reconstruction", reconstruction)?;
    }
    Ok(sum / original.len() as f64)
}
