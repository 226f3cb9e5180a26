//! The table `[data.augment]`: random changes of training rows. What they do is in `ae-training`, where batches are made.

use crate::SampleShape;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Random changes of training rows, other ones in every epoch; validation and test rows stay as they are. What is not named is
/// off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Images: probability that one is mirrored, left to right, in `[0, 1]`; often 0.5.
    pub flip: f64,
    /// Images: greatest shift along each side, as a share of it, in `[0, 1)`, in whole pixels; the pixels of the edge are
    /// repeated.
    pub shift: f64,
    /// Images: pixels of border that are added on each side, as in a mirror, before a part of the old size is cut out at a random
    /// place; less than a side.
    pub crop: usize,
    /// Images: greatest rotation to either side, in degrees, in `[0, 180]`, bilinear; the pixels of the edge are repeated.
    pub rotate: f64,
    /// Images: greatest amount added to all of an image's pixels, or taken from them, as a share of the range of the training data,
    /// in `[0, 1]`.
    pub brightness: f64,
    /// Images: greatest change of the factor of 1 for how far a pixel is from its image's mean, in `[0, 1]`.
    pub contrast: f64,
    /// Series: standard deviation of noise that is added to each value, as a share of the range of the training data, in `[0, 1]`.
    pub jitter: f64,
    /// Series: greatest change of the factor of 1 that a series is multiplied by, in `[0, 1]`.
    pub scale: f64,
    /// Series: longest stretch that is replaced by the mean of the training data, as a share of the series, in `[0, 1)`.
    pub mask: f64,
}

/// A change of training rows that cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AugmentError {
    /// A setting out of range.
    #[error("data.augment.{name} = {got} is out of range; it must be {legal}")]
    OutOfRange {
        /// The setting.
        name: &'static str,
        /// The value given.
        got: f64,
        /// What it must be.
        legal: &'static str,
    },
    /// A change that suits samples of another kind.
    #[error("data.augment.{name} is for {wanted}, and the samples are {got}; {remedy}")]
    Unsuited {
        /// The setting.
        name: &'static str,
        /// Samples that it suits.
        wanted: &'static str,
        /// What the samples are.
        got: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Images with missing pixels.
    #[error(
        "data.augment.{name} moves pixels, and some pixels of these images are missing; fill them in, or leave it out"
    )]
    Gaps {
        /// The setting.
        name: &'static str,
    },
}

/// Names of the settings for images, those that move pixels first, and for series.
const FOR_IMAGES: [&str; 6] = ["flip", "shift", "crop", "rotate", "brightness", "contrast"];
const MOVING: usize = 4;
const FOR_SERIES: [&str; 3] = ["jitter", "scale", "mask"];

impl Augment {
    /// Whether nothing is changed.
    pub fn is_off(&self) -> bool {
        *self == Augment::default()
    }

    /// Refuses settings out of range, and those that do not suit samples of this shape. `has_gaps` says whether values of
    /// training rows are missing.
    ///
    /// # Errors
    /// See [`AugmentError`].
    pub fn check(&self, shape: &SampleShape, has_gaps: bool) -> Result<(), AugmentError> {
        let Augment { flip, shift, crop, rotate, brightness, contrast, jitter, scale, mask } = *self;
        let legal = |name, got: f64, fine: bool, legal| {
            if fine { Ok(()) } else { Err(AugmentError::OutOfRange { name, got, legal }) }
        };
        let share = |name, got: f64| legal(name, got, (0.0..=1.0).contains(&got), "between 0 and 1");
        let part = |name, got: f64| legal(name, got, (0.0..1.0).contains(&got), "at least 0 and below 1");
        share("flip", flip)?;
        part("shift", shift)?;
        legal("rotate", rotate, (0.0..=180.0).contains(&rotate), "between 0 and 180")?;
        share("brightness", brightness)?;
        share("contrast", contrast)?;
        share("jitter", jitter)?;
        share("scale", scale)?;
        part("mask", mask)?;
        let for_images = FOR_IMAGES.into_iter().zip([flip, shift, crop as f64, rotate, brightness, contrast]);
        let for_images: Vec<&str> = for_images.filter(|(_, set)| *set != 0.0).map(|(name, _)| name).collect();
        let for_series = FOR_SERIES.into_iter().zip([jitter, scale, mask]);
        let for_series: Vec<&str> = for_series.filter(|(_, set)| *set != 0.0).map(|(name, _)| name).collect();
        let unsuited = |name: &[&'static str], wanted, remedy| match name.first() {
            None => Ok(()),
            Some(name) => {
                Err(AugmentError::Unsuited { name, wanted, got: Described(shape).to_string(), remedy })
            }
        };
        const IMAGES: &str = "images";
        const SERIES: &str = "series";
        match *shape {
            SampleShape::Image { height, width, .. } => {
                unsuited(&for_series, SERIES, "leave it out, or declare series with data.shape = [T, F]")?;
                legal("crop", crop as f64, crop < height.min(width), "less than the height and the width")?;
                match for_images.iter().find(|name| has_gaps && FOR_IMAGES[..MOVING].contains(name)) {
                    Some(name) => Err(AugmentError::Gaps { name }),
                    None => Ok(()),
                }
            }
            SampleShape::Sequence { .. } => {
                unsuited(&for_images, IMAGES, "leave it out, or declare images with data.shape = [C, H, W]")
            }
            SampleShape::Vector { .. } => {
                let remedy = "leave it out, or declare the shape of a sample with data.shape";
                unsuited(&for_images, IMAGES, remedy)?;
                unsuited(&for_series, SERIES, remedy)
            }
            SampleShape::Video { .. } => {
                unsuited(&for_images, IMAGES, "leave it out")?;
                unsuited(&for_series, SERIES, "leave it out")
            }
        }
    }
}

/// A shape in words.
struct Described<'a>(&'a SampleShape);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SampleShape::Vector { features } => write!(f, "rows of {features} numbers"),
            SampleShape::Image { .. } => write!(f, "images"),
            SampleShape::Sequence { .. } => write!(f, "series"),
            SampleShape::Video { .. } => write!(f, "videos"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: SampleShape = SampleShape::Image { channels: 1, height: 8, width: 6 };
    const SERIES: SampleShape = SampleShape::Sequence { steps: 20, features: 2 };
    const ROW: SampleShape = SampleShape::Vector { features: 5 };

    fn check(settings: &str, shape: &SampleShape, expected: &str) {
        let augment: Augment = toml::from_str(settings).unwrap();
        let obtained = augment.check(shape, false).map_or_else(|error| error.to_string(), |()| "fine".into());
        assert_eq!(obtained, expected);
    }

    #[test]
    fn changes_suit_the_shape() {
        check("", &ROW, "fine");
        check("flip = 0.5\ncrop = 2\nrotate = 10.0\ncontrast = 0.2", &IMAGE, "fine");
        check("jitter = 0.1\nmask = 0.2", &SERIES, "fine");
        check(
            "flip = 0.5",
            &ROW,
            "data.augment.flip is for images, and the samples are rows of 5 numbers; leave it out, or declare the shape of a \
             sample with data.shape",
        );
        check(
            "mask = 0.5",
            &IMAGE,
            "data.augment.mask is for series, and the samples are images; leave it out, or declare series with data.shape = \
             [T, F]",
        );
        check(
            "shift = 0.1",
            &SERIES,
            "data.augment.shift is for images, and the samples are series; leave it out, or declare images with data.shape = \
             [C, H, W]",
        );
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        check("flip = 1.5", &IMAGE, "data.augment.flip = 1.5 is out of range; it must be between 0 and 1");
        check(
            "shift = 1.0",
            &IMAGE,
            "data.augment.shift = 1 is out of range; it must be at least 0 and below 1",
        );
        check(
            "jitter = -0.1",
            &SERIES,
            "data.augment.jitter = -0.1 is out of range; it must be between 0 and 1",
        );
        check(
            "crop = 6",
            &IMAGE,
            "data.augment.crop = 6 is out of range; it must be less than the height and the width",
        );
        assert!(toml::from_str::<Augment>("spin = 1.0").is_err());
    }

    #[test]
    fn pixels_that_are_missing_cannot_be_moved() {
        let flip = Augment { flip: 0.5, ..Augment::default() };
        assert_eq!(flip.check(&IMAGE, true), Err(AugmentError::Gaps { name: "flip" }));
        let brighter = Augment { brightness: 0.5, ..Augment::default() };
        assert_eq!(brighter.check(&IMAGE, true), Ok(()));
    }
}
