//! The masked autoencoder (He, Chen, Xie, Li, Dollár & Girshick, CVPR 2022), sized for images of a few dozen
//! pixels.
//!
//! Minimises `mean_{i masked} (x_i - x̂_i)²`, the mean squared error over the pixels of the masked patches
//! alone. At every step a random part of the patches of each image is masked; a vision transformer encodes
//! the visible ones, so its cost falls with their number; a light decoder gets a learned token for each
//! masked patch, and predicts its pixels. Positions are fixed sines and cosines. As in the paper, patches are
//! masked in training but not in use: the code is the mean of the encoder's tokens over all patches.
//!
//! Use it to learn features from many unlabelled images, for a linear classifier or fine-tuning, and for
//! anomalies that their surroundings give away. It does not compress: visible patches are never
//! reconstructed, and `decode` of a mean over patches gives a blur. To turn codes into pictures use `conv` or
//! `vae`.
//!
//! [`Autoencoder::reconstruct`] predicts every patch from other patches only: a few fixed masks, as large as
//! in training, together cover the image, and a patch that several of them hide gets the mean of its
//! predictions.

use crate::blocks::patches::Patches;
use crate::model::{
    Autoencoder, Batch, Code, DataSummary, Losses, Model, ModelError, Pass, workspace_of_networks,
};
use crate::network::{Layer, Network, TransformerBlock, positions::SineCosine2d};
use crate::registry::{Variant, at_least_one, layers, out_of_range};
use ae_tensor::{Device, Distance, Kind, Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Settings of the masked autoencoder. Patch, widths and depths are far below the paper's, whose images are
/// larger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pixels along each side of a patch; divides height and width.
    pub patch: i64,
    /// Share of the patches that are masked, between 0 and 1; at least one is masked and one visible.
    pub masked: f64,
    /// Width of the encoder's tokens, and so of the code; a multiple of 4 and of `heads`.
    pub width: i64,
    /// The encoder's blocks.
    pub depth: i64,
    /// The encoder's heads.
    pub heads: i64,
    /// Width of the decoder's tokens; a multiple of 4 and of `decoder_heads`.
    pub decoder_width: i64,
    /// The decoder's blocks.
    pub decoder_depth: i64,
    /// The decoder's heads.
    pub decoder_heads: i64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            patch: 4,
            masked: 0.75,
            width: 128,
            depth: 4,
            heads: 4,
            decoder_width: 64,
            decoder_depth: 2,
            decoder_heads: 4,
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "mae";
    const ABOUT: &'static str = "masked: a vision transformer that fills in hidden patches; learns features";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        Ok(Box::new(self.mae(data, noise)?))
    }
}

impl Config {
    fn mae(&self, data: &DataSummary, noise: &Noise) -> Result<Mae, ModelError> {
        let positive = [
            ("width", self.width),
            ("heads", self.heads),
            ("decoder_width", self.decoder_width),
            ("decoder_heads", self.decoder_heads),
        ];
        for (setting, got) in positive {
            at_least_one(Self::NAME, setting, got)?;
        }
        for (setting, got) in [("depth", self.depth), ("decoder_depth", self.decoder_depth)] {
            layers(Self::NAME, setting, usize::try_from(got).unwrap_or(0))?;
        }
        if !(self.masked > 0.0 && self.masked < 1.0) {
            return Err(out_of_range(Self::NAME, "masked", &self.masked.to_string(), "between 0 and 1"));
        }
        let patches = Patches::new(&data.shape, self.patch)?;
        let count = patches.count();
        if count < 2 {
            let got = self.patch.to_string();
            return Err(out_of_range(
                Self::NAME,
                "patch",
                &got,
                "small enough for an image to have two patches",
            ));
        }
        let visible = ((count as f64 * (1.0 - self.masked)) as i64).clamp(1, count - 1);

        let network = |name, layers, input: [i64; 2]| Network::new(name, layers, &input, noise);
        let blocks =
            |depth: i64, heads| (0..depth).map(move |_| Layer::TransformerBlock(TransformerBlock { heads }));
        let dense = |units| vec![Layer::DensePerStep { units }];
        let (wide, narrow) = ([count, self.width], [count, self.decoder_width]);
        let encoder = blocks(self.depth, self.heads).chain([Layer::LayerNorm]).collect();
        let decoder = blocks(self.decoder_depth, self.decoder_heads).collect();
        let head = vec![Layer::LayerNorm, Layer::DensePerStep { units: patches.values() }];
        let place = |width| SineCosine2d::new(patches.rows, patches.columns, width, noise.device());
        Ok(Mae {
            embedding: network("embedding", dense(self.width), [count, patches.values()])?,
            positions: place(self.width)?,
            encoder: network("encoder", encoder, wide)?,
            bridge: network("bridge", dense(self.decoder_width), wide)?,
            mask: network(
                "mask",
                vec![Layer::AppendTokens { times: count - visible }],
                [visible, self.decoder_width],
            )?,
            decoder_positions: place(self.decoder_width)?,
            decoder: network("decoder", decoder, narrow)?,
            head: network("head", head, narrow)?,
            patches,
            visible,
            grey: 0.5 * (data.low + data.high),
        })
    }
}

/// Tokens of the whole image are in the order of [`Patches`]; those of a masked one in an `order` that begins
/// with the visible patches. Attention does not depend on the order, so nothing needs reordering in training.
#[derive(Debug)]
struct Mae {
    embedding: Network,
    encoder: Network,
    bridge: Network,
    mask: Network,
    decoder: Network,
    head: Network,
    /// `[N, width]`.
    positions: SineCosine2d,
    /// `[N, decoder width]`.
    decoder_positions: SineCosine2d,
    patches: Patches,
    /// Patches that the encoder sees.
    visible: i64,
    /// The value of masked patches in a picture.
    grey: f64,
}

impl Mae {
    fn masked(&self) -> i64 {
        self.patches.count() - self.visible
    }

    /// A random order of the patches of each sample, `[B, N]`; those from [`Self::visible`] on are masked.
    fn random_order(&self, samples: i64, noise: &Noise) -> Tensor {
        noise.uniform("mask", &[samples, self.patches.count()]).argsort(1, false)
    }

    /// Predictions of the masked patches, `[B, masked, P]`, from the visible ones, `[B, visible, P]`.
    fn predict(&self, visible: &Tensor, order: &Tensor) -> Tensor {
        let seen = order.narrow(1, 0, self.visible);
        let tokens = self.embedding.forward_tokens(visible) + places(self.positions.tensor(), &seen);
        let tokens = self.bridge.forward_tokens(&self.encoder.forward_tokens(&tokens));
        let tokens = self.mask.forward(&tokens) + places(self.decoder_positions.tensor(), order);
        self.head.forward_tokens(&self.decoder.forward(&tokens).narrow(1, self.visible, self.masked()))
    }

    /// Mean squared error over the pixels of the masked patches: a scalar.
    fn masked_error(&self, x: &Tensor, order: &Tensor) -> Tensor {
        let patches = take(&self.patches.split(x), order);
        let predicted = self.predict(&patches.narrow(1, 0, self.visible), order);
        Distance::MeanSquared.mean(&predicted, &patches.narrow(1, self.visible, self.masked()))
    }

    /// `[B, N, P]` with the masked patches of `order` replaced by their predictions.
    fn fill(&self, patches: &Tensor, order: &Tensor) -> Tensor {
        let filled = self.predict(&take(patches, &order.narrow(1, 0, self.visible)), order);
        put(patches, &order.narrow(1, self.visible, self.masked()), &filled)
    }

    /// Number of fixed masks.
    fn masks(&self) -> i64 {
        let (count, stride) = (self.patches.count(), self.visible.min(self.masked()));
        (count + stride - 1) / stride
    }

    /// The fixed masks: orders `[N]` whose masked patches cover the image, and whose visible ones do.
    fn fixed_orders(&self, device: Device) -> Vec<Tensor> {
        let (count, masks) = (self.patches.count(), self.masks());
        let shuffled = Noise::new(0, 0, Device::Cpu).permutation("mae masks", count).to_device(device);
        (0..masks).map(|mask| shuffled.roll([-(mask * count / masks)], [0])).collect()
    }

    /// Tokens of all patches, `[B, N, width]`.
    fn tokens(&self, x: &Tensor) -> Tensor {
        self.encoder.forward(&(self.embedding.forward(&self.patches.split(x)) + self.positions.tensor()))
    }
}

/// The rows of `patches` `[B, N, P]` that `order` `[B, n]` names: `[B, n, P]`.
fn take(patches: &Tensor, order: &Tensor) -> Tensor {
    patches.gather(1, &as_index(order, patches), false)
}

/// `patches` with the rows that `order` names replaced by `rows`.
fn put(patches: &Tensor, order: &Tensor, rows: &Tensor) -> Tensor {
    patches.scatter(1, &as_index(order, patches), rows)
}

fn as_index(order: &Tensor, patches: &Tensor) -> Tensor {
    order.unsqueeze(-1).expand([-1, -1, patches.size()[2]], false)
}

/// The positions `[N, D]` of patches in `order` `[B, n]`: `[B, n, D]`.
fn places(positions: &Tensor, order: &Tensor) -> Tensor {
    let [samples, n] = order.size()[..] else { panic!("orders have two dimensions, got {order:?}") };
    positions.index_select(0, &order.reshape([-1])).view([samples, n, -1])
}

impl Model for Mae {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        vec![
            ("embedding", &self.embedding),
            ("encoder", &self.encoder),
            ("bridge", &self.bridge),
            ("mask", &self.mask),
            ("decoder", &self.decoder),
            ("head", &self.head),
        ]
    }

    fn objective(&self) -> &'static str {
        "masked_mse"
    }

    /// Besides the networks', the positions of both, and the fixed masks.
    fn workspace(&self) -> i64 {
        let widths = self.positions.width().saturating_add(self.decoder_positions.width());
        let tables = self.patches.count().saturating_mul(widths.saturating_add(self.masks()));
        workspace_of_networks(&self.networks()).saturating_add(tables)
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let order = self.random_order(batch.len(), &pass.noise);
        vec![Losses::single("masked_mse", self.masked_error(&batch.values, &order))]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

impl Autoencoder for Mae {
    /// The mean of the encoder's tokens over all patches, none masked: `[B, width]`.
    fn encode(&self, x: &Tensor) -> Code {
        Code::Point(self.tokens(x).mean_dim([1i64].as_slice(), false, None::<Kind>))
    }

    /// The decoder's picture if every visible patch gave the code itself: a blur of what such images share.
    fn decode(&self, code: &Tensor) -> Tensor {
        let token = self.bridge.forward_tokens(&code.unsqueeze(1));
        let tokens = token + self.decoder_positions.tensor();
        self.patches.join(&self.head.forward(&self.decoder.forward(&tokens)))
    }

    fn reconstruct(&self, x: &Tensor) -> Tensor {
        let patches = self.patches.split(x);
        let (n, orders) = (x.size()[0], self.fixed_orders(x.device()));
        let (mut sum, mut times) = (patches.zeros_like(), patches.zeros_like());
        for order in orders {
            let order = order.unsqueeze(0).expand([n, -1], false);
            let predicted = self.predict(&take(&patches, &order.narrow(1, 0, self.visible)), &order);
            let index = as_index(&order.narrow(1, self.visible, self.masked()), &patches);
            sum = sum.scatter_add(1, &index, &predicted);
            times = times.scatter_add(1, &index, &predicted.ones_like());
        }
        self.patches.join(&(sum / times))
    }

    /// The image with a random part of its patches in grey, as many as in training.
    fn corrupt(&self, x: &Tensor, noise: &Noise) -> Option<Tensor> {
        let patches = self.patches.split(x);
        let masked = self.random_order(x.size()[0], noise).narrow(1, self.visible, self.masked());
        let grey = Tensor::full_like(&take(&patches, &masked), self.grey);
        Some(self.patches.join(&put(&patches, &masked, &grey)))
    }

    /// The patches that [`Self::corrupt`] turns grey, filled in from the others, which stay unchanged.
    fn restore(&self, batch: &Batch, noise: &Noise) -> Tensor {
        let x = &batch.values;
        self.patches.join(&self.fill(&self.patches.split(x), &self.random_order(x.size()[0], noise)))
    }

    fn code_size(&self) -> i64 {
        self.positions.width()
    }
}

#[cfg(test)]
#[path = "mae_tests.rs"]
mod tests;
