//! The denoising autoencoder (Vincent et al., ICML 2008 and JMLR 2010), convolutional.
//!
//! Minimises `mean (x - x̂(x̃))²`, where `x̃ ~ q(x̃|x)` is a damaged copy of `x`: Gaussian noise, masking,
//! salt-and-pepper (JMLR 2010, section 3.3), or any other kind of [`crate::damage`].
//!
//! Use it when a plain autoencoder's features follow single pixels, and for codes of damaged images. To restore
//! images, use [`super::restoring`], which does not squeeze them through a code. It takes images.

use crate::blocks::{point::PointAutoencoder, strided};
use crate::damage::{Corruption, gaussian::Gaussian};
use crate::model::{Autoencoder, Batch, Code, DataSummary, Losses, Model, ModelError, Pass};
use crate::network::{Network, ShapeError};
use crate::registry::{Variant, widths};
use ae_coding::DenseNetwork;
use ae_tensor::{Activation, DenseChain, Noise, ReconstructionLoss, Tensor};
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

impl Default for Config {
    fn default() -> Self {
        Config {
            channels: vec![16, 8],
            activation: Activation::Relu,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::MeanSquared,
            corruption: Corruption::Gaussian(Gaussian::default()),
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "denoising";
    const ABOUT: &'static str = "convolutional; reconstructs clean images from damaged ones";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        self.corruption.check(Self::NAME)?;
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

impl Denoising {
    /// A damaged copy of `x`, clipped to the range of the output; the place of the damage is not told.
    fn damaged(&self, x: &Tensor, noise: &Noise) -> Tensor {
        self.corruption.apply(x, self.inner.output.range(), noise).images
    }
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
        let damaged = self.damaged(&batch.values, &pass.noise);
        vec![self.inner.losses_shown(&damaged, batch, pass)]
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

    fn dense_chain(&self) -> Option<DenseChain> {
        self.inner.dense_chain()
    }

    fn dense_decoder(&self) -> Option<DenseNetwork> {
        self.inner.dense_decoder()
    }

    fn corrupt(&self, x: &Tensor, noise: &Noise) -> Option<Tensor> {
        Some(self.damaged(x, noise))
    }

    fn code_size(&self) -> i64 {
        self.inner.code_size()
    }
}
