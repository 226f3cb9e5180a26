//! Why nothing can be indexed or found.

use super::{DocumentMethod, PictureMethod};
use ae_datasets::DataError;
use ae_intake::content::ContentError;
use ae_intake::{IntakeError, MemoryError};
use ae_models::ModelError;
use ae_records::arrays::TensorFileError;
use ae_records::names::did_you_mean;
use ae_training::experiment::RunError;
use ae_training::{ModelFileError, TrainError};
use std::path::PathBuf;

/// Why nothing can be indexed or found.
#[derive(Debug, thiserror::Error)]
pub enum FinderError {
    /// The table of documents.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// A document or picture that cannot be read.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// Pictures that cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Pictures that would take too much memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The model file.
    #[error(transparent)]
    Model(#[from] ModelFileError),
    /// The model cannot be computed.
    #[error(transparent)]
    Compute(#[from] ModelError),
    /// The model cannot be trained.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The file of the index.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// A file that is no index, or one of another version.
    #[error("{} is not a usable search index: {reason}; make one with `ae search build`", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Documents without any text.
    #[error("column {column} of {} has no text in any of its {rows} rows; name another with --text", path.display())]
    NoTexts {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// How many rows there are.
        rows: usize,
    },
    /// Documents without a word that could be looked for.
    #[error("{} has no word of two letters or more in column {column}, so nothing could be found", path.display())]
    NoWords {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// Too few documents to learn a representation from.
    #[error(
        "{by} is learned from documents, and there are {got} with words to learn from; give at least {needed}, or build \
         with --by bm25, which learns nothing"
    )]
    TooFew {
        /// The method.
        by: DocumentMethod,
        /// How many there are.
        got: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Names that are not unique.
    #[error(
        "two documents are called `{0}`; name a column with a name for each with --id, or leave it out to number the rows"
    )]
    Twice(String),
    /// Nothing to look for.
    #[error(
        "the query has no word of two letters or more to look for; give some words, or --like and a document"
    )]
    NoQuery,
    /// A method that the index was not built for.
    #[error(
        "the index holds nothing to search by {wanted}; build it again with --by {wanted} (it was built with --by {built})"
    )]
    NotBuilt {
        /// What was asked for.
        wanted: DocumentMethod,
        /// What it was built for.
        built: DocumentMethod,
    },
    /// A document that is not there.
    #[error("the index has nothing called `{name}`{}", did_you_mean(nearest))]
    Unknown {
        /// As the user wrote it.
        name: String,
        /// The most similar names.
        nearest: Vec<String>,
    },
    /// A document without a word that counts.
    #[error("`{0}` has no word that {1} knows, so nothing is like it")]
    Wordless(String, DocumentMethod),
    /// Codes without a model.
    #[error(
        "to search by the code of a model, name the model with --model, such as the folder of a run of `ae train conv`"
    )]
    NoModel,
    /// A model that is not needed.
    #[error("{0} needs no model; leave out --model, or give --by code to search by its code")]
    ModelNotNeeded(PictureMethod),
    /// A model that has no code for a picture.
    #[error(
        "the variant `{variant}` in {} has no code for pictures; train one that has, such as `ae train conv`",
        path.display()
    )]
    Unsuited {
        /// The variant.
        variant: String,
        /// The model file.
        path: PathBuf,
    },
    /// Not one picture could be read.
    #[error("none of the {pictures} pictures in {} can be read; the first: {first}", path.display())]
    NoPictures {
        /// The folder.
        path: PathBuf,
        /// How many there are.
        pictures: usize,
        /// What is wrong with the first.
        first: String,
    },
    /// The user interrupted the training.
    #[error("interrupted; no index was written")]
    Interrupted,
    /// The presets or the device.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl FinderError {
    /// Whether the user's arguments or files are at fault, rather than the machine.
    pub fn is_usage(&self) -> bool {
        use FinderError as E;
        !matches!(
            self,
            E::Intake(_)
                | E::Content(_)
                | E::Data(_)
                | E::Memory(_)
                | E::Model(_)
                | E::Compute(_)
                | E::Train(_)
                | E::File(_)
                | E::Interrupted
                | E::Run(_)
        )
    }
}
