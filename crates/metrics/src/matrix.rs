//! Checked rows in double precision, and the distances between them.

use crate::error::MetricError;
use crate::reconstruction::check_finite;
use ndarray::{Array1, Array2, ArrayBase, ArrayView1, ArrayView2, Axis, Data, Ix2, Zip, s};
use rayon::prelude::*;

/// Rows whose distances are computed in one matrix product.
const BLOCK: usize = 128;

/// A copy of the rows `[N, D]` in double precision; checks that they are finite and not empty.
pub(crate) fn doubles<A, S>(what: &'static str, rows: &ArrayBase<S, Ix2>) -> Result<Array2<f64>, MetricError>
where
    A: Copy + Into<f64>,
    S: Data<Elem = A>,
{
    if rows.is_empty() {
        return Err(MetricError::Empty { what });
    }
    check_finite(what, rows)?;
    Ok(rows.mapv(Into::into))
}

/// Checks that both have the same number of columns.
pub(crate) fn same_width(
    (left, left_width): (&'static str, usize),
    (right, right_width): (&'static str, usize),
) -> Result<(), MetricError> {
    if left_width == right_width {
        return Ok(());
    }
    Err(MetricError::WidthMismatch { left, left_width, right, right_width })
}

/// Calls `of_row` with the index of each row and its squared Euclidean distances to all of `others`. Runs in
/// parallel; results are in the order of the rows.
pub(crate) fn map_distances<T: Send>(
    rows: &Array2<f64>,
    others: &Array2<f64>,
    of_row: impl Fn(usize, ArrayView1<f64>) -> T + Sync,
) -> Vec<T> {
    // Centre on the mean of one side, so that a common offset costs no digits in the product below.
    let mean = others.mean_axis(Axis(0)).expect("at least one row");
    let (rows, others) = (rows - &mean, others - &mean);
    let norms = squares(others.view());
    let starts: Vec<usize> = (0..rows.nrows()).step_by(BLOCK).collect();
    let of_block = |start: usize| -> Vec<T> {
        let block = rows.slice(s![start..(start + BLOCK).min(rows.nrows()), ..]);
        let mut distances = block.dot(&others.t());
        for (mut row, own) in distances.outer_iter_mut().zip(squares(block)) {
            Zip::from(&mut row).and(&norms).for_each(|product, norm| {
                // Rounding must not make it negative.
                *product = (own + norm - 2.0 * *product).max(0.0);
            });
        }
        distances.outer_iter().zip(start..).map(|(row, index)| of_row(index, row)).collect()
    };
    starts.into_par_iter().flat_map_iter(of_block).collect()
}

fn squares(rows: ArrayView2<f64>) -> Array1<f64> {
    rows.outer_iter().map(|row| row.dot(&row)).collect()
}
