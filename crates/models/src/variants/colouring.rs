//! A network that colours grey pictures of any size (Zhang, Isola & Efros, "Colorful image colorization", ECCV 2016).
//!
//! From the lightness `L*` of a pixel and its surroundings it predicts `a*b*`; the lightness stays as it is. By default it
//! minimises the squared error of `a*b*`, in units of 20 (section 2, equation 1). With `classes = true`, `a*b*` is cut into
//! squares of 10, of which sRGB has about 300, and the network predicts a distribution over them: it minimises the cross-entropy
//! of the right square (equation 2, without the weights of rare colours, and with one square for each pixel in place of five).
//! The colour shown is the mean of that distribution at the temperature of 0.38 (equation 5).
//!
//! Use it for pictures whose colours follow from what they show. Regression has the smaller error, because it is dull where
//! several colours are possible; classes are more colourful.

use crate::blocks::point::check_output;
use crate::blocks::unet::{UNet, image_shape};
use crate::damage::{Corruption, grey::Grey};
use crate::model::{Batch, DataSummary, Losses, Model, ModelError, Pass, Restorer};
use crate::network::{Network, ShapeError};
use crate::registry::Variant;
use crate::variants::restoring::mirror_half;
use ae_tensor::tch::Reduction;
use ae_tensor::{Activation, Device, Kind, Noise, Tensor, array, colour};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The lightness of white.
const WHITE: f64 = 100.0;
/// About the standard deviation of `a*` and `b*` in photographs, so that the network's output is about 1. With the greatest
/// magnitude, 110, an optimizer's steps are too large for it: after 16 epochs it is hardly better than the mean colour.
const CHROMA: f64 = 20.0;
/// Side of a class in `a*b*`.
const SIDE: f64 = 10.0;
/// Classes from the middle to the end of an axis.
const REACH: i64 = 12;
/// Colours along each axis of sRGB that are tried to find the classes.
const TRIED: i64 = 48;
/// Temperature of the distribution whose mean is shown.
const TEMPERATURE: f64 = 0.38;

/// Settings of the colouring network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it predicts classes of colours in place of colours.
    pub classes: bool,
    /// Channels of the levels, from the full size inwards, each at least 1; each level has half the height and width of the
    /// one before.
    pub channels: Vec<i64>,
    /// Residual blocks of a level, each way; at least 1.
    pub blocks: i64,
    /// Whether half of the training images, drawn anew at every step, are mirrored left to right.
    pub mirror: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { classes: false, channels: vec![16, 32, 64], blocks: 1, mirror: true }
    }
}

impl Variant for Config {
    const NAME: &'static str = "colouring";
    const ABOUT: &'static str = "colours grey pictures of any size";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        let [channels, height, width] = image_shape(Self::NAME, &data.shape)?;
        if channels != 3 {
            return Err(ShapeError {
                network: "down0".into(),
                position: 1,
                layer: "conv".into(),
                input: data.shape.clone(),
                reason: "the colouring variant takes colour images [3, H, W]".into(),
            }
            .into());
        }
        check_output(Activation::Sigmoid, data)?;
        let classes = self.classes.then(|| Classes::new(noise.device()));
        let outputs = classes.as_ref().map_or(2, Classes::count);
        let shape = [1, height, width];
        let network = UNet::new(Self::NAME, &self.channels, self.blocks, &shape, outputs, noise)?;
        Ok(Box::new(Colouring { network, classes, mirror: self.mirror }))
    }
}

#[derive(Debug)]
struct Colouring {
    network: UNet,
    classes: Option<Classes>,
    mirror: bool,
}

/// The squares of `a*b*` that sRGB has colours in.
#[derive(Debug)]
struct Classes {
    /// `[K, 2]`.
    centres: Tensor,
    /// The class of each square of the whole plane, int64 `[25 · 25]`; for squares without one, the nearest.
    of_square: Tensor,
}

impl Classes {
    fn new(device: Device) -> Self {
        // In double precision, so that no machine finds other squares.
        let along = Tensor::linspace(0.0, 1.0, TRIED, (Kind::Double, Device::Cpu));
        let grid = Tensor::meshgrid_indexing(&[&along, &along, &along], "ij");
        let rgb = Tensor::stack(&grid, 0).view([1, 3, TRIED * TRIED, TRIED]);
        let squares = (colour::to_lab(&rgb).narrow(1, 1, 2) / SIDE).round().view([2, -1]);
        let [a, b] = [0, 1].map(|axis| array::to_vec(&squares.get(axis)));
        let found: BTreeSet<(i64, i64)> = a.into_iter().zip(b).map(|(a, b)| (a as i64, b as i64)).collect();
        let centres: Vec<f32> = found.into_iter().flat_map(|(a, b)| [a as f32, b as f32]).collect();
        let centres = Tensor::from_slice(&centres).view([-1, 2]);
        let along = Tensor::arange_start(-REACH, REACH + 1, (Kind::Float, Device::Cpu));
        let plane = Tensor::stack(&Tensor::meshgrid_indexing(&[&along, &along], "ij"), -1).view([-1, 2]);
        let distances = (plane.unsqueeze(1) - centres.unsqueeze(0)).square().sum_dim_intlist(
            [-1i64].as_slice(),
            false,
            None::<Kind>,
        );
        let of_square = distances.argmin(1, false).to_device(device);
        Classes { centres: (centres * SIDE).to_device(device), of_square }
    }

    fn count(&self) -> i64 {
        self.centres.size()[0]
    }

    /// The class of each colour `[B, 2, H, W]`: `[B, H, W]`, int64.
    fn of(&self, ab: &Tensor) -> Tensor {
        let square =
            ((ab / SIDE).round().clamp(-REACH as f64, REACH as f64) + REACH as f64).to_kind(Kind::Int64);
        let index = square.select(1, 0) * (2 * REACH + 1) + square.select(1, 1);
        self.of_square.index_select(0, &index.view([-1])).view_as(&index)
    }

    /// The colours `[B, 2, H, W]` that logits `[B, K, H, W]` stand for.
    fn mean(&self, logits: &Tensor) -> Tensor {
        let shares = (logits / TEMPERATURE).softmax(1, Kind::Float).permute([0, 2, 3, 1]);
        shares.matmul(&self.centres).permute([0, 3, 1, 2])
    }
}

impl Colouring {
    /// What the network gives for a lightness `[B, 1, H, W]`: `[B, 2, H, W]` or `[B, K, H, W]`.
    fn output(&self, lightness: &Tensor) -> Tensor {
        self.network.forward(&(lightness / WHITE))
    }
}

impl Model for Colouring {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        self.network.networks()
    }

    fn objective(&self) -> &'static str {
        if self.classes.is_some() { "cross_entropy" } else { "mse" }
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let images = match self.mirror && pass.is_training() {
            true => mirror_half(&batch.values, &pass.noise),
            false => batch.values.shallow_clone(),
        };
        let lab = colour::to_lab(&images);
        let (output, ab) = (self.output(&lab.narrow(1, 0, 1)), lab.narrow(1, 1, 2));
        let loss = match &self.classes {
            None => (output - ab / CHROMA).square().mean(None::<Kind>),
            Some(classes) => {
                let none = None::<&Tensor>;
                output.cross_entropy_loss(&classes.of(&ab), none, Reduction::Mean, -100, 0.0)
            }
        };
        vec![Losses::single("colour", loss)]
    }

    fn as_restorer(&self) -> Option<&dyn Restorer> {
        Some(self)
    }
}

impl Restorer for Colouring {
    fn corruption(&self) -> Corruption {
        Corruption::Grey(Grey {})
    }

    fn refine(&self, images: &Tensor, _: Option<&Tensor>) -> Tensor {
        let lightness = colour::to_lab(images).narrow(1, 0, 1);
        let output = self.output(&lightness);
        let ab = match &self.classes {
            None => output * CHROMA,
            Some(classes) => classes.mean(&output),
        };
        colour::from_lab(&Tensor::cat(&[lightness, ab], 1))
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
    use crate::damage::Damaged;

    #[test]
    fn every_colour_is_near_the_centre_of_its_class() {
        let classes = Classes::new(Device::Cpu);
        // Zhang et al. count 313, with squares that sRGB hardly touches.
        assert!((240..=330).contains(&classes.count()), "{}", classes.count());
        let rgb = Noise::new(0, 0, Device::Cpu).uniform("rgb", &[3, 3, 20, 20]);
        let ab = colour::to_lab(&rgb).narrow(1, 1, 2);
        let class = classes.of(&ab);
        let centres =
            classes.centres.index_select(0, &class.view([-1])).view([3, 20, 20, 2]).permute([0, 3, 1, 2]);
        assert!((&centres - ab).abs().max().double_value(&[]) <= 0.5 * SIDE + 1e-3);
        // Certainty about a class gives its centre.
        let logits = class.one_hot(classes.count()).permute([0, 3, 1, 2]).to_kind(Kind::Float) * 50.0;
        assert!((classes.mean(&logits) - centres).abs().max().double_value(&[]) < 1e-3);
    }

    #[test]
    fn the_lightness_stays_and_grey_images_are_refused() {
        let noise = Noise::new(0, 0, Device::Cpu);
        let data = DataSummary { shape: vec![3, 8, 8], mean: 0.4, low: 0.0, high: 1.0, classes: 0 };
        for classes in [false, true] {
            let config = Config { classes, channels: vec![4, 4], ..Config::default() };
            let model = config.initialise(&data, &noise).unwrap();
            let grey = noise.uniform("grey", &[2, 1, 9, 11]).expand([-1, 3, -1, -1], false) * 0.6 + 0.2;
            let coloured = model.as_restorer().unwrap().restore(&Damaged {
                images: grey.shallow_clone(),
                whole: None,
                kernels: None,
            });
            assert_eq!(coloured.size(), grey.size());
            let lightness = |images: &Tensor| colour::to_lab(images).narrow(1, 0, 1);
            assert!((lightness(&coloured) - lightness(&grey)).abs().max().double_value(&[]) < 1.0);
        }
        let grey = DataSummary { shape: vec![1, 8, 8], ..data };
        let error =
            Config::default().initialise(&grey, &noise).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains("takes colour images [3, H, W]"), "{error}");
    }
}
