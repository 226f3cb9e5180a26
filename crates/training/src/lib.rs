//! The training loop for every model: batches, losses, optimizers, checkpoints and records.
//!
//! A run that is killed at any moment and resumed gives the same bytes as one that was never interrupted:
//! every draw is a function of (seed, purpose, step), and a checkpoint holds everything else that a step
//! depends on.
//!
//! [`train`] and [`train_with`] train on data in memory; [`experiment::run`] makes a whole run in a folder.
//!
//! ```
//! use ae_datasets::{Dataset, Scale};
//! use ae_models::variants::vae;
//! use ae_tensor::Device;
//! use ae_training::{Build, PortableModel, TrainingConfig, TrainingData, train};
//! use ndarray::Array2;
//!
//! // 60 rows of 8 numbers: bumps at different places.
//! let rows = Array2::from_shape_fn((60, 8), |(row, i)| (-((i as f32 - (row % 8) as f32) / 2.0).powi(2)).exp());
//!
//! let data = Dataset::from_rows(rows)?.hold_out(0.1, 0.2, 0)?.scaled(Scale::MinMax)?;
//! let model = vae::Config { latent: 2, ..Default::default() }.build(&data.summary(), 0)?;
//! let outcome = train(&model, &data, &TrainingConfig { epochs: 2, ..Default::default() })?;
//! assert_eq!(outcome.epochs, 2);
//!
//! let path = std::env::temp_dir().join(format!("ae-training-{}.safetensors", std::process::id()));
//! model.save(&path)?;
//! let same = PortableModel::load::<vae::Config>(&path, Device::Cpu)?;
//! # std::fs::remove_file(&path)?;
//! assert_eq!(same.metadata.preprocessing, data.preprocessing);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod checkpoint;
pub mod config;
pub mod data;
mod departure;
pub mod description;
pub mod evaluate;
pub mod expected;
pub mod experiment;
mod longer;
pub mod machine;
mod model_file;
pub mod observer;
mod options;
pub mod outcome;
mod pace;
pub mod schedule;
pub mod start;
mod team;
pub mod tensorboard;
pub mod tensors;
pub mod tier;
pub mod trainer;

pub use config::{BatchSize, EarlyStopping, Experiment, GroupConfig, TrainingConfig};
pub use data::{EmptyData, LoadError, Split, Splits};
pub use description::{DataDescription, TrainingData};
pub use expected::{Better, Expected};
pub use model_file::{Build, Metadata, ModelFileError, NamedSettings, PortableModel};
pub use observer::{Observer, Progress};
pub use options::TrainOptions;
pub use outcome::{Outcome, TrainError};
pub use schedule::Schedule;
pub use start::StartError;
pub use tier::{Tier, TierPart, TierSettings};
pub use trainer::{train, train_with};
