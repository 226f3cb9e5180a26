//! Images as tokens: square patches, row by row.

use crate::network::ShapeError;
use ae_tensor::Tensor;

/// How an image is cut into square patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patches {
    /// Channels of the image.
    pub channels: i64,
    /// Rows of patches.
    pub rows: i64,
    /// Patches in a row.
    pub columns: i64,
    /// Pixels along each side of a patch.
    pub side: i64,
}

impl Patches {
    /// Cuts images of `shape` into patches of `side × side` pixels.
    ///
    /// # Errors
    /// If a sample is not an image, or `side` does not divide its height and width; says which sides do.
    pub fn new(shape: &[i64], side: i64) -> Result<Self, ShapeError> {
        let error = |reason: String| ShapeError {
            network: "embedding".into(),
            position: 1,
            layer: format!("patches {side}×{side}"),
            input: shape.into(),
            reason,
        };
        let &[channels, height, width] = shape else {
            return Err(error("patches are cut from images [C, H, W]".into()));
        };
        if side < 1 || height % side != 0 || width % side != 0 {
            let both = |side: &i64| height % side == 0 && width % side == 0;
            let fine: Vec<String> =
                (1..=height.min(width)).filter(both).map(|side| side.to_string()).collect();
            let fine = fine.join(", ");
            return Err(error(format!(
                "the sides {height} and {width} must be multiples of `patch`: choose {fine}"
            )));
        }
        Ok(Patches { channels, rows: height / side, columns: width / side, side })
    }

    /// Number of patches, `N`.
    pub fn count(&self) -> i64 {
        self.rows * self.columns
    }

    /// Values of one patch, `P`.
    pub fn values(&self) -> i64 {
        self.channels * self.side * self.side
    }

    /// `[B, C, H, W]` to `[B, N, P]`.
    pub fn split(&self, images: &Tensor) -> Tensor {
        let Patches { channels, rows, columns, side } = *self;
        let grid = images.reshape([-1, channels, rows, side, columns, side]).permute([0, 2, 4, 1, 3, 5]);
        grid.reshape([-1, self.count(), self.values()])
    }

    /// `[B, N, P]` to `[B, C, H, W]`.
    pub fn join(&self, patches: &Tensor) -> Tensor {
        let Patches { channels, rows, columns, side } = *self;
        let grid = patches.reshape([-1, rows, columns, channels, side, side]).permute([0, 3, 1, 4, 2, 5]);
        grid.reshape([-1, channels, rows * side, columns * side])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Device, Kind};

    #[test]
    fn patches_are_squares_of_the_image_row_by_row() {
        let patches = Patches::new(&[2, 4, 6], 2).unwrap();
        assert_eq!((patches.count(), patches.values()), (6, 8));
        let image = Tensor::arange(3 * 2 * 4 * 6, (Kind::Float, Device::Cpu)).view([3, 2, 4, 6]);
        let split = patches.split(&image);
        // The fifth patch: rows 2 and 3, columns 2 and 3.
        let square = image.narrow(2, 2, 2).narrow(3, 2, 2).reshape([3, 8]);
        assert_eq!(split.select(1, 4), square);
        assert_eq!(patches.join(&split), image);
    }

    #[test]
    fn sides_that_do_not_divide_say_which_do() {
        let check = |shape: &[i64], side, expected: &str| {
            let error = Patches::new(shape, side).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(&[1, 28, 20], 3, "28 and 20 must be multiples of `patch`: choose 1, 2, 4");
        check(&[1, 28, 28], 0, "choose 1, 2, 4, 7, 14, 28");
        check(&[140], 4, "images [C, H, W]");
    }
}
