//! The shape of one sample: a vector, an image, a sequence or a video.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The shape of one sample. Its values are in row-major order of [`SampleShape::dims`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SampleShape {
    /// `[D]`: one number per feature, such as a row of a table.
    Vector {
        /// `D`.
        features: usize,
    },
    /// `[C, H, W]`.
    Image {
        /// `C`: 1 is grey, 3 is red, green, blue.
        channels: usize,
        /// `H`, in pixels.
        height: usize,
        /// `W`, in pixels.
        width: usize,
    },
    /// `[T, F]`: `F` measurements at each of `T` time steps.
    Sequence {
        /// `T`.
        steps: usize,
        /// `F`.
        features: usize,
    },
    /// `[T, C, H, W]`: an image at each of `T` time steps.
    Video {
        /// `T`.
        steps: usize,
        /// `C`: 1 is grey, 3 is red, green, blue.
        channels: usize,
        /// `H`, in pixels.
        height: usize,
        /// `W`, in pixels.
        width: usize,
    },
}

impl SampleShape {
    /// The shape with these dimensions: `[D]` is a vector, `[T, F]` a sequence, `[C, H, W]` an image,
    /// `[T, C, H, W]` a video. `None`
    /// for another number of dimensions, for a dimension of 0, and if the product overflows.
    pub fn from_dims(dims: &[usize]) -> Option<Self> {
        let numel = dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim))?;
        match *dims {
            _ if numel == 0 => None,
            [features] => Some(SampleShape::Vector { features }),
            [steps, features] => Some(SampleShape::Sequence { steps, features }),
            [channels, height, width] => Some(SampleShape::Image { channels, height, width }),
            [steps, channels, height, width] => Some(SampleShape::Video { steps, channels, height, width }),
            _ => None,
        }
    }

    /// `[D]`, `[T, F]`, `[C, H, W]` or `[T, C, H, W]`.
    pub fn dims(&self) -> Vec<usize> {
        match *self {
            SampleShape::Vector { features } => vec![features],
            SampleShape::Image { channels, height, width } => vec![channels, height, width],
            SampleShape::Sequence { steps, features } => vec![steps, features],
            SampleShape::Video { steps, channels, height, width } => vec![steps, channels, height, width],
        }
    }

    /// How many channels there are: the features of a vector, the measurements of a sequence, the channels of an image or
    /// of each frame.
    pub fn channels(&self) -> usize {
        match *self {
            SampleShape::Vector { features } | SampleShape::Sequence { features, .. } => features,
            SampleShape::Image { channels, .. } | SampleShape::Video { channels, .. } => channels,
        }
    }

    /// The channel of the value at this position of a row.
    pub fn channel_of(&self, position: usize) -> usize {
        match *self {
            SampleShape::Vector { .. } => position,
            SampleShape::Sequence { features, .. } => position % features,
            SampleShape::Image { height, width, .. } => position / (height * width),
            SampleShape::Video { channels, height, width, .. } => position / (height * width) % channels,
        }
    }

    /// How many numbers one sample is: the product of [`SampleShape::dims`].
    pub fn numel(&self) -> usize {
        self.dims().iter().product()
    }
}

/// `784`, `140x1` or `1x28x28`.
impl fmt::Display for SampleShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, dim) in self.dims().iter().enumerate() {
            write!(f, "{}{dim}", if i == 0 { "" } else { "x" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dims: &[usize], expected: &str) {
        let shape = SampleShape::from_dims(dims).unwrap();
        assert_eq!(shape.to_string(), expected);
        assert_eq!(shape.dims(), dims);
        assert_eq!(shape.numel(), dims.iter().product::<usize>());
        let text = serde_json::to_string(&shape).unwrap();
        assert_eq!(serde_json::from_str::<SampleShape>(&text).unwrap(), shape);
    }

    #[test]
    fn shapes_print_as_products_and_come_back_from_json() {
        check(&[784], "784");
        check(&[140, 1], "140x1");
        check(&[3, 32, 16], "3x32x16");
        check(&[20, 1, 64, 32], "20x1x64x32");
    }

    #[test]
    fn impossible_shapes_are_none() {
        for dims in [&[][..], &[0], &[3, 0], &[1, 2, 3, 4, 5], &[usize::MAX, 2]] {
            assert_eq!(SampleShape::from_dims(dims), None, "{dims:?}");
        }
    }
}
