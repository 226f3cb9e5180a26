//! Places in an image.

use ae_tensor::{Device, Kind, Noise, Tensor};

/// Positions of the rows, `[H, 1]`, and of the columns, `[1, W]`, of images `[B, C, H, W]`: 0, 1, ….
pub(super) fn rows_and_columns(images: &Tensor) -> (Tensor, Tensor) {
    let (height, width) = sides(images);
    let along = |n: i64| Tensor::arange(n, (Kind::Float, images.device()));
    (along(height).unsqueeze(1), along(width).unsqueeze(0))
}

/// Height and width of images `[B, C, H, W]`.
pub(super) fn sides(images: &Tensor) -> (i64, i64) {
    let [_, _, height, width] = images.size()[..] else {
        panic!("images are [B, C, H, W], not {:?}", images.size())
    };
    (height, width)
}

/// A number between 0 and 1 for each of `count` things in each image: `[B, count, 1, 1]`.
pub(super) fn draw(noise: &Noise, purpose: &str, images: &Tensor, count: i64) -> Tensor {
    noise.uniform(purpose, &[images.size()[0], count, 1, 1])
}

/// 1 where any of several things `[B, count, H, W]` covers a pixel: `[B, 1, H, W]`; they are booleans.
pub(super) fn any(covered: &Tensor) -> Tensor {
    covered.any_dim(1, true).to_kind(Kind::Float)
}

/// Images `[B, C, H, W]`, each channel convolved with the kernel of its image, `[B, K, K]` with an odd `K`; the
/// pixels at the border repeat beyond it.
pub fn convolve(images: &Tensor, kernels: &Tensor) -> Tensor {
    let [n, channels, height, width] = images.size()[..] else {
        panic!("images are [B, C, H, W], not {:?}", images.size())
    };
    let side = kernels.size()[1];
    let reach = side / 2;
    let padded = images.replication_pad2d([reach, reach, reach, reach]);
    let padded = padded.view([1, n * channels, height + 2 * reach, width + 2 * reach]);
    // libtorch correlates; a convolution turns the kernel by 180°.
    let turned = kernels.flip([1, 2]).unsqueeze(1).repeat_interleave_self_int(channels, 0, n * channels);
    let blurred = padded.conv2d(&turned, None::<&Tensor>, [1, 1], [0, 0], [1, 1], n * channels);
    blurred.view([n, channels, height, width])
}

/// The differences of images `[B, C, H, W]` to the pixels below and to the right: two of the same shape, 0 at the border.
pub fn slopes(images: &Tensor) -> [Tensor; 2] {
    let (height, width) = sides(images);
    let padded = images.replication_pad2d([0, 1, 0, 1]);
    let shifted = |row, column| padded.narrow(2, row, height).narrow(3, column, width);
    [shifted(1, 0) - images, shifted(0, 1) - images]
}

/// Distances of the places of a `side × side` kernel from its centre: rows `[K, 1]` and columns `[1, K]`.
pub(super) fn from_centre(side: i64, device: Device) -> (Tensor, Tensor) {
    let along = Tensor::arange(side, (Kind::Float, device)) - (side / 2) as f64;
    (along.unsqueeze(1), along.unsqueeze(0))
}
