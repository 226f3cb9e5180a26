//! How a run ends: its figures, or why it stopped.

use crate::checkpoint::CheckpointError;
use crate::config::{SettingError, UnknownGroup};
use crate::data::EmptyData;
use crate::start::StartError;
use crate::tensorboard::EventError;
use ae_datasets::augment::AugmentError;
use ae_records::files::FileError;
use ae_tensor::optimizer::OptimizerError;
use ae_tensor::{TorchError, WorkersError};
use std::path::PathBuf;

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Whether the run was interrupted; it can then be resumed.
    pub interrupted: bool,
    /// Whether early stopping ended it.
    pub stopped_early: bool,
    /// Epochs finished.
    pub epochs: u64,
    /// Steps taken.
    pub steps: u64,
    /// Seconds spent in training steps, over all resumptions.
    pub seconds: f64,
    /// Training samples per second, in this process.
    pub samples_per_second: f64,
}

/// Why training failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A setting out of range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A loss that became NaN or infinite.
    #[error(
        "the loss term `{term}` became {value} at step {step}; {}; a lower training.learning_rate or a \
         training.clip_norm often helps",
        checkpoint.as_ref().map_or("there is no checkpoint".to_string(), |path| format!(
            "the last good checkpoint is {}", path.display()
        ))
    )]
    NotFinite {
        /// Name of the term.
        term: String,
        /// `NaN` or an infinity.
        value: f64,
        /// The step, counted from 1.
        step: u64,
        /// The last checkpoint, if one was written.
        checkpoint: Option<PathBuf>,
    },
    /// Settings of a group that the model does not have.
    #[error(transparent)]
    Group(#[from] UnknownGroup),
    /// Weights to begin with, or parameters to leave alone.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A setting that judges the validation loss, named, without validation rows.
    #[error("{0} needs validation rows; set data.validation, such as 0.1")]
    NoValidation(&'static str),
    /// Random changes of training rows that do not suit them.
    #[error(transparent)]
    Augment(#[from] AugmentError),
    /// No training rows.
    #[error(transparent)]
    Empty(#[from] EmptyData),
    /// Missing values that would be learned as zeros.
    #[error(
        "values are missing from the rows, and this model would learn them as zeros; fill them in, or choose a variant \
         that leaves them out of its loss, such as `deep` or `vae`"
    )]
    Missing,
    /// Held-out rows that are to be predicted from others, by a model that only reconstructs what it sees.
    #[error(
        "the held-out values of {0} are to be predicted from the others, and this model only reconstructs what it \
         sees; choose a variant that predicts, such as `autorec`, `mult_vae` or `deep`"
    )]
    Predicted(String),
    /// The optimizer.
    #[error(transparent)]
    Optimizer(#[from] OptimizerError),
    /// The other workers.
    #[error(transparent)]
    Workers(#[from] WorkersError),
    /// Another worker would train something else.
    #[error(
        "this worker would not train what worker 0 trains: {0}; start all with the same arguments and data"
    )]
    Disagreement(String),
    /// An error from libtorch.
    #[error(transparent)]
    Torch(#[from] TorchError),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file of the run.
    #[error(transparent)]
    File(#[from] FileError),
    /// The TensorBoard events.
    #[error(transparent)]
    Events(#[from] EventError),
}
