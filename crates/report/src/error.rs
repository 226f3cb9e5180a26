//! The errors of pictures and reports.

use ae_records::files::FileError;
use std::path::PathBuf;

/// Why a picture or a report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is nothing to draw.
    #[error("no {what} to draw; give at least one")]
    Nothing {
        /// What is missing.
        what: &'static str,
    },
    /// Two related arguments differ in size.
    #[error("{what} have shape {got:?}, but must have shape {expected:?}")]
    Shape {
        /// The argument.
        what: &'static str,
        /// Its shape.
        got: Vec<usize>,
        /// The shape that fits the other arguments.
        expected: Vec<usize>,
    },
    /// Images that are neither grey nor in colour.
    #[error("images have {0} channels; give 1 (grey) or 3 (red, green, blue)")]
    Channels(usize),
    /// A value that is NaN or infinite.
    #[error("{what} {index} is {value}; give only finite numbers")]
    NotANumber {
        /// The argument.
        what: &'static str,
        /// Index of the first such value.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A picture with too many pixels.
    #[error("the picture would have {width} x {height} pixels; give fewer images or columns")]
    TooLarge {
        /// Columns of pixels.
        width: usize,
        /// Rows of pixels.
        height: usize,
    },
    /// The drawing library failed.
    #[error("cannot draw the chart: {0}")]
    Chart(String),
    /// The list of a run's pictures cannot be parsed.
    #[error("cannot read {}: {source}; delete it and draw the pictures again", path.display())]
    Index {
        /// The list's file.
        path: PathBuf,
        /// Why it cannot be parsed.
        source: serde_json::Error,
    },
    /// A picture's name that is not the plain name of a PNG file.
    #[error("{0:?} cannot name a picture; give a plain file name that ends in .png")]
    Name(String),
    /// A file that is listed as a picture but is not a PNG.
    #[error("{} is not a PNG picture; draw it again or remove it from index.json", .0.display())]
    NotAPicture(PathBuf),
    /// A picture that is too large for a report.
    #[error("{} has {bytes} bytes, but a report takes at most {limit}; draw a smaller picture", path.display())]
    PictureTooLarge {
        /// The picture.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
}
