//! The denoising autoencoder (Vincent et al., ICML 2008 and JMLR 2010), convolutional.
//!
//! Minimises `mean (x - x̂(x̃))²`, where `x̃ ~ q(x̃|x)` is a damaged copy of `x`: Gaussian noise, masking, or
//! salt-and-pepper (JMLR 2010, section 3.3).
//!
//! Use it to remove damage of a kind that can be imitated, and when a plain autoencoder's features follow
//! single pixels. It takes images.

use crate::blocks::{point::PointAutoencoder, strided};
use crate::model::{Autoencoder, Batch, Code, DataSummary, Losses, Model, ModelError, Pass};
use crate::network::{Network, ShapeError};
use crate::registry::{Variant, out_of_range, widths};
use ae_tensor::{Activation, Noise, ReconstructionLoss, Tensor};
use serde::{Deserialize, Serialize};

/// Settings of the denoising autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Channels of the encoder's convolutions, each 3×3 with stride 2; the decoder uses them in reverse.
    pub channels: Vec<i64>,
    /// Activation of the hidden layers and of the code.
    pub activation: Activation,
    /// Activation of the reconstruction.
    pub output: Activation,
    /// Reconstruction loss: `mse`, `mae`, or `bce` (binary cross-entropy) for a sigmoid output.
    #[serde(alias = "distance")]
    pub loss: ReconstructionLoss,
    /// How the input is damaged.
    pub corruption: Corruption,
}

/// How a sample is damaged; the result stays in [0, 1] if the output is a sigmoid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Corruption {
    /// Adds `std · N(0, 1)` to each value, then clips to the output's range.
    Gaussian {
        /// Standard deviation, in the unit of the data.
        std: f64,
    },
    /// Sets each value to zero with this probability.
    Masking {
        /// Share of values lost.
        rate: f64,
    },
    /// Sets each value with this probability to 0 or 1, each equally likely.
    SaltAndPepper {
        /// Share of values lost.
        rate: f64,
    },
}

impl Default for Config {
    fn default() -> Self {
        Config {
            channels: vec![16, 8],
            activation: Activation::Relu,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::MeanSquared,
            corruption: Corruption::Gaussian { std: 0.2 },
        }
    }
}

impl Corruption {
    fn check(self) -> Result<(), ModelError> {
        let fine = match self {
            Corruption::Gaussian { std } => std >= 0.0 && std.is_finite(),
            Corruption::Masking { rate } | Corruption::SaltAndPepper { rate } => (0.0..=1.0).contains(&rate),
        };
        let legal = "a std of at least 0, or a rate between 0 and 1";
        if fine { Ok(()) } else { Err(out_of_range(Config::NAME, "corruption", &format!("{self:?}"), legal)) }
    }

    /// A damaged copy of `x`, in the same shape; Gaussian noise is clipped to the range of `output`.
    pub fn apply(self, x: &Tensor, output: Activation, noise: &Noise) -> Tensor {
        let shape = x.size();
        match self {
            Corruption::Gaussian { std } => {
                let range = output.range();
                (x + noise.normal("corruption", &shape) * std).clamp(range.low, range.high)
            }
            Corruption::Masking { rate } => x * (-noise.mask("corruption", &shape, rate) + 1.0),
            Corruption::SaltAndPepper { rate } => {
                let lost = noise.mask("corruption", &shape, rate);
                x * (-&lost + 1.0) + lost * noise.mask("salt", &shape, 0.5)
            }
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "denoising";
    const ABOUT: &'static str = "convolutional; reconstructs clean images from damaged ones";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        self.corruption.check()?;
        widths(Self::NAME, "channels", &self.channels)?;
        let shape: [i64; 3] = data.shape.as_slice().try_into().map_err(|_| ShapeError {
            network: "encoder".into(),
            position: 1,
            layer: "conv".into(),
            input: data.shape.clone(),
            reason: "the denoising variant takes images [C, H, W]".into(),
        })?;
        let encoder = strided::encoder(&self.channels, self.activation, false);
        let decoder = strided::decoder(&self.channels, self.activation, &shape, shape[0]);
        let inner = PointAutoencoder::new(encoder, decoder, self.output, self.loss, data, noise)?;
        Ok(Box::new(Denoising { inner, corruption: self.corruption }))
    }
}

#[derive(Debug)]
struct Denoising {
    inner: PointAutoencoder,
    corruption: Corruption,
}

impl Model for Denoising {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        self.inner.networks()
    }

    fn objective(&self) -> &'static str {
        self.inner.objective()
    }

    fn masks_missing(&self) -> bool {
        true
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let damaged = self.corruption.apply(&batch.values, self.inner.output, &pass.noise);
        vec![Losses::single("reconstruction", self.inner.reconstruction_loss(&damaged, batch))]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

impl Autoencoder for Denoising {
    fn encode(&self, x: &Tensor) -> Code {
        self.inner.encode(x)
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.inner.decode(code)
    }

    fn corrupt(&self, x: &Tensor, noise: &Noise) -> Option<Tensor> {
        Some(self.corruption.apply(x, self.inner.output, noise))
    }

    fn code_size(&self) -> i64 {
        self.inner.code_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Device, Kind};

    fn damaged(corruption: Corruption) -> Tensor {
        let x = Tensor::full([100_000], 0.5, (Kind::Float, Device::Cpu));
        corruption.apply(&x, Activation::Sigmoid, &Noise::new(0, 0, Device::Cpu))
    }

    fn share(values: &Tensor, of: f64) -> f64 {
        values.eq(of).to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
    }

    #[test]
    fn each_corruption_damages_as_much_as_it_says() {
        let gaussian = damaged(Corruption::Gaussian { std: 0.1 });
        assert!((gaussian.std(true).double_value(&[]) - 0.1).abs() < 0.002);
        let clipped = damaged(Corruption::Gaussian { std: 5.0 });
        assert!(clipped.min().double_value(&[]) == 0.0 && clipped.max().double_value(&[]) == 1.0);
        let masked = damaged(Corruption::Masking { rate: 0.3 });
        assert!((share(&masked, 0.0) - 0.3).abs() < 0.01 && (share(&masked, 0.5) - 0.7).abs() < 0.01);
        let salted = damaged(Corruption::SaltAndPepper { rate: 0.4 });
        for value in [0.0, 1.0] {
            assert!((share(&salted, value) - 0.2).abs() < 0.01);
        }
    }
}
