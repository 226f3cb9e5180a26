//! Vectors of x86-64 processors.

use super::{Kernel, SQUARE, Simd};
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256);

impl Simd for Avx512 {
    const N: usize = 16;
    const PIXELS: [usize; 3] = [5, 8, 8];
    const WEIGHTS: [usize; 3] = [4, 8, 8];
    const ROWS: usize = 12;
    const FUSES: bool = true;
    type Mask = __mmask16;

    #[inline(never)]
    #[target_feature(enable = "avx512f,avx2,fma")]
    unsafe fn apart(kernel: impl Kernel) {
        // SAFETY: the caller's guarantee.
        unsafe { kernel.run::<Self>() }
    }

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
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller's guarantee.
        Avx512(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller's guarantee.
        Avx512(unsafe { _mm512_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn multiply(self, other: Self) -> Self {
        // SAFETY: the caller's guarantee.
        Avx512(unsafe { _mm512_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: the caller's guarantee.
        Avx512(unsafe { _mm512_fmadd_ps(self.0, factor.0, term.0) })
    }

    #[inline(always)]
    unsafe fn max_or_other(self, other: Self) -> Self {
        // SAFETY: the caller's guarantee.
        Avx512(unsafe { _mm512_max_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn is_nan(self) -> Self::Mask {
        // SAFETY: the caller's guarantee.
        unsafe { _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0) }
    }

    #[inline(always)]
    unsafe fn equals(self, other: Self) -> Self::Mask {
        // SAFETY: the caller's guarantee.
        unsafe { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(self.0, other.0) }
    }

    #[inline(always)]
    unsafe fn is_positive(self) -> Self::Mask {
        // SAFETY: the caller's guarantee.
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, _mm512_setzero_ps()) }
    }

    #[inline(always)]
    unsafe fn no_lane() -> Self::Mask {
        0
    }

    #[inline(always)]
    unsafe fn either(one: Self::Mask, other: Self::Mask) -> Self::Mask {
        one | other
    }

    #[inline(always)]
    unsafe fn without(one: Self::Mask, other: Self::Mask) -> Self::Mask {
        one & !other
    }

    #[inline(always)]
    unsafe fn choose(mask: Self::Mask, yes: Self, no: Self) -> Self {
        // SAFETY: the caller's guarantee.
        Avx512(unsafe { _mm512_mask_blend_ps(mask, no.0, yes.0) })
    }

    #[inline(always)]
    unsafe fn turn(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: the caller's guarantee.
        unsafe { turn(from, from_stride, to, to_stride) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: the caller's guarantee.
        unsafe { _mm512_reduce_add_ps(self.0) }
    }
}

impl Simd for Avx2 {
    const N: usize = 8;
    const PIXELS: [usize; 3] = [2, 4, 8];
    const WEIGHTS: [usize; 3] = [3, 4, 6];
    const ROWS: usize = 6;
    const FUSES: bool = true;
    type Mask = __m256;

    #[inline(never)]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn apart(kernel: impl Kernel) {
        // SAFETY: the caller's guarantee.
        unsafe { kernel.run::<Self>() }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's guarantee.
        Avx2(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's guarantee.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller's guarantee.
        Avx2(unsafe { _mm256_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller's guarantee.
        Avx2(unsafe { _mm256_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn multiply(self, other: Self) -> Self {
        // SAFETY: the caller's guarantee.
        Avx2(unsafe { _mm256_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: the caller's guarantee.
        Avx2(unsafe { _mm256_fmadd_ps(self.0, factor.0, term.0) })
    }

    #[inline(always)]
    unsafe fn max_or_other(self, other: Self) -> Self {
        // SAFETY: the caller's guarantee.
        Avx2(unsafe { _mm256_max_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn is_nan(self) -> Self::Mask {
        // SAFETY: the caller's guarantee.
        unsafe { _mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0) }
    }

    #[inline(always)]
    unsafe fn equals(self, other: Self) -> Self::Mask {
        // SAFETY: the caller's guarantee.
        unsafe { _mm256_cmp_ps::<_CMP_EQ_OQ>(self.0, other.0) }
    }

    #[inline(always)]
    unsafe fn is_positive(self) -> Self::Mask {
        // SAFETY: the caller's guarantee.
        unsafe { _mm256_cmp_ps::<_CMP_GT_OQ>(self.0, _mm256_setzero_ps()) }
    }

    #[inline(always)]
    unsafe fn no_lane() -> Self::Mask {
        // SAFETY: the caller's guarantee.
        unsafe { _mm256_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn either(one: Self::Mask, other: Self::Mask) -> Self::Mask {
        // SAFETY: the caller's guarantee.
        unsafe { _mm256_or_ps(one, other) }
    }

    #[inline(always)]
    unsafe fn without(one: Self::Mask, other: Self::Mask) -> Self::Mask {
        // SAFETY: the caller's guarantee.
        unsafe { _mm256_andnot_ps(other, one) }
    }

    #[inline(always)]
    unsafe fn choose(mask: Self::Mask, yes: Self, no: Self) -> Self {
        // SAFETY: the caller's guarantee.
        Avx2(unsafe { _mm256_blendv_ps(no.0, yes.0, mask) })
    }

    #[inline(always)]
    unsafe fn turn(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: the caller's guarantee.
        unsafe { turn(from, from_stride, to, to_stride) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: the caller's guarantee.
        unsafe {
            let half = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_add_ss(quarter, _mm_shuffle_ps::<1>(quarter, quarter)))
        }
    }
}

/// Eight rows of eight: pairs of rows are mixed three times, at distances of 1, 2 and 4.
#[inline(always)]
unsafe fn turn(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
    // SAFETY: the caller's guarantee.
    unsafe {
        let rows: [__m256; SQUARE] = std::array::from_fn(|row| _mm256_loadu_ps(from.add(row * from_stride)));
        let pairs: [__m256; SQUARE] = std::array::from_fn(|i| {
            let (one, other) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
            if i % 2 == 0 { _mm256_unpacklo_ps(one, other) } else { _mm256_unpackhi_ps(one, other) }
        });
        // Of four rows each, columns 0 and 4, 1 and 5, 2 and 6, 3 and 7.
        let fours: [__m256; SQUARE] = std::array::from_fn(|i| {
            let (one, other) = (pairs[i / 4 * 4 + i % 4 / 2], pairs[i / 4 * 4 + i % 4 / 2 + 2]);
            match i % 2 {
                0 => _mm256_shuffle_ps::<0b01_00_01_00>(one, other),
                _ => _mm256_shuffle_ps::<0b11_10_11_10>(one, other),
            }
        });
        for column in 0..SQUARE {
            let (one, other) = (fours[column % 4], fours[column % 4 + 4]);
            let values = match column / 4 {
                0 => _mm256_permute2f128_ps::<0x20>(one, other),
                _ => _mm256_permute2f128_ps::<0x31>(one, other),
            };
            _mm256_storeu_ps(to.add(column * to_stride), values);
        }
    }
}
