//! Products of a single row.

use super::pack::Packed;
use super::product::{Finish, WIDEST, finished};
use crate::simd::{Kernel, Simd};

impl Packed<'_> {
    /// One row: a few panels at once, because a sum has to wait for the one before.
    #[inline(always)]
    pub(super) unsafe fn multiply_row<S: Simd>(&self, row: &[f32], finish: Finish<'_>, to: &mut [f32]) {
        let mut first = 0;
        while first < self.columns {
            // Vectors of the panels that are left.
            let left = (self.columns - first).div_ceil(S::N);
            let vectors = if left >= 2 * AT_ONCE { 2 * AT_ONCE } else { left.min(2) };
            let columns = first..(first + vectors * S::N).min(self.columns);
            let mut sums = [0.0; AT_ONCE * WIDEST];
            match finish {
                Finish::Layer { bias, .. } => sums[..columns.len()].copy_from_slice(&bias[columns.clone()]),
                Finish::Add => sums[..columns.len()].copy_from_slice(&to[columns.clone()]),
                _ => {}
            }
            let place = self.values[first * self.terms..].as_ptr();
            let of_row = Row { row, panel: place, sums: sums.as_mut_ptr() };
            // SAFETY: there are so many panels, and the row has a value for each of their terms.
            unsafe {
                match vectors {
                    1 => S::apart(Panels::<1, 1>(of_row)),
                    2 => S::apart(Panels::<1, 2>(of_row)),
                    _ => S::apart(Panels::<AT_ONCE, 2>(of_row)),
                }
            }
            to[columns.clone()].copy_from_slice(&sums[..columns.len()]);
            finished::<S>(finish, first, &mut to[columns]);
            first += vectors * S::N;
        }
    }
}

/// Panels that are computed at once for a single row.
const AT_ONCE: usize = 4;

/// A row, and panels of the right factor.
#[derive(Clone, Copy)]
struct Row<'a> {
    row: &'a [f32],
    panel: *const f32,
    /// They begin as they are.
    sums: *mut f32,
}

/// The inner loop of `P` panels of `V` vectors.
struct Panels<'a, const P: usize, const V: usize>(Row<'a>);

impl<const P: usize, const V: usize> Kernel for Panels<'_, P, V> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Row { row, panel, sums: to } = self.0;
        // SAFETY: the caller's guarantee.
        unsafe {
            let mut sums: [[S; V]; P] =
                std::array::from_fn(|p| std::array::from_fn(|v| S::load(to.add((V * p + v) * S::N))));
            for (term, factor) in row.iter().enumerate() {
                let factor = S::splat(*factor);
                for (p, sums) in sums.iter_mut().enumerate() {
                    let vectors = panel.add((p * row.len() + term) * V * S::N);
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = factor.multiply_add(S::load(vectors.add(v * S::N)), *sum);
                    }
                }
            }
            for (p, sums) in sums.into_iter().enumerate() {
                for (v, sum) in sums.into_iter().enumerate() {
                    sum.store(to.add((V * p + v) * S::N));
                }
            }
        }
    }
}
