//! The dense autoencoder of the anomaly detection tutorials: small, on one heartbeat of 140 points
//! (TensorFlow, "Intro to autoencoders", third example, 2020; data: Goldberger et al., 2000).
//!
//! Minimises `mean |x - x̂|`, with 140-32-16-8-16-32-140 units. Trained on normal beats alone, it
//! reconstructs them well and others badly: the error is the anomaly score.
//!
//! Use it for short, aligned series of one length and for tables. For long or misaligned series use a
//! recurrent or convolutional variant.

use super::deep;
use crate::model::{DataSummary, Model, ModelError};
use crate::registry::Variant;
use ae_tensor::{Activation, Noise, ReconstructionLoss};
use serde::{Deserialize, Serialize};

/// Settings of the tutorials' autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Widths between data and code, each at least 1; the decoder uses them in reverse.
    pub hidden: Vec<i64>,
    /// Width of the code; at least 1.
    pub code: i64,
    /// Activation of hidden layers and code.
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
            hidden: vec![32, 16],
            code: 8,
            activation: Activation::Relu,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::MeanAbsolute,
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "ecg";
    const ABOUT: &'static str = "a small dense autoencoder for anomalies in short series";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        let deep = deep::Config {
            hidden: self.hidden.clone(),
            code: self.code,
            activation: self.activation,
            code_activation: self.activation,
            output: self.output,
            loss: self.loss,
            ..deep::Config::default()
        };
        Ok(Box::new(deep.autoencoder(Self::NAME, false, data, noise)?))
    }
}
