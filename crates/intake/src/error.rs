//! What can be wrong with a line, and with a file as a whole.

mod table;

pub use table::TableError;

use crate::text::content::ContentError;
use ae_records::files::FileError;
use serde::{Deserialize, Serialize};

/// A line that could not be read as a row. It is reported, and reading goes on with the next line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadLine {
    /// From 1, as editors count.
    pub line: u64,
    /// What is wrong with it.
    pub reason: BadReason,
}

impl std::fmt::Display for BadLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// Why a line cannot be read as a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum BadReason {
    /// More or fewer cells than columns.
    #[error("it has {} instead of {expected}", counted(*got, "cell", "cells"))]
    Ragged {
        /// Cells of this line.
        got: usize,
        /// Columns of the file.
        expected: usize,
    },
    /// A text where a number belongs.
    #[error("column `{column}`: `{value}` is not a number")]
    NotNumber {
        /// The column.
        column: String,
        /// The cell, shortened.
        value: String,
    },
    /// An infinity, or a number beyond 32-bit floats.
    #[error("column `{column}`: `{value}` is not a finite 32-bit number")]
    NotFinite {
        /// The column.
        column: String,
        /// The cell, shortened.
        value: String,
    },
    /// A time that cannot be read.
    #[error("column `{column}`: `{value}` is not a time as the others are")]
    NotTime {
        /// The column.
        column: String,
        /// The cell, shortened.
        value: String,
    },
    /// The label of a row is missing.
    #[error("column `{column}`: the label is missing")]
    NoLabel {
        /// The column.
        column: String,
    },
    /// Bytes that are not text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// A NUL byte: no text file has one.
    #[error("it holds binary data")]
    Binary,
    /// Longer than lines may be.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// A quoted cell without an end.
    #[error("a quoted cell does not end on its line")]
    OpenQuote,
    /// Not what JSON lines hold.
    #[error("it is not a JSON object or array of plain values: {reason}")]
    NotJson {
        /// What the parser says.
        reason: String,
    },
}

/// A file or stream cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// A stream broke off.
    #[error("cannot read on after line {line}: {source}")]
    Read {
        /// Lines read so far.
        line: u64,
        /// What the system answered.
        source: std::io::Error,
    },
    /// A file could not be read or unpacked.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// What holds for the table as a whole.
    #[error("{name}: {source}")]
    Table {
        /// The file.
        name: String,
        /// What is wrong.
        source: TableError,
    },
    /// A configured value is out of its range.
    #[error("input.{key} = {value} is out of range: give {right}")]
    OutOfRange {
        /// The key within `[input]`.
        key: &'static str,
        /// What it is.
        value: String,
        /// What it should be.
        right: &'static str,
    },
    /// An infinity in an array.
    #[error(
        "row {row} (from 0), column `{column}`: {value} is not finite; remove or replace it, or give NaN for a missing \
         value"
    )]
    NotFinite {
        /// From 0.
        row: usize,
        /// The column.
        column: String,
        /// `inf` or `-inf`.
        value: f32,
    },
    /// More or fewer names than columns.
    #[error("{} for {}; give one for each, or none", counted(*names, "name", "names"), counted(*columns, "column", "columns"))]
    NameCount {
        /// Names given.
        names: usize,
        /// Columns of the array.
        columns: usize,
    },
    /// The text is in an encoding of two bytes a character.
    #[error("{name} is UTF-16 text; save it as UTF-8, as `iconv -f UTF-16 -t UTF-8` does")]
    Utf16 {
        /// The file.
        name: String,
    },
    /// No text: told by its first bytes.
    #[error("{name} is {what}, not text; {remedy}")]
    NotText {
        /// The file.
        name: String,
        /// What it is.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// Lines end with a carriage return alone.
    #[error(
        "{name} ends its lines with a carriage return alone (CR), as old Macs did; write line feeds (LF), as \
         `tr '\\r' '\\n'` does"
    )]
    CarriageReturns {
        /// The file.
        name: String,
    },
    /// Not one line could be read.
    #[error("{name} has no usable line of {lines}; the first: {first}")]
    OnlyBadLines {
        /// The file.
        name: String,
        /// How many there are.
        lines: usize,
        /// The first.
        first: BadLine,
    },
    /// Too many bad lines to learn from the rest.
    #[error(
        "{name} has {} of {lines}, more than max_bad = {allowed} allows; mend them, or allow more; the \
         first: {first}",
        counted(*bad, "bad line", "bad lines")
    )]
    TooManyBadLines {
        /// The file.
        name: String,
        /// How many are bad.
        bad: usize,
        /// How many there are.
        lines: usize,
        /// The share that is allowed.
        allowed: f64,
        /// The first.
        first: BadLine,
    },
    /// There is nothing to learn from.
    #[error("{name} has no column that can be learned from{}", because(ignored))]
    NoColumns {
        /// The file.
        name: String,
        /// The columns that there are, each with why it is left out.
        ignored: Vec<String>,
    },
    /// A column that was asked for as a category has too many values.
    #[error(
        "column `{column}` has more than {limit} different values; leave it out with `ignore`, or raise max_categories"
    )]
    TooManyValues {
        /// The column.
        column: String,
        /// How many are allowed.
        limit: usize,
    },
    /// A column that the layout needs as numbers.
    #[error(
        "column `{column}` holds text, such as `{value}`, but layout = \"{layout}\" needs numbers; `ignore` it"
    )]
    NotNumeric {
        /// The column.
        column: String,
        /// The layout.
        layout: &'static str,
        /// One of its values.
        value: String,
    },
    /// Decimals are written with a comma.
    #[error("column `{column}`: `{value}` has a decimal comma; write decimals with a point")]
    DecimalComma {
        /// The column.
        column: String,
        /// One of its values.
        value: String,
    },
    /// A column that should hold times does not.
    #[error(
        "column `{column}` is no timestamp: `{value}` is neither a number nor a date such as 2024-05-31 23:59:00"
    )]
    NotTimes {
        /// The column.
        column: String,
        /// One of its values.
        value: String,
    },
    /// A label column without a word on which values are normal.
    #[error("say which values of the label column are normal (--normal VALUE, or input.normal = [...]); it holds {}", known.join(", "))]
    WhichIsNormal {
        /// Its values, each with how many rows have it.
        known: Vec<String>,
    },
    /// No row is normal.
    #[error("no row has the normal label {}; the label column holds {}", normal.join(" or "), known.join(", "))]
    NoNormal {
        /// What was asked for.
        normal: Vec<String>,
        /// The values of the column, each with how many rows have it.
        known: Vec<String>,
    },
    /// Every column is constant.
    #[error("every value to learn from is the same in its column ({what}); there is nothing to learn")]
    NothingVaries {
        /// The first column and its value.
        what: String,
    },
    /// The normal stretches of a labelled series have too little room.
    #[error(
        "{} of {window} steps {} normal steps alone, too few for all parts with a gap of a window between two: the \
         longest of {} has {}; {}",
        counted(*got, "window", "windows"), if *got == 1 { "holds" } else { "hold" },
        counted(*stretches, "normal stretch", "normal stretches"), counted(*longest, "step", "steps"), shorter(*fits)
    )]
    TooFewWindows {
        /// Windows of normal steps alone.
        got: usize,
        /// Steps in a window.
        window: usize,
        /// Stretches of normal steps.
        stretches: usize,
        /// Steps of the longest.
        longest: usize,
        /// The longest window that there is room for, if there is one.
        fits: Option<usize>,
    },
    /// Too few rows.
    #[error("{} too few; at least {needed} are needed to {what}", are(*got, "normal row", "normal rows"))]
    TooFewRows {
        /// Rows there are.
        got: usize,
        /// Rows needed.
        needed: usize,
        /// For what.
        what: String,
    },
    /// The columns of a file are not those of the schema.
    #[error("{name} does not fit what was learned: {reason}")]
    Schema {
        /// The file.
        name: String,
        /// What differs, and what would be right.
        reason: String,
    },
}

fn because(ignored: &[String]) -> String {
    if ignored.is_empty() { String::new() } else { format!(": {}", ignored.join(", ")) }
}

/// A number of things, in words for one and for many.
pub(crate) fn counted<N: std::fmt::Display + PartialEq + From<u8>>(n: N, one: &str, many: &str) -> String {
    format!("{n} {}", if n == N::from(1) { one } else { many })
}

fn are(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", counted(n, one, many), if n == 1 { "is" } else { "are" })
}

fn shorter(fits: Option<usize>) -> String {
    match fits {
        Some(fits) => format!("set input.window to {fits} or less"),
        None => "bring longer stretches of normal steps".into(),
    }
}

impl From<FileError> for IntakeError {
    fn from(error: FileError) -> Self {
        IntakeError::Content(error.into())
    }
}
