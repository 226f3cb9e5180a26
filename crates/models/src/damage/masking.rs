//! Masking noise (Vincent et al., JMLR 2010, section 3.3): values set to zero.

use super::{Damage, Damaged, is_share};
use ae_network::Range;
use ae_tensor::{Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Sets each value to zero with a probability; which ones is not told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Masking {
    /// Share of values lost; between 0 and 1.
    pub rate: f64,
}

impl Default for Masking {
    fn default() -> Self {
        Masking { rate: 0.3 }
    }
}

impl Damage for Masking {
    fn check(&self) -> Result<(), &'static str> {
        if is_share(self.rate) { Ok(()) } else { Err("a rate between 0 and 1") }
    }

    fn apply(&self, images: &Tensor, _: Range, noise: &Noise) -> Damaged {
        Damaged::hidden(images * (-noise.mask("corruption", &images.size(), self.rate) + 1.0))
    }
}
