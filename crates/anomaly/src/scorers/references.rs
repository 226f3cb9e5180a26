//! A bounded set of reference rows, compared by their distance over the values that both rows have.
//!
//! Every pair is compared directly and in a fixed order, so a distance depends on its two rows alone and is
//! exactly 0 between equal rows. Of many rows without gaps, those pairs are left out that lower bounds show to be too far
//! apart, see `coarse.rs`; the nearest ones and their distances are the same. If values are missing, the sum over the shared values is scaled up by `D / shared`, as
//! in scikit-learn's `nan_euclidean_distances`.

mod coarse;

use self::coarse::Coarse;
use super::rows;
use super::stored::{self, Arrays};
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_records::arrays::StoredArray;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Most rows that are kept; of more rows, this many are drawn.
pub(crate) const MAX_REFERENCES: usize = 10_000;
/// Parallel sums, for SIMD.
const LANES: usize = 8;

/// Values after which a sum is compared with the farthest of the nearest rows.
const STRIP: usize = 4 * LANES;
/// Rows whose bounds are computed together, the fewest of them for which it pays, and references that they are computed
/// for at a time.
const BLOCK: usize = 128;
const MIN_BLOCK: usize = 8;
const STRETCH: usize = 512;

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
    /// For rows without gaps.
    coarse: Option<Coarse>,
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
        Self::by(rows, Metric::default())
    }

    /// Takes at least one row, to be compared by this metric.
    pub(crate) fn by(rows: Array2<f64>, metric: Metric) -> Self {
        let gaps = rows.iter().any(|value| value.is_nan());
        let rows = if rows.is_standard_layout() { rows } else { rows.as_standard_layout().into_owned() };
        let coarse = (!gaps).then(|| Coarse::of(rows.view(), metric));
        References { rows, gaps, metric, coarse }
    }

    /// Takes checked rows.
    pub(crate) fn of(samples: &Samples) -> Self {
        Self::new(with_gaps(samples))
    }

    pub(crate) fn load(name: &str, width: usize, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let (rows, _) = arrays.any_matrix(name, None, width)?;
        if rows.is_empty() || rows.nrows() > MAX_REFERENCES {
            return Err(ScorerError::Stored(format!(
                "`{name}` holds {} rows; 1 to {MAX_REFERENCES} are allowed",
                rows.nrows()
            )));
        }
        Ok(Self::new(rows))
    }

    /// For rows that came from single precision.
    pub(crate) fn in_single(&self) -> StoredArray {
        stored::float_matrix(&self.rows)
    }

    /// For rows that were computed in double precision.
    pub(crate) fn in_double(&self) -> StoredArray {
        stored::matrix(&self.rows)
    }

    /// `[R, D]`, NaN for missing values.
    pub(crate) fn rows(&self) -> &Array2<f64> {
        &self.rows
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
        let coarse = self.coarse.as_ref().filter(|_| rows.nrows() >= MIN_BLOCK);
        let size = if coarse.is_some() { BLOCK } else { 1 };
        let blocks: Vec<(usize, ArrayView2<'_, f64>)> = rows
            .axis_chunks_iter(Axis(0), size)
            .enumerate()
            .map(|(nth, block)| (nth * size, block))
            .collect();
        let of_block = |(start, block): (usize, ArrayView2<'_, f64>)| {
            let searches = block
                .outer_iter()
                .enumerate()
                .map(|(at, row)| Search::new(row, k.min(self.len()), allowed(start + at)));
            let mut searches: Vec<Search> = searches.collect();
            match coarse {
                Some(coarse) if !searches.iter().any(|search| search.has_gaps) => {
                    self.filtered(&mut searches, &coarse.same_for(block), coarse);
                }
                _ => searches.iter_mut().for_each(|search| self.exhaustive(search)),
            }
            searches.into_iter().map(|search| search.nearest).collect::<Vec<_>>()
        };
        let of_blocks: Vec<Vec<Vec<Near>>> = blocks.into_par_iter().map(of_block).collect();
        of_blocks.into_iter().flatten().collect()
    }

    fn exhaustive(&self, search: &mut Search) {
        for index in search.within.clone() {
            self.offer(search, index);
        }
    }

    /// Compares with those references alone that may be near enough.
    fn filtered(&self, searches: &mut [Search], rows: &Coarse, references: &Coarse) {
        let start = searches.iter().map(|search| search.within.start).min().unwrap_or(0);
        let end = searches.iter().map(|search| search.within.end).max().unwrap_or(0).min(self.len());
        let mut bounds = Array2::zeros((searches.len(), STRETCH));
        for from in (start..end).step_by(STRETCH) {
            let range = from..end.min(from + STRETCH);
            references.lower_bounds(rows, range.clone(), bounds.slice_mut(s![.., ..range.len()]));
            for (search, bounds) in searches.iter_mut().zip(bounds.outer_iter()) {
                let bounds = &bounds.to_slice().expect("standard layout")[..range.len()];
                let mut worst = search.worst_in_single();
                for (nth, bounds) in bounds.chunks(LANES).enumerate() {
                    // A bound that is not a number excludes nothing.
                    if bounds.iter().fold(true, |all, &bound| all & (bound > worst)) {
                        continue;
                    }
                    for (at, &bound) in bounds.iter().enumerate() {
                        let index = from + nth * LANES + at;
                        if bound > worst || !search.within.contains(&index) {
                            continue;
                        }
                        self.offer(search, index);
                        worst = search.worst_in_single();
                    }
                }
            }
        }
    }

    fn offer(&self, search: &mut Search, index: usize) {
        if search.without.contains(&index) {
            return;
        }
        let (row, other) = (&search.row[..], self.rows.row(index));
        let other = other.to_slice().expect("standard layout");
        let worst = search.worst();
        let squared = match (self.metric, self.gaps || search.has_gaps) {
            (Metric::Euclidean, false) => squared(row, other, worst, |d| d * d, |sum| sum),
            (Metric::Euclidean, true) => with_missing(row, other, |d| d * d, |sum| sum),
            (Metric::Manhattan, false) => squared(row, other, worst, f64::abs, |sum| sum * sum),
            (Metric::Manhattan, true) => with_missing(row, other, f64::abs, |sum| sum * sum),
        };
        search.take(Near { index, squared });
    }
}

/// The nearest references of a row, as far as they are known.
struct Search {
    row: Vec<f64>,
    has_gaps: bool,
    within: Range<usize>,
    without: Range<usize>,
    /// Most references to be found.
    k: usize,
    nearest: Vec<Near>,
}

impl Search {
    fn new(row: ArrayView1<'_, f64>, k: usize, (within, without): (Range<usize>, Range<usize>)) -> Self {
        let row = row.to_vec();
        let has_gaps = row.iter().any(|value| value.is_nan());
        Search { row, has_gaps, within, without, k, nearest: Vec::with_capacity(k + 1) }
    }

    /// Beyond which squared distance a reference is not among the nearest.
    fn worst(&self) -> f64 {
        if self.nearest.len() < self.k { f64::INFINITY } else { self.nearest[self.k - 1].squared }
    }

    /// The same or a little more.
    fn worst_in_single(&self) -> f32 {
        (self.worst() as f32).next_up()
    }

    fn take(&mut self, near: Near) {
        if near.squared.is_finite() && (self.nearest.len() < self.k || near.squared < self.worst()) {
            let place = self.nearest.partition_point(|other| other.squared <= near.squared);
            self.nearest.insert(place, near);
            self.nearest.truncate(self.k);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use ae_records::seed::stream_rng;
    use rand::RngExt;

    /// Rows of values up to `largest`, some of them equal or nearly so.
    fn rows(n: usize, width: usize, largest: f64, seed: u64) -> Array2<f64> {
        let mut rng = stream_rng(seed, "rows", 0);
        let mut rows = Array2::from_shape_fn((n, width), |_| {
            largest * rng.random_range(-1.0..1.0f64).powi(rng.random_range(1..9))
        });
        for row in (3..n).step_by(3) {
            let other =
                &rows.row(rng.random_range(0..row)) * (1.0 + 1e-9 * f64::from(rng.random_range(0..2)));
            rows.row_mut(row).assign(&other);
        }
        rows
    }

    #[test]
    fn bounds_leave_out_none_of_the_nearest() {
        let sizes = [(1, 1.0), (3, 1e-25), (7, 1e15), (30, 1.0), (41, 1e25), (200, 1e3)];
        for (metric, (width, largest)) in [Metric::Euclidean, Metric::Manhattan]
            .into_iter()
            .flat_map(|metric| sizes.map(|size| (metric, size)))
        {
            let references = References::by(rows(1300, width, largest, 1), metric);
            let plain = References { coarse: None, ..References::by(references.rows.clone(), metric) };
            let mut asked = rows(150, width, largest, 2);
            asked.slice_mut(s![..40, ..]).assign(&references.rows.slice(s![700..740, ..]));
            for allowed in [
                |_: usize| (0..1300, 0..0),
                |_: usize| (0..900, 0..0),
                |at: usize| (at * 5..1300, (at * 7)..(at * 7 + 300)),
            ] {
                for k in [1, 3, 1300] {
                    let found = references.nearest_within(&asked, k, allowed);
                    assert!(
                        found == plain.nearest_within(&asked, k, allowed),
                        "{metric:?} {width} {largest} {k}"
                    );
                }
            }
        }
    }

    #[test]
    fn most_references_are_left_out() {
        for metric in [Metric::Euclidean, Metric::Manhattan] {
            let references = References::by(rows(512, 30, 1.0, 1), metric);
            let asked = rows(20, 30, 1.0, 2);
            let coarse = references.coarse.as_ref().unwrap();
            let mut bounds = Array2::zeros((20, 512));
            coarse.lower_bounds(&coarse.same_for(asked.view()), 0..512, bounds.view_mut());
            for (bounds, nearest) in bounds.outer_iter().zip(references.nearest(&asked, 3)) {
                let left = bounds.iter().filter(|bound| f64::from(**bound) <= nearest[2].squared).count();
                assert!((3..20).contains(&left), "{metric:?} {left}");
            }
        }
    }

    #[test]
    fn a_row_with_a_gap_among_others_changes_none_of_them() {
        let references = References::new(rows(400, 9, 1.0, 1));
        let mut asked = rows(100, 9, 1.0, 2);
        let whole = references.nearest(&asked, 3);
        asked[[20, 4]] = f64::NAN;
        let found = references.nearest(&asked, 3);
        assert!((0..100).filter(|row| *row != 20).all(|row| found[row] == whole[row]));
        assert_ne!(found[20], whole[20]);
    }
}
