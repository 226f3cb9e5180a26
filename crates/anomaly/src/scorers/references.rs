//! A bounded set of reference rows, compared by their distance over the values that both rows have.
//!
//! Every pair is compared directly and in a fixed order, so a distance depends on its two rows alone and is
//! exactly 0 between equal rows. If values are missing, the sum over the shared values is scaled up by `D / shared`, as
//! in scikit-learn's `nan_euclidean_distances`.

use super::rows;
use super::stored::{self, Arrays};
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_records::arrays::StoredArray;
use ndarray::{Array2, ArrayView1};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Most rows that are kept; of more rows, this many are drawn.
pub(crate) const MAX_REFERENCES: usize = 10_000;
/// Parallel sums, for SIMD.
const LANES: usize = 8;

/// Values after which a sum is compared with the farthest of the nearest rows.
const STRIP: usize = 4 * LANES;

/// How rows are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    /// The root of the sum of squared differences.
    #[default]
    Euclidean,
    /// The sum of absolute differences.
    Manhattan,
}

/// Reference rows.
#[derive(Debug)]
pub(crate) struct References {
    /// `[R, D]`, NaN for missing values.
    rows: Array2<f64>,
    gaps: bool,
    metric: Metric,
}

/// A reference row and its distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Near {
    pub(crate) index: usize,
    /// Squared distance, scaled up for missing values.
    pub(crate) squared: f64,
}

impl References {
    /// Takes at least one row.
    pub(crate) fn new(rows: Array2<f64>) -> Self {
        let gaps = rows.iter().any(|value| value.is_nan());
        References { rows: rows.as_standard_layout().into_owned(), gaps, metric: Metric::default() }
    }

    /// The same, compared by this metric instead of the Euclidean one.
    pub(crate) fn by(self, metric: Metric) -> Self {
        References { metric, ..self }
    }

    /// Takes checked rows.
    pub(crate) fn of(samples: &Samples) -> Self {
        Self::new(with_gaps(samples))
    }

    pub(crate) fn load(name: &str, width: usize, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let (rows, gaps) = arrays.any_matrix(name, None, width)?;
        if rows.is_empty() || rows.nrows() > MAX_REFERENCES {
            return Err(ScorerError::Stored(format!(
                "`{name}` holds {} rows; 1 to {MAX_REFERENCES} are allowed",
                rows.nrows()
            )));
        }
        Ok(References { rows, gaps, metric: Metric::default() })
    }

    /// For rows that came from single precision.
    pub(crate) fn in_single(&self) -> StoredArray {
        stored::float_matrix(&self.rows)
    }

    /// For rows that were computed in double precision.
    pub(crate) fn in_double(&self) -> StoredArray {
        stored::matrix(&self.rows)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.nrows()
    }

    pub(crate) fn width(&self) -> usize {
        self.rows.ncols()
    }

    pub(crate) fn row(&self, index: usize) -> ArrayView1<'_, f64> {
        self.rows.row(index)
    }

    /// The `k` nearest references of each row `[N, D]` (NaN for gaps), nearest first; of equally near ones,
    /// the first in order. Fewer if not enough references share a value with the row.
    pub(crate) fn nearest(&self, rows: &Array2<f64>, k: usize) -> Vec<Vec<Near>> {
        self.nearest_within(rows, k, |_| (0..self.len(), 0..0))
    }

    /// [`References::nearest`] within the first range of references that `allowed` gives for a row, but not within the
    /// second.
    pub(crate) fn nearest_within(
        &self,
        rows: &Array2<f64>,
        k: usize,
        allowed: impl Fn(usize) -> (Range<usize>, Range<usize>) + Sync,
    ) -> Vec<Vec<Near>> {
        let of_row = |(at, row): (usize, ArrayView1<'_, f64>)| {
            let (within, without) = allowed(at);
            let row = row.to_vec();
            let gaps = self.gaps || row.iter().any(|value| value.is_nan());
            let mut nearest: Vec<Near> = Vec::with_capacity(k.min(self.len()) + 1);
            for (index, other) in self.rows.outer_iter().enumerate().take(within.end).skip(within.start) {
                if without.contains(&index) {
                    continue;
                }
                let other = other.to_slice().expect("standard layout");
                let worst = if nearest.len() < k { f64::INFINITY } else { nearest[k - 1].squared };
                let squared = match (self.metric, gaps) {
                    (Metric::Euclidean, false) => squared(&row, other, worst, |d| d * d, |sum| sum),
                    (Metric::Euclidean, true) => with_missing(&row, other, |d| d * d, |sum| sum),
                    (Metric::Manhattan, false) => squared(&row, other, worst, f64::abs, |sum| sum * sum),
                    (Metric::Manhattan, true) => with_missing(&row, other, f64::abs, |sum| sum * sum),
                };
                if squared.is_finite() && (nearest.len() < k || squared < worst) {
                    let place = nearest.partition_point(|near| near.squared <= squared);
                    nearest.insert(place, Near { index, squared });
                    nearest.truncate(k);
                }
            }
            nearest
        };
        let rows: Vec<(usize, ArrayView1<'_, f64>)> = rows.outer_iter().enumerate().collect();
        rows.into_par_iter().map(of_row).collect()
    }
}

/// Values `[N, D]`, NaN for missing values.
pub(crate) fn with_gaps(samples: &Samples) -> Array2<f64> {
    let mut values = rows::inputs(samples, 0, samples.len()).mapv(f64::from);
    if let Some(observed) = &samples.observed {
        values.zip_mut_with(observed, |value, observed| {
            if !observed {
                *value = f64::NAN;
            }
        });
    }
    values
}

/// The squared distance: of the sum of the terms of all differences. It may be of the first values alone if that is
/// above `worst` already.
#[inline(always)]
fn squared(a: &[f64], b: &[f64], worst: f64, term: impl Fn(f64) -> f64, square: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; LANES];
    let mut add = |a: &[f64], b: &[f64]| {
        for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
            for lane in 0..LANES {
                sums[lane] += term(a[lane] - b[lane]);
            }
        }
        square(sums.iter().sum::<f64>())
    };
    let (a_strips, b_strips) = (a.chunks_exact(STRIP), b.chunks_exact(STRIP));
    let (a_rest, b_rest) = (a_strips.remainder(), b_strips.remainder());
    for (a, b) in a_strips.zip(b_strips) {
        let so_far = add(a, b);
        if so_far > worst {
            return so_far;
        }
    }
    add(a_rest, b_rest);
    let end = a_rest.len() - a_rest.len() % LANES;
    let rest: f64 = a_rest[end..].iter().zip(&b_rest[end..]).map(|(a, b)| term(a - b)).sum();
    square(sums.iter().sum::<f64>() + rest)
}

/// Infinite if no value is shared.
#[inline(always)]
fn with_missing(a: &[f64], b: &[f64], term: impl Fn(f64) -> f64, square: impl Fn(f64) -> f64) -> f64 {
    let (mut sums, mut shared) = ([0.0; LANES], [0.0; LANES]);
    let mut add = |lane: usize, a: f64, b: f64| {
        let difference = a - b;
        let is_shared = !difference.is_nan();
        sums[lane] += if is_shared { term(difference) } else { 0.0 };
        shared[lane] += f64::from(u8::from(is_shared));
    };
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (lane, (&a, &b)) in a_chunks.remainder().iter().zip(b_chunks.remainder()).enumerate() {
        add(lane, a, b);
    }
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            add(lane, a[lane], b[lane]);
        }
    }
    let (sum, shared) = (sums.iter().sum::<f64>(), shared.iter().sum::<f64>());
    if shared == 0.0 { f64::INFINITY } else { square(sum * (a.len() as f64 / shared)) }
}
