//! A network that undoes damage to images of any size: holes, watermarks, blur, a small size.
//!
//! Minimises `mean (x - x̂(x̃))²`, where `x̃` is a copy of `x` with damage of a kind of [`crate::damage`], drawn anew for each
//! image and step, and `x̂(x̃) = x̃ + f(x̃)` (He et al., 2016; for restoration: Zhang et al., "Beyond a Gaussian denoiser",
//! TIP 2017). `f` is the convolutional [`UNet`]. Where the place of the damage is told, `f` sees it as one more channel, and
//! `x̂` is `x̃` wherever the image is whole; with `fill`, the holes in `x̃` are [filled in smoothly](fill) first. With `deblur`,
//! a blur whose kernel is told is [undone](deblur) first, and the network takes away what that leaves.
//!
//! Use it on images with damage that can be imitated. It has no code, as details go past the smallest level; for codes of
//! damaged images use [`super::denoising`].

use crate::blocks::point::check_output;
use crate::blocks::unet::{UNet, image_shape};
use crate::damage::{Corruption, Damaged, blocks::Blocks, deblur, fill};
use crate::model::{Batch, DataSummary, Losses, Model, ModelError, Pass, Restorer};
use crate::network::Network;
use crate::registry::Variant;
use ae_network::Range;
use ae_tensor::{Activation, Noise, ReconstructionLoss, Tensor};
use serde::{Deserialize, Serialize};

/// Settings of the restoring network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How the images are damaged.
    pub corruption: Corruption,
    /// Channels of the levels, from the full size inwards, each at least 1; each level has half the height and width of the
    /// one before.
    pub channels: Vec<i64>,
    /// Residual blocks of a level, each way; at least 1.
    pub blocks: i64,
    /// Loss: `mse` or `mae`; the latter gives sharper images of a lower PSNR.
    pub loss: ReconstructionLoss,
    /// Whether half of the training images, drawn anew at every step, are mirrored left to right.
    pub mirror: bool,
    /// Whether holes whose place is told are filled in smoothly before the network sees them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fill: bool,
    /// Whether the model is told the kernel of a blur, which is undone as far as it can be before the network sees the image.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deblur: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            corruption: Corruption::Blocks(Blocks::default()),
            channels: vec![16, 32, 64],
            blocks: 1,
            loss: ReconstructionLoss::MeanSquared,
            mirror: false,
            fill: false,
            deblur: false,
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "restoring";
    const ABOUT: &'static str = "undoes damage to images of any size: holes, watermarks, blur, a small size";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        self.corruption.check(Self::NAME)?;
        let [channels, height, width] = image_shape(Self::NAME, &data.shape)?;
        // Images are clipped like the output of a sigmoid, though the network has none.
        check_output(Activation::Sigmoid, data)?;
        self.loss.check(Activation::Identity, data.low, data.high)?;
        let seen = channels + i64::from(self.corruption.tells_place());
        let network =
            UNet::new(Self::NAME, &self.channels, self.blocks, &[seen, height, width], channels, noise)?;
        Ok(Box::new(Restoring { network, config: self.clone() }))
    }
}

#[derive(Debug)]
struct Restoring {
    network: UNet,
    config: Config,
}

impl Model for Restoring {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        self.network.networks()
    }

    fn objective(&self) -> &'static str {
        self.config.loss.name()
    }

    fn masks_missing(&self) -> bool {
        true
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let mirrored = |images: &Tensor| match self.config.mirror && pass.is_training() {
            true => mirror_half(images, &pass.noise),
            false => images.shallow_clone(),
        };
        let images = mirrored(&batch.values);
        let observed = batch.observed.as_ref().map(mirrored);
        let restored = self.restore(&self.config.corruption.apply(&images, Range::UNIT, &pass.noise));
        let loss = self.config.loss.mean(&restored, Activation::Identity, &images, observed.as_ref());
        let loss = pass.over_observed(loss, observed.as_ref());
        vec![Losses::single("reconstruction", loss)]
    }

    fn as_restorer(&self) -> Option<&dyn Restorer> {
        Some(self)
    }
}

/// Images `[B, C, H, W]`, half of them, drawn at random, mirrored left to right.
pub(crate) fn mirror_half(images: &Tensor, noise: &Noise) -> Tensor {
    let turned = noise.mask("mirror", &[images.size()[0], 1, 1, 1], 0.5).gt(0.5);
    images.flip([3]).where_self(&turned, images)
}

impl Restorer for Restoring {
    fn corruption(&self) -> Corruption {
        self.config.corruption
    }

    fn is_told_kernels(&self) -> bool {
        self.config.deblur && self.config.corruption.is_blur()
    }

    fn start(&self, Damaged { images, whole, kernels }: &Damaged) -> Tensor {
        match (whole, kernels) {
            (Some(whole), _) if self.config.fill => fill(images, whole),
            (_, kernels) if self.is_told_kernels() => {
                let kernels = kernels.as_ref().expect("the kernel of a blur is told, so it has to be given");
                deblur(images, kernels, self.config.corruption.noise())
            }
            _ => images.shallow_clone(),
        }
    }

    fn refine(&self, start: &Tensor, whole: Option<&Tensor>) -> Tensor {
        match (self.config.corruption.tells_place(), whole) {
            (true, Some(whole)) => {
                start + self.network.forward(&Tensor::cat(&[start, whole], 1)) * (-whole + 1.0)
            }
            (true, None) => panic!("the place of the damage is told, so it has to be given"),
            (false, _) => start + self.network.forward(start),
        }
    }

    fn reach(&self) -> i64 {
        self.network.reach()
    }

    fn grid(&self) -> i64 {
        self.network.grid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::damage::{blur::Blur, centre::Centre, downscale::Downscale, motion::Motion};
    use ae_tensor::{Device, Kind, tch};

    fn noise() -> Noise {
        Noise::new(0, 0, Device::Cpu)
    }

    fn build(corruption: Corruption) -> Box<dyn Model> {
        let data = DataSummary { shape: vec![1, 12, 16], mean: 0.3, low: 0.0, high: 1.0, classes: 0 };
        let config = Config { corruption, channels: vec![4, 6], ..Config::default() };
        config.initialise(&data, &noise()).unwrap()
    }

    #[test]
    fn what_is_whole_stays_as_it_is() {
        let model = build(Corruption::Centre(Centre::default()));
        let images = noise().uniform("images", &[3, 1, 9, 20]);
        let damaged = Corruption::Centre(Centre::default()).apply(&images, Range::UNIT, &noise());
        let restored = model.as_restorer().unwrap().restore(&damaged);
        let whole = damaged.whole.unwrap();
        assert_eq!(&restored * &whole, &images * &whole);
        assert_ne!(restored, damaged.images);
    }

    /// What is told is used before the network sees the image.
    #[test]
    fn a_network_that_adds_nothing_leaves_what_it_starts_from() {
        let data = DataSummary { shape: vec![1, 12, 16], mean: 0.3, low: 0.0, high: 1.0, classes: 0 };
        let images = noise().uniform("images", &[3, 1, 12, 16]);
        for corruption in [
            Corruption::Centre(Centre::default()),
            Corruption::Motion(Motion::default()),
            Corruption::Blur(Blur::default()),
        ] {
            let config = Config { corruption, channels: vec![4, 6], ..Config::default() };
            let config = Config { fill: true, deblur: true, ..config };
            let model = config.initialise(&data, &noise()).unwrap();
            for (_, mut parameter) in model.parameters() {
                let _ = tch::no_grad(|| parameter.fill_(0.0));
            }
            let damaged = corruption.apply(&images, Range::UNIT, &noise());
            let start = match (&damaged.whole, &damaged.kernels) {
                (Some(whole), _) => fill(&images, whole),
                (_, kernels) => deblur(&damaged.images, kernels.as_ref().unwrap(), 0.01),
            };
            let restored = model.as_restorer().unwrap().restore(&damaged);
            assert_eq!(restored, start);
            assert_ne!(restored, damaged.images);
        }
    }

    /// The loss is that of the damaged images as long as the network adds nothing.
    #[test]
    fn a_network_that_adds_nothing_has_the_error_of_the_damage() {
        let corruption = Corruption::Downscale(Downscale::default());
        let model = build(corruption);
        for (_, mut parameter) in model.parameters() {
            let _ = tch::no_grad(|| parameter.fill_(0.0));
        }
        let values = noise().uniform("images", &[3, 1, 12, 16]);
        let damaged = corruption.apply(&values, Range::UNIT, &noise()).images;
        let expected = (&damaged - &values).square().mean(Kind::Float).double_value(&[]);
        let batch = Batch { values, labels: None, observed: None, given: None };
        let losses = model.losses(&batch, &Pass::evaluation(noise()));
        assert!((losses[0].total().unwrap().double_value(&[]) - expected).abs() < 1e-6);
    }

    #[test]
    fn about_half_of_the_images_are_mirrored() {
        let images = Tensor::arange(400, (Kind::Float, Device::Cpu)).view([100, 1, 1, 4]);
        let mirrored = mirror_half(&images, &noise());
        let first = mirrored.narrow(3, 0, 1).view([-1]) - images.narrow(3, 0, 1).view([-1]);
        let turned = first.eq(3.0).sum(Kind::Int64).int64_value(&[]);
        assert_eq!(turned + first.eq(0.0).sum(Kind::Int64).int64_value(&[]), 100);
        assert!((35..65).contains(&turned), "{turned}");
    }
}
