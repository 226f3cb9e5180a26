//! Autoencoder variants, each in one file that reads like a paper's method section, and the networks they are
//! made of. Knows no data set, no optimizer and no file.
//!
//! Read [`model`] first, then [`network`], then any file under [`variants`].

pub mod blocks;
pub mod error;
pub mod model;
pub mod network;
pub mod registry;
pub mod variants;

#[cfg(test)]
mod testing;

pub use model::{
    Autoencoder, Batch, Classifier, Code, DataSummary, Generator, Group, LatentVariable, Losses, Model,
    ModelError, Pass, Phase,
};
pub use network::{Layer, Network, ShapeError};
pub use registry::ModelConfig;
