//! Gaussian noise (Vincent et al., JMLR 2010, section 3.3): `x + std · N(0, 1)`.

use super::{Damage, Damaged, is_non_negative};
use ae_network::Range;
use ae_tensor::{Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Adds `std · N(0, 1)` to each value, then clips to the range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gaussian {
    /// Standard deviation, in the unit of the data; at least 0.
    pub std: f64,
}

impl Default for Gaussian {
    fn default() -> Self {
        Gaussian { std: 0.2 }
    }
}

impl Damage for Gaussian {
    fn check(&self) -> Result<(), &'static str> {
        if is_non_negative(self.std) { Ok(()) } else { Err("a std of at least 0") }
    }

    fn apply(&self, images: &Tensor, range: Range, noise: &Noise) -> Damaged {
        Damaged::hidden(add(images, self.std, range, noise))
    }
}

/// Images with noise of this standard deviation, clipped to the range.
pub(super) fn add(images: &Tensor, std: f64, range: Range, noise: &Noise) -> Tensor {
    // In place: three walks through memory that is in the cache.
    let mut noisy = noise.normal("corruption", &images.size());
    noisy *= std;
    noisy += images;
    noisy.clamp_(range.low, range.high)
}
