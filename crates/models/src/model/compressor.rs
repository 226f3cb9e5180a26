//! Models that compress.

use crate::model::Autoencoder;
use ae_coding::Prior;
use ae_tensor::Tensor;

/// The highest quality.
pub const BEST_QUALITY: u8 = 100;

/// A model of images whose latents are rounded and have known probabilities, so that an entropy coder can store them.
pub trait Compressor: Autoencoder {
    /// What is stored of images of any size, before it is rounded: `[B, C, H, W]` in [0, 1] to `[B, M, h, w]`, see
    /// [`Self::latent_shape`].
    fn latents(&self, images: &Tensor) -> Tensor;

    /// Images `[B, C, H, W]` in [0, 1] of this height and width, from rounded latents `[B, M, h, w]`.
    fn images(&self, latents: &Tensor, size: [i64; 2]) -> Tensor;

    /// The shape `[M, h, w]` of the latents of an image of this height and width.
    fn latent_shape(&self, size: [i64; 2]) -> [i64; 3];

    /// Pixels that one row of latents stands for.
    fn stride(&self) -> i64;

    /// Rows of latents on either side of a row that its pixels depend on, and that it depends on itself, at most.
    fn reach(&self) -> i64;

    /// To multiples of what latents are rounded, from 0 (smallest files) to [`BEST_QUALITY`].
    fn step(&self, quality: u8) -> f64;

    /// Side latents `[B, N, ⌈h/2⌉, ⌈w/2⌉]` of latents `[B, M, h, w]`, before they are rounded to whole numbers; `None` if the prior
    /// has none.
    fn side_latents(&self, latents: &Tensor) -> Option<Tensor>;

    /// Rows of side latents on either side of a row that depend on the same latents, at most.
    fn side_reach(&self) -> i64;

    /// How probable the latents are.
    fn prior(&self) -> Prior;
}
