//! A hole in the centre of the image, to be filled in (Pathak et al., "Context encoders", CVPR 2016, section 4).

use super::place::{rows_and_columns, sides};
use super::{Damage, Damaged, is_share};
use ae_network::Range;
use ae_tensor::{Kind, Noise, Tensor};
use serde::{Deserialize, Serialize};

/// A hole in the centre; its place is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Centre {
    /// Sides of the hole as a share of those of the image; between 0 and 1.
    pub share: f64,
}

impl Default for Centre {
    fn default() -> Self {
        Centre { share: 0.5 }
    }
}

impl Damage for Centre {
    fn check(&self) -> Result<(), &'static str> {
        if is_share(self.share) { Ok(()) } else { Err("a share between 0 and 1") }
    }

    fn tells_place(&self) -> bool {
        true
    }

    fn apply(&self, images: &Tensor, _: Range, _: &Noise) -> Damaged {
        let (height, width) = sides(images);
        let (rows, columns) = rows_and_columns(images);
        let within = |places: Tensor, side: i64| {
            let hole = (self.share * side as f64).round() as i64;
            let start = ((side - hole) / 2) as f64;
            places.ge(start).logical_and(&places.lt(start + hole as f64))
        };
        let lost = within(rows, height).logical_and(&within(columns, width)).to_kind(Kind::Float);
        self.lose(images, &lost.expand([images.size()[0], 1, height, width], false))
    }
}
