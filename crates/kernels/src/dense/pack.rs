//! The right factor of a product, in the order of use.

use crate::simd::{Kernel, SQUARE, Simd};

/// A matrix in a slice: the value at (row, column) lies at `row · row_stride + column · column_stride`, and one of the
/// strides is 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of `columns` values, one after another. Panics if the last is not whole.
    pub(crate) fn new(values: &'a [f32], columns: usize) -> Self {
        let rows = values.len() / columns;
        assert_eq!(rows * columns, values.len(), "whole rows");
        Matrix { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// Some rows of `columns` values, from the first value of one to that of the next `stride` values. Panics if the last is
    /// not whole.
    pub(crate) fn strided(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(rows > 0 && stride >= columns && values.len() >= (rows - 1) * stride + columns, "whole rows");
        Matrix { values, rows, columns, row_stride: stride, column_stride: 1 }
    }

    /// The same values with rows for columns.
    pub(crate) fn transposed(self) -> Self {
        let Matrix { values, rows, columns, row_stride, column_stride } = self;
        Matrix { values, rows: columns, columns: rows, row_stride: column_stride, column_stride: row_stride }
    }

    /// Whether the values of a row lie side by side.
    pub(crate) fn is_by_rows(&self) -> bool {
        self.column_stride == 1
    }

    /// From a row to the next, or from a column to the next where those of a row lie side by side.
    pub(crate) fn stride(&self) -> usize {
        self.row_stride.max(self.column_stride)
    }
}

/// Some columns of all rows, `[rows, width]`; zeros where the matrix has no more columns.
pub(crate) struct Pack<'a> {
    pub(crate) matrix: &'a Matrix<'a>,
    pub(crate) first: usize,
    pub(crate) width: usize,
    /// Exactly what is written.
    pub(crate) to: &'a mut [f32],
}

impl Kernel for Pack<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Pack { matrix, first, width, to } = self;
        let columns = width.min(matrix.columns - first);
        assert!(to.len() == matrix.rows * width && width.is_multiple_of(S::N), "the panel has its size");
        if columns < width {
            to.fill(0.0);
        }
        if !matrix.is_by_rows() {
            // SAFETY: the caller's guarantee.
            return unsafe { turned::<S>(matrix, first, columns, width, to) };
        }
        for (row, to) in to.chunks_exact_mut(width).enumerate() {
            let from = &matrix.values[row * matrix.row_stride + first..][..columns];
            if columns < width {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                continue;
            }
            for (to, from) in to.chunks_exact_mut(S::N).zip(from.chunks_exact(S::N)) {
                // SAFETY: both are one vector long.
                unsafe { S::load(from.as_ptr()).store(to.as_mut_ptr()) }
            }
        }
    }
}

/// [`Pack`] of a matrix whose columns lie side by side, in squares.
#[inline(always)]
unsafe fn turned<S: Simd>(matrix: &Matrix<'_>, first: usize, columns: usize, width: usize, to: &mut [f32]) {
    let (whole_rows, whole_columns) = (matrix.rows / SQUARE * SQUARE, columns / SQUARE * SQUARE);
    let place = |row: usize, column: usize| (first + column) * matrix.column_stride + row;
    // A few columns at a time, which the processor reads ahead: not all of them at once.
    for column in (0..whole_columns).step_by(SQUARE) {
        for row in (0..whole_rows).step_by(SQUARE) {
            let from = &matrix.values[place(row, column)..];
            let to = &mut to[row * width + column..];
            let reach = |stride: usize| (SQUARE - 1) * stride + SQUARE;
            assert!(from.len() >= reach(matrix.column_stride) && to.len() >= reach(width), "a whole square");
            // SAFETY: checked.
            unsafe { S::turn(from.as_ptr(), matrix.column_stride, to.as_mut_ptr(), width) }
        }
    }
    for column in 0..columns {
        let rows = if column < whole_columns { whole_rows..matrix.rows } else { 0..matrix.rows };
        for row in rows {
            to[row * width + column] = matrix.values[place(row, column)];
        }
    }
}
