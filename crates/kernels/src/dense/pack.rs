//! The right factor of a product, in the order of use.

use super::product::{Finish, Panel};
use crate::simd::{Kernel, Processor, SQUARE, Simd, dispatch};

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

/// Values in a row of a panel for at most two vectors of columns: half a panel will do for few.
pub(super) fn panel_width(lanes: usize, columns: usize) -> usize {
    if columns <= lanes { lanes } else { 2 * lanes }
}

/// The right factor of several products: all its columns in panels of two vectors, the last of one if that will do.
#[derive(Clone, Copy)]
pub(crate) struct Packed<'a> {
    pub(super) values: &'a [f32],
    pub(super) terms: usize,
    pub(super) columns: usize,
}

impl<'a> Packed<'a> {
    /// Packs a matrix into `memory`.
    pub(crate) fn new(matrix: Matrix<'_>, processor: Processor, memory: &'a mut Vec<f32>) -> Self {
        let len = Packed::len(matrix.rows, matrix.columns, processor.lanes());
        if memory.len() < len {
            memory.resize(len, 0.0);
        }
        Packed::to(matrix, processor, &mut memory[..len])
    }

    /// Packs a matrix to [`Self::len`] values.
    pub(super) fn to(matrix: Matrix<'_>, processor: Processor, values: &'a mut [f32]) -> Self {
        let (widest, terms, columns) = (2 * processor.lanes(), matrix.rows, matrix.columns);
        for (panel, to) in values.chunks_mut(widest * terms).enumerate() {
            let (first, width) = (panel * widest, to.len() / terms);
            // SAFETY: it works on slices.
            unsafe { dispatch(processor, Pack { matrix: &matrix, first, width, to }) };
        }
        Packed { values, terms, columns }
    }

    /// Values of a packed matrix of so many rows and columns.
    pub(super) fn len(rows: usize, columns: usize, lanes: usize) -> usize {
        let rest = columns % (2 * lanes);
        let last = if rest == 0 { 0 } else { panel_width(lanes, rest) };
        (columns - rest + last) * rows
    }

    /// What [`Self::to`] packed into `values` from a matrix of so many rows and columns.
    pub(super) fn of(values: &'a [f32], terms: usize, columns: usize) -> Self {
        Packed { values, terms, columns }
    }

    /// `left` times this, on the calling thread, to rows of as many values. Panics for matrices that do not fit.
    ///
    /// # Safety
    /// It was packed for the processor that has `S`.
    #[inline(always)]
    pub(crate) unsafe fn multiply<S: Simd>(&self, left: Matrix<'_>, finish: Finish<'_>, to: &mut [f32]) {
        let (widest, rows) = (2 * S::N, left.rows);
        let fits = match finish {
            Finish::Nothing | Finish::Add => true,
            Finish::Layer { bias, .. } => bias.len() == self.columns,
            Finish::Gate { results, .. } => results.len() == to.len(),
        };
        let fits = fits && self.values.len() == Packed::len(self.terms, self.columns, S::N);
        assert!(fits && left.columns == self.terms && to.len() == rows * self.columns, "a product");
        if rows == 1 && left.is_by_rows() {
            // SAFETY: the sizes were checked.
            return unsafe { self.multiply_row::<S>(&left.values[..self.terms], finish, to) };
        }
        for (index, packed) in self.values.chunks(widest * self.terms).enumerate() {
            let first = index * widest;
            let width = packed.len() / self.terms;
            let columns = (first, width.min(self.columns - first));
            let (to, to_stride) = (to.as_mut_ptr(), self.columns);
            let panel = Panel { left, rows: (0, rows), columns, width, packed, finish, to, to_stride };
            // SAFETY: the sizes were checked.
            unsafe { panel.run::<S>() }
        }
    }
}

/// [`Packed::multiply`] by itself.
pub(super) struct Multiply<'a> {
    pub(super) left: Matrix<'a>,
    pub(super) right: Packed<'a>,
    pub(super) finish: Finish<'a>,
    pub(super) to: &'a mut [f32],
}

impl Multiply<'_> {
    /// Runs it on a processor for which the right factor was packed.
    pub(super) fn run_on(self, processor: Processor) {
        // SAFETY: sizes are checked; as the caller says.
        unsafe { dispatch(processor, self) };
    }
}

impl Kernel for Multiply<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller's guarantee.
        unsafe { self.right.multiply::<S>(self.left, self.finish, self.to) }
    }
}
