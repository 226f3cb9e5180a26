//! What can be wrong with data, each with what would be right.

use crate::preprocessing::ConstantData;
use ae_records::files::FileError;
use std::path::PathBuf;

/// Data could not be had, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No set has this name, and no file or folder is there.
    #[error(
        "no data set or file is called `{name}`{}; sets: {}",
        nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default(),
        known.join(", ")
    )]
    UnknownSet {
        /// What was asked for.
        name: String,
        /// The most alike name of a set, if one is near.
        nearest: Option<String>,
        /// All sets.
        known: Vec<String>,
    },
    /// A set of another form than rows of numbers.
    #[error("the set {0} is no set of plain rows to train on; `ae eval anomaly --data {0}` uses it")]
    NotDense(String),
    /// The file is there, but is of no kind that is read.
    #[error(
        "cannot tell what {} is; give a .csv, .tsv, .npy or idx file, or a folder of PNG or JPEG images",
        path.display()
    )]
    UnknownKind {
        /// The file.
        path: PathBuf,
    },
    /// A file of a set could not be had from any source.
    #[error("cannot get `{file}` of the set {set}: {source}")]
    Fetch {
        /// The set.
        set: String,
        /// The file.
        file: String,
        /// Each source and why it failed.
        source: ae_fetch::FetchError,
    },
    /// A file of a set is neither in the cache nor in the mirror, and nothing may be downloaded.
    #[error(
        "`{file}` of the set {set} is not in {}, and downloads are off; fetch it where there is a network, or name \
         a folder that holds {set}/{file} with AE_DATA_MIRROR",
        cache.display()
    )]
    Offline {
        /// The set.
        set: String,
        /// The file.
        file: String,
        /// Where it was looked for.
        cache: PathBuf,
    },
    /// A file of a set has another content than it should.
    #[error(
        "{} has the wrong content: expected sha256 {expected}, got {got}; delete it and fetch it again",
        path.display()
    )]
    WrongContent {
        /// The file.
        path: PathBuf,
        /// Expected checksum of the content.
        expected: String,
        /// What it is.
        got: String,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not what it claims to be.
    #[error("{} is not a usable {format} file: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// `idx`, `npy`, `gz`, `PNG or JPEG`.
        format: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A table cannot be used.
    #[error("{}: {source}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: TableError,
    },
    /// A folder of images cannot be used.
    #[error("{}: {reason}", path.display())]
    Images {
        /// The folder.
        path: PathBuf,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A value that no model can take.
    #[error("{} has {value} in row {row}, position {position}; remove or replace it", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// `NaN` or `inf`.
        value: f32,
        /// From 0.
        row: usize,
        /// Within the row, from 0, in row-major order.
        position: usize,
    },
    /// Labels do not go with the rows.
    #[error("{} has {labels} labels for {rows} rows", path.display())]
    LabelCount {
        /// The file of labels.
        path: PathBuf,
        /// How many it holds.
        labels: usize,
        /// How many there should be.
        rows: usize,
    },
    /// No row has the label that should be normal.
    #[error("no training row has the normal label `{label}`; labels: {}", known.join(", "))]
    NormalLabel {
        /// What was asked for.
        label: String,
        /// All labels.
        known: Vec<String>,
    },
    /// A normal label was given, but the data have no labels.
    #[error(
        "normal_label = `{label}` needs labels, and {name} has none; name a label column or a file of labels"
    )]
    NoLabels {
        /// What was asked for.
        label: String,
        /// The data.
        name: String,
    },
    /// Too few rows.
    #[error("{name} has {got} usable rows; at least {needed} are needed to {what}")]
    TooFewRows {
        /// The data.
        name: String,
        /// Rows there are.
        got: usize,
        /// Rows needed.
        needed: usize,
        /// For what.
        what: &'static str,
    },
    /// More rows than indices of 32 bits can tell apart.
    #[error("{name} has {got} rows; at most {} can be used", u32::MAX)]
    TooManyRows {
        /// The data.
        name: String,
        /// Rows there are.
        got: usize,
    },
    /// The configured shape does not go with the rows.
    #[error("shape = {shape:?} has {} numbers, but a row of {name} has {numel}", shape.iter().product::<usize>())]
    Shape {
        /// What was asked for.
        shape: Vec<usize>,
        /// The data.
        name: String,
        /// Numbers in a row.
        numel: usize,
    },
    /// The set has no such protocol.
    #[error("the set {set} has no protocol `{protocol}`; leave `protocol` out")]
    Protocol {
        /// The set.
        set: String,
        /// What was asked for.
        protocol: String,
    },
    /// A configured value is out of its range.
    #[error("data.{key} = {value} is out of range: give {right}")]
    OutOfRange {
        /// The key within `[data]`.
        key: &'static str,
        /// What it is.
        value: String,
        /// What it should be.
        right: &'static str,
    },
    /// The values cannot be scaled.
    #[error("{name}: {source}")]
    Constant {
        /// The data.
        name: String,
        /// Which value.
        source: ConstantData,
    },
}

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
    #[error("line {line} has {got} cells, but the first line has {expected}{hint}")]
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
    /// A name that is none.
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
