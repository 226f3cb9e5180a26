//! Conversion between sRGB (IEC 61966-2-1) and CIE L*a*b* (CIE 15:2004) with the white point D65.
//!
//! `L*` is the lightness, from 0 (black) to 100 (white); `a*` goes from green to red and `b*` from blue to yellow, both
//! 0 for greys and at most about 110 in magnitude for colours of sRGB.

use tch::Tensor;

/// Linear sRGB to XYZ, row by row, with D65 at Y = 1 (IEC 61966-2-1, annex F).
const TO_XYZ: [[f64; 3]; 3] =
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]];
/// The inverse.
const FROM_XYZ: [[f64; 3]; 3] = [
    [3.2404542, -1.5371385, -0.4985314],
    [-0.9692660, 1.8760108, 0.0415560],
    [0.0556434, -0.2040259, 1.0572252],
];
/// XYZ of the white point D65.
const WHITE: [f64; 3] = [0.95047, 1.0, 1.08883];
/// Where the cube root ends and the line begins, `6/29`.
const BEND: f64 = 6.0 / 29.0;

/// sRGB images `[B, 3, H, W]` in [0, 1] as L*a*b*, in the same shape.
pub fn to_lab(rgb: &Tensor) -> Tensor {
    let rgb = rgb.clamp(0.0, 1.0);
    let linear =
        ((&rgb + 0.055) / 1.055).pow_tensor_scalar(2.4).where_self(&rgb.gt(0.04045), &(&rgb / 12.92));
    let [x, y, z] = mixed(&linear, TO_XYZ);
    let root = |t: Tensor, white: f64| {
        let t = t / white;
        let line = &t / (3.0 * BEND * BEND) + 4.0 / 29.0;
        t.clamp_min(BEND.powi(3)).pow_tensor_scalar(1.0 / 3.0).where_self(&t.gt(BEND.powi(3)), &line)
    };
    let [x, y, z] = [root(x, WHITE[0]), root(y, WHITE[1]), root(z, WHITE[2])];
    Tensor::cat(&[&y * 116.0 - 16.0, (x - &y) * 500.0, (y - z) * 200.0], 1)
}

/// L*a*b* images `[B, 3, H, W]` as sRGB in [0, 1], in the same shape. Colours that sRGB does not have are clipped.
pub fn from_lab(lab: &Tensor) -> Tensor {
    let [lightness, a, b] = channels(lab);
    let y = (lightness + 16.0) / 116.0;
    let cube = |t: &Tensor, white: f64| {
        let line = (t - 4.0 / 29.0) * (3.0 * BEND * BEND);
        t.pow_tensor_scalar(3.0).where_self(&t.gt(BEND), &line) * white
    };
    let xyz = [cube(&(&y + a / 500.0), WHITE[0]), cube(&y, WHITE[1]), cube(&(&y - b / 200.0), WHITE[2])];
    let linear = Tensor::cat(&mixed(&Tensor::cat(&xyz, 1), FROM_XYZ), 1).clamp(0.0, 1.0);
    let curve = linear.clamp_min(0.0031308).pow_tensor_scalar(1.0 / 2.4) * 1.055 - 0.055;
    curve.where_self(&linear.gt(0.0031308), &(&linear * 12.92))
}

/// The three channels of images `[B, 3, H, W]`, each `[B, 1, H, W]`.
fn channels(images: &Tensor) -> [Tensor; 3] {
    assert_eq!(images.size()[1], 3, "colours have three channels, got {:?}", images.size());
    [0, 1, 2].map(|channel| images.narrow(1, channel, 1))
}

/// Each output is a weighted sum of the three channels.
fn mixed(images: &Tensor, weights: [[f64; 3]; 3]) -> [Tensor; 3] {
    let [first, second, third] = channels(images);
    weights.map(|[a, b, c]| &first * a + &second * b + &third * c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Device, Noise, array};

    fn colour(rgb: [f32; 3]) -> Tensor {
        Tensor::from_slice(&rgb).view([1, 3, 1, 1])
    }

    /// scikit-image 0.25, `rgb2lab`, which rounds its matrix to six places.
    #[test]
    fn known_colours_have_their_coordinates() {
        for (rgb, expected) in [
            ([1.0, 0.0, 0.0], [53.2406, 80.0923, 67.2028]),
            ([0.0, 1.0, 0.0], [87.7351, -86.1830, 83.1793]),
            ([0.0, 0.0, 1.0], [32.2957, 79.1880, -107.8602]),
            ([1.0, 1.0, 1.0], [100.0, 0.0, 0.0]),
            ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ] {
            let lab = array::to_vec(&to_lab(&colour(rgb)));
            let off = lab.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < 0.02, "{rgb:?}: {lab:?} instead of {expected:?}");
        }
    }

    #[test]
    fn colours_come_back() {
        let rgb = Noise::new(0, 0, Device::Cpu).uniform("rgb", &[2, 3, 20, 20]);
        let off = (from_lab(&to_lab(&rgb)) - &rgb).abs().max().double_value(&[]);
        assert!(off < 1e-3, "{off}");
        let impossible = Tensor::from_slice(&[50.0f32, 200.0, -200.0]).view([1, 3, 1, 1]);
        let clipped = array::to_vec(&from_lab(&impossible));
        assert!(clipped.iter().all(|value| (0.0..=1.0).contains(value)), "{clipped:?}");
    }
}
