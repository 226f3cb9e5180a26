//! Compressing pictures with a trained model: to the bytes of a file, and back from these bytes alone.

use ae_coding::{CodingError, Container, Decoder, Encoder, Picture, Table, VALUES};
use ae_datasets::{Color, DataError};
use ae_models::{BEST_QUALITY, Compressor, ModelConfig};
use ae_records::digest;
use ae_records::files::{self, FileError};
use ae_tensor::{Device, array, tch};
use ae_training::{ModelFileError, PortableModel};
use ndarray::{Array3, Array4, Axis};
use std::path::{Path, PathBuf};

/// Largest file of a model and of compressed pictures, in bytes.
const MAX_MODEL_BYTES: u64 = 1 << 30;
const MAX_FILE_BYTES: u64 = 1 << 30;
/// Pixels that the network computes at once, roughly.
const BLOCK: usize = 1 << 16;

/// A picture with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPicture {
    /// Name of its file; may be empty.
    pub name: String,
    /// Bytes `[C, H, W]`.
    pub pixels: Array3<u8>,
}

/// A trained model that compresses, such as `ae train factorised` makes.
#[derive(Debug)]
pub struct PictureCompressor {
    model: PortableModel,
    /// First bytes of the SHA-256 of the model's file.
    id: [u8; 8],
    device: Device,
    channels: usize,
    path: PathBuf,
}

/// Why pictures cannot be compressed or decompressed.
#[derive(Debug, thiserror::Error)]
pub enum CompressionError {
    /// The model file.
    #[error(transparent)]
    Model(#[from] ModelFileError),
    /// A file that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A picture that cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The compressed file.
    #[error("{}: {source}", path.display())]
    Coding {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CodingError,
    },
    /// A model that does not compress.
    #[error(
        "the variant `{variant}` in {} does not compress; train one that does, such as `ae train factorised`",
        path.display()
    )]
    Unsuited {
        /// The variant.
        variant: String,
        /// The model file.
        path: PathBuf,
    },
    /// A colour picture for a model of grey ones.
    #[error(
        "{name} is a colour picture, but the model in {} was trained on grey ones; train one on colour pictures, such as \
         `ae train factorised --set data.set=cifar10`, or make the picture grey",
        path.display()
    )]
    Colour {
        /// The picture.
        name: String,
        /// The model file.
        path: PathBuf,
    },
    /// A file of another model.
    #[error(
        "{} was compressed with another model than {}; give the model that compressed it, whose SHA-256 begins with {id}",
        file.display(), model.display()
    )]
    OtherModel {
        /// The compressed file.
        file: PathBuf,
        /// The model file.
        model: PathBuf,
        /// How the checksum of the right model begins.
        id: String,
    },
    /// A quality that does not exist.
    #[error("the quality is {0}, but it goes from 0 (smallest files) to 100 (best pictures)")]
    Quality(u8),
}

impl CompressionError {
    /// Whether the user's arguments or files are at fault, rather than the machine.
    pub fn is_usage(&self) -> bool {
        !matches!(self, CompressionError::Model(_) | CompressionError::File(_) | CompressionError::Data(_))
    }
}

impl PictureCompressor {
    /// Loads the model of a run's folder, or a model's file.
    ///
    /// # Errors
    /// If it is not a usable model file, or the model does not compress.
    pub fn load(path: &Path, device: Device) -> Result<Self, CompressionError> {
        let path = &if path.is_dir() { path.join("model.safetensors") } else { path.to_owned() };
        let model = PortableModel::load::<ModelConfig>(path, device)?;
        let sum = digest::sha256(&files::read(path, MAX_MODEL_BYTES)?);
        let id = u64::from_str_radix(&sum[..16], 16).expect("a checksum is hexadecimal").to_be_bytes();
        let channels = model.metadata.shape.first().map_or(0, |&channels| channels as usize);
        if model.as_compressor().is_none() || ![1, 3].contains(&channels) {
            let variant = model.metadata.model.name().into();
            return Err(CompressionError::Unsuited { variant, path: path.clone() });
        }
        Ok(PictureCompressor { model, id, device, channels, path: path.clone() })
    }

    /// Channels of the model's pictures: 1 for grey ones, 3 for colour.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Reads a picture for this model. A grey picture becomes a colour one if the model takes those.
    ///
    /// # Errors
    /// If it is not a picture, takes more memory than its file may, or is in colour and the model takes grey ones.
    pub fn read(&self, path: &Path) -> Result<NamedPicture, CompressionError> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let color = if self.channels == 1 { Color::Auto } else { Color::Rgb };
        let pixels = ae_datasets::read_picture(path, color)?;
        match pixels.dim().0 == self.channels {
            true => Ok(NamedPicture { name, pixels }),
            false => {
                Err(CompressionError::Colour { name: path.display().to_string(), path: self.path.clone() })
            }
        }
    }

    /// The bytes of the file that holds these pictures; `quality` is 0 to 100.
    ///
    /// # Errors
    /// No such quality, or more than a file can hold.
    ///
    /// # Panics
    /// If a picture has other channels than the model.
    pub fn compress(&self, pictures: &[NamedPicture], quality: u8) -> Result<Vec<u8>, CompressionError> {
        if quality > BEST_QUALITY {
            return Err(CompressionError::Quality(quality));
        }
        let coding = |source| CompressionError::Coding { path: "the compressed file".into(), source };
        let sizes = pictures.iter().map(|picture| size_of(&picture.pixels));
        let described = pictures.iter().zip(sizes).map(|(picture, [height, width])| Picture {
            name: picture.name.clone(),
            height: height as u32,
            width: width as u32,
        });
        let (step, tables) = (self.compressor().step(quality), self.tables(quality));
        let mut container = Container {
            model: self.id,
            level: quality,
            channels: self.channels as u8,
            pictures: described.collect(),
            payload: Vec::new(),
        };
        container.to_bytes().map_err(coding)?; // before anything is computed
        let mut encoder = Encoder::default();
        for batch in alike(pictures, |picture| size_of(&picture.pixels)) {
            for latents in self.latents(batch) {
                for (channel, table) in latents.outer_iter().zip(&tables) {
                    channel.iter().for_each(|value| encoder.put(quantised(*value, step), table));
                }
            }
        }
        container.payload = encoder.into_bytes();
        container.to_bytes().map_err(coding)
    }

    /// The pictures in a file; `path` is for errors.
    ///
    /// # Errors
    /// If it is not such a file, is damaged, or was compressed with another model.
    pub fn decompress(&self, bytes: &[u8], path: &Path) -> Result<Vec<NamedPicture>, CompressionError> {
        let coding = |source| CompressionError::Coding { path: path.into(), source };
        let container = Container::parse(bytes).map_err(coding)?;
        if container.model != self.id {
            let id = digest::hex(container.model);
            return Err(CompressionError::OtherModel { file: path.into(), model: self.path.clone(), id });
        }
        if usize::from(container.channels) != self.channels || container.level > BEST_QUALITY {
            return Err(coding(CodingError::Damaged("its settings are not those of the model")));
        }
        let (step, tables) = (self.compressor().step(container.level), self.tables(container.level));
        let mut decoder = Decoder::new(&container.payload);
        let mut pictures = Vec::with_capacity(container.pictures.len());
        let size = |picture: &Picture| [picture.height as usize, picture.width as usize];
        for batch in alike(&container.pictures, size) {
            let [height, width] = size(&batch[0]);
            let shape = self.compressor().latent_shape([height as i64, width as i64]);
            let mut latents = Vec::new();
            for _ in batch {
                for table in &tables {
                    for _ in 0..shape[1] * shape[2] {
                        latents.push((f64::from(decoder.get(table).map_err(coding)?) * step) as f32);
                    }
                }
            }
            let [channels, rows, columns] = shape.map(|side| side as usize);
            let latents = Array4::from_shape_vec((batch.len(), channels, rows, columns), latents)
                .expect("as many latents as the shape says");
            let decoded = self.decode(&latents, [height, width]);
            let named = batch.iter().zip(decoded);
            pictures
                .extend(named.map(|(picture, pixels)| NamedPicture { name: picture.name.clone(), pixels }));
        }
        Ok(pictures)
    }

    /// [`Self::decompress`] of a file.
    ///
    /// # Errors
    /// As there, or if it cannot be read.
    pub fn decompress_file(&self, path: &Path) -> Result<Vec<NamedPicture>, CompressionError> {
        self.decompress(&files::read(path, MAX_FILE_BYTES)?, path)
    }

    /// What the model says that these pictures take, in bits, without what a file adds: the sum of `-log₂ P` of what is
    /// stored.
    ///
    /// # Panics
    /// If a picture has other channels than the model.
    pub fn information(&self, pictures: &[NamedPicture], quality: u8) -> f64 {
        let (step, tables) = (self.compressor().step(quality), self.tables(quality));
        let mut bits = 0.0;
        for batch in alike(pictures, |picture| size_of(&picture.pixels)) {
            for latents in self.latents(batch) {
                for (channel, table) in latents.outer_iter().zip(&tables) {
                    bits += channel.iter().map(|value| table.bits(quantised(*value, step))).sum::<f64>();
                }
            }
        }
        bits
    }

    fn compressor(&self) -> &dyn Compressor {
        self.model.as_compressor().expect("it was loaded as one")
    }

    fn tables(&self, quality: u8) -> Vec<Table> {
        let step = self.compressor().step(quality);
        let of = |density: &ae_coding::Density| Table::of_cdf(|x| density.cdf(x * step));
        self.compressor().densities().iter().map(of).collect()
    }

    /// The latents `[M, h, w]` of pictures of one size.
    fn latents(&self, pictures: &[NamedPicture]) -> Vec<Array3<f32>> {
        let (compressor, stride) = (self.compressor(), self.compressor().stride() as usize);
        let [height, width] = size_of(&pictures[0].pixels);
        let stripes = stripes(height.div_ceil(stride), stride, width, compressor.reach() as usize);
        let shape = compressor.latent_shape([height as i64, width as i64]).map(|side| side as usize);
        let mut all = vec![Array3::zeros(shape); pictures.len()];
        for stripe in &stripes {
            let [first, end] = [stripe.from * stride, (stripe.to * stride).min(height)];
            let rows = pictures.iter().map(|picture| picture.pixels.slice_axis(Axis(1), (first..end).into()));
            let rows =
                ndarray::stack(Axis(0), &rows.collect::<Vec<_>>()).expect("the pictures have one size");
            let images = array::from_array(rows.mapv(|byte| f32::from(byte) / 255.0)).to_device(self.device);
            let latents = array::to_images(&tch::no_grad(|| compressor.latents(&images)));
            for (all, latents) in all.iter_mut().zip(latents.outer_iter()) {
                let own = latents
                    .slice_axis(Axis(1), (stripe.begin - stripe.from..stripe.end - stripe.from).into());
                all.slice_axis_mut(Axis(1), (stripe.begin..stripe.end).into()).assign(&own);
            }
        }
        all
    }

    /// The pictures of latents `[B, M, h, w]`, all of this height and width.
    fn decode(&self, latents: &Array4<f32>, [height, width]: [usize; 2]) -> Vec<Array3<u8>> {
        let (compressor, stride) = (self.compressor(), self.compressor().stride() as usize);
        let stripes = stripes(latents.dim().2, stride, width, compressor.reach() as usize);
        let mut all = vec![Array3::zeros((self.channels, height, width)); latents.dim().0];
        for stripe in &stripes {
            let part = latents.slice_axis(Axis(2), (stripe.from..stripe.to).into());
            let part = array::from_array(part.to_owned()).to_device(self.device);
            let first = stripe.from * stride;
            let size = [(stripe.to * stride).min(height) - first, width].map(|side| side as i64);
            let images = array::to_images(&tch::no_grad(|| compressor.images(&part, size)));
            let own = stripe.begin * stride..(stripe.end * stride).min(height);
            for (all, image) in all.iter_mut().zip(images.outer_iter()) {
                let image = image.slice_axis(Axis(1), (own.start - first..own.end - first).into());
                let bytes = image.mapv(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8);
                all.slice_axis_mut(Axis(1), own.clone().into()).assign(&bytes);
            }
        }
        all
    }
}

/// What is stored of a latent.
fn quantised(latent: f32, step: f64) -> i32 {
    let multiple = (f64::from(latent) / step).round_ties_even();
    multiple.clamp(f64::from(*VALUES.start()), f64::from(*VALUES.end())) as i32
}

/// Rows of latents that are computed together: `begin..end`, from the rows `from..to` around them.
#[derive(Clone, Copy, Debug)]
struct Stripe {
    begin: usize,
    end: usize,
    from: usize,
    to: usize,
}

/// The stripes of a picture with so many rows of latents, each of `stride` rows of pixels and `width` columns, from top to
/// bottom. A convolution sees only so far, so that stripes with enough rows around them give what the whole picture gives,
/// in bounded memory.
fn stripes(rows: usize, stride: usize, width: usize, reach: usize) -> Vec<Stripe> {
    let step = (BLOCK / (stride * width)).max(4 * reach).max(1);
    let starts = (0..rows).step_by(step);
    let stripe = |begin: usize| {
        let end = (begin + step).min(rows);
        Stripe { begin, end, from: begin.saturating_sub(reach), to: (end + reach).min(rows) }
    };
    starts.map(stripe).collect()
}

/// Runs of pictures of one size that fit a block, in order.
fn alike<T>(pictures: &[T], size: impl Fn(&T) -> [usize; 2]) -> Vec<&[T]> {
    let mut runs = Vec::new();
    for alike in pictures.chunk_by(|a, b| size(a) == size(b)) {
        let [height, width] = size(&alike[0]);
        runs.extend(alike.chunks((BLOCK / (height * width).max(1)).max(1)));
    }
    runs
}

fn size_of(pixels: &Array3<u8>) -> [usize; 2] {
    let (_, height, width) = pixels.dim();
    [height, width]
}

#[cfg(test)]
#[path = "compressor_tests.rs"]
mod tests;
