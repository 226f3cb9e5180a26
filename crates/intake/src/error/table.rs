//! What can be wrong with a table as a whole, and with a line where every line has to be a row.

use super::{BadReason, counted};

/// What is wrong in a table, and where. Lines count from 1, as editors do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// Nothing in it.
    #[error("the table is empty")]
    Empty,
    /// A header and nothing below it.
    #[error("the table has a header but no rows; if its first line holds data, set header = false")]
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
        /// Cells in the first.
        expected: usize,
        /// Starts with `; ` where a wrong delimiter may be the cause.
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
        "line {line}, column {column}: the cell is empty; fill it in, remove the line, or ignore the column"
    )]
    EmptyCell {
        /// The line.
        line: u64,
        /// The column: its name or its position from 0.
        column: String,
    },
    /// A cell that is no number.
    #[error("line {line}, column {column}: `{value}` is not a number{hint}")]
    NotNumber {
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// The cell, shortened.
        value: String,
        /// Starts with `; `.
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
    /// A column that is not there.
    #[error("there is no {role} column {column}; columns: {}{hint}", columns.join(", "))]
    NoColumn {
        /// `label`, `data` or `ignored`.
        role: &'static str,
        /// What was asked for.
        column: String,
        /// Those there are.
        columns: Vec<String>,
        /// Starts with `; `.
        hint: String,
    },
    /// A name that more than one column has.
    #[error("more than one column is called {column}; give its position from 0 instead")]
    AmbiguousColumn {
        /// The name.
        column: String,
    },
    /// All columns are labels or ignored.
    #[error("no column is left to read; columns: {}", columns.join(", "))]
    NoData {
        /// Those there are.
        columns: Vec<String>,
    },
    /// More columns than can be read.
    #[error("the first line has {got} cells; at most {most} can be read")]
    TooWide {
        /// Cells of the first line.
        got: usize,
        /// How many there may be.
        most: usize,
    },
    /// A first line too long to be names of columns.
    #[error(
        "the name `{value}` is longer than {most} bytes; set header = false if the first line holds data"
    )]
    LongName {
        /// The name, shortened.
        value: String,
        /// How long it may be.
        most: usize,
    },
}
