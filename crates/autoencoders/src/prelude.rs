//! What most programs need, as far as the enabled features provide it.

#[cfg(feature = "anomaly")]
pub use ae_anomaly::{Detector, FitConfig, Judgement};
#[cfg(feature = "datasets")]
pub use ae_datasets::{DataConfig, Dataset, Scale, Sources};
#[cfg(feature = "intake")]
pub use ae_intake::{InputConfig, Samples, Table};
#[cfg(feature = "models")]
pub use ae_models::{Autoencoder, Batch, Code, DataSummary, Generator, Model, ModelConfig, Variant};
#[cfg(feature = "models")]
pub use ae_tensor::{Device, DeviceChoice, Kind, Noise, Tensor, array};
#[cfg(feature = "training")]
pub use ae_training::{
    Build, Experiment, Observer, PortableModel, Splits, TrainOptions, TrainingConfig, TrainingData, train,
    train_with,
};
