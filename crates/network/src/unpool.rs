//! Unpooling: the layer that undoes max pooling.

use crate::size::{at_least_one, image};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Undoes a max pooling: `[C, h, w]` to `[C, H, W]`. Values go to where the maxima were (Zeiler & Fergus,
/// ECCV 2014, "switches"; Badrinarayanan et al., SegNet, 2017), everything else is zero.
///
/// If the positions of the maxima are unknown, as when a code is decoded on its own, each value goes to the
/// upper left corner of its square (Dosovitskiy et al., CVPR 2015, section 4.1). No tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxUnpool2d {
    /// Side of the pooling square.
    pub kernel: i64,
    /// `[H, W]`, the sides before the pooling.
    pub size: [i64; 2],
}

impl fmt::Display for MaxUnpool2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "max unpool {}", self.kernel)
    }
}

impl MaxUnpool2d {
    pub(crate) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        let [channels, height, width] = image(input)?;
        let ([rows, columns], kernel) = (self.size, self.kernel);
        at_least_one("kernel", kernel)?;
        at_least_one("size", rows)?;
        at_least_one("size", columns)?;
        let pooled = [rows, columns].map(|side| (side + kernel - 1) / kernel);
        if pooled != [height, width] {
            let [h, w] = pooled;
            return Err(format!("a pooling of {kernel}×{kernel} squares takes {rows}×{columns} to {h}×{w}"));
        }
        Ok(vec![channels, rows, columns])
    }
}
