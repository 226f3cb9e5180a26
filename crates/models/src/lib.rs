//! Autoencoder variants, each in one file that reads like a paper's method section, and the networks they are
//! made of. The crate knows nothing of data sets, optimizers or files.
//!
//! ```
//! use ae_models::{DataSummary, Variant, variants::vae};
//! use ae_tensor::{Device, Kind, Noise, Tensor};
//!
//! // Images of one channel and 8×8 values between 0 and 1.
//! let data = DataSummary { shape: vec![1, 8, 8], mean: 0.3, low: 0.0, high: 1.0, classes: 0 };
//! let config = vae::Config { latent: 2, ..Default::default() };
//! let model = config.initialise(&data, &Noise::new(0, 0, Device::Cpu))?;
//!
//! let images = Tensor::rand([5, 1, 8, 8], (Kind::Float, Device::Cpu));
//! let autoencoder = model.as_autoencoder().expect("a VAE reconstructs");
//! assert_eq!(autoencoder.encode(&images).point().size(), [5, 2]);
//! assert_eq!(autoencoder.reconstruct(&images).size(), [5, 1, 8, 8]);
//! for (_, network) in model.networks() {
//!     println!("{}: {} parameters", network.architecture(), network.architecture().parameters());
//! }
//! # Ok::<(), ae_models::ModelError>(())
//! ```
//!
//! To write your own variant, implement [`Variant`] for its settings; it need not be in the list of this crate. With
//! [`register`] a program adds it to those that files may name, and a layer of its own is a [`CustomLayer`].
//!
//! Read [`model`] first, then [`network`], then any file under [`variants`].

pub mod blocks;
pub mod damage;
pub mod error;
pub mod interpolation;
pub mod limits;
pub mod model;
pub mod network;
pub mod registry;
pub mod sampler;
pub mod variants;

#[cfg(test)]
mod testing;

pub use damage::{Corruption, Damaged};
pub use error::SamplerError;
pub use interpolation::Interpolation;
pub use model::{
    Autoencoder, BEST_QUALITY, Batch, Classifier, Code, CodeForm, Compressor, DataSummary, Forecaster,
    Generator, Group, LatentVariable, Losses, Model, ModelError, Pass, Phase, Restorer,
};
pub use network::{CustomLayer, Layer, LayerRule, Network, ShapeError};
pub use registry::{ModelConfig, ModelSettings, NameTaken, Variant, register};
pub use sampler::{FittedSampler, Sampler};
