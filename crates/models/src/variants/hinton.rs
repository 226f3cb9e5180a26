//! The deep autoencoder of Hinton & Salakhutdinov, "Reducing the dimensionality of data with neural
//! networks", Science 2006: 784-1000-500-250-30 with a linear code.
//!
//! Minimises `mean (x - x̂)²`, `x̂` the sigmoid of the decoder's output. The paper pre-trains logistic units
//! with restricted Boltzmann machines and fine-tunes by conjugate gradients; here ReLUs and Adam make
//! pre-training unnecessary, as later work found (Martens, ICML 2010, trains the same network from random
//! weights).
//!
//! Use it for the least error at a small code, given time: its error keeps falling for hundreds of epochs.
//! For quick results use [`super::deep`].

use super::deep;
use crate::blocks::body::Body;
use crate::model::{DataSummary, Model, ModelError};
use crate::registry::Variant;
use ae_tensor::{Activation, Noise, ReconstructionLoss};
use serde::{Deserialize, Serialize};

/// Settings of Hinton and Salakhutdinov's autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Widths between data and code, each at least 1; the decoder uses them in reverse.
    pub hidden: Vec<i64>,
    /// An encoder other than dense layers of `hidden`, such as `"conv"`.
    pub encoder: Option<Body>,
    /// A decoder other than the encoder's mirror.
    pub decoder: Option<Body>,
    /// Width of the code; at least 1.
    pub code: i64,
    /// Activation of the hidden layers.
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
            hidden: vec![1000, 500, 250],
            encoder: None,
            decoder: None,
            code: 30,
            activation: Activation::Relu,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::MeanSquared,
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "hinton";
    const ABOUT: &'static str = "a wide, deep autoencoder with a linear code of 30 numbers";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        let deep = deep::Config {
            hidden: self.hidden.clone(),
            encoder: self.encoder.clone(),
            decoder: self.decoder.clone(),
            code: self.code,
            activation: self.activation,
            code_activation: Activation::Identity,
            output: self.output,
            loss: self.loss,
        };
        Ok(Box::new(deep.autoencoder(Self::NAME, false, data, noise)?))
    }
}
