//! What a reader can explore in a report: data beside a picture, from which a script makes it react.
//!
//! `codes.png` may have a `codes.explore.json`. A report without scripts shows the picture alone.

use crate::decoder::DecoderData;
use crate::error::ReportError;
use crate::gallery::optional;
use ae_records::files::{self, FileError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{ExtendedColorType, ImageEncoder, codecs::png};
use ndarray::{ArrayView2, ArrayView4, Axis};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// Size limit of the data beside a picture.
const MAX_BYTES: u64 = 16 << 20;
/// Values of a series that are kept for showing it.
const MAX_VALUES: usize = 96;

/// The data of one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Exploration {
    /// Maps of the same samples.
    Scatter(Scatter),
    /// Images of a plane through the latent space.
    Space(Space),
    /// A decoder for codes of the reader's.
    Decoder(DecoderData),
}

/// Maps of the same samples, side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scatter {
    pub(crate) maps: Vec<ScatterMap>,
    /// Distinct labels in the order of their colours; empty if the samples have none.
    pub(crate) labels: Vec<String>,
    /// Index in `labels` of each sample.
    pub(crate) label: Vec<usize>,
    /// A figure of each sample, such as its error, and its name; empty for none.
    pub(crate) figure: String,
    pub(crate) figures: Vec<f32>,
    /// What each sample is; `None` if it cannot be shown.
    pub(crate) samples: Option<Thumbnails>,
}

/// One map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScatterMap {
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
    /// `x` and `y` of each sample, one after the other.
    pub(crate) points: Vec<f32>,
}

/// A square grid of decoded images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Space {
    /// Names of the horizontal and the vertical direction.
    pub(crate) axes: [String; 2],
    /// Values along both, from left to right and from bottom to top.
    pub(crate) steps: Vec<f32>,
    /// The images, row by row from the top.
    pub(crate) images: Thumbnails,
}

/// Small pictures of samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Thumbnails {
    /// Images as tiles of one PNG, `columns` per row.
    Images { width: usize, height: usize, columns: usize, png: String },
    /// Series as bytes, from 0 at `low` to 255 at `high`; `length` values each.
    Series { length: usize, low: f32, high: f32, bytes: String },
}

/// The samples of a map, for [`crate::picture::maps`].
#[derive(Clone, Copy, Debug)]
pub enum Samples<'a> {
    /// Images `[N, C, H, W]` with values in `[0, 1]`, one channel or three.
    Images(ArrayView4<'a, f32>),
    /// Series or other rows `[N, T]`, drawn as a line.
    Rows(ArrayView2<'a, f32>),
}

impl Samples<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Samples::Images(images) => images.len_of(Axis(0)),
            Samples::Rows(rows) => rows.len_of(Axis(0)),
        }
    }

    pub(crate) fn thumbnails(&self) -> Result<Thumbnails, ReportError> {
        match self {
            Samples::Images(images) => Thumbnails::of_images(*images),
            Samples::Rows(rows) => Ok(Thumbnails::of_rows(*rows)),
        }
    }
}

impl Thumbnails {
    /// Tiles of one PNG, grey for one channel.
    pub(crate) fn of_images(images: ArrayView4<f32>) -> Result<Self, ReportError> {
        let (n, channels, height, width) = images.dim();
        if images.is_empty() {
            return Err(ReportError::Nothing { what: "images" });
        }
        let form = match channels {
            1 => ExtendedColorType::L8,
            3 => ExtendedColorType::Rgb8,
            _ => return Err(ReportError::Channels(channels)),
        };
        let columns = (n as f64).sqrt().ceil() as usize;
        let across = columns * width;
        let mut bytes = vec![0; across * n.div_ceil(columns) * height * channels];
        for ((image, channel, y, x), value) in images.indexed_iter() {
            let (left, top) = (image % columns * width, image / columns * height);
            // NaN becomes black.
            let byte = (value.clamp(0.0, 1.0) * 255.0).round() as u8;
            bytes[((top + y) * across + left + x) * channels + channel] = byte;
        }
        let rows = bytes.len() / (across * channels);
        let mut file = Vec::new();
        let encoder = png::PngEncoder::new_with_quality(
            &mut file,
            png::CompressionType::Best,
            png::FilterType::Adaptive,
        );
        encoder.write_image(&bytes, across as u32, rows as u32, form).map_err(crate::chart::refused)?;
        Ok(Thumbnails::Images { width, height, columns, png: STANDARD.encode(file) })
    }

    /// At most [`MAX_VALUES`] values of each row, evenly spaced.
    pub(crate) fn of_rows(rows: ArrayView2<f32>) -> Self {
        let length = rows.ncols().min(MAX_VALUES);
        let kept = |place: usize| place * rows.ncols().saturating_sub(1) / length.saturating_sub(1).max(1);
        let finite = || rows.iter().copied().filter(|value| value.is_finite());
        let (low, high) =
            (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
        let (low, high) = if low < high { (low, high) } else { (low.min(0.0), low.min(0.0) + 1.0) };
        let byte = |value: f32| ((value - low) / (high - low) * 255.0).round().clamp(0.0, 255.0) as u8;
        let mut bytes = Vec::with_capacity(rows.nrows() * length);
        for row in rows.outer_iter() {
            bytes.extend((0..length).map(|place| byte(row[kept(place)])));
        }
        Thumbnails::Series { length, low, high, bytes: STANDARD.encode(bytes) }
    }
}

impl Exploration {
    /// Writes the data beside the picture at `path`.
    pub(crate) fn write(&self, path: &Path) -> Result<(), ReportError> {
        let text = serde_json::to_string(self).expect("what is explored is always JSON");
        Ok(files::write_atomic_bytes(&beside(path), text.as_bytes())?)
    }

    /// The data beside the picture at `path`; `None` if there are none.
    ///
    /// # Errors
    /// A file that cannot be read, or that [`Self::write`] did not write.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, ReportError> {
        let path = beside(path);
        match optional(fs::metadata(&path).map_err(FileError::new("read", &path)))? {
            Some(metadata) if metadata.len() <= MAX_BYTES => {}
            _ => return Ok(None),
        }
        let text = files::read_to_string(&path)?;
        let read = serde_json::from_str(&text).map_err(|source| ReportError::Index { path, source })?;
        Ok(Some(read))
    }

    /// For which script it is.
    pub(crate) fn purpose(&self) -> &'static str {
        match self {
            Exploration::Scatter(_) => "scatter",
            Exploration::Space(_) => "space",
            Exploration::Decoder(_) => "decoder",
        }
    }
}

fn beside(picture: &Path) -> PathBuf {
    picture.with_extension("explore.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Array4};

    #[test]
    fn images_lie_in_their_tiles() {
        let images =
            Array4::from_shape_fn((5, 1, 2, 3), |(image, _, y, x)| (image * 10 + y * 3 + x) as f32 / 255.0);
        let Thumbnails::Images { width, height, columns, png } =
            Thumbnails::of_images(images.view()).unwrap()
        else {
            panic!("they are images")
        };
        assert_eq!((width, height, columns), (3, 2, 3));
        let decoded = image::load_from_memory(&STANDARD.decode(png).unwrap()).unwrap().to_luma8();
        assert_eq!(decoded.dimensions(), (9, 4));
        assert_eq!(decoded.get_pixel(3 + 2, 2 + 1).0, [45], "the last pixel of the last image");
        assert!(Thumbnails::of_images(Array4::zeros((1, 2, 3, 3)).view()).is_err());
    }

    #[test]
    fn series_keep_their_ends_and_their_range() {
        let rows = Array2::from_shape_fn((2, 1000), |(row, at)| row as f32 * 1000.0 + at as f32);
        let Thumbnails::Series { length, low, high, bytes } = Thumbnails::of_rows(rows.view()) else {
            panic!("they are series")
        };
        let bytes = STANDARD.decode(bytes).unwrap();
        assert_eq!((length, low, high, bytes.len()), (MAX_VALUES, 0.0, 1999.0, 2 * MAX_VALUES));
        assert_eq!((bytes[0], bytes[bytes.len() - 1]), (0, 255));
        Thumbnails::of_rows(Array2::from_elem((1, 1), f32::NAN).view());
    }
}
