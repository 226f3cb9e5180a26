//! Why a trained model cannot be used.

use ae_datasets::DataError;
use ae_models::{ModelError, SamplerError};
use ae_records::config::ConfigError;
use ae_records::files::FileError;
use ae_records::run_dir::RunDirError;
use ae_report::ReportError;
use ae_training::ModelFileError;
use std::path::PathBuf;

/// Why a trained model cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The run's folder.
    #[error(transparent)]
    Folder(#[from] RunDirError),
    /// Its configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The model file.
    #[error(transparent)]
    ModelFile(#[from] ModelFileError),
    /// The model cannot be computed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A sampler that does not suit the model.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// The input.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A picture that cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A run that has no model yet.
    #[error(
        "the run in {} has no model yet; finish it with: ae train --resume {}",
        .0.display(), ae_records::text::shell_quoted(.0)
    )]
    Unfinished(PathBuf),
    /// A model that does not reconstruct its input.
    #[error(
        "the variant `{variant}` has no encoder that a decoder follows, so it gives no codes and no reconstructions; choose an \
             autoencoder"
    )]
    NoCodes {
        /// The variant.
        variant: String,
    },
    /// Codes of indices.
    #[error(
        "the codes of the variant `{variant}` are indices of a codebook, between which nothing lies; choose a model whose \
             codes are numbers"
    )]
    Indices {
        /// The variant.
        variant: String,
    },
    /// A model file without its run, and no input.
    #[error("{} is alone, without the run that knows its data; say what to use it on", .0.display())]
    NoInput(PathBuf),
    /// A run without held-out rows.
    #[error("the data of the run in {} have no {split} rows; give --split, or an input", folder.display())]
    NoRows {
        /// The run.
        folder: PathBuf,
        /// What was asked for.
        split: &'static str,
    },
    /// A split of something that has none.
    #[error("{0} is your own, so it has no splits; leave out --split")]
    NoSplits(String),
    /// The data of a run are no longer what they were.
    #[error("the data of the run in {} have changed since it was trained, so its held-out rows are not known; give the data \
             as an input", .0.display())]
    Changed(PathBuf),
    /// Rows of another form than the model's.
    #[error("{input} has rows of {got}, but the model takes {expected}{hint}")]
    Width {
        /// The input.
        input: String,
        /// Its form: `5 values`, `3x32x32`.
        got: String,
        /// That of the model.
        expected: String,
        /// What to do, as the end of a sentence; may be empty.
        hint: String,
    },
    /// Rows of a set whose entries mean something else.
    #[error("{0} has other columns than the data that the model was trained on")]
    OtherColumns(String),
    /// A set of sparse rows or of moving digits that the model was not trained on.
    #[error(
        "{0} is a set of its own kind, which only a run on it can be used on; leave out the input to use its held-out rows"
    )]
    OtherKind(String),
    /// A label for a model without labels.
    #[error("the variant `{variant}` is not given labels, so --label has no effect; leave it out")]
    Unconditional {
        /// The variant.
        variant: String,
    },
    /// A label that the model does not know.
    #[error("the model knows no label `{label}`{nearest}; its labels are `{known}`")]
    UnknownLabel {
        /// The label.
        label: String,
        /// Similar labels, as the end of a sentence; may be empty.
        nearest: String,
        /// All labels.
        known: String,
    },
    /// A model that needs labels, and rows without.
    #[error(
        "the variant `{variant}` has to be told the label of each row, and {input} has none; give --label"
    )]
    NeedsLabel {
        /// The variant.
        variant: String,
        /// The input.
        input: String,
    },
    /// Two rows with different labels.
    #[error("the two rows have the labels `{from}` and `{to}`; say with --label which one to decode with")]
    TwoLabels {
        /// Label of the first.
        from: String,
        /// Label of the second.
        to: String,
    },
    /// A row that does not exist.
    #[error("{input} has no row {row}; its rows are 0 to {last}")]
    NoRow {
        /// The input.
        input: String,
        /// What was asked for.
        row: usize,
        /// The last one.
        last: usize,
    },
    /// Fewer steps than a path has ends, or too many.
    #[error("{got} steps make no path; choose --steps between 2 and {}", super::MAX_STEPS)]
    Steps {
        /// What was asked for.
        got: usize,
    },
    /// An output of an unknown form.
    #[error("cannot tell from {} what to write; {legal}", path.display())]
    Form {
        /// The output.
        path: PathBuf,
        /// What it may be.
        legal: &'static str,
    },
    /// A picture of what is no image.
    #[error("{0} have no picture; write them to a .csv or .npy file")]
    NoPicture(&'static str),
}

impl ApplyError {
    /// Whether the user's arguments or files are at fault, rather than the machine.
    pub fn is_usage(&self) -> bool {
        use ApplyError::{Changed, Config, File, Model, ModelFile, Report};
        match self {
            ApplyError::Folder(error) => !matches!(error, RunDirError::File(_)),
            ApplyError::Data(error) => !matches!(error, DataError::File(_) | DataError::Fetch { .. }),
            Config(_) | File(_) | ModelFile(_) | Model(_) | Report(_) | Changed(_) => false,
            _ => true,
        }
    }
}
