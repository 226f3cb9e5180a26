//! Maps of rows, so that distances weigh values in other ways.

use super::plane::Plane;
use super::summary::Summary;
use crate::error::ScorerError;
use crate::scorers::stored::{self, Arrays};
use ae_records::arrays::StoredArray;
use ndarray::{Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

/// Most knots of the ranks of a column.
const MAX_KNOTS: usize = 256;

/// Which map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Values as they are: a detector's columns have mean 0 and standard deviation 1.
    Standardised,
    /// The range of the rows becomes 0 to 1. Columns with a few extreme values weigh less than in the first.
    Ranged,
    /// Ranks among the rows, from 0 to 1; beyond the range of the rows, they go on in proportion to the range. Dense
    /// stretches of values are spread, empty ones shrink.
    Ranked,
    /// The first 16 principal components in units of their spread, and the distance from what they span: values that
    /// usually move together count once.
    Whitened,
    /// Level, spread, highest and lowest value and roughness of each channel of a window.
    Summarised,
}

/// Principal components of whitened rows.
const WHITENED: usize = 16;

/// A map of rows of `D` values. Missing values, NaN, stay missing in the maps of each column by itself.
#[derive(Debug)]
pub(super) enum Space {
    Standardised,
    Ranged {
        /// The lowest value of each column, and the width of its range, above zero.
        columns: Vec<[f64; 2]>,
    },
    Ranked {
        /// Rising values of each column and their ranks; at least one.
        columns: Vec<Vec<[f64; 2]>>,
    },
    Whitened(Plane),
    Summarised(Summary),
}

impl Space {
    /// Learns the map from rows `[N, D]`, at least two, NaN for missing values. The `channels` of a window lie side by
    /// side within each step.
    pub(super) fn of(kind: Kind, rows: &Array2<f64>, channels: usize, seed: u64) -> Self {
        let columns = rows.axis_iter(Axis(1));
        match kind {
            Kind::Standardised => Space::Standardised,
            Kind::Ranged => Space::Ranged { columns: columns.map(range).collect() },
            Kind::Ranked => Space::Ranked { columns: columns.map(knots).collect() },
            Kind::Whitened => Space::Whitened(Plane::of(rows, WHITENED, seed)),
            Kind::Summarised => Space::Summarised(Summary::of(rows, channels)),
        }
    }

    /// Whether each value of a mapped row is that of the same column.
    pub(super) fn keeps_columns(&self) -> bool {
        !matches!(self, Space::Whitened(_) | Space::Summarised(_))
    }

    pub(super) fn load(kind: Kind, width: usize, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        Ok(match kind {
            Kind::Standardised => Space::Standardised,
            Kind::Ranged => {
                let columns = arrays.matrix("ranges", Some(width), 2)?;
                let columns: Vec<[f64; 2]> = columns.outer_iter().map(|pair| [pair[0], pair[1]]).collect();
                if columns.iter().any(|[_, width]| *width <= 0.0) {
                    return Err(ScorerError::Stored("`ranges` holds widths that are not above 0".into()));
                }
                Space::Ranged { columns }
            }
            Kind::Ranked => {
                let counts = arrays.vector("knot_counts", Some(width))?;
                let all = arrays.matrix("knots", None, 2)?;
                let mut rest = all.outer_iter().map(|pair| [pair[0], pair[1]]);
                let mut columns = Vec::with_capacity(width);
                for count in counts {
                    let own: Vec<[f64; 2]> =
                        rest.by_ref().take(count.clamp(0.0, MAX_KNOTS as f64) as usize).collect();
                    let rises =
                        own.windows(2).all(|pair| pair[0][0] < pair[1][0] && pair[0][1] <= pair[1][1]);
                    if own.is_empty() || own.len() as f64 != count || !rises {
                        return Err(ScorerError::Stored(
                            "`knots` are not rising values of each column".into(),
                        ));
                    }
                    columns.push(own);
                }
                if rest.next().is_some() {
                    return Err(ScorerError::Stored("`knots` has more rows than `knot_counts` says".into()));
                }
                Space::Ranked { columns }
            }
            Kind::Whitened => Space::Whitened(Plane::load(width, arrays)?),
            Kind::Summarised => Space::Summarised(Summary::load(width, arrays)?),
        })
    }

    pub(super) fn arrays(&self) -> Vec<(String, StoredArray)> {
        match self {
            Space::Standardised => Vec::new(),
            Space::Ranged { columns } => {
                let flat = Array2::from_shape_fn((columns.len(), 2), |(column, at)| columns[column][at]);
                vec![("ranges".into(), stored::matrix(&flat))]
            }
            Space::Ranked { columns } => {
                let counts: Vec<f64> = columns.iter().map(|knots| knots.len() as f64).collect();
                let all = columns.concat();
                let flat = Array2::from_shape_fn((all.len(), 2), |(knot, at)| all[knot][at]);
                vec![("knot_counts".into(), stored::vector(&counts)), ("knots".into(), stored::matrix(&flat))]
            }
            Space::Whitened(plane) => plane.arrays(),
            Space::Summarised(summary) => summary.arrays(),
        }
    }

    /// The rows `[N, D]` in this space.
    pub(super) fn map(&self, mut rows: Array2<f64>) -> Array2<f64> {
        match self {
            Space::Standardised => {}
            Space::Ranged { columns } => {
                for (mut column, [low, width]) in rows.columns_mut().into_iter().zip(columns) {
                    column.mapv_inplace(|value| (value - low) / width);
                }
            }
            Space::Ranked { columns } => {
                for (mut column, knots) in rows.columns_mut().into_iter().zip(columns) {
                    column.mapv_inplace(|value| rank(knots, value));
                }
            }
            Space::Whitened(plane) => return plane.whitened(&rows),
            Space::Summarised(summary) => return summary.map(&rows),
        }
        rows
    }
}

/// The observed values, rising.
fn sorted(column: ArrayView1<'_, f64>) -> Vec<f64> {
    let mut values: Vec<f64> = column.iter().copied().filter(|value| !value.is_nan()).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// Whether the observed values are of exactly two kinds.
pub(super) fn is_two_valued(column: ArrayView1<'_, f64>) -> bool {
    let mut values = column.iter().copied().filter(|value| !value.is_nan());
    let Some(first) = values.next() else { return false };
    let mut second = None;
    for value in values.filter(|value| *value != first) {
        if *second.get_or_insert(value) != value {
            return false;
        }
    }
    second.is_some()
}

fn range(column: ArrayView1<'_, f64>) -> [f64; 2] {
    let values = column.iter().copied().filter(|value| !value.is_nan());
    let (low, high) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    match high > low {
        true => [low, high - low],
        false => [if low.is_finite() { low } else { 0.0 }, 1.0],
    }
}

/// The values of a column with their ranks: the share of values below, and half of those that are equal.
fn knots(column: ArrayView1<'_, f64>) -> Vec<[f64; 2]> {
    let values = sorted(column);
    if values.is_empty() {
        return vec![[0.0, 0.5]];
    }
    let n = values.len() as f64;
    let mut all = Vec::new();
    let mut below = 0usize;
    for equal in values.chunk_by(|a, b| a == b) {
        all.push([equal[0], (below as f64 + 0.5 * equal.len() as f64) / n]);
        below += equal.len();
    }
    match all.len() {
        few if few <= MAX_KNOTS => all,
        many => (0..MAX_KNOTS).map(|at| all[at * (many - 1) / (MAX_KNOTS - 1)]).collect(),
    }
}

/// The rank of a value, by linear interpolation.
fn rank(knots: &[[f64; 2]], value: f64) -> f64 {
    if value.is_nan() {
        return value;
    }
    let ([first, lowest], [last, highest]) = (knots[0], knots[knots.len() - 1]);
    let range = if last > first { last - first } else { 1.0 };
    if value <= first {
        return lowest - (first - value) / range;
    }
    if value >= last {
        return highest + (value - last) / range;
    }
    let above = knots.partition_point(|[knot, _]| *knot <= value);
    let ([from, low], [to, high]) = (knots[above - 1], knots[above]);
    low + (high - low) * ((value - from) / (to - from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn ranks_rise_with_values_and_go_on_beyond_the_rows() {
        let rows = array![[0.0], [1.0], [1.0], [10.0], [f64::NAN]];
        let space = Space::of(Kind::Ranked, &rows, 1, 0);
        let mapped = space.map(array![[-5.0], [0.0], [0.5], [1.0], [10.0], [20.0], [f64::NAN]]);
        let expected = [0.125 - 0.5, 0.125, 0.3125, 0.5, 0.875, 1.875];
        assert_eq!(mapped.column(0).as_slice().unwrap()[..6], expected);
        assert!(mapped[[6, 0]].is_nan());
    }

    #[test]
    fn ranges_become_0_to_1_and_a_constant_column_keeps_its_distances() {
        let rows = array![[2.0, 7.0], [6.0, 7.0]];
        let mapped = Space::of(Kind::Ranged, &rows, 1, 0).map(array![[4.0, 9.0], [10.0, 7.0]]);
        assert_eq!(mapped, array![[0.5, 2.0], [2.0, 0.0]]);
    }

    #[test]
    fn many_values_have_few_knots_and_the_first_and_last_are_kept() {
        let rows = Array2::from_shape_fn((5000, 1), |(row, _)| ((row * 7919) % 5000) as f64);
        let Space::Ranked { columns } = Space::of(Kind::Ranked, &rows, 1, 0) else { unreachable!() };
        assert!(columns[0].len() <= MAX_KNOTS, "{}", columns[0].len());
        assert_eq!((columns[0][0][0], columns[0][columns[0].len() - 1][0]), (0.0, 4999.0));
    }

    #[test]
    fn two_values_are_two_whatever_is_missing() {
        let rows = array![[1.0, 0.0, 3.0], [f64::NAN, 1.0, 3.0], [2.0, 2.0, 3.0], [1.0, 0.0, 3.0]];
        let two: Vec<bool> = rows.columns().into_iter().map(is_two_valued).collect();
        assert_eq!(two, [true, false, false]);
    }
}
