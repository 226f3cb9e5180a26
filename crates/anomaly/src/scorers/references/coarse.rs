//! Lower bounds of many distances at once, in single precision, so that few distances need be computed exactly.

use super::{LANES, Metric};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, linalg::general_mat_mul, s};
use std::ops::Range;

/// Sums of squares below it do not overflow.
const LARGE: f32 = f32::MAX / 16.0;

/// Rows in single precision, and how large they are.
#[derive(Debug)]
pub(super) struct Coarse {
    /// `[R, W]`; the width is filled up with zeros to a multiple of [`LANES`].
    rows: Array2<f32>,
    /// Of each row, the sum of the squares of its values, or of their magnitudes for [`Metric::Manhattan`]; NaN if too
    /// large.
    sizes: Vec<f32>,
    metric: Metric,
    /// How much less than the computed distance the true one may be, as a share of the sizes of both rows.
    ///
    /// With the unit roundoff `u = ε / 2`: a sum of `W` products is off by at most `W u / (1 - W u)` times the sum of the
    /// products' magnitudes, in whatever order (Higham, 2002, "Accuracy and Stability of Numerical Algorithms", equation
    /// 3.5), and that is at most half of both sizes. The rounding of the values, of the sizes and of their sum adds a few
    /// `u`, so `(W + 16) ε` is more than twice of all. What underflows is less than the smallest normal number.
    slack: f32,
}

impl Coarse {
    /// Rows `[R, D]` without missing values.
    pub(super) fn of(rows: ArrayView2<'_, f64>, metric: Metric) -> Self {
        let (n, width) = rows.dim();
        let mut all = Array2::zeros((n, width.next_multiple_of(LANES)));
        all.slice_mut(s![.., ..width]).zip_mut_with(&rows, |out, value| *out = *value as f32);
        let size = |row: ndarray::ArrayView1<'_, f32>| {
            let terms = row.iter().map(|&value| f64::from(value)).map(|value| match metric {
                Metric::Euclidean => value * value,
                Metric::Manhattan => value.abs(),
            });
            let size = terms.sum::<f64>() as f32;
            // What could overflow is not known.
            let is_known = size < if metric == Metric::Euclidean { LARGE } else { LARGE.sqrt() };
            if is_known { size } else { f32::NAN }
        };
        let sizes = all.outer_iter().map(size).collect();
        let slack = (all.ncols() as f32 + 16.0) * f32::EPSILON;
        Coarse { rows: all, sizes, metric, slack }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.nrows()
    }

    /// Lower bounds of the squared distances of all these rows from some of the others, `[R, range]`. They are NaN or
    /// negative where nothing is known, such as for values too large for single precision.
    pub(super) fn lower_bounds(&self, others: &Coarse, range: Range<usize>, mut out: ArrayViewMut2<'_, f32>) {
        let these = others.rows.slice(s![range.clone(), ..]);
        let sizes = &others.sizes[range];
        match self.metric {
            Metric::Euclidean => {
                general_mat_mul(-2.0, &self.rows, &these.t(), 0.0, &mut out);
                for (mut bounds, own) in out.outer_iter_mut().zip(&self.sizes) {
                    for (bound, size) in bounds.iter_mut().zip(sizes) {
                        *bound += (own + size) * (1.0 - self.slack) - f32::MIN_POSITIVE;
                    }
                }
            }
            Metric::Manhattan => {
                for (at, mut bounds) in out.outer_iter_mut().enumerate() {
                    let row = self.rows.row(at).to_slice().expect("standard layout");
                    for ((bound, size), other) in bounds.iter_mut().zip(sizes).zip(these.outer_iter()) {
                        let sum = manhattan(row, other.to_slice().expect("standard layout"));
                        let least = (sum - (self.sizes[at] + size) * self.slack).max(0.0);
                        *bound = least * least * (1.0 - self.slack) - f32::MIN_POSITIVE;
                    }
                }
            }
        }
    }
}

/// The lengths are multiples of [`LANES`].
#[inline]
fn manhattan(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += (a[lane] - b[lane]).abs();
        }
    }
    sums.iter().sum()
}
