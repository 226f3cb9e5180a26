//! A picture out of focus: convolved with a Gaussian, then with a little noise, as a sensor adds it.

use super::place::from_centre;
use super::{Damage, Damaged, convolve, gaussian, is_non_negative};
use ae_network::Range;
use ae_tensor::{Device, Kind, Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Greatest standard deviation of the kernel, in pixels.
const MAX_STD: f64 = 20.0;

/// Blurred with a Gaussian kernel, which models are not told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Blur {
    /// Standard deviation of the kernel, in pixels; above 0 and at most 20.
    pub std: f64,
    /// Standard deviation of the noise that is added afterwards; at least 0.
    pub noise: f64,
}

impl Default for Blur {
    fn default() -> Self {
        Blur { std: 1.6, noise: 0.01 }
    }
}

impl Damage for Blur {
    fn check(&self) -> Result<(), &'static str> {
        let fine = self.std > 0.0 && self.std <= MAX_STD && is_non_negative(self.noise);
        if fine { Ok(()) } else { Err("a std above 0 and at most 20 pixels, and noise of at least 0") }
    }

    fn kernel(&self, _angle: f64, device: Device) -> Option<Tensor> {
        Some(kernel(self.std, device))
    }

    fn noise(&self) -> f64 {
        self.noise
    }

    fn apply(&self, images: &Tensor, range: Range, noise: &Noise) -> Damaged {
        let kernels = kernel(self.std, images.device()).expand([images.size()[0], -1, -1], false);
        let blurred = gaussian::add(&convolve(images, &kernels), self.noise, range, noise);
        Damaged { images: blurred, whole: None, kernels: Some(kernels) }
    }
}

/// The Gaussian kernel, cut off at three standard deviations: `[1, K, K]`.
fn kernel(std: f64, device: Device) -> Tensor {
    let side = 2 * (3.0 * std).ceil() as i64 + 1;
    let (rows, columns) = from_centre(side, device);
    let weights = ((rows.square() + columns.square()) / (-2.0 * std * std)).exp();
    let sum = weights.sum(Kind::Float);
    (weights / sum).unsqueeze(0)
}
