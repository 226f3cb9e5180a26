//! The processor's vectors of `f32`: one trait, and an implementation for each instruction set.
//!
//! What a kernel computes does not depend on the instruction set, but for the rounding of sums over a batch: vectors of
//! other widths hold other groups of samples.

mod plain;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use plain::Plain;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

use std::fmt;

/// An instruction set that kernels exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Processor(pub(crate) Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Plain,
}

impl Processor {
    /// The fastest that this machine can run.
    pub fn of_this_machine() -> Self {
        *Processor::available().last().expect("portable code runs everywhere")
    }

    /// Those that this machine can run, the slowest, portable code, first.
    pub fn available() -> Vec<Self> {
        let mut found = vec![Processor(Set::Plain)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Processor(Set::Avx2));
            }
            if is_x86_feature_detected!("avx512f") {
                found.push(Processor(Set::Avx512));
            }
        }
        found
    }

    /// Whether kernels use its vector instructions, not only portable code.
    pub fn has_vectors(self) -> bool {
        self.0 != Set::Plain
    }

    /// Values in a vector.
    pub fn lanes(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => Avx512::N,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => Avx2::N,
            Set::Plain => Plain::N,
        }
    }
}

/// `avx512`, `avx2` or `portable`.
impl fmt::Display for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            Set::Plain => "portable",
        })
    }
}

/// A vector of `N` values.
///
/// Every function needs the instruction set of its type. Those with pointers need `N` readable or writable values
/// there, at any alignment.
pub(crate) trait Simd: Copy {
    const N: usize;
    /// Pixels of a tile with four, two and one channels, so that its sums stay in registers.
    const PIXELS: [usize; 3];
    /// The same for the gradients of weights: how many of them a tile has.
    const WEIGHTS: [usize; 3];
    /// Rows of a tile of a matrix product, which is two vectors wide.
    const ROWS: usize;
    /// Whether a multiplication and an addition are one instruction, with one rounding.
    const FUSES: bool;
    /// One truth value for each lane.
    type Mask: Copy;

    /// Runs a kernel in a function of its own, where nothing else competes for registers.
    unsafe fn apart(kernel: impl Kernel);
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn splat(value: f32) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn multiply(self, other: Self) -> Self;
    /// `self · factor + term`.
    unsafe fn multiply_add(self, factor: Self, term: Self) -> Self;
    /// The greater; `other` if either is NaN.
    unsafe fn max_or_other(self, other: Self) -> Self;
    unsafe fn is_nan(self) -> Self::Mask;
    unsafe fn equals(self, other: Self) -> Self::Mask;
    unsafe fn is_positive(self) -> Self::Mask;
    unsafe fn no_lane() -> Self::Mask;
    unsafe fn either(one: Self::Mask, other: Self::Mask) -> Self::Mask;
    /// Lanes of `one` that are not in `other`.
    unsafe fn without(one: Self::Mask, other: Self::Mask) -> Self::Mask;
    /// `yes` where the mask holds, `no` elsewhere.
    unsafe fn choose(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// A square of [`SQUARE`] rows with rows for columns; the strides lead from row to row.
    ///
    /// # Safety
    /// The square lies within what `from` points to, and `to` has room for it.
    unsafe fn turn(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize);
    /// The sum of all lanes, always in the same order.
    unsafe fn sum(self) -> f32;
}

/// Rows and columns of [`Simd::turn`].
pub(crate) const SQUARE: usize = 8;

/// A kernel for vectors of any instruction set.
pub(crate) trait Kernel {
    /// Must be `#[inline(always)]`, as all that it calls, so that it is compiled for the instruction set of `S`.
    unsafe fn run<S: Simd>(self);
}

/// Runs `kernel` with the vectors of `processor`.
///
/// # Safety
/// What the kernel asks for; `processor` is one of those available.
pub(crate) unsafe fn dispatch(processor: Processor, kernel: impl Kernel) {
    // SAFETY: the caller's guarantee.
    unsafe {
        match processor.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => avx512(kernel),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => avx2(kernel),
            Set::Plain => kernel.run::<Plain>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
unsafe fn avx512(kernel: impl Kernel) {
    // SAFETY: the caller's guarantee.
    unsafe { kernel.run::<Avx512>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(kernel: impl Kernel) {
    // SAFETY: the caller's guarantee.
    unsafe { kernel.run::<Avx2>() }
}
