//! The temporal convolutional autoencoder (Thill, Konen, Wang & Bäck, Applied Soft Computing 112, 2021,
//! baseline TCN-AE), of the residual blocks of Bai, Kolter & Koltun (2018).
//!
//! Minimises `mean |x - x̂|` over all steps and features. The encoder's blocks of growing dilation see
//! `1 + 2 (kernel - 1) Σ dilations` steps; a dense layer per step narrows them, and means over windows of
//! `pool` steps are the code. The decoder repeats each of its steps `pool` times and goes through blocks of
//! its own.
//!
//! Use it for long series and for anomalies in their shape: all steps are computed in parallel, and the
//! narrow code keeps what is common. `pool` blurs, so single steps are not restored exactly; if position
//! matters more than shape, use `ecg`. Differences from the paper's program: causal convolutions as in Bai et
//! al. (there, padding on both sides), the last block's output instead of the sum over blocks, the absolute
//! error instead of log-cosh.

use crate::blocks::point::PointAutoencoder;
use crate::blocks::recurrent::{as_sequence, steps_and_features};
use crate::model::{DataSummary, Model, ModelError};
use crate::network::{Layer, TemporalBlock};
use crate::registry::{Variant, at_least_one, widths};
use ae_tensor::{Activation, Noise, ReconstructionLoss};
use serde::{Deserialize, Serialize};

/// Settings of the temporal convolutional autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Features within the blocks.
    pub channels: i64,
    /// Number of steps that each convolution looks at.
    pub kernel: i64,
    /// Distances between these steps: one block for each, in encoder and decoder.
    pub dilations: Vec<i64>,
    /// Steps that become one step of the code; the last window may be shorter.
    pub pool: i64,
    /// Features of a step of the code.
    pub code_channels: i64,
    /// Activation of the reconstruction; `identity` allows any value.
    pub output: Activation,
    /// Reconstruction loss: `mse`, `mae`, or `bce` (binary cross-entropy) for a sigmoid output.
    #[serde(alias = "distance")]
    pub loss: ReconstructionLoss,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            channels: 20,
            kernel: 20,
            dilations: vec![1, 2, 4, 8, 16],
            pool: 42,
            code_channels: 8,
            output: Activation::Identity,
            loss: ReconstructionLoss::MeanAbsolute,
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "tcn";
    const ABOUT: &'static str = "dilated causal convolutions for anomalies in long series";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        at_least_one(Self::NAME, "channels", self.channels)?;
        at_least_one(Self::NAME, "kernel", self.kernel)?;
        at_least_one(Self::NAME, "pool", self.pool)?;
        at_least_one(Self::NAME, "code_channels", self.code_channels)?;
        widths(Self::NAME, "dilations", &self.dilations)?;
        let [steps, features] = steps_and_features("encoder", &data.shape)?;

        let mut encoder = as_sequence("encoder", &data.shape)?;
        encoder.extend(self.blocks());
        encoder.push(Layer::DensePerStep { units: self.code_channels });
        encoder.push(Layer::AveragePool1d { kernel: self.pool });

        let mut decoder = vec![Layer::Upsample1d { factor: self.pool, steps }];
        decoder.extend(self.blocks());
        decoder.push(Layer::DensePerStep { units: features });
        if data.shape.len() == 1 {
            decoder.push(Layer::Flatten);
        }
        Ok(Box::new(PointAutoencoder::new(encoder, decoder, self.output, self.loss, data, noise)?))
    }
}

impl Config {
    fn blocks(&self) -> impl Iterator<Item = Layer> + '_ {
        let (channels, kernel) = (self.channels, self.kernel);
        self.dilations
            .iter()
            .map(move |&dilation| Layer::TemporalBlock(TemporalBlock { channels, kernel, dilation }))
    }
}
