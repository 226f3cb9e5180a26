//! White text laid over the image, at a place that is not told: a watermark (Dekel et al., "On the effectiveness of
//! visible watermarks", CVPR 2017, equation 1: `(1 - α W) x + α W`).

use super::place::{any, draw, rows_and_columns, sides};
use super::{Damage, Damaged, is_share};
use ae_network::Range;
use ae_tensor::{Kind, Noise, Tensor};
use font8x8::legacy::BASIC_LEGACY;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Rows and columns of a letter.
const GLYPH: i64 = 8;
/// Greatest angle of a line with the horizontal, either way.
const MAX_ANGLE: f64 = PI / 6.0;
/// Most letters or lines.
const COUNT: std::ops::RangeInclusive<i64> = 1..=32;

/// Lines of random capital letters in a random direction, as long as the image is wide.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Watermark {
    /// Lines of text; between 1 and 32.
    pub lines: i64,
    /// Letters in a line; between 1 and 32.
    pub letters: i64,
    /// Share of white in a pixel that the text covers; between 0 and 1.
    pub opacity: f64,
}

impl Default for Watermark {
    fn default() -> Self {
        Watermark { lines: 2, letters: 4, opacity: 0.6 }
    }
}

impl Damage for Watermark {
    fn check(&self) -> Result<(), &'static str> {
        let fine =
            COUNT.contains(&self.lines) && COUNT.contains(&self.letters) && is_share(self.opacity);
        if fine { Ok(()) } else { Err("lines and letters between 1 and 32 and an opacity between 0 and 1") }
    }

    fn apply(&self, images: &Tensor, _: Range, noise: &Noise) -> Damaged {
        let (height, width) = sides(images);
        let (n, device) = (images.size()[0], images.device());
        let (rows, columns) = rows_and_columns(images);
        let glyphs = letters().to_device(device); // [26, 8, 8]
        let scale = width as f64 / (GLYPH * self.letters) as f64;
        let angle = (draw(noise, "watermark angles", images, self.lines) - 0.5) * (2.0 * MAX_ANGLE);
        // From the centre of the line, in the unit of a glyph's pixel.
        let down = (rows - draw(noise, "watermark rows", images, self.lines) * height as f64) / scale;
        let across = (columns - 0.5 * (width - 1) as f64) / scale;
        let along = (&across * angle.cos() + &down * angle.sin()).floor() + (GLYPH * self.letters / 2) as f64;
        let below = (down * angle.cos() - across * angle.sin()).floor() + (GLYPH / 2) as f64;
        let is_within = |places: &Tensor, end: i64| places.ge(0.0).logical_and(&places.lt(end as f64));
        let within = is_within(&along, GLYPH * self.letters).logical_and(&is_within(&below, GLYPH));

        let text = (noise.uniform("watermark text", &[n * self.lines, self.letters]) * 26.0).to_kind(Kind::Int64);
        let index = |places: &Tensor, end: i64| places.clamp(0.0, (end - 1) as f64).to_kind(Kind::Int64);
        let (along, below) = (index(&along, GLYPH * self.letters), index(&below, GLYPH));
        let shape = along.size();
        let letter = along.divide_scalar_mode(GLYPH, "floor").view([n * self.lines, -1]);
        let letter = text.gather(1, &letter, false).view(shape.as_slice());
        let place = (letter * GLYPH + below) * GLYPH + along.remainder(GLYPH);
        let inked = glyphs.view([-1]).index_select(0, &place.view([-1])).view(shape.as_slice());
        let ink = any(&inked.gt(0.0).logical_and(&within)) * self.opacity;
        Damaged::hidden(images * (-&ink + 1.0) + ink)
    }
}

/// The capital letters: 1 where a pixel is inked, `[26, 8, 8]`.
fn letters() -> Tensor {
    let bits = |row: u8| (0..GLYPH).map(move |column| f32::from(row >> column & 1));
    let inked: Vec<f32> =
        (b'A'..=b'Z').flat_map(|letter| BASIC_LEGACY[usize::from(letter)]).flat_map(bits).collect();
    Tensor::from_slice(&inked).view([-1, GLYPH, GLYPH])
}
