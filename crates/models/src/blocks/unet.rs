//! A network from images to images of any size: it halves them level by level, goes back, and adds to each level on
//! the way back what it had there on the way down (Ronneberger, Fischer & Brox, "U-Net", MICCAI 2015, with sums in place of
//! concatenations and the residual blocks of [`ResidualBlock`]).
//!
//! ```text
//! x → stem → blocks ─────────────── + → blocks → head → y      level 0
//!              ↓                    ↑
//!            blocks ─────────── + → blocks                     level 1, half the size
//!              ↓                ↑
//!            blocks → … → … → blocks                           level 2, a quarter
//! ```

use crate::model::ModelError;
use crate::network::{Layer, Network, ResidualBlock, ShapeError};
use crate::registry::{at_least_one, out_of_range, widths};
use ae_tensor::{Activation, Noise, Tensor};

/// Names of the networks that lead down to a level, that lead back up to it, and that go on from their sum.
const DOWN: [&str; MAX_LEVELS] = ["down0", "down1", "down2", "down3", "down4", "down5"];
const UP: [&str; MAX_LEVELS] = ["up0", "up1", "up2", "up3", "up4", "up5"];
const MERGED: [&str; MAX_LEVELS] = ["merged0", "merged1", "merged2", "merged3", "merged4", "merged5"];
const HEAD: &str = "head";
/// Most levels: the last one sees an image at a thirty-second of its size.
const MAX_LEVELS: usize = 6;
/// Most residual blocks in a level, each way.
const MAX_BLOCKS: i64 = 64;

/// The networks of all levels.
#[derive(Debug)]
pub struct UNet {
    /// The way down, level by level: `[B, C, H, W]` to `[B, channels, H / 2^level, W / 2^level]`.
    down: Vec<Network>,
    /// The way back up to a level, the top one first, without what is added there from the way down.
    up: Vec<Network>,
    /// The blocks of a level after that, the top one first.
    merged: Vec<Network>,
    /// `[B, channels, H, W]` to `[B, outputs, H, W]`.
    head: Network,
    blocks: i64,
}

fn convolution(channels: i64, stride: i64) -> Layer {
    Layer::Conv2d { channels, kernel: 3, stride, padding: 1 }
}

impl UNet {
    /// From images of `shape` `[C, H, W]`, which say no more than what the network is trained on, to images of `outputs`
    /// channels, without a final activation. `channels` are those of the levels, the top one first; each level has `blocks`
    /// residual blocks each way. The head starts with small weights, so that the output starts near 0.
    ///
    /// # Errors
    /// No level or more than six, or a size below 1; `variant` is named.
    pub fn new(
        variant: &'static str,
        channels: &[i64],
        blocks: i64,
        shape: &[i64; 3],
        outputs: i64,
        noise: &Noise,
    ) -> Result<Self, ModelError> {
        widths(variant, "channels", channels)?;
        at_least_one(variant, "blocks", blocks)?;
        if channels.is_empty() || channels.len() > MAX_LEVELS {
            let got = format!("{channels:?}");
            return Err(out_of_range(variant, "channels", &got, "a list of one to six numbers"));
        }
        if blocks > MAX_BLOCKS {
            return Err(out_of_range(variant, "blocks", &blocks.to_string(), "at most 64"));
        }
        let residual = |channels: i64| {
            (0..blocks).map(move |_| Layer::ResidualBlock(ResidualBlock { hidden: channels }))
        };
        let grid = 1 << (channels.len() - 1);
        let whole = |side: i64| (side + grid - 1) / grid * grid;
        let mut shape = vec![shape[0], whole(shape[1]), whole(shape[2])];
        let mut down: Vec<Network> = Vec::new();
        for (level, &width) in channels.iter().enumerate() {
            let stride = if level == 0 { 1 } else { 2 };
            let layers = [convolution(width, stride)].into_iter().chain(residual(width)).collect();
            let network = Network::new(DOWN[level], layers, &shape, noise)?;
            shape = network.output_shape().to_vec();
            down.push(network);
        }
        let (mut up, mut merged) = (Vec::new(), Vec::new());
        for (level, &width) in channels.iter().enumerate() {
            let here = down[level].output_shape();
            if let Some(below) = down.get(level + 1) {
                let layers = vec![
                    Layer::Conv2d { channels: width, kernel: 1, stride: 1, padding: 0 },
                    Layer::Upsample2d { factor: 2 },
                ];
                up.push(Network::new(UP[level], layers, below.output_shape(), noise)?);
            }
            merged.push(Network::new(MERGED[level], residual(width).collect(), here, noise)?);
        }
        let layers = vec![Layer::Activation(Activation::Relu), convolution(outputs, 1)];
        let mut head = Network::new(HEAD, layers, merged[0].output_shape(), noise)?;
        head.start_as_dcgan();
        Ok(UNet { down, up, merged, head, blocks })
    }

    /// Every network with its name.
    pub fn networks(&self) -> Vec<(&'static str, &Network)> {
        let named = |names: [&'static str; MAX_LEVELS], networks| names.into_iter().zip(networks);
        named(DOWN, self.down.iter())
            .chain(named(UP, self.up.iter()))
            .chain(named(MERGED, self.merged.iter()))
            .chain([(HEAD, &self.head)])
            .collect()
    }

    /// Images `[B, C, H, W]` of any size to `[B, outputs, H, W]`. Sides that are no multiple of [`Self::grid`] are extended
    /// downwards and to the right by repeating the border, and cut off again.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let [height, width] = [x.size()[2], x.size()[3]];
        let missing = |side: i64| (self.grid() - side % self.grid()) % self.grid();
        let padded = match (missing(width), missing(height)) {
            (0, 0) => x.shallow_clone(),
            (right, below) => x.replication_pad2d([0, right, 0, below]),
        };
        let mut levels = vec![self.down[0].forward_image(&padded)];
        for network in &self.down[1..] {
            levels.push(network.forward_image(levels.last().expect("the top level")));
        }
        let mut way_back: Option<Tensor> = None;
        for (level, here) in levels.iter().enumerate().rev() {
            let sum = match way_back {
                Some(below) => here + self.up[level].forward_image(&below),
                None => here.shallow_clone(),
            };
            way_back = Some(self.merged[level].forward_image(&sum));
        }
        let merged = way_back.expect("at least one level");
        self.head.forward_image(&merged).narrow(2, 0, height).narrow(3, 0, width)
    }

    /// Images that begin at multiples of this many pixels go through the same computations, wherever they begin.
    pub fn grid(&self) -> i64 {
        1 << (self.down.len() - 1)
    }

    /// How far away, in pixels, a pixel of the input may be that an output pixel depends on; an upper bound.
    pub fn reach(&self) -> i64 {
        let mut reach = 1; // the head
        for level in 0..self.down.len() {
            let pixel = 1 << level;
            reach += 2 * self.blocks * pixel;
            // The stem; or the strided convolution, and the enlargement back, in pixels of the level above.
            reach += if level == 0 { 1 } else { pixel };
        }
        reach
    }
}

/// The sizes of samples that are images, or an error for `variant`.
///
/// # Errors
/// Samples of another shape.
pub(crate) fn image_shape(variant: &'static str, shape: &[i64]) -> Result<[i64; 3], ShapeError> {
    shape.try_into().map_err(|_| ShapeError {
        network: DOWN[0].into(),
        position: 1,
        layer: "conv".into(),
        input: shape.to_vec(),
        reason: format!("the {variant} variant takes images [C, H, W]"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Device, Kind, tch};

    fn noise() -> Noise {
        Noise::new(0, 0, Device::Cpu)
    }

    fn build(channels: &[i64], blocks: i64) -> UNet {
        UNet::new("restoring", channels, blocks, &[2, 9, 14], 3, &noise()).unwrap()
    }

    #[test]
    fn images_of_every_size_come_back() {
        for channels in [&[4][..], &[4, 5], &[3, 4, 5, 6]] {
            let network = build(channels, 1);
            for (height, width) in [(9, 14), (1, 1), (3, 40), (17, 8), (16, 16)] {
                let x = noise().uniform("x", &[2, 2, height, width]);
                assert_eq!(network.forward(&x).size(), [2, 3, height, width], "{channels:?}");
            }
        }
    }

    /// A change of one pixel reaches no further than `reach`, and not much less far.
    #[test]
    fn a_pixel_reaches_as_far_as_stated() {
        for (channels, blocks) in [(&[3][..], 2), (&[4, 3], 1), (&[4, 4, 3], 1)] {
            let network = build(channels, blocks);
            let reach = network.reach();
            let side = 2 * reach + 40;
            let x = noise().uniform("x", &[1, 2, 4, side]);
            let mut furthest = 0;
            for place in side / 2..side / 2 + network.grid() {
                let changed = x.copy();
                let _ = tch::no_grad(|| changed.narrow(3, place, 1).fill_(50.0));
                let difference = tch::no_grad(|| network.forward(&changed) - network.forward(&x)).abs();
                let columns = difference.amax([0i64, 1, 2].as_slice(), false);
                let reached = columns.gt(0.0).nonzero().view([-1]) - place;
                furthest = furthest.max(reached.abs().max().int64_value(&[]));
            }
            assert!(furthest <= reach && 2 * furthest > reach, "{channels:?}: {furthest} of {reach}");
        }
    }

    #[test]
    fn the_output_starts_near_zero() {
        let y = build(&[8, 16], 1).forward(&noise().uniform("x", &[4, 2, 16, 16]));
        assert!(y.abs().mean(Kind::Float).double_value(&[]) < 0.2, "{y:?}");
    }

    #[test]
    fn levels_and_blocks_have_limits() {
        let refused = |channels: &[i64], blocks, legal: &str| {
            let error =
                UNet::new("restoring", channels, blocks, &[1, 8, 8], 1, &noise()).unwrap_err().to_string();
            assert!(error.contains(legal), "{error}");
        };
        refused(&[], 1, "a list of one to six numbers");
        refused(&[1; 7], 1, "a list of one to six numbers");
        refused(&[4, 0], 1, "numbers of at least 1");
        refused(&[4], 0, "at least 1");
        refused(&[4], 65, "at most 64");
        let error = image_shape("restoring", &[30]).unwrap_err().to_string();
        assert!(error.contains("the restoring variant takes images"), "{error}");
    }
}
