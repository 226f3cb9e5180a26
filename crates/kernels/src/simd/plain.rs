//! Vectors in portable code, for processors without one of the instruction sets, and for Miri.

use super::{Kernel, SQUARE, Simd};

const N: usize = 8;

#[derive(Clone, Copy)]
pub(crate) struct Plain([f32; N]);

impl Plain {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Plain(std::array::from_fn(|lane| f(self.0[lane], other.0[lane])))
    }
}

impl Simd for Plain {
    const N: usize = N;
    const PIXELS: [usize; 3] = [1, 2, 3];
    const WEIGHTS: [usize; 3] = [1, 2, 3];
    const ROWS: usize = 4;
    const FUSES: bool = false;
    type Mask = [bool; N];

    #[inline(never)]
    unsafe fn apart(kernel: impl Kernel) {
        // SAFETY: the caller's guarantee.
        unsafe { kernel.run::<Self>() }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller guarantees that many values.
        Plain(unsafe { from.cast::<[f32; N]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller guarantees room for that many values.
        unsafe { to.cast::<[f32; N]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Plain([value; N])
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn multiply(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, term: Self) -> Self {
        // Not `mul_add`, which is a call where the processor has no such instruction.
        Plain(std::array::from_fn(|lane| self.0[lane] * factor.0[lane] + term.0[lane]))
    }

    #[inline(always)]
    unsafe fn max_or_other(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn is_nan(self) -> Self::Mask {
        self.0.map(f32::is_nan)
    }

    #[inline(always)]
    unsafe fn equals(self, other: Self) -> Self::Mask {
        std::array::from_fn(|lane| self.0[lane] == other.0[lane])
    }

    #[inline(always)]
    unsafe fn is_positive(self) -> Self::Mask {
        self.0.map(|value| value > 0.0)
    }

    #[inline(always)]
    unsafe fn no_lane() -> Self::Mask {
        [false; N]
    }

    #[inline(always)]
    unsafe fn either(one: Self::Mask, other: Self::Mask) -> Self::Mask {
        std::array::from_fn(|lane| one[lane] | other[lane])
    }

    #[inline(always)]
    unsafe fn without(one: Self::Mask, other: Self::Mask) -> Self::Mask {
        std::array::from_fn(|lane| one[lane] & !other[lane])
    }

    #[inline(always)]
    unsafe fn choose(mask: Self::Mask, yes: Self, no: Self) -> Self {
        Plain(std::array::from_fn(|lane| if mask[lane] { yes.0[lane] } else { no.0[lane] }))
    }

    #[inline(always)]
    unsafe fn turn(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        for row in 0..SQUARE {
            for column in 0..SQUARE {
                // SAFETY: the caller's guarantee.
                unsafe { *to.add(column * to_stride + row) = *from.add(row * from_stride + column) }
            }
        }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let half: [f32; 4] = std::array::from_fn(|lane| self.0[lane] + self.0[lane + 4]);
        (half[0] + half[2]) + (half[1] + half[3])
    }
}
