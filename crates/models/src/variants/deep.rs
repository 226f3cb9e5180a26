//! The deep autoencoder: several dense layers on both sides (Hinton & Salakhutdinov, Science 2006; with
//! ReLUs: Chollet, "Building autoencoders in Keras", 2016).
//!
//! Minimises `mean (x - x̂)²`, as [`super::vanilla`] does; depth lets codes follow curved structure in the
//! data.
//!
//! Use it when a plain autoencoder of the same code width reconstructs too coarsely. It needs more epochs.
//! Encoder and decoder may be convolutional.

use crate::blocks::{body::Body, dense, point::PointAutoencoder};
use crate::model::{DataSummary, Model, ModelError};
use crate::network::Layer;
use crate::registry::{Variant, at_least_one, widths};
use ae_tensor::{Activation, Noise, ReconstructionLoss};
use serde::{Deserialize, Serialize};

/// Settings of the deep autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Widths between data and code; the decoder uses them in reverse.
    pub hidden: Vec<i64>,
    /// An encoder other than dense layers of `hidden`, such as `"conv"`.
    pub encoder: Option<Body>,
    /// A decoder other than the encoder's mirror.
    pub decoder: Option<Body>,
    /// Width of the code.
    pub code: i64,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// Activation of the code.
    pub code_activation: Activation,
    /// Activation of the reconstruction; `identity` for data that are not scaled to [0, 1].
    pub output: Activation,
    /// Reconstruction loss: `mse`, `mae`, or `bce` (binary cross-entropy) for a sigmoid output.
    #[serde(alias = "distance")]
    pub loss: ReconstructionLoss,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            hidden: vec![128],
            encoder: None,
            decoder: None,
            code: 64,
            activation: Activation::Relu,
            code_activation: Activation::Relu,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::MeanSquared,
        }
    }
}

impl Config {
    /// Whether the decoder is the mirror of an encoder of dense layers, so that they can share their weights.
    pub(super) fn can_be_tied(&self) -> bool {
        let dense = self.encoder.as_ref().is_none_or(|encoder| matches!(encoder, Body::Dense(_)));
        dense && self.decoder.is_none()
    }

    /// The model itself, for variants that differ from it only in their settings. With `tied`, which
    /// [`Self::can_be_tied`] allows, the weights of the decoder are the transposes of the encoder's.
    pub(super) fn autoencoder(
        &self,
        variant: &'static str,
        tied: bool,
        data: &DataSummary,
        noise: &Noise,
    ) -> Result<PointAutoencoder, ModelError> {
        at_least_one(variant, "code", self.code)?;
        widths(variant, "hidden", &self.hidden)?;
        let encoder = self.encoder.clone().unwrap_or_else(|| Body::dense(self.hidden.clone()));
        let decoder = self.decoder.clone().unwrap_or_else(|| encoder.mirror());
        encoder.check(variant, "encoder")?;
        decoder.check(variant, "decoder")?;
        let mut down = encoder.encoder(&data.shape, self.code, self.activation)?;
        if self.code_activation != Activation::Identity {
            down.push(Layer::Activation(self.code_activation));
        }
        let mut up = decoder.decoder(&data.shape, self.activation)?;
        if tied {
            dense::tie(&down, &mut up);
        }
        PointAutoencoder::new(down, up, self.output, self.loss, data, noise)
    }
}

impl Variant for Config {
    const NAME: &'static str = "deep";
    const ABOUT: &'static str = "several dense layers to a code and back";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        Ok(Box::new(self.autoencoder(Self::NAME, false, data, noise)?))
    }
}
