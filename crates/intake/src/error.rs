//! Errors of a single line, and of a file or stream as a whole.

mod table;

pub use table::TableError;

use crate::memory::MemoryError;
use crate::text::content::ContentError;
use ae_records::files::FileError;
use serde::{Deserialize, Serialize};

/// A line that could not be read as a row. It is reported, and reading continues with the next line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadLine {
    /// Line number, from 1.
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
    /// Text instead of a number.
    #[error("column `{column}`: `{value}` is not a number")]
    NotNumber {
        /// The column.
        column: String,
        /// The cell, shortened.
        value: String,
    },
    /// A number in another unit than the column has.
    #[error("column `{column}`: `{value}` is not in this column's unit, `{unit}`")]
    OtherUnit {
        /// The column.
        column: String,
        /// The cell, shortened.
        value: String,
        /// The unit of the column.
        unit: String,
    },
    /// An infinity, or a number too large for a 32-bit float.
    #[error("column `{column}`: `{value}` is not a finite 32-bit number")]
    NotFinite {
        /// The column.
        column: String,
        /// The cell, shortened.
        value: String,
    },
    /// A time that cannot be read.
    #[error("column `{column}`: `{value}` is not a time in this column's format")]
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
    /// The group of a row is missing, or too long for a name.
    #[error("column `{column}`: the name of the group is missing or longer than {limit} bytes")]
    NoGroup {
        /// The column.
        column: String,
        /// The longest name, in bytes.
        limit: usize,
    },
    /// Bytes that are not text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// A NUL byte, which no text file has.
    #[error("it contains binary data")]
    Binary,
    /// Longer than the limit.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// A quoted cell that is not closed.
    #[error("a quoted cell is not closed on its line")]
    OpenQuote,
    /// Not a JSON object or array of plain values.
    #[error("it is not a JSON object or array of plain values: {reason}")]
    NotJson {
        /// The parser's message.
        reason: String,
    },
}

/// Why a file or stream cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// Reading the input failed.
    #[error("cannot read {name}{}: {source}", after(*.line))]
    Read {
        /// The name of the input.
        name: String,
        /// Lines read so far.
        line: u64,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A file could not be read or unpacked.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// Reading the file, or learning from it, would take too much memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The table as a whole, or a line of it, is at fault.
    #[error("{name}: {source}")]
    Table {
        /// The file.
        name: String,
        /// What is wrong.
        source: TableError,
    },
    /// A configured value is invalid.
    #[error("{key} = {value} is invalid; use {right}")]
    OutOfRange {
        /// The full name of the setting.
        key: &'static str,
        /// The configured value.
        value: String,
        /// The values that are allowed.
        right: &'static str,
    },
    /// An infinity in an array.
    #[error(
        "row {row} (from 0), column `{column}`: {value} is not finite; remove or replace it, or use NaN for a missing \
         value"
    )]
    NotFinite {
        /// The row, from 0.
        row: usize,
        /// The column.
        column: String,
        /// `inf` or `-inf`.
        value: f32,
    },
    /// More or fewer names than columns.
    #[error("{} for {}; give one name per column, or none", counted(*names, "name", "names"), counted(*columns, "column", "columns"))]
    NameCount {
        /// Names given.
        names: usize,
        /// Columns of the array.
        columns: usize,
    },
    /// Not a text file, according to its first bytes.
    #[error("{name} is {what}, not text; {remedy}")]
    NotText {
        /// The file.
        name: String,
        /// What it is.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// None of the lines could be read.
    #[error("{name} has no usable lines out of {lines}; the first: {first}{}", other_encoding(first))]
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
        "{name} has {} out of {lines}, more than input.max_bad = {allowed} allows; fix them or raise it; the \
         first: {first}{}",
        counted(*bad, "bad line", "bad lines"), other_encoding(first)
    )]
    TooManyBadLines {
        /// The file.
        name: String,
        /// How many are bad.
        bad: usize,
        /// How many there are.
        lines: usize,
        /// The allowed share.
        allowed: f64,
        /// The first.
        first: BadLine,
    },
    /// There is no column to learn from.
    #[error("{name} has no column to learn from{}", because(ignored))]
    NoColumns {
        /// The file.
        name: String,
        /// The columns, each with the reason why it is left out.
        ignored: Vec<String>,
    },
    /// At least half of the columns would be left out because they hold text.
    #[error(
        "{name}: {count} of {of} columns hold text that is neither numbers nor a category, and would be left out: {}; \
         list them in input.ignore to go on without them or in input.categories to learn from them, or list the \
         columns to learn from in input.columns",
        columns.join(", ")
    )]
    MostlyText {
        /// The file.
        name: String,
        /// How many would be left out.
        count: usize,
        /// Of how many; labels, times, constants, identifiers and row numbers do not count.
        of: usize,
        /// The first of them, each with one of its values.
        columns: Vec<String>,
    },
    /// A column that was asked for has too many distinct values for a category.
    #[error(
        "column `{column}` has more than {limit} distinct values; leave it out with input.ignore, or raise input.max_categories"
    )]
    TooManyValues {
        /// The column.
        column: String,
        /// The most that are allowed.
        limit: usize,
    },
    /// A column of text in a layout that needs numbers.
    #[error(
        "column `{column}` holds text, such as `{value}`, but input.layout = \"{layout}\" needs numbers; leave it out with \
         input.ignore"
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
    #[error(
        "column `{column}`: `{value}` has a decimal comma; use a decimal point, or leave out input.numbers = \"plain\""
    )]
    DecimalComma {
        /// The column.
        column: String,
        /// One of its values.
        value: String,
    },
    /// A column that should hold times does not.
    #[error(
        "column `{column}` is not a timestamp: `{value}` is neither a number nor a date such as 2024-05-31 23:59:00"
    )]
    NotTimes {
        /// The column.
        column: String,
        /// One of its values.
        value: String,
    },
    /// A column that should name groups does not divide the rows.
    #[error("column `{column}` cannot name the groups: {reason}")]
    NotGroups {
        /// The column.
        column: String,
        /// What it holds, and what to do.
        reason: String,
    },
    /// A label column is set, but not which of its values are normal.
    #[error("say which values of the label column are normal (--normal VALUE, or input.normal = [...]); it holds {}", known.join(", "))]
    WhichIsNormal {
        /// Its values, each with its number of rows.
        known: Vec<String>,
    },
    /// No row is normal.
    #[error("no row has the normal label {}; the label column holds {}", normal.join(" or "), known.join(", "))]
    NoNormal {
        /// The normal labels that were configured.
        normal: Vec<String>,
        /// The values of the column, each with its number of rows.
        known: Vec<String>,
    },
    /// Every column is constant.
    #[error("every column is constant in the rows to learn from ({what}); there is nothing to learn")]
    NothingVaries {
        /// The first column and its value.
        what: String,
    },
    /// The normal stretches of a labelled series are too short for a split.
    #[error(
        "{} of {window} steps {} normal steps only, too few for all parts of the split and a gap of one window \
         between parts: the longest of {} has {}; {}",
        counted(*got, "window", "windows"), if *got == 1 { "has" } else { "have" },
        counted(*stretches, "normal stretch", "normal stretches"), counted(*longest, "step", "steps"), shorter(*fits)
    )]
    TooFewWindows {
        /// Windows with normal steps only.
        got: usize,
        /// Steps in a window.
        window: usize,
        /// Stretches of normal steps.
        stretches: usize,
        /// Steps in the longest stretch.
        longest: usize,
        /// The longest window that fits, if any.
        fits: Option<usize>,
    },
    /// Too few rows.
    #[error("{} too few; at least {needed} are needed to {what}", are(*got, "normal row", "normal rows"))]
    TooFewRows {
        /// Rows available.
        got: usize,
        /// Rows needed.
        needed: usize,
        /// What they are needed for.
        what: String,
    },
    /// The columns of a file do not match the schema.
    #[error("{name} does not match the learned schema: {reason}")]
    Schema {
        /// The file.
        name: String,
        /// What differs from the schema.
        reason: String,
    },
    /// A column whose cells are to be copied is not there.
    #[error("{name} has no column `{column}` to copy; its columns: {columns}")]
    NotCopied {
        /// The input.
        name: String,
        /// The column.
        column: String,
        /// The first columns that it has.
        columns: String,
    },
}

/// What to do about lines in another encoding.
fn other_encoding(first: &BadLine) -> &'static str {
    match first.reason {
        BadReason::NotText => {
            "; save the file as UTF-8, or fit with input.encoding = \"windows-1252\", which reads both"
        }
        _ => "",
    }
}

fn because(ignored: &[String]) -> String {
    if ignored.is_empty() { String::new() } else { format!(": {}", ignored.join(", ")) }
}

/// The number with its noun in the singular or plural.
pub(crate) fn counted<N: std::fmt::Display + PartialEq + From<u8>>(n: N, one: &str, many: &str) -> String {
    format!("{n} {}", if n == N::from(1) { one } else { many })
}

fn are(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", counted(n, one, many), if n == 1 { "is" } else { "are" })
}

fn shorter(fits: Option<usize>) -> String {
    match fits {
        Some(fits) => format!("set input.window to {fits} or less"),
        None => "provide longer stretches of normal steps".into(),
    }
}

impl From<FileError> for IntakeError {
    fn from(error: FileError) -> Self {
        IntakeError::Content(error.into())
    }
}

/// [`IntakeError::Read`], after so many lines.
pub(crate) fn cannot_read(name: &str, line: u64) -> impl Fn(std::io::Error) -> IntakeError {
    move |source| IntakeError::Read { name: name.to_string(), line, source }
}

fn after(line: u64) -> String {
    if line == 0 { String::new() } else { format!(" past line {line}") }
}
