//! The convolutional autoencoder with pooling (Masci et al., ICANN 2011; in this form: Chollet, "Building
//! autoencoders in Keras", 2016): conv 16-8-8, each 3×3 with a max pooling of 2, and back by
//! nearest-neighbour upsampling.
//!
//! Minimises `mean (x - x̂)²`. The article's decoder ends at 28×28 because its third convolution, without
//! padding, takes 16×16 to 14×14. Here that convolution is unpadded wherever this does not make it too small,
//! and any excess is cut off at the lower and right edges, so images of any size are restored; at 28×28 the
//! layers are the article's.
//!
//! With `unpool = "indices"` the decoder puts values back where the encoder's poolings found them (see
//! [`crate::network::MaxUnpool2d`]): sharper pictures, but the positions bypass the code, so the code alone
//! says less. If a code is decoded on its own, its values go to the corners.
//!
//! Use it for images whose parts repeat at different places. For larger images use strided convolutions
//! ([`super::denoising`], [`super::deep`] with `encoder = "conv"`), which cost less.

use crate::blocks::point::PointAutoencoder;
use crate::model::{Autoencoder, Batch, Code, DataSummary, Losses, Model, ModelError, Pass};
use crate::network::{Layer, MaxUnpool2d, Network, ShapeError};
use crate::registry::{Variant, out_of_range, widths};
use ae_tensor::{Activate, Activation, Noise, ReconstructionLoss, Tensor};
use serde::{Deserialize, Serialize};

/// Most poolings: one more would halve the side of a single pixel.
const MAX_POOLINGS: usize = 31;

/// Settings of the convolutional autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Channels of the encoder's convolutions, each 3×3 with a max pooling of 2; the decoder uses them in
    /// reverse.
    pub channels: Vec<i64>,
    /// Activation of the hidden layers and of the code.
    pub activation: Activation,
    /// Activation of the reconstruction; `identity` for data that are not scaled to [0, 1].
    pub output: Activation,
    /// Reconstruction loss: `mse`, `mae`, or `bce` (binary cross-entropy) for a sigmoid output.
    #[serde(alias = "distance")]
    pub loss: ReconstructionLoss,
    /// How the decoder enlarges.
    pub unpool: Unpool,
}

/// How the decoder undoes a pooling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unpool {
    /// Each value fills its square.
    #[default]
    Nearest,
    /// Each value goes to where the encoder found it.
    Indices,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            channels: vec![16, 8, 8],
            activation: Activation::Relu,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::MeanSquared,
            unpool: Unpool::Nearest,
        }
    }
}

impl Config {
    fn encoder(&self) -> Vec<Layer> {
        let layer = |&channels| {
            [same(channels), Layer::Activation(self.activation), Layer::MaxPool2d { kernel: 2, ceil: true }]
        };
        self.channels.iter().flat_map(layer).collect()
    }

    fn decoder(&self, shape: [i64; 3]) -> Vec<Layer> {
        let mut layers = Vec::new();
        for (level, &channels) in self.channels.iter().enumerate().rev() {
            // Sides before and after the pooling of this level.
            let [before, behind] =
                [level, level + 1].map(|level| [side(shape[1], level), side(shape[2], level)]);
            if self.unpool == Unpool::Indices {
                layers.push(Layer::MaxUnpool2d(MaxUnpool2d { kernel: 2, size: before }));
                let next = if level == 0 { shape[0] } else { self.channels[level - 1] };
                layers.push(same(next));
                if level > 0 {
                    layers.push(Layer::Activation(self.activation));
                }
                continue;
            }
            // Enlarged without a cut, the sides have become these; only the last enlargement has to fit.
            let enlarged = |behind: usize| {
                side(shape[behind + 1], self.channels.len()) << (self.channels.len() - 1 - level)
            };
            let grown = [enlarged(0), enlarged(1)];
            let excess = [grown[0] - behind[0], grown[1] - behind[1]];
            let unpadded = level == 0 && excess.iter().all(|&excess| excess >= 2);
            layers.push(Layer::Conv2d {
                channels,
                kernel: 3,
                stride: 1,
                padding: if unpadded { 0 } else { 1 },
            });
            layers.push(Layer::Activation(self.activation));
            let cut = if unpadded { 2 } else { 0 };
            if level == 0 && excess.iter().any(|&excess| excess > cut) {
                layers.push(Layer::Crop2d { size: behind });
            }
            layers.push(Layer::Upsample2d { factor: 2 });
            if level == 0 {
                if [behind[0] * 2, behind[1] * 2] != before {
                    layers.push(Layer::Crop2d { size: before });
                }
                layers.push(same(shape[0]));
            }
        }
        layers
    }
}

fn same(channels: i64) -> Layer {
    Layer::Conv2d { channels, kernel: 3, stride: 1, padding: 1 }
}

/// A side after `level` poolings.
fn side(side: i64, level: usize) -> i64 {
    (0..level).fold(side, |side, _| (side + 1) / 2)
}

impl Variant for Config {
    const NAME: &'static str = "conv";
    const ABOUT: &'static str = "convolutions with pooling, for images of any size";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        widths(Self::NAME, "channels", &self.channels)?;
        if self.channels.is_empty() {
            return Err(out_of_range(Self::NAME, "channels", "[]", "a list of at least one channel count"));
        }
        if self.channels.len() > MAX_POOLINGS {
            let got = format!("{} channel counts", self.channels.len());
            return Err(out_of_range(Self::NAME, "channels", &got, "a list of at most 31 channel counts"));
        }
        let shape: [i64; 3] = data.shape.as_slice().try_into().map_err(|_| ShapeError {
            network: "encoder".into(),
            position: 1,
            layer: "conv".into(),
            input: data.shape.clone(),
            reason: "the conv variant takes images [C, H, W]; for other samples use `deep`".into(),
        })?;
        let (encoder, decoder) = (self.encoder(), self.decoder(shape));
        let inner = PointAutoencoder::new(encoder, decoder, self.output, self.loss, data, noise)?;
        Ok(Box::new(Conv { inner, unpool: self.unpool }))
    }
}

#[derive(Debug)]
struct Conv {
    inner: PointAutoencoder,
    unpool: Unpool,
}

impl Conv {
    /// What the decoder gives before its activation: `[B, C, H, W]`.
    fn output(&self, x: &Tensor) -> Tensor {
        let PointAutoencoder { encoder, decoder, .. } = &self.inner;
        if self.unpool == Unpool::Nearest {
            return decoder.forward(&encoder.forward(x));
        }
        let mut switches = Vec::new();
        let code = encoder.forward_with_switches(x, &mut switches);
        decoder.forward_with_switches(&code, &mut switches)
    }
}

impl Model for Conv {
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
        if self.unpool == Unpool::Nearest {
            return vec![self.inner.losses_shown(&batch.values, batch, pass)];
        }
        vec![Losses::single("reconstruction", self.inner.loss_of(&self.output(&batch.values), batch, pass))]
    }

    fn warnings(&self) -> Vec<String> {
        self.inner.copying_warning().into_iter().collect()
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

impl Autoencoder for Conv {
    fn encode(&self, x: &Tensor) -> Code {
        self.inner.encode(x)
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.inner.decode(code)
    }

    fn reconstruct(&self, x: &Tensor) -> Tensor {
        self.inner.output.apply(&self.output(x))
    }

    fn code_size(&self) -> i64 {
        self.inner.code_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::Device;

    fn build(shape: &[i64], channels: &[i64], unpool: Unpool) -> Box<dyn Model> {
        let data = DataSummary { shape: shape.to_vec(), mean: 0.3, low: 0.0, high: 1.0, classes: 0 };
        let config = Config { channels: channels.to_vec(), unpool, ..Config::default() };
        config.initialise(&data, &Noise::new(0, 0, Device::Cpu)).unwrap()
    }

    #[test]
    fn images_of_every_size_come_back() {
        for unpool in [Unpool::Nearest, Unpool::Indices] {
            for (height, width) in (1..=20).map(|n| (n, 33 - n)).chain([(28, 28), (64, 30), (1, 1)]) {
                for channels in [&[5][..], &[4, 3], &[5, 4, 3], &[3, 4, 5, 6]] {
                    let shape = [2, height, width];
                    let x = Noise::new(0, 0, Device::Cpu).uniform("x", &[&[3], &shape[..]].concat());
                    let model = build(&shape, channels, unpool);
                    let size = model.as_autoencoder().unwrap().reconstruct(&x).size();
                    assert_eq!(size, x.size(), "{channels:?} {unpool:?}");
                }
            }
        }
    }

    #[test]
    fn at_28_by_28_the_layers_are_the_articles() {
        let model = build(&[1, 28, 28], &[16, 8, 8], Unpool::Nearest);
        let decoder = model.networks()[1].1.architecture().summary();
        let sides: Vec<i64> =
            decoder.iter().filter(|l| l.layer.starts_with("conv")).map(|l| l.output[1]).collect();
        assert_eq!(sides, [4, 8, 14, 28]);
        assert!(decoder.iter().all(|layer| !layer.layer.starts_with("crop")));
        let parameters: i64 = model.parameters().iter().map(|p| p.1.numel() as i64).sum();
        assert_eq!(parameters, 160 + 1160 + 584 + 584 + 584 + 1168 + 145, "as PyTorch counts them");
    }

    #[test]
    fn places_are_carried_past_the_code() {
        let x = Noise::new(0, 0, Device::Cpu).uniform("x", &[2, 1, 12, 12]);
        let rebuilt = |unpool| {
            let model = build(&[1, 12, 12], &[4, 3], unpool);
            let model = model.as_autoencoder().unwrap();
            (model.reconstruct(&x), model.decode(model.encode(&x).point()))
        };
        let (whole, from_code) = rebuilt(Unpool::Indices);
        assert_ne!(whole, from_code);
        let (whole, from_code) = rebuilt(Unpool::Nearest);
        assert_eq!(whole, from_code);
    }
}
