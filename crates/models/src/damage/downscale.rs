//! A picture that was made smaller and enlarged again (Dong et al., "Image super-resolution using deep convolutional
//! networks", TPAMI 2016, section 3.1): means of squares of pixels, enlarged by bicubic interpolation.

use super::place::sides;
use super::{Damage, Damaged};
use ae_network::Range;
use ae_tensor::{Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Made smaller, then enlarged to the size that it had.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Downscale {
    /// How many times smaller along each side, rounded up; between 2 and 16.
    pub factor: i64,
}

impl Default for Downscale {
    fn default() -> Self {
        Downscale { factor: 2 }
    }
}

impl Damage for Downscale {
    fn check(&self) -> Result<(), &'static str> {
        if (2..=16).contains(&self.factor) { Ok(()) } else { Err("a factor between 2 and 16") }
    }

    fn apply(&self, images: &Tensor, range: Range, _: &Noise) -> Damaged {
        let square = [self.factor, self.factor];
        let small = images.avg_pool2d(square, square, [0, 0], true, false, None::<i64>);
        let (height, width) = sides(images);
        let large = enlarge(&small, self.factor).narrow(2, 0, height).narrow(3, 0, width);
        Damaged::hidden(large.clamp(range.low, range.high))
    }
}

/// Images `[B, C, H, W]`, `factor` times larger along each side, by cubic convolution with `a = -0.5` (Keys, 1981).
pub fn enlarge(images: &Tensor, factor: i64) -> Tensor {
    let (height, width) = sides(images);
    // The plain function of libtorch has `a = -0.75`, which overshoots more; for an enlargement, its antialiasing does nothing.
    images.internal_upsample_bicubic2d_aa([height * factor, width * factor], false, None::<f64>, None::<f64>)
}
