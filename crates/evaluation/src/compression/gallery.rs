//! Test images that go through a compressor and through other codecs, and the curves that come of it.

use super::codecs::{CODECS, Codec};
use crate::compressor::{NamedPicture, PictureCompressor};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::held_out::strided;
use ae_metrics::{MetricError, bd_rate, ms_ssim, mse};
use ae_report::gallery::Entry;
use ae_report::picture::{self, Line};
use ae_tensor::array;
use ae_training::experiment::Run;
use ndarray::{Array3, Array4, Axis, s};

/// Test images of a set, at most; the other codecs get them as one mosaic.
pub(super) const IMAGES: usize = 1000;
/// Qualities of the learned compressor.
const QUALITIES: [u8; 6] = [0, 20, 40, 60, 80, 100];
/// The quality of the pictures that are shown.
const SHOWN: u8 = 40;
/// Images that are shown.
const COLUMNS: usize = 10;

/// One point of a curve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) quality: u8,
    /// Bits per pixel.
    pub(super) rate: f64,
    /// In dB.
    pub(super) psnr: f64,
    /// `None` for a mosaic that is too small.
    pub(super) ms_ssim: Option<f64>,
}

/// The curve of one codec on one set.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) points: Vec<Point>,
}

impl Curve {
    fn rates(&self) -> Vec<(f64, f64)> {
        self.points.iter().map(|point| (point.rate, point.psnr)).collect()
    }

    /// By which share the bits of `other` differ from those of this curve at equal quality; `None` if they reach no common one.
    pub(super) fn against(&self, other: &Curve) -> Result<Option<f64>, EvaluationError> {
        match bd_rate(&self.rising(), &other.rising()) {
            Ok(share) => Ok(Some(share)),
            Err(MetricError::NoCommonQuality | MetricError::TooFew { .. }) => Ok(None),
            Err(error) => Err(EvaluationError::metric("the difference in bits")(error)),
        }
    }

    /// The points without those at which more bits did not help.
    fn rising(&self) -> Vec<(f64, f64)> {
        let mut rising: Vec<(f64, f64)> = Vec::new();
        for point in self.rates() {
            if rising.last().is_none_or(|last| point.1 > last.1) {
                rising.push(point);
            }
        }
        rising
    }
}

/// Test images of a set, as bytes.
pub(crate) struct Gallery {
    images: Vec<NamedPicture>,
    mosaic: Array3<u8>,
}

impl Gallery {
    /// By which share the bits of the compressor differ from those of JPEG at equal PSNR, and by which its file exceeds what
    /// the model says. The first is `None` if they reach no common quality.
    pub(crate) fn summary(
        &self,
        compressor: &PictureCompressor,
    ) -> Result<(Option<f64>, f64), EvaluationError> {
        let ours = self.ours(compressor, "learned", "learned")?;
        let jpeg = self.curve(&CODECS[0])?;
        let rate = jpeg.map(|jpeg| jpeg.against(&ours)).transpose()?.flatten();
        Ok((rate, self.overhead(compressor)?))
    }

    pub(crate) fn of(run: &Run) -> Result<Self, EvaluationError> {
        let images = array::to_images(&strided(&run.splits.test, IMAGES).values);
        let bytes = images.mapv(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8);
        let images: Vec<NamedPicture> = bytes
            .outer_iter()
            .map(|pixels| NamedPicture { name: String::new(), pixels: pixels.to_owned() })
            .collect();
        let mosaic = mosaic(&images);
        Ok(Gallery { images, mosaic })
    }

    fn pixels(&self) -> f64 {
        let (_, height, width) = self.mosaic.dim();
        (height * width) as f64
    }

    fn point(&self, quality: u8, bytes: usize, decoded: &Array3<u8>) -> Result<Point, EvaluationError> {
        let failed = || EvaluationError::metric("a decoded mosaic");
        let [original, decoded] = [&self.mosaic, decoded].map(|it| it.view().insert_axis(Axis(0)));
        let error = mse(&original, &decoded).map_err(failed())?;
        let similarity = match ms_ssim(&original, &decoded, 255.0) {
            Err(MetricError::ImageTooSmall { .. }) => None,
            other => Some(other.map_err(failed())?[0]),
        };
        Ok(Point {
            quality,
            rate: 8.0 * bytes as f64 / self.pixels(),
            psnr: 10.0 * (255.0 * 255.0 / error.max(1e-3)).log10(),
            ms_ssim: similarity,
        })
    }

    pub(super) fn ours(
        &self,
        compressor: &PictureCompressor,
        name: &str,
        title: &str,
    ) -> Result<Curve, EvaluationError> {
        let mut points = Vec::new();
        for quality in QUALITIES {
            let (bytes, decoded) = self.through(compressor, quality)?;
            points.push(self.point(quality, bytes, &mosaic(&decoded))?);
        }
        Ok(Curve { name: name.into(), title: title.into(), points })
    }

    /// The length of the file, and what comes out of it again.
    fn through(
        &self,
        compressor: &PictureCompressor,
        quality: u8,
    ) -> Result<(usize, Vec<NamedPicture>), EvaluationError> {
        let bytes = compressor.compress(&self.images, Some(quality))?;
        let decoded = compressor.decompress(&bytes, "the compressed images".as_ref())?;
        Ok((bytes.len(), decoded))
    }

    /// By which share the file is longer than what the model says.
    pub(super) fn overhead(&self, compressor: &PictureCompressor) -> Result<f64, EvaluationError> {
        let bytes = compressor.compress(&self.images, Some(SHOWN))?.len();
        let bits = compressor.information(&self.images, SHOWN).expect("the compressor rounds");
        Ok(8.0 * bytes as f64 / bits - 1.0)
    }

    pub(super) fn rivals(&self, missing: &mut Vec<&'static str>) -> Result<Vec<Curve>, EvaluationError> {
        let mut curves = Vec::new();
        for codec in CODECS.iter().filter(|codec| codec.suits(self.mosaic.dim().0)) {
            match self.curve(codec)? {
                Some(curve) => curves.push(curve),
                None => missing.push(codec.title),
            }
        }
        Ok(curves)
    }

    /// The curve of a codec; `None` if it is not installed.
    fn curve(&self, codec: &Codec) -> Result<Option<Curve>, EvaluationError> {
        let mut points = Vec::new();
        for &quality in codec.qualities {
            let Some(coded) = codec.run(&self.mosaic, quality)? else { return Ok(None) };
            points.push(self.point(quality, coded.bytes, &coded.pixels)?);
        }
        Ok(Some(Curve { name: codec.name.into(), title: codec.title.into(), points }))
    }

    /// The curves, and the same images by each codec at nearly the same rate.
    pub(super) fn show(
        &self,
        draft: &mut Draft,
        set: &str,
        compressor: &PictureCompressor,
        learned: &[Curve],
        rivals: &[Curve],
    ) -> Result<(), EvaluationError> {
        let line =
            |curve: &Curve| Line { name: curve.title.clone(), points: curve.rates(), labels: Vec::new() };
        let lines: Vec<Line> = learned.iter().chain(rivals).map(line).collect();
        let entry = Entry {
            file: format!("{set}-curves.png"),
            title: format!("Rate and distortion on {set}"),
            caption: "Higher and further left is better.".into(),
            order: 0,
        };
        draft.gallery.add(entry, |path| picture::lines(path, "bits per pixel", "PSNR, dB", &lines))?;
        let (bytes, decoded) = self.through(compressor, SHOWN)?;
        let rate = 8.0 * bytes as f64 / self.pixels();
        let mut rows = vec![
            ("original".to_owned(), self.first(&self.mosaic)),
            (format!("learned, {rate:.2} bits a pixel"), self.first(&mosaic(&decoded))),
        ];
        for curve in rivals {
            let nearest =
                curve.points.iter().min_by(|a, b| (a.rate - rate).abs().total_cmp(&(b.rate - rate).abs()));
            let codec = CODECS.iter().find(|codec| codec.name == curve.name);
            let (Some(nearest), Some(codec)) = (nearest, codec) else { continue };
            if let Some(coded) = codec.run(&self.mosaic, nearest.quality)? {
                rows.push((format!("{}, {:.2}", curve.title, nearest.rate), self.first(&coded.pixels)));
            }
        }
        let entry = Entry {
            file: format!("{set}.png"),
            title: format!("What is left of {set}"),
            caption:
                "The first test images, at the rate of each codec that is nearest to that of the learned one."
                    .into(),
            order: 1,
        };
        draw_rows(draft, entry, &rows)
    }

    /// The images by their own compressor and by that of another set.
    pub(super) fn show_stranger(
        &self,
        draft: &mut Draft,
        (own, other): (&str, &str),
        compressors: [&PictureCompressor; 2],
    ) -> Result<(), EvaluationError> {
        let mut rows = vec![("original".to_owned(), self.first(&self.mosaic))];
        for (compressor, set) in compressors.into_iter().zip([own, other]) {
            let (bytes, decoded) = self.through(compressor, SHOWN)?;
            let rate = 8.0 * bytes as f64 / self.pixels();
            rows.push((format!("learned on {set}, {rate:.2} bits"), self.first(&mosaic(&decoded))));
        }
        let entry = Entry {
            file: format!("{own}-by-{other}.png"),
            title: format!("{own} by the compressor of {other}"),
            caption: format!(
                "The same setting of quality, {SHOWN}: a compressor that has seen other pictures spends more bits and gets \
                 less for them."
            ),
            order: 2,
        };
        draw_rows(draft, entry, &rows)
    }

    /// The first images of a mosaic, in [0, 1].
    fn first(&self, mosaic: &Array3<u8>) -> Array4<f32> {
        let (channels, height, width) = self.images[0].pixels.dim();
        let count = COLUMNS.min(mosaic.dim().2 / width);
        Array4::from_shape_fn((count, channels, height, width), |(at, channel, row, column)| {
            f32::from(mosaic[[channel, row, at * width + column]]) / 255.0
        })
    }
}

fn draw_rows(draft: &mut Draft, entry: Entry, rows: &[(String, Array4<f32>)]) -> Result<(), EvaluationError> {
    let views: Vec<_> = rows.iter().map(|(label, images)| (label, images.view())).collect();
    Ok(draft.gallery.add(entry, |path| picture::image_rows(path, &views))?)
}

/// Images side by side, in as square a grid as their number has.
pub(super) fn mosaic(images: &[NamedPicture]) -> Array3<u8> {
    let rows = (1..=images.len().isqrt()).rev().find(|rows| images.len().is_multiple_of(*rows)).unwrap_or(1);
    let columns = images.len() / rows;
    let (channels, height, width) = images[0].pixels.dim();
    let mut all = Array3::zeros((channels, rows * height, columns * width));
    for (at, image) in images.iter().enumerate() {
        let (top, left) = (at / columns * height, at % columns * width);
        all.slice_mut(s![.., top..top + height, left..left + width]).assign(&image.pixels);
    }
    all
}
