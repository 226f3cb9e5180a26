//! What people use instead: JPEG, WebP and AVIF, on one large mosaic so that their headers do not decide.

use crate::error::EvaluationError;
use ndarray::Array3;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A codec with the settings that its curve is drawn from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codec {
    /// In the metrics.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// Its own quality settings, lowest first.
    pub(super) qualities: &'static [u8],
    /// The bytes of a picture `[C, H, W]`, and what they decode to. `None` if the codec is not installed.
    run: fn(&Array3<u8>, u8) -> Result<Option<Coded>, String>,
    /// Whether it is for colour alone.
    colour: bool,
}

/// A picture that went through a codec.
#[derive(Debug)]
pub(super) struct Coded {
    pub(super) bytes: usize,
    pub(super) pixels: Array3<u8>,
}

const JPEG_QUALITIES: &[u8] = &[5, 10, 20, 30, 40, 60, 75, 85, 92];

pub(super) const CODECS: [Codec; 4] = [
    Codec {
        name: "jpeg",
        title: "JPEG",
        qualities: JPEG_QUALITIES,
        run: |pixels, quality| jpeg(pixels, quality, jpeg_encoder::SamplingFactor::F_1_1).map(Some),
        colour: false,
    },
    Codec {
        name: "jpeg420",
        title: "JPEG, colours at half the resolution",
        qualities: JPEG_QUALITIES,
        run: |pixels, quality| jpeg(pixels, quality, jpeg_encoder::SamplingFactor::F_2_2).map(Some),
        colour: true,
    },
    Codec {
        name: "webp",
        title: "WebP",
        qualities: &[0, 10, 20, 40, 60, 80, 90],
        run: |pixels, quality| webp(pixels, quality).map(Some),
        colour: false,
    },
    Codec { name: "avif", title: "AVIF", qualities: &[60, 52, 44, 36, 28, 20, 12], run: avif, colour: false },
];

impl Codec {
    /// Whether it is judged on pictures of so many channels.
    pub(super) fn suits(&self, channels: usize) -> bool {
        channels == 3 || !self.colour
    }

    /// Codes a picture `[C, H, W]` and decodes the bytes again. `None` if the codec is not installed.
    ///
    /// # Errors
    /// If the codec fails.
    pub(super) fn run(&self, pixels: &Array3<u8>, quality: u8) -> Result<Option<Coded>, EvaluationError> {
        (self.run)(pixels, quality).map_err(|reason| EvaluationError::Codec {
            codec: self.title,
            quality,
            reason,
        })
    }
}

fn jpeg(pixels: &Array3<u8>, quality: u8, sampling: jpeg_encoder::SamplingFactor) -> Result<Coded, String> {
    use jpeg_encoder::{ColorType, Encoder};
    let (channels, height, width) = pixels.dim();
    let side = |side: usize| u16::try_from(side).map_err(|_| "a JPEG has at most 65535 rows".to_owned());
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_optimized_huffman_tables(true);
    encoder.set_sampling_factor(sampling);
    let colour = if channels == 1 { ColorType::Luma } else { ColorType::Rgb };
    encoder
        .encode(&interleaved(pixels), side(width)?, side(height)?, colour)
        .map_err(|error| error.to_string())?;
    // Not by `image`, which mixes the colours of some of these files up.
    let decoded = jpeg_decoder::Decoder::new(bytes.as_slice()).decode().map_err(|error| error.to_string())?;
    Ok(Coded { bytes: bytes.len(), pixels: planes(&decoded, channels, height, width) })
}

fn webp(pixels: &Array3<u8>, quality: u8) -> Result<Coded, String> {
    let (channels, height, width) = pixels.dim();
    let rgb = rgb(pixels);
    let bytes = webp::Encoder::from_rgb(&rgb, width as u32, height as u32).encode(f32::from(quality));
    let image = webp::Decoder::new(&bytes).decode().ok_or("its own bytes cannot be decoded")?;
    let decoded: Vec<u8> = match channels {
        1 => image.chunks_exact(3).map(grey).collect(),
        _ => image.to_vec(),
    };
    Ok(Coded { bytes: bytes.len(), pixels: planes(&decoded, channels, height, width) })
}

/// A codec that loses nothing, and the bytes that it takes.
#[derive(Debug)]
pub(super) struct Lossless {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) bytes: usize,
}

/// A picture `[C, H, W]` by codecs that lose nothing, each at its smallest.
///
/// # Errors
/// If a codec fails.
pub(super) fn lossless(pixels: &Array3<u8>) -> Result<[Lossless; 2], EvaluationError> {
    let failed = |codec| move |reason| EvaluationError::Codec { codec, quality: 100, reason };
    Ok([
        Lossless { name: "png", title: "PNG", bytes: png(pixels).map_err(failed("PNG"))? },
        Lossless {
            name: "webp",
            title: "WebP, lossless",
            bytes: webp_exact(pixels).map_err(failed("WebP"))?,
        },
    ])
}

/// With one bit a pixel if it is black and white.
fn png(pixels: &Array3<u8>) -> Result<usize, String> {
    let (channels, height, width) = pixels.dim();
    let is_black_and_white = channels == 1 && pixels.iter().all(|&pixel| pixel == 0 || pixel == u8::MAX);
    let (depth, values) = match is_black_and_white {
        true => {
            let byte =
                |bits: &[u8]| bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | (bit & (0x80 >> at)));
            let rows = pixels.as_standard_layout().into_owned().into_raw_vec_and_offset().0;
            (png::BitDepth::One, rows.chunks(width).flat_map(|row| row.chunks(8).map(byte)).collect())
        }
        false => (png::BitDepth::Eight, interleaved(pixels)),
    };
    // Which filter suits depends on the picture; for bits, none does.
    let filters = [png::Filter::NoFilter, png::Filter::Adaptive];
    let lengths = filters.into_iter().map(|filter| {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
        encoder.set_color(if channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
        encoder.set_depth(depth);
        encoder.set_compression(png::Compression::High);
        encoder.set_filter(filter);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&values));
        written.map_err(|error| error.to_string()).map(|()| bytes.len())
    });
    lengths.collect::<Result<Vec<_>, _>>().map(|lengths| lengths.into_iter().min().unwrap_or(0))
}

fn webp_exact(pixels: &Array3<u8>) -> Result<usize, String> {
    let (_, height, width) = pixels.dim();
    let rgb = rgb(pixels);
    let mut config = webp::WebPConfig::new().map_err(|()| "its settings cannot be made".to_owned())?;
    (config.lossless, config.quality, config.method) = (1, 100.0, 6);
    let encoder = webp::Encoder::from_rgb(&rgb, width as u32, height as u32);
    encoder.encode_advanced(&config).map(|bytes| bytes.len()).map_err(|error| format!("{error:?}"))
}

/// Red, green and blue of each pixel, one after the other.
fn rgb(pixels: &Array3<u8>) -> Vec<u8> {
    match pixels.dim().0 {
        1 => pixels.iter().flat_map(|&grey| [grey; 3]).collect(),
        _ => interleaved(pixels),
    }
}

/// The nearest grey of a pixel whose three values are nearly equal.
fn grey(pixel: &[u8]) -> u8 {
    let sum: u16 = pixel.iter().map(|&value| u16::from(value)).sum();
    ((sum + 1) / 3) as u8
}

/// By the programs `avifenc` and `avifdec` of libavif; `level` is their constant quality, 63 the worst.
fn avif(pixels: &Array3<u8>, level: u8) -> Result<Option<Coded>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let [input, coded, output] = ["in.png", "coded.avif", "out.png"].map(|name| folder.path().join(name));
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let image = pixels.mapv(|byte| f32::from(byte) / 255.0);
    ae_report::picture::image(&input, image.view()).map_err(|error| said(&error))?;
    let chroma = if pixels.dim().0 == 1 { "400" } else { "444" };
    let quality = format!("cq-level={level}");
    let mut encode = Command::new("avifenc");
    encode.args(["--speed", "4", "--jobs", "1", "--yuv", chroma, "--min", "0", "--max", "63"]);
    encode.args(["-a", "end-usage=q", "-a", &quality]).args([&input, &coded]);
    let mut decode = Command::new("avifdec");
    decode.args([&coded, &output]);
    for mut command in [encode, decode] {
        match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(said(&error)),
            Ok(done) if !done.status.success() => {
                let message = String::from_utf8_lossy(&done.stderr);
                return Err(message.lines().next().unwrap_or("it failed without a word").to_owned());
            }
            Ok(_) => {}
        }
    }
    let color = if pixels.dim().0 == 1 { ae_datasets::Color::Gray } else { ae_datasets::Color::Rgb };
    let pixels = ae_datasets::read_picture(&output, color).map_err(|error| said(&error))?;
    Ok(Some(Coded { bytes: size(&coded)?, pixels }))
}

fn size(path: &Path) -> Result<usize, String> {
    fs::metadata(path).map(|it| it.len() as usize).map_err(|error| error.to_string())
}

/// `[C, H, W]` to the values of each pixel side by side.
fn interleaved(pixels: &Array3<u8>) -> Vec<u8> {
    pixels.view().permuted_axes([1, 2, 0]).iter().copied().collect()
}

/// The reverse of [`interleaved`].
fn planes(values: &[u8], channels: usize, height: usize, width: usize) -> Array3<u8> {
    Array3::from_shape_fn((channels, height, width), |(channel, row, column)| {
        values[(row * width + column) * channels + channel]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_that_lose_nothing_take_less_for_bits() {
        let grey = Array3::from_shape_fn((1, 40, 60), |(_, row, column)| (row * column % 251) as u8);
        let bits = grey.mapv(|value| if value > 120 { 255 } else { 0 });
        let bytes = |pixels: &Array3<u8>| lossless(pixels).unwrap().map(|codec| codec.bytes);
        let pairs = bytes(&grey).into_iter().zip(bytes(&bits));
        assert!(
            pairs.clone().all(|(grey, bits)| (20..grey).contains(&bits)),
            "{:?}",
            pairs.collect::<Vec<_>>()
        );
    }

    /// Each codec gives back nearly what went in at its best, and less in fewer bytes at its worst.
    #[test]
    fn each_codec_gives_the_picture_back() {
        for channels in [1, 3] {
            let picture = Array3::from_shape_fn((channels, 40, 56), |(c, row, column)| {
                (128.0 + 100.0 * ((row + 7 * c) as f64 * 0.2).sin() * (column as f64 * 0.15).cos()) as u8
            });
            for codec in CODECS.iter().filter(|codec| codec.suits(channels)) {
                let at = |place: usize| codec.run(&picture, codec.qualities[place]).unwrap();
                let (Some(worst), Some(best)) = (at(0), at(codec.qualities.len() - 1)) else { continue };
                let error = |coded: &Coded| {
                    ae_metrics::mse(&picture.view().into_dyn(), &coded.pixels.view().into_dyn())
                };
                let errors = [&worst, &best].map(|coded| error(coded).unwrap());
                assert!(errors[1] < 60.0 && errors[1] < errors[0], "{}: {errors:?}", codec.title);
                assert!(worst.bytes < best.bytes, "{}", codec.title);
            }
        }
    }
}
