//! The plain autoencoder (Rumelhart, Hinton & Williams, 1986; in this form: Chollet, "Building autoencoders
//! in Keras", 2016, first section).
//!
//! Minimises `mean (x - x̂)²`, `x̂ = sigmoid(W' relu(W x + b) + b')`.
//!
//! Use it to compress, and as the yardstick for everything else. Its codes are not meant to be sampled from,
//! and with a code as wide as the data it may learn to copy.

use crate::blocks::{dense, point::PointAutoencoder};
use crate::model::{DataSummary, Model, ModelError};
use crate::registry::{Variant, at_least_one};
use ae_tensor::{Activation, Noise, ReconstructionLoss};
use serde::{Deserialize, Serialize};

/// Settings of the plain autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Width of the code.
    pub code: i64,
    /// Activation of the code.
    pub activation: Activation,
    /// Activation of the reconstruction; `identity` for data that are not scaled to [0, 1].
    pub output: Activation,
    /// Reconstruction loss: `mse`, `mae`, or `bce` (binary cross-entropy) for a sigmoid output.
    #[serde(alias = "distance")]
    pub loss: ReconstructionLoss,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            code: 64,
            activation: Activation::Relu,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::MeanSquared,
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "vanilla";
    const ABOUT: &'static str = "one dense layer to a code and one back";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        at_least_one(Self::NAME, "code", self.code)?;
        let encoder = dense::encoder(&[self.code], self.activation, self.activation);
        let decoder = dense::decoder(&[], self.activation, &data.shape);
        Ok(Box::new(PointAutoencoder::new(encoder, decoder, self.output, self.loss, data, noise)?))
    }
}
