//! Square holes at random places, to be filled in (Pathak et al., "Context encoders", CVPR 2016, section 4).

use super::place::{any, draw, rows_and_columns, sides};
use super::{COUNT, Damage, Damaged, is_share};
use ae_network::Range;
use ae_tensor::{Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Square holes, which may overlap; their places are told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Blocks {
    /// Number of holes; between 1 and 1000.
    pub count: i64,
    /// Side of a hole as a share of the shorter side of the image; between 0 and 1.
    pub side: f64,
}

impl Default for Blocks {
    fn default() -> Self {
        Blocks { count: 4, side: 0.25 }
    }
}

impl Damage for Blocks {
    fn check(&self) -> Result<(), &'static str> {
        let fine = COUNT.contains(&self.count) && is_share(self.side);
        if fine { Ok(()) } else { Err("a count between 1 and 1000 and a side between 0 and 1") }
    }

    fn tells_place(&self) -> bool {
        true
    }

    fn apply(&self, images: &Tensor, _: Range, noise: &Noise) -> Damaged {
        let (height, width) = sides(images);
        let side = (self.side * height.min(width) as f64).round();
        let (rows, columns) = rows_and_columns(images);
        let within = |places: &Tensor, purpose: &str, long: i64| {
            let start = (draw(noise, purpose, images, self.count) * (long as f64 - side + 1.0)).floor();
            let from_start = places - start;
            from_start.ge(0.0).logical_and(&from_start.lt(side))
        };
        let covered = within(&rows, "block rows", height).logical_and(&within(
            &columns,
            "block columns",
            width,
        ));
        self.lose(images, &any(&covered))
    }
}
