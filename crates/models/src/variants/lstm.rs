//! The recurrent autoencoder (Srivastava, Mansimov & Salakhutdinov, ICML 2015, section 2.1; for anomalies:
//! Malhotra et al., 2016): the encoder's last state is the code; the decoder gets it again at every step.
//!
//! Minimises `mean |x - x̂|` over all steps and features. Trained on normal series alone, its error is the
//! anomaly score.
//!
//! Use it for series with several features, and when order matters more than position: it takes any length,
//! and a delay of one step changes little. It is slow, because steps wait for each other, and it forgets over
//! hundreds of them: on long series `tcn` is faster and better, on short aligned ones `ecg` may suffice.

use crate::blocks::point::PointAutoencoder;
use crate::blocks::recurrent::{self, Cell};
use crate::model::{DataSummary, Model, ModelError};
use crate::registry::{Variant, at_least_one};
use ae_tensor::{Activation, Noise, ReconstructionLoss};
use serde::{Deserialize, Serialize};

/// Settings of the recurrent autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `lstm` or `gru`, in encoder and decoder.
    pub cell: Cell,
    /// Width of the states, and so of the code.
    pub units: i64,
    /// Whether the encoder reads the sequence from its end, too (Schuster & Paliwal, 1997); the code is then twice as wide.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub both_ways: bool,
    /// Activation of the reconstruction; `identity` allows any value.
    pub output: Activation,
    /// Reconstruction loss: `mse`, `mae`, or `bce` (binary cross-entropy) for a sigmoid output.
    #[serde(alias = "distance")]
    pub loss: ReconstructionLoss,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            cell: Cell::Lstm,
            units: 64,
            both_ways: false,
            output: Activation::Identity,
            loss: ReconstructionLoss::MeanAbsolute,
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "lstm";
    const ABOUT: &'static str = "recurrent: reads a sequence into one state and reproduces it; LSTM or GRU";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        at_least_one(Self::NAME, "units", self.units)?;
        let Config { cell, units, both_ways, .. } = *self;
        let encoder =
            recurrent::encoder(&data.shape, recurrent::Settings { cell, units, both_ways, dropout: 0.0 })?;
        let decoder = recurrent::decoder(&data.shape, cell, units)?;
        Ok(Box::new(PointAutoencoder::new(encoder, decoder, self.output, self.loss, data, noise)?))
    }
}
