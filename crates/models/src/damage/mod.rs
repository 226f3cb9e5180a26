//! Damage to images that a model learns to undo. One kind is one file, with an entry in the list.
//!
//! In the settings, `corruption = { blocks = { count = 3 } }` chooses a kind; what is not set has its default.
//! Every draw is made from the [`Noise`] that is passed, separately for each image, so the same kind serves in
//! training, in an evaluation and in a picture.

mod deblur;
mod fill;
mod place;

pub use ae_network::Range;
pub use deblur::deblur;
pub use fill::{bend_least, fill};
pub use place::{convolve, slopes};

use crate::model::ModelError;
use crate::registry::out_of_range;
use ae_tensor::{Device, Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Damaged images, and what was told about the damage.
#[derive(Debug)]
pub struct Damaged {
    /// The damaged images, in the shape of the originals: `[B, C, H, W]`.
    pub images: Tensor,
    /// 1 where a pixel is as it was and 0 where it is lost, `[B, 1, H, W]`, for damage whose place is told:
    /// inpainting.
    pub whole: Option<Tensor>,
    /// The kernel that each image was blurred with, `[B, K, K]`, the sum of each being 1, for those that are told.
    pub kernels: Option<Tensor>,
}

/// A kind of damage.
trait Damage {
    /// What is legal, if a setting is out of range.
    fn check(&self) -> Result<(), &'static str>;

    /// A damaged copy of images `[B, C, H, W]`, with values in `range`.
    fn apply(&self, images: &Tensor, range: Range, noise: &Noise) -> Damaged;

    /// Whether the place of the damage is told; see [`Damaged::whole`].
    fn tells_place(&self) -> bool {
        false
    }

    /// See [`Corruption::kernel`].
    fn kernel(&self, _angle: f64, _device: Device) -> Option<Tensor> {
        None
    }

    /// Whether a blur has a direction.
    fn has_direction(&self) -> bool {
        false
    }

    /// See [`Corruption::noise`].
    fn noise(&self) -> f64 {
        0.0
    }

    /// The value of lost pixels: mid-grey.
    fn lost_value(&self) -> f64 {
        0.5
    }

    /// Images `[B, C, H, W]` that have lost the pixels where `lost`, `[B, 1, H, W]`, is 1.
    fn lose(&self, images: &Tensor, lost: &Tensor) -> Damaged {
        let whole = -lost + 1.0;
        Damaged { images: images * &whole + lost * self.lost_value(), whole: Some(whole), kernels: None }
    }
}

macro_rules! kinds {
    ($($kind:ident: $module:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// How an image is damaged: one kind of damage with its settings.
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub enum Corruption {
            $(#[doc = concat!("See [`", stringify!($module), "`].")]
            $kind($module::$kind),)*
        }

        impl Corruption {
            /// Every kind with its default settings, in the order of the list.
            pub fn all() -> Vec<Corruption> {
                vec![$(Corruption::$kind($module::$kind::default())),*]
            }

            /// Name in settings.
            pub fn name(self) -> &'static str {
                match self { $(Corruption::$kind(_) => stringify!($module),)* }
            }

            fn kind(&self) -> &dyn Damage {
                match self { $(Corruption::$kind(kind) => kind,)* }
            }
        }
    };
}

kinds! {
    Gaussian: gaussian,
    Masking: masking,
    SaltAndPepper: salt_and_pepper,
    Centre: centre,
    Blocks: blocks,
    Scratches: scratches,
    Watermark: watermark,
    Blur: blur,
    Motion: motion,
    Downscale: downscale,
    Grey: grey,
}

impl Corruption {
    /// Refuses settings out of range, in the name of the variant that has them.
    ///
    /// # Errors
    /// Says what is legal.
    pub(crate) fn check(self, variant: &'static str) -> Result<(), ModelError> {
        self.kind().check().map_err(|legal| out_of_range(variant, "corruption", &format!("{self:?}"), legal))
    }

    /// A damaged copy of images `[B, C, H, W]` (for the kinds that damage each value on its own, of any shape),
    /// clipped to `range`.
    pub fn apply(self, images: &Tensor, range: Range, noise: &Noise) -> Damaged {
        self.kind().apply(images, range, noise)
    }

    /// Images `[B, C, H, W]` as this kind of damage leaves them where pixels are lost: where `lost`, `[B, 1, H, W]`, is 1.
    pub fn lose(self, images: &Tensor, lost: &Tensor) -> Damaged {
        self.kind().lose(images, lost)
    }

    /// Whether the place of the damage is told, as in inpainting; otherwise it is to be found.
    pub fn tells_place(self) -> bool {
        self.kind().tells_place()
    }

    /// The kernel of a blur, `[1, K, K]`; `angle` is that of its direction, if it [has one](Self::has_direction), in radians,
    /// clockwise from the horizontal. `None` for other damage.
    pub fn kernel(self, angle: f64, device: Device) -> Option<Tensor> {
        self.kind().kernel(angle, device)
    }

    /// Whether it is a blur, which has a [kernel](Self::kernel).
    pub fn is_blur(self) -> bool {
        matches!(self, Corruption::Blur(_) | Corruption::Motion(_))
    }

    /// Whether it is a blur in a direction, drawn anew for each image.
    pub fn has_direction(self) -> bool {
        self.kind().has_direction()
    }

    /// Standard deviation of the noise that is added after a blur; 0 for other damage.
    pub fn noise(self) -> f64 {
        self.kind().noise()
    }

    /// How many times smaller an image was made along each side; 1 for damage that keeps its size.
    pub fn factor(self) -> i64 {
        if let Corruption::Downscale(downscale) = self { downscale.factor } else { 1 }
    }
}

impl Damaged {
    /// Damage whose place is not told.
    fn hidden(images: Tensor) -> Self {
        Damaged { images, whole: None, kernels: None }
    }
}

/// What a count may be: more would cover everything.
const COUNT: std::ops::RangeInclusive<i64> = 1..=1000;

fn is_share(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}

fn is_non_negative(value: f64) -> bool {
    value >= 0.0 && value.is_finite()
}

#[cfg(test)]
mod tests;
