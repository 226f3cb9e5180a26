//! What is done to rows of values: sums, layer normalisation, softmax and the error function of Gauss.

use crate::dense::exp;
use crate::simd::Simd;
use ae_network::Layer;

/// Sums side by side, whatever the processor: its vectors must not change a result.
const LANES: usize = 16;

/// Combines values in a fixed order, some side by side.
#[inline(always)]
fn fold<const V: usize>(
    values: [&[f32]; V],
    start: f32,
    value: impl Fn([f32; V]) -> f32,
    combine: impl Fn(f32, f32) -> f32,
) -> f32 {
    let mut lanes = [start; LANES];
    let whole = values[0].len() / LANES * LANES;
    for first in (0..whole).step_by(LANES) {
        let parts = values.map(|values| &values[first..first + LANES]);
        for (index, lane) in lanes.iter_mut().enumerate() {
            *lane = combine(*lane, value(parts.map(|part| part[index])));
        }
    }
    for (index, lane) in (whole..values[0].len()).zip(&mut lanes) {
        *lane = combine(*lane, value(values.map(|values| values[index])));
    }
    lanes.into_iter().fold(start, combine)
}

#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f32 {
    fold([values], 0.0, |[value]| value, |sum, value| sum + value)
}

#[inline(always)]
pub(super) fn dot(one: &[f32], other: &[f32]) -> f32 {
    fold([one, other], 0.0, |[one, other]| one * other, |sum, value| sum + value)
}

/// Each row with mean 0 and variance 1, before scale and shift; and what its deviations were multiplied by.
#[inline(always)]
pub(super) fn normalise(rows: &[f32], width: usize, to: &mut [f32], rates: &mut [f32]) {
    for ((row, to), rate) in rows.chunks_exact(width).zip(to.chunks_exact_mut(width)).zip(rates) {
        let mean = sum(row) / width as f32;
        to.iter_mut().zip(row).for_each(|(to, value)| *to = value - mean);
        let variance = dot(to, to) / width as f32;
        *rate = 1.0 / (variance + Layer::NORM_EPSILON as f32).sqrt();
        to.iter_mut().for_each(|to| *to *= *rate);
    }
}

/// Normalised rows times `scale` plus `shift`.
#[inline(always)]
pub(super) fn scaled(normalised: &[f32], scale: &[f32], shift: &[f32], to: &mut [f32]) {
    let width = scale.len();
    for (row, to) in normalised.chunks_exact(width).zip(to.chunks_exact_mut(width)) {
        for (((to, value), scale), shift) in to.iter_mut().zip(row).zip(scale).zip(shift) {
            *to = value * scale + shift;
        }
    }
}

/// Adds to `to` the gradient before a normalisation, from that behind scale and shift, which is overwritten; and to `sums` the
/// gradients of scale and shift.
#[inline(always)]
pub(super) fn before_norm(
    gradient: &mut [f32],
    normalised: &[f32],
    rates: &[f32],
    scale: &[f32],
    sums: &mut [f32],
    to: &mut [f32],
) {
    let width = scale.len();
    let (of_scale, of_shift) = sums.split_at_mut(width);
    let rows = gradient.chunks_exact_mut(width).zip(normalised.chunks_exact(width));
    for (((gradient, row), rate), to) in rows.zip(rates).zip(to.chunks_exact_mut(width)) {
        for ((sum, gradient), value) in of_scale.iter_mut().zip(&*gradient).zip(row) {
            *sum += gradient * value;
        }
        of_shift.iter_mut().zip(&*gradient).for_each(|(sum, gradient)| *sum += gradient);
        gradient.iter_mut().zip(scale).for_each(|(gradient, scale)| *gradient *= scale);
        let mean = sum(gradient) / width as f32;
        let slope = dot(gradient, row) / width as f32;
        for ((to, gradient), value) in to.iter_mut().zip(&*gradient).zip(row) {
            *to += rate * (gradient - mean - value * slope);
        }
    }
}

/// `exp(factor · x)` over its sum, of each row.
#[inline(always)]
pub(super) fn softmax<S: Simd>(rows: &mut [f32], width: usize, factor: f32) {
    for row in rows.chunks_exact_mut(width) {
        // NaN reaches the sum, whatever the greatest is.
        let greater = |one, other| if other > one { other } else { one };
        let greatest = fold([row], f32::NEG_INFINITY, |[value]| value, greater);
        row.iter_mut().for_each(|x| *x = exp::<S>(factor * (*x - greatest)));
        let rate = 1.0 / sum(row);
        row.iter_mut().for_each(|x| *x *= rate);
    }
}

/// The gradient before a softmax of `factor · x`, from that behind it and the softmax's results, in place.
#[inline(always)]
pub(super) fn before_softmax(gradient: &mut [f32], results: &[f32], width: usize, factor: f32) {
    for (gradient, row) in gradient.chunks_exact_mut(width).zip(results.chunks_exact(width)) {
        let mean = dot(gradient, row);
        gradient.iter_mut().zip(row).for_each(|(gradient, y)| *gradient = factor * y * (*gradient - mean));
    }
}

/// The Gaussian error linear unit (Hendrycks & Gimpel, 2016) of `values`, which become its slopes.
///
/// `Φ` within 1e-7 (Abramowitz & Stegun, 1964, 7.1.26).
#[inline(always)]
pub(super) fn gelu<S: Simd>(values: &mut [f32], to: &mut [f32]) {
    for (value, to) in values.iter_mut().zip(to) {
        let x = *value;
        let size = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
        let bell = exp::<S>(-size * size);
        let t = 1.0 / (1.0 + 0.327_591_1 * size);
        let series =
            t * (0.254_829_6 + t * (-0.284_496_74 + t * (1.421_413_7 + t * (-1.453_152 + t * 1.061_405_4))));
        let tail = 0.5 * series * bell;
        let share = if x < 0.0 { tail } else { 1.0 - tail };
        *to = x * share;
        /// `1 / √(2 π)`
        const PEAK: f32 = 0.398_942_3;
        *value = share + PEAK * x * bell;
    }
}
