//! Autoencoders in Rust, on libtorch: train, evaluate and use every classic family, reproducibly.
//!
//! This crate gathers the workspace's libraries under one name; [`prelude`] holds what most programs need. The
//! program `ae` lies beside it.
//!
//! ```
//! use autoencoders::prelude::*;
//!
//! // A plain autoencoder for rows of eight numbers between 0 and 1.
//! let data = DataSummary { shape: vec![8], mean: 0.5, low: 0.0, high: 1.0, classes: 0 };
//! let config: ModelConfig = serde_json::from_str(r#"{ "vanilla": { "code": 3 } }"#)?;
//! let model = config.build(&data, &Noise::new(0, 0, Device::Cpu))?;
//! let rows = Tensor::rand([5, 8], (Kind::Float, Device::Cpu));
//! let autoencoder = model.as_autoencoder().expect("vanilla reconstructs");
//! assert_eq!(autoencoder.encode(&rows).point().size(), [5, 3]);
//! assert_eq!(autoencoder.reconstruct(&rows).size(), [5, 8]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use ae_anomaly as anomaly;
pub use ae_datasets as datasets;
pub use ae_evaluation as evaluation;
pub use ae_fetch as fetch;
pub use ae_metrics as metrics;
pub use ae_models as models;
pub use ae_records as records;
pub use ae_report as report;
pub use ae_tensor as tensor;
pub use ae_training as training;

/// What most programs need.
pub mod prelude {
    pub use ae_datasets::{DataConfig, Dataset, Sources};
    pub use ae_models::{Autoencoder, Batch, Code, DataSummary, Generator, Model, ModelConfig};
    pub use ae_tensor::{Device, DeviceChoice, Kind, Noise, Tensor, array};
    pub use ae_training::artifact::{Metadata, Trained};
    pub use ae_training::{Experiment, Observer, Splits, TrainingConfig, artifact, train};
}
