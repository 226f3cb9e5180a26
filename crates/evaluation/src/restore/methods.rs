//! The classical methods, and which of them suit a kind of damage.

use super::biharmonic;
use super::variation;
use super::wiener;
use crate::denoise::median;
use ae_models::damage::{Corruption, Damaged, convolve};
use ae_tensor::{Kind, Noise, Tensor};

/// A method that learns nothing from images but the one number that it is tuned by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Method {
    /// The damaged image itself. Of an image that was made smaller, its bicubic enlargement.
    Nothing,
    /// Fills holes with the smoothest surface; see [`biharmonic`].
    Biharmonic,
    /// Least total variation; see [`variation`]. Tuned by its weight.
    TotalVariation,
    /// Undoes a blur whose kernel it is told; see [`wiener`]. Tuned by the noise that it assumes.
    Wiener,
    /// Adds the difference from a blurred copy. Tuned by how much of it.
    Sharpening,
    /// The median of each pixel's neighbourhood of 3×3.
    Median,
}

/// Standard deviation, in pixels, of the blurred copy in [`Method::Sharpening`].
const SHARPENING_STD: f64 = 1.0;

impl Method {
    /// The methods for a kind of damage, in the order of the tables.
    pub(super) fn of(corruption: Corruption) -> &'static [Method] {
        use Method::{Biharmonic, Median, Nothing, Sharpening, TotalVariation, Wiener};
        match corruption {
            Corruption::Centre(_) | Corruption::Blocks(_) | Corruption::Scratches(_) => {
                &[Nothing, Biharmonic, TotalVariation]
            }
            Corruption::Blur(_) | Corruption::Motion(_) => &[Nothing, Sharpening, TotalVariation, Wiener],
            Corruption::Downscale(_) => &[Nothing, Sharpening],
            _ => &[Nothing, Median, TotalVariation],
        }
    }

    /// Name in the metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Method::Nothing => "damaged",
            Method::Biharmonic => "biharmonic",
            Method::TotalVariation => "total_variation",
            Method::Wiener => "wiener",
            Method::Sharpening => "sharpening",
            Method::Median => "median",
        }
    }

    /// Name in tables and pictures.
    pub(super) fn title(self, corruption: Corruption) -> &'static str {
        match (self, corruption) {
            (Method::Nothing, Corruption::Downscale(_)) => "bicubic",
            (Method::Sharpening, Corruption::Downscale(_)) => "bicubic, sharpened",
            (Method::Nothing, _) => "damaged",
            (Method::Biharmonic, _) => "biharmonic",
            (Method::TotalVariation, _) => "total variation",
            (Method::Wiener, _) => "Wiener",
            (Method::Sharpening, _) => "sharpening",
            (Method::Median, _) => "median 3×3",
        }
    }

    /// What the number may be that the method is tuned by; one that it ignores, if it is not tuned.
    fn strengths(self) -> &'static [f64] {
        match self {
            Method::Nothing | Method::Biharmonic | Method::Median => &[0.0],
            Method::TotalVariation => &[1e-4, 1e-3, 1e-2, 3e-2, 1e-1],
            Method::Wiener => &[1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2],
            Method::Sharpening => &[0.25, 0.5, 1.0, 1.5, 2.0, 3.0],
        }
    }

    /// The number with which it brings damaged images closest to the `clean` ones, by the mean squared error.
    pub(super) fn tuned(self, clean: &Tensor, damaged: &Damaged) -> f64 {
        let error = |strength| {
            let restored = self.restore(damaged, strength);
            (restored - clean).square().mean(Kind::Double).double_value(&[])
        };
        let [first, others @ ..] = self.strengths() else { return 0.0 };
        if others.is_empty() {
            return *first;
        }
        let errors = self.strengths().iter().map(|&strength| (error(strength), strength));
        errors.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.0, |(_, strength)| strength)
    }

    /// Restored images `[B, C, H, W]` in [0, 1].
    pub(super) fn restore(self, damaged: &Damaged, strength: f64) -> Tensor {
        let Damaged { images, whole, kernels } = damaged;
        let restored = match (self, whole, kernels) {
            (Method::Biharmonic, Some(whole), _) => biharmonic::fill(images, whole),
            (Method::TotalVariation, _, _) => {
                variation::restore(damaged, |images| seen(damaged, images), strength)
            }
            (Method::Wiener, _, Some(kernels)) => wiener::deconvolve(images, kernels, strength),
            (Method::Sharpening, _, _) => images + (images - blurred(images)) * strength,
            (Method::Median, _, _) => median(images),
            _ => images.shallow_clone(),
        };
        restored.clamp(0.0, 1.0)
    }
}

/// What would be seen of images `[B, C, H, W]` if they were damaged in the same way, without noise; of a watermark, whose
/// place nobody tells, the images themselves.
fn seen(damaged: &Damaged, images: &Tensor) -> Tensor {
    match (&damaged.whole, &damaged.kernels) {
        (Some(whole), _) => images * whole,
        (_, Some(kernels)) => convolve(images, kernels),
        _ => images.shallow_clone(),
    }
}

/// Images blurred with a Gaussian of [`SHARPENING_STD`].
fn blurred(images: &Tensor) -> Tensor {
    let blur = ae_models::damage::blur::Blur { std: SHARPENING_STD, noise: 0.0 };
    Corruption::Blur(blur)
        .apply(images, ae_models::damage::Range::REALS, &Noise::new(0, 0, images.device()))
        .images
}
