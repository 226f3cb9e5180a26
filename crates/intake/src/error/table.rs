//! Errors of a table as a whole, and of single lines if every line must be a row.

use super::{BadReason, counted};

/// What is wrong in a table, and where. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The table has no content.
    #[error("the table is empty")]
    Empty,
    /// A header without rows below it.
    #[error("the table has a header but no rows; if its first line holds data, set input.header = false")]
    OnlyHeader,
    /// Bytes that are not text.
    #[error("line {line} is not UTF-8 text; save the table as UTF-8")]
    NotText {
        /// The line.
        line: u64,
    },
    /// A row with more or fewer cells than the first.
    #[error("line {line} has {}, but the first line has {expected}{hint}", counted(*got, "cell", "cells"))]
    Ragged {
        /// The line.
        line: u64,
        /// Cells in this line.
        got: usize,
        /// Cells in the first line.
        expected: usize,
        /// Empty, or `; ` and a hint that the delimiter may be wrong.
        hint: String,
    },
    /// A line that cannot be split into cells.
    #[error("line {line}: {reason}")]
    BadLine {
        /// The line.
        line: u64,
        /// What is wrong with it.
        reason: BadReason,
    },
    /// A cell without a value.
    #[error(
        "line {line}, column {column}: the cell is empty; fill it in, remove the line, or leave the column out with \
         input.ignore"
    )]
    EmptyCell {
        /// The line.
        line: u64,
        /// The column: its name or its position from 0.
        column: String,
    },
    /// A cell that is not a number.
    #[error("line {line}, column {column}: `{value}` is not a number{hint}")]
    NotNumber {
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// The cell, shortened.
        value: String,
        /// Starts with `; ` and says what to do.
        hint: String,
    },
    /// NaN, infinity, or a number beyond 32-bit floats.
    #[error("line {line}, column {column}: `{value}` is not a finite 32-bit number; remove or replace it")]
    NotFinite {
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// The cell.
        value: String,
    },
    /// A column that does not exist.
    #[error("there is no {role} column {column}; columns: {}{hint}", columns.join(", "))]
    NoColumn {
        /// `label`, `data` or `ignored`.
        role: &'static str,
        /// What was asked for.
        column: String,
        /// The existing columns.
        columns: Vec<String>,
        /// Empty, or `; ` and what may be meant or wrong.
        hint: String,
    },
    /// A name shared by more than one column.
    #[error("more than one column is called {column}; give its position from 0 instead")]
    AmbiguousColumn {
        /// The name.
        column: String,
    },
    /// All columns are labels or ignored.
    #[error("no column is left to read; columns: {}", columns.join(", "))]
    NoData {
        /// The existing columns.
        columns: Vec<String>,
    },
    /// More columns than are supported.
    #[error("the first line has {got} cells; at most {most} can be read")]
    TooWide {
        /// Cells of the first line.
        got: usize,
        /// The most that are supported.
        most: usize,
    },
    /// A first line with a cell that is too long for a column name.
    #[error(
        "the column name `{value}` is longer than {most} bytes; set input.header = false if the first line holds data"
    )]
    LongName {
        /// The name, shortened.
        value: String,
        /// The longest name that is allowed, in bytes.
        most: usize,
    },
}
