//! What is expected of some values of a row given its others, from rows of normal data.
//!
//! It is the median over the `k` reference rows that are nearest in the other values, so it always lies within
//! what training rows had. The distance is the mean of `min((a - b)², c)` over the values that both rows have,
//! with the mean variance `c` of the numbers of the references: a value far from normal counts like one that
//! merely differs, so the nearest rows are right even if several columns are wrong at once. A category is
//! expected to be what most of the nearest rows have.

use super::units::{Grid, Unit};
use crate::scorers::references::References;
use rayon::prelude::*;

/// Most references that are compared; of more, this many are used, evenly spaced.
const MAX_COMPARED: usize = 1000;
/// Most of the nearest references that an expectation is the median of.
const MAX_NEAREST: usize = 10;
/// One in this many references may be among the nearest.
const ONE_IN: usize = 20;

/// How the nearest references give an expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The median of them.
    Typical,
    /// The values of the nearest one: a course that was seen, where the median of several is flatter.
    Nearest,
}

/// Reference rows, prepared for expectations.
#[derive(Debug)]
pub(super) struct Usual<'a> {
    grid: &'a Grid,
    /// `[R][D]`, NaN for missing values.
    rows: Vec<&'a [f64]>,
    /// Largest squared difference that a value counts with.
    cap: f64,
}

impl<'a> Usual<'a> {
    pub(super) fn of(references: &'a References, grid: &'a Grid) -> Self {
        let by = references.len().div_ceil(MAX_COMPARED).max(1);
        let row = |index| references.row(index).to_slice().expect("standard layout");
        let rows: Vec<&[f64]> = (0..references.len()).step_by(by).map(row).collect();
        let cap = mean_variance(&rows, grid);
        Usual { grid, rows, cap }
    }

    /// For each set of units that do not overlap, the references nearest to a row in its other values (NaN for
    /// missing ones), nearest first; all of them if there are no others. Channels of a window are compared
    /// whole: where a channel is in its course is known from itself, and what is wrong counts little.
    pub(super) fn nearest(&self, row: &[f64], sets: &[Vec<Unit>]) -> Vec<Vec<usize>> {
        if self.grid.has_channels() {
            let of_reference = |reference: &&[f64]| mean(self.shared(row, reference));
            let distances: Vec<f64> = self.rows.par_iter().map(of_reference).collect();
            return vec![self.closest(|at| distances[at]); sets.len()];
        }
        let of_reference = |reference: &&[f64]| -> Vec<f64> {
            let sums = self.sums(row, reference);
            let total = self.total(&sums);
            sets.iter().map(|units| self.distance(&sums, total, units)).collect()
        };
        let distances: Vec<Vec<f64>> = self.rows.par_iter().map(of_reference).collect();
        (0..sets.len()).into_par_iter().map(|set| self.closest(|at| distances[at][set])).collect()
    }

    /// The references with the smallest finite distances, nearest first, and equally near ones in order; all of them
    /// if no distance is finite.
    fn closest(&self, distance: impl Fn(usize) -> f64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rows.len()).filter(|&at| distance(at).is_finite()).collect();
        if order.is_empty() {
            return (0..self.rows.len()).collect();
        }
        let nearer = |a: &usize, b: &usize| distance(*a).total_cmp(&distance(*b)).then(a.cmp(b));
        let k = (self.rows.len() / ONE_IN).clamp(1, MAX_NEAREST);
        if order.len() > k {
            order.select_nth_unstable_by(k - 1, nearer);
            order.truncate(k);
        }
        order.sort_unstable_by(nearer);
        order
    }

    /// What is expected of each value of a unit; `None` for what no reference has.
    pub(super) fn expect(&self, near: &[usize], how: How, unit: &Unit) -> Vec<Option<f64>> {
        let near = match how {
            How::Typical => near,
            How::Nearest => &near[..near.len().min(1)],
        };
        let mut expected = Vec::new();
        for step in unit.steps.clone() {
            let places = self.grid.places(unit.column, step);
            if self.grid.is_category(unit.column) {
                let votes: Vec<f64> =
                    places.clone().map(|index| self.known(near, index).iter().sum()).collect();
                let is_known = places.clone().any(|index| !self.known(near, index).is_empty());
                let mut most = 0;
                for (place, &vote) in votes.iter().enumerate() {
                    if vote > votes[most] {
                        most = place;
                    }
                }
                let of = |place| is_known.then_some(f64::from(u8::from(place == most)));
                expected.extend((0..places.len()).map(of));
            } else {
                expected.extend(places.map(|index| median(self.known(near, index))));
            }
        }
        expected
    }

    /// The values that these references have; if they have none, those of all references.
    fn known(&self, near: &[usize], index: usize) -> Vec<f64> {
        let value = |&at: &usize| Some(self.rows[at][index]).filter(|value| !value.is_nan());
        let known: Vec<f64> = near.iter().filter_map(value).collect();
        if !known.is_empty() {
            return known;
        }
        self.rows.iter().map(|row| row[index]).filter(|value| !value.is_nan()).collect()
    }

    /// For each column, the sums over its first steps: `[columns, steps + 1]`.
    fn sums(&self, row: &[f64], reference: &[f64]) -> Vec<Sum> {
        let grid = self.grid;
        let mut sums = Vec::with_capacity(grid.n_columns() * (grid.steps + 1));
        for column in 0..grid.n_columns() {
            let mut sum = Sum::default();
            sums.push(sum);
            for step in 0..grid.steps {
                for index in grid.places(column, step) {
                    let difference = row[index] - reference[index];
                    if !difference.is_nan() {
                        sum.capped += (difference * difference).min(self.cap);
                        sum.values += 1.0;
                    }
                }
                sums.push(sum);
            }
        }
        sums
    }

    /// Over all values of a window.
    fn shared(&self, row: &[f64], reference: &[f64]) -> Sum {
        let stride = self.grid.stride();
        // One sum for each place in a step, so that they do not wait for each other.
        let mut sums = vec![Sum::default(); stride];
        for (row, reference) in row.chunks_exact(stride).zip(reference.chunks_exact(stride)) {
            for ((sum, row), reference) in sums.iter_mut().zip(row).zip(reference) {
                let difference = row - reference;
                let is_shared = !difference.is_nan();
                sum.capped += if is_shared { (difference * difference).min(self.cap) } else { 0.0 };
                sum.values += f64::from(u8::from(is_shared));
            }
        }
        let mut total = Sum::default();
        for sum in sums {
            total.capped += sum.capped;
            total.values += sum.values;
        }
        total
    }

    fn total(&self, sums: &[Sum]) -> Sum {
        let length = self.grid.steps + 1;
        let mut total = Sum::default();
        for column in sums.chunks_exact(length) {
            total.capped += column[length - 1].capped;
            total.values += column[length - 1].values;
        }
        total
    }

    /// Over the values outside the units; infinite if none of them is shared.
    fn distance(&self, sums: &[Sum], mut total: Sum, units: &[Unit]) -> f64 {
        let length = self.grid.steps + 1;
        for unit in units {
            let of = |step: usize| sums[unit.column * length + step];
            total.capped -= of(unit.steps.end).capped - of(unit.steps.start).capped;
            total.values -= of(unit.steps.end).values - of(unit.steps.start).values;
        }
        mean(total)
    }
}

/// The mean squared difference; infinite if no value is shared.
fn mean(sum: Sum) -> f64 {
    if sum.values > 0.0 { sum.capped / sum.values } else { f64::INFINITY }
}

/// Over the values that a row and a reference share.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    /// Capped squared differences.
    capped: f64,
    /// Number of values; whole.
    values: f64,
}

/// The mean over the numbers of the variance of each; 1 if none varies.
fn mean_variance(rows: &[&[f64]], grid: &Grid) -> f64 {
    let mut moments = vec![[0.0f64; 3]; grid.width()];
    for row in rows {
        for ([n, sum, squares], &value) in moments.iter_mut().zip(*row) {
            if !value.is_nan() {
                *n += 1.0;
                *sum += value;
                *squares += value * value;
            }
        }
    }
    let (mut total, mut varying) = (0.0, 0.0);
    for column in (0..grid.n_columns()).filter(|&column| !grid.is_category(column)) {
        for index in grid.indices(&grid.whole(column)) {
            let [n, sum, squares] = moments[index];
            let variance = if n > 1.0 { squares / n - (sum / n).powi(2) } else { 0.0 };
            if variance > 0.0 {
                total += variance;
                varying += 1.0;
            }
        }
    }
    if varying > 0.0 { total / varying } else { 1.0 }
}

fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let n = numbers.len();
    (n > 0).then(|| 0.5 * (numbers[(n - 1) / 2] + numbers[n / 2]))
}
