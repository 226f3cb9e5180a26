//! Why a picture or a report cannot be made.

use ae_records::files::FileError;
use std::path::PathBuf;

/// A picture or a report that cannot be made.
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
    /// Two arguments that belong together differ in size.
    #[error("{what} have shape {got:?} where {expected:?} is needed")]
    Shape {
        /// The argument.
        what: &'static str,
        /// Its shape.
        got: Vec<usize>,
        /// The shape that fits the other arguments.
        expected: Vec<usize>,
    },
    /// Neither grey nor colour.
    #[error("images have {0} channels; can draw 1 (grey) or 3 (red, green, blue)")]
    Channels(usize),
    /// A number that has no place on an axis.
    #[error("{what} {index} is {value}; can draw numbers only")]
    NotANumber {
        /// The argument.
        what: &'static str,
        /// Position of the first such value.
        index: usize,
        /// The value.
        value: f64,
    },
    /// More pixels than a picture should have.
    #[error("the picture would have {width} x {height} pixels; give fewer images or columns")]
    TooLarge {
        /// Columns of pixels.
        width: usize,
        /// Rows of pixels.
        height: usize,
    },
    /// The drawing library refused.
    #[error("cannot draw the chart: {0}")]
    Chart(String),
    /// The list of a run's pictures cannot be understood.
    #[error("cannot read {}: {source}; delete it and draw the pictures again", path.display())]
    Index {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A picture's name that leaves the folder, or is not one of a PNG file.
    #[error("{0:?} cannot name a picture; give a plain file name that ends in .png")]
    Name(String),
    /// A file that is listed as a picture but is none.
    #[error("{} is not a PNG picture; draw it again or take it out of index.json", .0.display())]
    NotAPicture(PathBuf),
    /// A picture too big to be put into a report.
    #[error("{} has {bytes} bytes, above the {limit} that a report takes; draw a smaller picture", path.display())]
    PictureTooLarge {
        /// The picture.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The most that is taken.
        limit: u64,
    },
}
