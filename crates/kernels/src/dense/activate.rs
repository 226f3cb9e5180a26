//! Activations on slices: loops that the compiler turns into vectors of the instruction set they are compiled for.

use crate::simd::{Kernel, Simd};
use ae_network::{Activation, LEAKY_SLOPE};

/// Whether the slope of an activation follows from its result alone.
pub(crate) fn has_slope_from_result(activation: Activation) -> bool {
    !matches!(activation, Activation::Gelu | Activation::Silu)
}

/// The activation of each value, in place. NaN stays NaN, so that it is noticed.
#[inline(always)]
pub(crate) fn activate<S: Simd>(activation: Activation, values: &mut [f32]) {
    match activation {
        Activation::Identity => {}
        Activation::Relu => values.iter_mut().for_each(|x| *x = relu(*x)),
        Activation::LeakyRelu => values.iter_mut().for_each(|x| *x = leaky_relu(*x)),
        Activation::Sigmoid => values.iter_mut().for_each(|x| *x = sigmoid::<S>(*x)),
        Activation::Tanh => values.iter_mut().for_each(|x| *x = tanh::<S>(*x)),
        Activation::Silu => values.iter_mut().for_each(|x| *x *= sigmoid::<S>(*x)),
        Activation::Gelu => unreachable!("chains end before it"),
    }
}

/// The gradient behind an activation becomes that before it, from the activation's results. Where the result of a ReLU is
/// zero, its slope is zero.
#[inline(always)]
pub(crate) fn gate(activation: Activation, results: &[f32], gradient: &mut [f32]) {
    let pairs = gradient.iter_mut().zip(results);
    match activation {
        Activation::Identity => {}
        Activation::Relu => pairs.for_each(|(g, y)| *g = through_relu(*y, *g)),
        Activation::LeakyRelu => pairs.for_each(|(g, y)| *g = through_leaky_relu(*y, *g)),
        Activation::Sigmoid => pairs.for_each(|(g, y)| *g = through_sigmoid(*y, *g)),
        Activation::Tanh => pairs.for_each(|(g, y)| *g = through_tanh(*y, *g)),
        Activation::Gelu | Activation::Silu => unreachable!("chains end before them"),
    }
}

#[inline(always)]
pub(crate) fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

#[inline(always)]
pub(crate) fn leaky_relu(x: f32) -> f32 {
    if x < 0.0 { LEAKY_SLOPE as f32 * x } else { x }
}

/// The gradient before a ReLU from its result and the gradient behind it; so for the others.
#[inline(always)]
pub(crate) fn through_relu(y: f32, gradient: f32) -> f32 {
    if y <= 0.0 { 0.0 } else { gradient }
}

#[inline(always)]
pub(crate) fn through_leaky_relu(y: f32, gradient: f32) -> f32 {
    gradient * if y <= 0.0 { LEAKY_SLOPE as f32 } else { 1.0 }
}

#[inline(always)]
pub(crate) fn through_sigmoid(y: f32, gradient: f32) -> f32 {
    gradient * ((1.0 - y) * y)
}

#[inline(always)]
pub(crate) fn through_tanh(y: f32, gradient: f32) -> f32 {
    gradient * (1.0 - y * y)
}

/// [`gate`] of `V` vectors behind a ReLU.
#[inline(always)]
pub(super) unsafe fn gate_relus<S: Simd, const V: usize>(results: *const f32, gradient: *mut f32) {
    for v in 0..V {
        // SAFETY: the caller's guarantee.
        unsafe {
            let (result, gradient) = (S::load(results.add(v * S::N)), gradient.add(v * S::N));
            let passes = S::either(result.is_positive(), result.is_nan());
            S::choose(passes, S::load(gradient), S::splat(0.0)).store(gradient);
        }
    }
}

/// [`gate`] by itself.
pub(super) struct Gate<'a> {
    pub(super) activation: Activation,
    pub(super) results: &'a [f32],
    pub(super) gradient: &'a mut [f32],
}

impl Kernel for Gate<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        gate(self.activation, self.results, self.gradient);
    }
}

/// `a · b + c`, in one rounding where the processor has an instruction for it.
#[inline(always)]
pub(crate) fn add<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    if S::FUSES { a.mul_add(b, c) } else { a * b + c }
}

#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<S>(-x))
}

/// Within 2 units in the last place: its series near zero, where `1 - 2 / (exp(2x) + 1)` loses digits (Cephes).
#[inline(always)]
pub(crate) fn tanh<S: Simd>(x: f32) -> f32 {
    let size = x.abs();
    let far = 1.0 - 2.0 / (exp::<S>(2.0 * size) + 1.0);
    let square = x * x;
    let series = add::<S>(square, -5.704_988_7e-3, 2.063_909e-2);
    let series = add::<S>(square, series, -5.373_971_6e-2);
    let series = add::<S>(square, series, 1.333_144_2e-1);
    let series = add::<S>(square, series, -3.333_328e-1);
    let near = add::<S>(square * size, series, size);
    let value = if size < 0.625 { near } else { far };
    value.copysign(x)
}

/// `exp` within 2 units in the last place, without a branch: `2^n · exp(r)`, the latter by its series (Cephes).
#[inline(always)]
pub(crate) fn exp<S: Simd>(x: f32) -> f32 {
    /// The sum with it is rounded to a whole number, which its last bits hold.
    const ROUND: f32 = 12_582_912.0;
    let bounded = if x > 88.0 { 88.0 } else { x };
    let bounded = if bounded < -87.0 { -87.0 } else { bounded };
    let rounded = add::<S>(bounded, std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = add::<S>(n, -0.693_359_4, bounded);
    let r = add::<S>(n, 2.121_944_4e-4, r);
    let series = add::<S>(r, 1.987_569_1e-4, 1.398_199_9e-3);
    let series = add::<S>(r, series, 8.333_452e-3);
    let series = add::<S>(r, series, 4.166_579_6e-2);
    let series = add::<S>(r, series, 1.666_666_5e-1);
    let series = add::<S>(r, series, 0.5);
    let value = add::<S>(r * r, series, r) + 1.0;
    let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    value * f32::from_bits(exponent << 23)
}
