//! A camera that moved: convolved with a straight line in a random direction, then with a little noise, as a sensor
//! adds it.

use super::place::{draw, from_centre};
use super::{Damage, Damaged, convolve, gaussian, is_non_negative};
use ae_network::Range;
use ae_tensor::{Device, Kind, Noise, Tensor};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Greatest length, in pixels.
const MAX_LENGTH: f64 = 100.0;

/// Blurred along a line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Motion {
    /// Length of the line in pixels; between 1 and 100.
    pub length: f64,
    /// Standard deviation of the noise that is added afterwards; at least 0.
    pub noise: f64,
}

impl Default for Motion {
    fn default() -> Self {
        Motion { length: 7.0, noise: 0.01 }
    }
}

impl Motion {
    /// The kernels of lines at these angles, `[B, 1, 1]` in radians, clockwise from the horizontal: `[B, K, K]`.
    fn kernels(&self, angle: &Tensor) -> Tensor {
        let half = 0.5 * (self.length - 1.0);
        let (rows, columns) = from_centre(2 * (half.ceil() as i64 + 1) + 1, angle.device());
        // A pixel's weight falls with its distance from the nearest point of the line.
        let along = (&columns * angle.cos() + &rows * angle.sin()).clamp(-half, half);
        let (down, across) = (rows - &along * angle.sin(), columns - along * angle.cos());
        let weights = (-(down.square() + across.square()).sqrt() + 1.0).clamp_min(0.0);
        &weights / weights.sum_dim_intlist([1i64, 2].as_slice(), true, None::<Kind>)
    }
}

impl Damage for Motion {
    fn check(&self) -> Result<(), &'static str> {
        let fine = self.length >= 1.0 && self.length <= MAX_LENGTH && is_non_negative(self.noise);
        if fine { Ok(()) } else { Err("a length between 1 and 100 pixels, and noise of at least 0") }
    }

    fn kernel(&self, angle: f64, device: Device) -> Option<Tensor> {
        Some(self.kernels(&Tensor::full([1, 1, 1], angle, (Kind::Float, device))))
    }

    fn has_direction(&self) -> bool {
        true
    }

    fn noise(&self) -> f64 {
        self.noise
    }

    fn apply(&self, images: &Tensor, range: Range, noise: &Noise) -> Damaged {
        let kernels = self.kernels(&(draw(noise, "motion angles", images, 1).squeeze_dim(1) * PI));
        let blurred = gaussian::add(&convolve(images, &kernels), self.noise, range, noise);
        Damaged { images: blurred, whole: None, kernels: Some(kernels) }
    }
}
