//! Thin white scratches across the image, to be filled in: what a scan of an old photograph shows.

use super::place::{any, draw, rows_and_columns, sides};
use super::{COUNT, Damage, Damaged, is_non_negative};
use ae_network::Range;
use ae_tensor::{Noise, Tensor};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Straight scratches through random points in random directions; their places are told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scratches {
    /// Number of scratches; between 1 and 1000.
    pub count: i64,
    /// Width of a scratch in pixels; at least 0.
    pub width: f64,
}

impl Default for Scratches {
    fn default() -> Self {
        Scratches { count: 4, width: 2.0 }
    }
}

impl Damage for Scratches {
    fn check(&self) -> Result<(), &'static str> {
        let fine = COUNT.contains(&self.count) && is_non_negative(self.width);
        if fine { Ok(()) } else { Err("a count between 1 and 1000 and a width of at least 0") }
    }

    fn tells_place(&self) -> bool {
        true
    }

    fn lost_value(&self) -> f64 {
        1.0
    }

    fn apply(&self, images: &Tensor, _: Range, noise: &Noise) -> Damaged {
        let (height, width) = sides(images);
        let (rows, columns) = rows_and_columns(images);
        let through = |purpose: &str, side: i64| draw(noise, purpose, images, self.count) * side as f64 - 0.5;
        let angle = draw(noise, "scratch angles", images, self.count) * PI;
        let down = (rows - through("scratch rows", height)) * angle.cos();
        let across = (columns - through("scratch columns", width)) * angle.sin();
        let covered = (down - across).abs().lt(0.5 * self.width);
        self.lose(images, &any(&covered))
    }
}
