//! The deep autoencoder: several dense layers on both sides (Hinton & Salakhutdinov, Science 2006; with ReLUs:
//! Chollet, "Building autoencoders in Keras", 2016).
//!
//! Minimises `mean (x - x̂)²`, as [`super::vanilla`] does; depth buys codes that bend with the data.
//!
//! Use it where a plain autoencoder of the same code width reconstructs too coarsely. It needs more epochs.

use crate::blocks::{dense, point::PointAutoencoder};
use crate::model::{DataSummary, Model, ModelError};
use crate::registry::{Variant, at_least_one, widths};
use ae_tensor::{Activation, Distance, Noise};
use serde::{Deserialize, Serialize};

/// Settings of the deep autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Widths between data and code; the decoder has them in reverse.
    pub hidden: Vec<i64>,
    /// Width of the code.
    pub code: i64,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// Activation of the code.
    pub code_activation: Activation,
    /// Activation of the reconstruction; `identity` for data that are not scaled to [0, 1].
    pub output: Activation,
    /// What is minimised.
    pub distance: Distance,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            hidden: vec![128],
            code: 64,
            activation: Activation::Relu,
            code_activation: Activation::Relu,
            output: Activation::Sigmoid,
            distance: Distance::MeanSquared,
        }
    }
}

impl Config {
    /// The model itself, for variants that are this one with other numbers.
    pub(super) fn autoencoder(
        &self,
        variant: &'static str,
        data: &DataSummary,
        noise: &Noise,
    ) -> Result<PointAutoencoder, ModelError> {
        at_least_one(variant, "code", self.code)?;
        widths(variant, "hidden", &self.hidden)?;
        let down: Vec<i64> = self.hidden.iter().copied().chain([self.code]).collect();
        let up: Vec<i64> = self.hidden.iter().rev().copied().collect();
        let encoder = dense::encoder(&down, self.activation, self.code_activation);
        let decoder = dense::decoder(&up, self.activation, &data.shape);
        PointAutoencoder::new(encoder, decoder, self.output, self.distance, data, noise)
    }
}

impl Variant for Config {
    const NAME: &'static str = "deep";
    const ABOUT: &'static str = "several dense layers to a code and back";

    fn build(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        Ok(Box::new(self.autoencoder(Self::NAME, data, noise)?))
    }
}
