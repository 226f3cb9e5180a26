//! Errors of data, each with what would be right.

use crate::preprocessing::ConstantData;
use ae_intake::content::ContentError;
use ae_intake::{IntakeError, MemoryError, TableError};
use ae_records::files::FileError;
use ae_records::names::did_you_mean;
use std::path::{Path, PathBuf};

/// Data that cannot be fetched, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No set has this name, and no file or folder is there.
    #[error(
        "no data set is called `{name}`{}{}; sets: {}",
        here.as_ref().map_or(String::new(), |here| format!(", nor a file or folder in {}", here.display())),
        did_you_mean(nearest),
        known.join(", ")
    )]
    UnknownSet {
        /// What was asked for.
        name: String,
        /// The folder that a path would begin in, if it may be one.
        here: Option<PathBuf>,
        /// Sets with similar names, nearest first.
        nearest: Vec<String>,
        /// All sets.
        known: Vec<String>,
    },
    /// A set that does not consist of rows of numbers.
    #[error("the set {set} does not consist of plain rows to train on; {instead}")]
    NotDense {
        /// The set.
        set: String,
        /// What it can be used with.
        instead: String,
    },
    /// The file exists, but its kind is not supported.
    #[error(
        "cannot tell what {} is; give a table (.csv, .tsv, .json, .xlsx, .ods), a .npy or idx file, or a folder of PNG or JPEG \
         images",
        path.display()
    )]
    UnknownKind {
        /// The file.
        path: PathBuf,
    },
    /// No source provided a file of a set.
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
        "`{file}` of the set {set} is not in {}, and downloads are off; fetch it while online, or set \
         AE_DATA_MIRROR to a folder that holds {mirrored}",
        cache.display()
    )]
    Offline {
        /// The set.
        set: String,
        /// The file.
        file: String,
        /// Its path in a mirror.
        mirrored: String,
        /// Where it was looked for.
        cache: PathBuf,
    },
    /// A file of a set has the wrong content.
    #[error(
        "{} has the wrong content: expected sha256 {expected}, got {got}; delete it and fetch it again",
        path.display()
    )]
    WrongContent {
        /// The file.
        path: PathBuf,
        /// Expected checksum of the content.
        expected: String,
        /// The actual checksum.
        got: String,
    },
    /// Reading the user's data would take too much memory.
    #[error("{}", in_data(.0))]
    Memory(#[from] MemoryError),
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
    #[error("{}: {}", path.display(), in_data(source))]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: TableError,
    },
    /// A file that should be a table is not text, or is in another encoding.
    #[error("{}", in_data(.0))]
    NotTable(IntakeError),
    /// A folder of images cannot be used.
    #[error("{}: {reason}", path.display())]
    Images {
        /// The folder.
        path: PathBuf,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A value that is NaN or infinite.
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
    /// The number of labels is not that of the rows.
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
    /// More rows than 32-bit indices can number.
    #[error("{name} has {got} rows; at most {} can be used", u32::MAX)]
    TooManyRows {
        /// The data.
        name: String,
        /// Rows there are.
        got: usize,
    },
    /// The configured shape does not fit the rows.
    #[error("shape = {shape:?} has {} numbers, but a row of {name} has {numel}", shape.iter().product::<usize>())]
    Shape {
        /// What was asked for.
        shape: Vec<usize>,
        /// The data.
        name: String,
        /// Numbers in a row.
        numel: usize,
    },
    /// An array of images whose last axis looks like the channels.
    #[error(
        "{} holds samples of shape {shape:?}, which looks like height x width x channels, but channels come first; save it \
         with `.transpose(0, 3, 1, 2)`, or set data.shape = {shape:?} if {} is the number of channels",
        path.display(), shape[0]
    )]
    ChannelsLast {
        /// The file.
        path: PathBuf,
        /// Shape of a sample.
        shape: [usize; 3],
    },
    /// Rows that lack a column that a model was trained on.
    #[error("{name} has no column `{column}`, which the model was trained on; columns: {}", columns.join(", "))]
    NoFeature {
        /// The data.
        name: String,
        /// The column.
        column: String,
        /// The columns that it has.
        columns: Vec<String>,
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
        /// The actual value.
        value: String,
        /// What it should be.
        right: &'static str,
    },
    /// Rows that are already scaled: scaling again, or holding out rows now, would leak held-out rows into
    /// the scale.
    #[error("the rows are already scaled; hold out rows first, then scale once")]
    AlreadyScaled,
    /// Rows with missing values: their placeholders would be scaled, too.
    #[error("the rows have missing values; scale them before masking")]
    ScaledWithMissing,
    /// The values cannot be scaled.
    #[error("{name}: {source}")]
    Constant {
        /// The data.
        name: String,
        /// Which value.
        source: ConstantData,
    },
}

impl DataError {
    /// The error of reading the table at `path`.
    pub(crate) fn of_table(path: &Path, error: IntakeError) -> Self {
        match error {
            IntakeError::Table { source, .. } => DataError::Table { path: path.to_owned(), source },
            IntakeError::Memory(error) => DataError::Memory(error),
            other => DataError::NotTable(other),
        }
    }
}

/// What is wrong, with the settings as they are called in the configuration of a run.
pub(crate) fn in_data(error: &impl std::fmt::Display) -> String {
    const SHARED: [&str; 12] = [
        "columns",
        "header",
        "delimiter",
        "label",
        "ignore",
        "max_memory_mb",
        "categories",
        "missing",
        "sentinels",
        "numbers",
        "max_bad",
        "max_categories",
    ];
    SHARED
        .iter()
        .fold(error.to_string(), |text, key| text.replace(&format!("input.{key}"), &format!("data.{key}")))
}

impl From<ContentError> for DataError {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::File(error) => DataError::File(error),
            ContentError::Unusable { path, format, reason } => DataError::Format { path, format, reason },
            ContentError::Memory(error) => DataError::Memory(error),
        }
    }
}
