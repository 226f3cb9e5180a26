//! Vectors of x86-64 processors.

use super::{Kernel, Simd};
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256);

impl Simd for Avx512 {
    const N: usize = 16;
    const PIXELS: [usize; 3] = [5, 8, 8];
    const WEIGHTS: [usize; 3] = [4, 8, 8];
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
    unsafe fn sum(self) -> f32 {
        // SAFETY: the caller's guarantee.
        unsafe { _mm512_reduce_add_ps(self.0) }
    }
}

impl Simd for Avx2 {
    const N: usize = 8;
    const PIXELS: [usize; 3] = [2, 4, 8];
    const WEIGHTS: [usize; 3] = [3, 4, 6];
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
    unsafe fn sum(self) -> f32 {
        // SAFETY: the caller's guarantee.
        unsafe {
            let half = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_add_ss(quarter, _mm_shuffle_ps::<1>(quarter, quarter)))
        }
    }
}
