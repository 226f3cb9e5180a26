//! Lower bounds of many distances at once, less exact than they are fast, so that few distances need be computed exactly.

use super::Metric;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, linalg::general_mat_mul, s};
use std::ops::Range;

/// Sums of squares below it do not overflow.
const LARGE: f32 = f32::MAX / 16.0;
/// Bytes that one instruction compares, on any x86-64.
const CHUNK: usize = 16;

/// Rows without missing values.
#[derive(Debug)]
pub(super) enum Coarse {
    Squares(Squares),
    Bytes(Bytes),
}

/// Bounds of Euclidean distances, `‖a‖² + ‖b‖² - 2 a · b` in single precision.
#[derive(Debug)]
pub(super) struct Squares {
    /// `[R, D]`.
    rows: Array2<f32>,
    /// `[R]`: `‖a‖²`; NaN if too large.
    sizes: Vec<f32>,
    /// How much less than the computed distance the true one may be, as a share of the sizes of both rows.
    ///
    /// With the unit roundoff `u = ε / 2`: a sum of `D` products is off by at most `D u / (1 - D u)` times the sum of the
    /// products' magnitudes, in whatever order (Higham, 2002, "Accuracy and Stability of Numerical Algorithms", equation
    /// 3.5), and that is at most half of both sizes. The rounding of the values, of the sizes and of their sum adds a few
    /// `u`, so `(D + 16) ε` is more than twice of all. What underflows is less than the smallest normal number.
    slack: f32,
}

/// Bounds of Manhattan distances between values rounded to steps of one size. A value beyond those of the references is
/// moved to their range, which brings no two rows farther apart.
#[derive(Debug)]
pub(super) struct Bytes {
    /// `[R, C]`: the steps from the lowest value of each column; the last chunk is filled up with zeros.
    rows: Array2<[u8; CHUNK]>,
    /// The lowest value of each column.
    lowest: Vec<f64>,
    step: f64,
}

impl Coarse {
    /// Of references `[R, D]`.
    pub(super) fn of(rows: ArrayView2<'_, f64>, metric: Metric) -> Self {
        match metric {
            Metric::Euclidean => Coarse::Squares(Squares::of(rows)),
            Metric::Manhattan => {
                let column = |column: ndarray::ArrayView1<'_, f64>| {
                    column.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], &value| {
                        [low.min(value), high.max(value)]
                    })
                };
                let ranges: Vec<[f64; 2]> = rows.columns().into_iter().map(column).collect();
                let widest = ranges.iter().map(|[low, high]| high - low).fold(0.0, f64::max);
                let step = widest / f64::from(u8::MAX);
                let step = if step > 0.0 && step.is_finite() { step } else { f64::MAX };
                let lowest = ranges.iter().map(|[low, _]| *low).collect();
                Coarse::Bytes(Bytes::of(rows, lowest, step))
            }
        }
    }

    /// Of rows `[N, D]` that are compared with these references.
    pub(super) fn same_for(&self, rows: ArrayView2<'_, f64>) -> Self {
        match self {
            Coarse::Squares(_) => Coarse::Squares(Squares::of(rows)),
            Coarse::Bytes(own) => Coarse::Bytes(Bytes::of(rows, own.lowest.clone(), own.step)),
        }
    }

    /// Lower bounds of the squared distances of rows that [`Coarse::same_for`] made from some of these references,
    /// `[N, range]`. They are NaN or negative where nothing is known, such as for values too large for single precision.
    pub(super) fn lower_bounds(&self, rows: &Coarse, range: Range<usize>, out: ArrayViewMut2<'_, f32>) {
        match (self, rows) {
            (Coarse::Squares(own), Coarse::Squares(rows)) => own.lower_bounds(rows, range, out),
            (Coarse::Bytes(own), Coarse::Bytes(rows)) => own.lower_bounds(rows, range, out),
            _ => unreachable!("both are made for one metric"),
        }
    }
}

impl Squares {
    fn of(rows: ArrayView2<'_, f64>) -> Self {
        let slack = (rows.ncols() as f32 + 16.0) * f32::EPSILON;
        let rows = rows.mapv(|value| value as f32);
        let size = |row: ndarray::ArrayView1<'_, f32>| {
            let size = row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() as f32;
            if size < LARGE { size } else { f32::NAN }
        };
        Squares { sizes: rows.outer_iter().map(size).collect(), rows, slack }
    }

    fn lower_bounds(&self, rows: &Squares, range: Range<usize>, mut out: ArrayViewMut2<'_, f32>) {
        general_mat_mul(-2.0, &rows.rows, &self.rows.slice(s![range.clone(), ..]).t(), 0.0, &mut out);
        for (bounds, own) in out.outer_iter_mut().zip(&rows.sizes) {
            let bounds = bounds.into_slice().expect("rows in standard layout");
            for (bound, size) in bounds.iter_mut().zip(&self.sizes[range.clone()]) {
                *bound += (own + size) * (1.0 - self.slack) - f32::MIN_POSITIVE;
            }
        }
    }
}

impl Bytes {
    fn of(rows: ArrayView2<'_, f64>, lowest: Vec<f64>, step: f64) -> Self {
        let mut all = Array2::from_elem((rows.nrows(), rows.ncols().div_ceil(CHUNK)), [0; CHUNK]);
        for ((row, column), value) in rows.indexed_iter() {
            // The conversion goes to the nearest number that a byte holds.
            all[[row, column / CHUNK]][column % CHUNK] = ((value - lowest[column]) / step).round() as u8;
        }
        Bytes { rows: all, lowest, step }
    }

    fn lower_bounds(&self, rows: &Bytes, range: Range<usize>, mut out: ArrayViewMut2<'_, f32>) {
        // Both values of a pair are off by half a step. The factors leave room for the rounding here.
        let off = 1.001 * self.lowest.len() as f64;
        let step = self.step * (1.0 - 1e-6);
        let others = self.rows.slice(s![range, ..]);
        let others = others.to_slice().expect("standard layout");
        let chunks = self.rows.ncols();
        for (row, bounds) in rows.rows.outer_iter().zip(out.outer_iter_mut()) {
            let row = row.to_slice().expect("standard layout");
            let bounds = bounds.into_slice().expect("rows in standard layout");
            for (bound, other) in bounds.iter_mut().zip(others.chunks_exact(chunks)) {
                let steps = difference(row, other);
                let least = (f64::from(steps) - off).max(0.0) * step;
                *bound = (least * least) as f32;
            }
        }
    }
}

/// The sum of the absolute differences.
#[inline]
fn difference(a: &[[u8; CHUNK]], b: &[[u8; CHUNK]]) -> u32 {
    let of_chunk = |(a, b): (&[u8; CHUNK], &[u8; CHUNK])| -> u32 {
        a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum()
    };
    a.iter().zip(b).map(of_chunk).sum()
}
