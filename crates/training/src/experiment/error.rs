//! Why a run fails.

use crate::data::{EmptyData, LoadError};
use crate::model_file::ModelFileError;
use crate::outcome::TrainError;
use crate::start::StartError;
use crate::tensorboard::EventError;
use ae_models::ModelError;
use ae_records::files::FileError;
use ae_records::run_dir::RunDirError;
use ae_tensor::device::DeviceError;

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] RunDirError),
    /// A file in it.
    #[error(transparent)]
    File(#[from] FileError),
    /// TensorBoard's event files.
    #[error(transparent)]
    Events(#[from] EventError),
    /// The device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The data.
    #[error(transparent)]
    Data(#[from] ae_datasets::DataError),
    /// Data without training rows.
    #[error(transparent)]
    Empty(#[from] EmptyData),
    /// A model that cannot be built.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The loop.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The model file.
    #[error(transparent)]
    ModelFile(#[from] ModelFileError),
}

impl From<LoadError> for RunError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Data(error) => RunError::Data(error),
            LoadError::Empty(error) => RunError::Empty(error),
        }
    }
}

impl RunError {
    /// Whether the user's configuration or arguments are at fault, rather than the machine.
    pub fn is_usage(&self) -> bool {
        match self {
            RunError::Folder(error) => !matches!(error, RunDirError::File(_) | RunDirError::Moved(_)),
            RunError::Device(_) | RunError::Model(_) | RunError::Empty(_) => true,
            RunError::Train(error) => {
                matches!(
                    error,
                    TrainError::Setting(_)
                        | TrainError::NoValidation(_)
                        | TrainError::Augment(_)
                        | TrainError::Missing
                        | TrainError::Start(
                            StartError::NoModel(_)
                                | StartError::NotThere { .. }
                                | StartError::Shape { .. }
                                | StartError::Unknown { .. }
                                | StartError::AllFrozen
                        )
                        | TrainError::Predicted(_)
                )
            }
            _ => false,
        }
    }
}
