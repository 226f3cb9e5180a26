//! Salt-and-pepper noise (Vincent et al., JMLR 2010, section 3.3): values set to 0 or 1.

use super::{Damage, Damaged, is_share};
use ae_network::Range;
use ae_tensor::{Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Sets each value with a probability to 0 or 1, each equally likely; which ones is not told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaltAndPepper {
    /// Share of values lost; between 0 and 1.
    pub rate: f64,
}

impl Default for SaltAndPepper {
    fn default() -> Self {
        SaltAndPepper { rate: 0.2 }
    }
}

impl Damage for SaltAndPepper {
    fn check(&self) -> Result<(), &'static str> {
        if is_share(self.rate) { Ok(()) } else { Err("a rate between 0 and 1") }
    }

    fn apply(&self, images: &Tensor, _: Range, noise: &Noise) -> Damaged {
        let lost = noise.mask("corruption", &images.size(), self.rate);
        let salt = noise.mask("salt", &images.size(), 0.5);
        Damaged::hidden(images * (-&lost + 1.0) + lost * salt)
    }
}
