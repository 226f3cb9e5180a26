//! The kernels: sixteen outputs at once, in the processor's widest registers.
//!
//! This file uses neither libtorch nor the rest of the crate, so that Miri can run its tests.

use ae_network::{Activation, LEAKY_SLOPE};

/// Outputs that are computed at once.
pub(super) const LANES: usize = 16;

/// Rows of inputs.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    /// `[rows, stride]`; only the first values of each row count.
    pub values: &'a [f32],
    pub stride: usize,
    pub rows: usize,
}

/// The instruction set to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Processor {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Any,
}

impl Processor {
    pub(super) fn of_this_machine() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Processor::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Processor::Avx2;
            }
        }
        Processor::Any
    }

    /// `to[r] = bias + weights · from[r]` for each row; `to` has rows of `stride` values, at least as many as
    /// `bias`.
    pub(super) fn layer(
        self,
        from: Block<'_>,
        weights: &[f32],
        bias: &[f32],
        inputs: usize,
        to: &mut [f32],
        stride: usize,
    ) {
        let fits = from.stride >= inputs
            && from.rows > 0
            && from.values.len() >= (from.rows - 1) * from.stride + inputs
            && weights.len() == bias.len() * inputs
            && bias.len().is_multiple_of(LANES)
            && stride >= bias.len()
            && to.len() >= from.rows * stride;
        assert!(fits, "a layer's parts fit one another");
        let call = Call { from, weights, bias, inputs, to: to.as_mut_ptr(), stride };
        // SAFETY: the sizes were checked above, and the instructions when the processor was chosen.
        unsafe {
            match self {
                #[cfg(target_arch = "x86_64")]
                Processor::Avx512 => avx512(&call),
                #[cfg(target_arch = "x86_64")]
                Processor::Avx2 => avx2(&call),
                Processor::Any => run::<Plain, 4, 1, 2>(&call),
            }
        }
    }

    /// The activation of whole lanes, in place.
    pub(super) fn activate(self, activation: Activation, values: &mut [f32]) {
        if activation == Activation::Identity {
            return;
        }
        // SAFETY: the instructions were checked when the processor was chosen.
        unsafe {
            match self {
                #[cfg(target_arch = "x86_64")]
                Processor::Avx512 => activate_avx512(activation, values),
                #[cfg(target_arch = "x86_64")]
                Processor::Avx2 => activate_avx2(activation, values),
                Processor::Any => activate_with(activation, values, |a, b, c| a * b + c),
            }
        }
    }
}

struct Call<'a> {
    from: Block<'a>,
    weights: &'a [f32],
    bias: &'a [f32],
    inputs: usize,
    to: *mut f32,
    stride: usize,
}

/// Sixteen values.
trait Lanes: Copy {
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// `self + factor · weights`.
    unsafe fn add_product(self, factor: f32, weights: Self) -> Self;
}

#[derive(Clone, Copy)]
struct Plain([f32; LANES]);

impl Lanes for Plain {
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller guarantees sixteen values.
        Plain(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller guarantees room for sixteen values.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn add_product(mut self, factor: f32, weights: Self) -> Self {
        for (sum, weight) in self.0.iter_mut().zip(weights.0) {
            *sum += factor * weight;
        }
        self
    }
}

/// All panels for all rows: `R` rows at a time with `P` panels, then single rows with `Q` panels.
#[inline(always)]
unsafe fn run<L: Lanes, const R: usize, const P: usize, const Q: usize>(call: &Call<'_>) {
    let whole = call.from.rows / R * R;
    // SAFETY: the caller's guarantee.
    unsafe {
        for row in (0..whole).step_by(R) {
            panels::<L, R, P>(call, row);
        }
        for row in whole..call.from.rows {
            panels::<L, 1, Q>(call, row);
        }
    }
}

#[inline(always)]
unsafe fn panels<L: Lanes, const R: usize, const P: usize>(call: &Call<'_>, row: usize) {
    let all = call.bias.len() / LANES;
    let whole = all / P * P;
    // SAFETY: the caller's guarantee.
    unsafe {
        for panel in (0..whole).step_by(P) {
            tile::<L, R, P>(call, row, panel);
        }
        for panel in whole..all {
            tile::<L, R, 1>(call, row, panel);
        }
    }
}

/// `R` rows and `P` panels; every output adds its inputs in order, whatever `R` and `P` are.
#[inline(always)]
unsafe fn tile<L: Lanes, const R: usize, const P: usize>(call: &Call<'_>, row: usize, panel: usize) {
    // SAFETY: `layer` has checked the sizes of rows, panels and output.
    unsafe {
        let x = call.from.values.as_ptr().add(row * call.from.stride);
        let w = call.weights.as_ptr().add(panel * call.inputs * LANES);
        let bias = call.bias.as_ptr().add(panel * LANES);
        let start: [L; P] = std::array::from_fn(|p| L::load(bias.add(p * LANES)));
        let mut sums = [start; R];
        for input in 0..call.inputs {
            let weights: [L; P] =
                std::array::from_fn(|p| L::load(w.add(p * call.inputs * LANES + input * LANES)));
            for (r, sums) in sums.iter_mut().enumerate() {
                let factor = *x.add(r * call.from.stride + input);
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = sum.add_product(factor, weights);
                }
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (p, sum) in sums.into_iter().enumerate() {
                sum.store(call.to.add((row + r) * call.stride + (panel + p) * LANES));
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{LANES, Lanes};
    use std::arch::x86_64::*;

    #[derive(Clone, Copy)]
    pub(super) struct Avx512(__m512);

    impl Lanes for Avx512 {
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller's guarantee.
            Avx512(unsafe { _mm512_loadu_ps(from) })
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller's guarantee.
            unsafe { _mm512_storeu_ps(to, self.0) }
        }

        #[inline(always)]
        unsafe fn add_product(self, factor: f32, weights: Self) -> Self {
            // SAFETY: the caller's guarantee.
            Avx512(unsafe { _mm512_fmadd_ps(_mm512_set1_ps(factor), weights.0, self.0) })
        }
    }

    #[derive(Clone, Copy)]
    pub(super) struct Avx2([__m256; 2]);

    impl Lanes for Avx2 {
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller's guarantee.
            Avx2(unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(LANES / 2))] })
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller's guarantee.
            unsafe {
                _mm256_storeu_ps(to, self.0[0]);
                _mm256_storeu_ps(to.add(LANES / 2), self.0[1]);
            }
        }

        #[inline(always)]
        unsafe fn add_product(self, factor: f32, weights: Self) -> Self {
            // SAFETY: the caller's guarantee.
            Avx2(unsafe {
                let factor = _mm256_set1_ps(factor);
                [
                    _mm256_fmadd_ps(factor, weights.0[0], self.0[0]),
                    _mm256_fmadd_ps(factor, weights.0[1], self.0[1]),
                ]
            })
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
unsafe fn avx512(call: &Call<'_>) {
    // SAFETY: the caller's guarantee.
    unsafe { run::<x86::Avx512, 8, 2, 4>(call) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(call: &Call<'_>) {
    // SAFETY: the caller's guarantee.
    unsafe { run::<x86::Avx2, 4, 1, 3>(call) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
unsafe fn activate_avx512(activation: Activation, values: &mut [f32]) {
    activate_with(activation, values, f32::mul_add);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn activate_avx2(activation: Activation, values: &mut [f32]) {
    activate_with(activation, values, f32::mul_add);
}

#[inline(always)]
fn activate_with(activation: Activation, values: &mut [f32], add: impl Fn(f32, f32, f32) -> f32 + Copy) {
    let sigmoid = |x: f32| 1.0 / (1.0 + exp(-x, add));
    let each = |values: &mut [f32], f: &dyn Fn(f32) -> f32| values.iter_mut().for_each(|x| *x = f(*x));
    // NaN stays NaN, so that it is noticed.
    match activation {
        Activation::Identity => {}
        Activation::Relu => values.iter_mut().for_each(|x| *x = if *x < 0.0 { 0.0 } else { *x }),
        Activation::LeakyRelu => {
            values.iter_mut().for_each(|x| *x = if *x < 0.0 { LEAKY_SLOPE as f32 * *x } else { *x })
        }
        Activation::Sigmoid => values.iter_mut().for_each(|x| *x = sigmoid(*x)),
        Activation::Silu => values.iter_mut().for_each(|x| *x *= sigmoid(*x)),
        // Near zero `1 - 2 / (exp(2x) + 1)` loses digits; these layers are small.
        Activation::Tanh => each(values, &f32::tanh),
        Activation::Gelu => unreachable!("packing refuses it"),
    }
}

/// `exp` within 2 units in the last place, without a branch: `2^n · exp(r)`, the latter by its series
/// (Cephes).
#[inline(always)]
fn exp(x: f32, add: impl Fn(f32, f32, f32) -> f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let bounded = if x > 88.0 { 88.0 } else { x };
    let bounded = if bounded < -87.0 { -87.0 } else { bounded };
    let n = add(bounded, std::f32::consts::LOG2_E, ROUND) - ROUND;
    let r = add(n, -0.693_359_4, bounded);
    let r = add(n, 2.121_944_4e-4, r);
    let series = add(r, 1.987_569_1e-4, 1.398_199_9e-3);
    let series = add(r, series, 8.333_452e-3);
    let series = add(r, series, 4.166_579_6e-2);
    let series = add(r, series, 1.666_666_5e-1);
    let series = add(r, series, 0.5);
    let value = add(r * r, series, r) + 1.0;
    value * f32::from_bits(((n as i32 + 127) as u32) << 23)
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
