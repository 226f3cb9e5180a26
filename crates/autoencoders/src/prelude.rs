//! What most programs need, as far as the chosen features have it.

#[cfg(feature = "datasets")]
pub use ae_datasets::{DataConfig, Dataset, Sources};
#[cfg(feature = "models")]
pub use ae_models::{Autoencoder, Batch, Code, DataSummary, Generator, Model, ModelConfig};
#[cfg(feature = "models")]
pub use ae_tensor::{Device, DeviceChoice, Kind, Noise, Tensor, array};
#[cfg(feature = "training")]
pub use ae_training::artifact::{Metadata, Trained};
#[cfg(feature = "training")]
pub use ae_training::{Experiment, Observer, Splits, TrainingConfig, artifact, train};
