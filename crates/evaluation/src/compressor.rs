//! Compressing pictures with a trained model: to the bytes of a file, and back from these bytes alone.

mod exact;
mod rounded;

use ae_coding::{CodingError, Container, Picture};
use ae_datasets::{Color, DataError};
use ae_models::{BEST_QUALITY, LatentVariable, ModelConfig};
use ae_records::digest;
use ae_records::files::{self, FileError};
use ae_records::run_dir::RunDir;
use ae_tensor::Device;
use ae_training::{ModelFileError, PortableModel};
use exact::Exact;
use ndarray::Array3;
use rounded::Rounded;
use std::path::{Path, PathBuf};

/// Largest file of a model and of compressed pictures, in bytes.
const MAX_MODEL_BYTES: u64 = 1 << 30;
const MAX_FILE_BYTES: u64 = 1 << 30;
/// Quality of compressed pictures where none is asked for.
pub const DEFAULT_QUALITY: u8 = 50;
/// What a file says in place of a quality if its pictures are stored exactly.
const EXACT: u8 = u8::MAX;

/// A picture with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPicture {
    /// Name of its file; may be empty.
    pub name: String,
    /// Bytes `[C, H, W]`.
    pub pixels: Array3<u8>,
}

/// A trained model that compresses, such as `ae train factorised` makes; or one that stores pictures exactly, such as `ae train
/// vae-levels`.
#[derive(Debug)]
pub struct PictureCompressor {
    method: Method,
    /// First bytes of the SHA-256 of the model's file.
    id: [u8; 8],
    channels: usize,
    path: PathBuf,
}

/// How pictures are stored.
#[derive(Debug)]
enum Method {
    Rounded(Box<Rounded>),
    Exact(Exact),
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
        "the model of variant `{variant}` in {} does not compress; train one that does, such as `ae train factorised`, or, to store \
         pictures exactly, `ae train vae-levels`",
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
    /// A picture that a model cannot store exactly.
    #[error("{problem} (the model is {})", path.display())]
    Picture {
        /// What is wrong with which picture.
        problem: String,
        /// The model file.
        path: PathBuf,
    },
    /// A quality for a model that has none.
    #[error("the model in {} stores pictures exactly, so there is no quality to choose; leave it out", .0.display())]
    NoQuality(PathBuf),
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
        let path = &RunDir::model_at(path);
        let model = PortableModel::load::<ModelConfig>(path, device)?;
        let sum = digest::sha256(&files::read(path, MAX_MODEL_BYTES)?);
        let id = u64::from_str_radix(&sum[..16], 16).expect("a checksum is hexadecimal").to_be_bytes();
        let channels = model.metadata.shape.first().map_or(0, |&channels| channels as usize);
        let variant = model.metadata.model.name().to_owned();
        let exact = model.as_latent_variable().and_then(LatentVariable::bits_back);
        let exact = exact.and_then(|coder| Exact::new(coder, &model.metadata.shape));
        let method = match exact {
            _ if ![1, 3].contains(&channels) => None,
            Some(exact) => Some(Method::Exact(exact)),
            None if model.as_compressor().is_none() => None,
            None => Some(Method::Rounded(Box::new(Rounded { model, device, channels }))),
        };
        let method = method.ok_or(CompressionError::Unsuited { variant, path: path.clone() })?;
        Ok(PictureCompressor { method, id, channels, path: path.clone() })
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

    /// Whether pictures come back exactly.
    pub fn is_lossless(&self) -> bool {
        matches!(self.method, Method::Exact(_))
    }

    /// The bytes of the file that holds these pictures. `quality` is 0 to 100, by default [`DEFAULT_QUALITY`]; a model that
    /// stores pictures exactly has none.
    ///
    /// # Errors
    /// No such quality, a picture that the model cannot store, or more than a file can hold.
    ///
    /// # Panics
    /// If a picture has other channels than the model.
    pub fn compress(
        &self,
        pictures: &[NamedPicture],
        quality: Option<u8>,
    ) -> Result<Vec<u8>, CompressionError> {
        if let Some(quality) = quality.filter(|&quality| quality > BEST_QUALITY) {
            return Err(CompressionError::Quality(quality));
        }
        let level = match (&self.method, quality) {
            (Method::Exact(_), None) => EXACT,
            (Method::Exact(_), Some(_)) => return Err(CompressionError::NoQuality(self.path.clone())),
            (Method::Rounded(_), quality) => quality.unwrap_or(DEFAULT_QUALITY),
        };
        let coding = |source| CompressionError::Coding { path: "the compressed file".into(), source };
        let sizes = pictures.iter().map(|picture| size_of(&picture.pixels));
        let described = pictures.iter().zip(sizes).map(|(picture, [height, width])| Picture {
            name: picture.name.clone(),
            height: height as u32,
            width: width as u32,
        });
        let mut container = Container {
            model: self.id,
            level,
            channels: self.channels as u8,
            pictures: described.collect(),
            payload: Vec::new(),
        };
        container.to_bytes().map_err(coding)?; // before anything is computed
        container.payload = match &self.method {
            Method::Rounded(rounded) => rounded.encode(pictures, level),
            Method::Exact(exact) => exact
                .encode(pictures)
                .map_err(|problem| CompressionError::Picture { problem, path: self.path.clone() })?,
        };
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
        let is_ours = usize::from(container.channels) == self.channels
            && if self.is_lossless() { container.level == EXACT } else { container.level <= BEST_QUALITY };
        if !is_ours {
            return Err(coding(CodingError::Damaged("its settings are not those of the model")));
        }
        let decoded = match &self.method {
            Method::Rounded(rounded) => rounded.decode(&container),
            Method::Exact(exact) => exact.decode(&container),
        };
        let named = container.pictures.iter().zip(decoded.map_err(coding)?);
        Ok(named.map(|(picture, pixels)| NamedPicture { name: picture.name.clone(), pixels }).collect())
    }

    /// [`Self::decompress`] of a file.
    ///
    /// # Errors
    /// As there, or if it cannot be read.
    pub fn decompress_file(&self, path: &Path) -> Result<Vec<NamedPicture>, CompressionError> {
        self.decompress(&files::read(path, MAX_FILE_BYTES)?, path)
    }

    /// What the model says that these pictures take, in bits, without what a file adds: the sum of `-log₂ P` of what is
    /// stored. `None` for a model that stores pictures exactly, whose bits depend on what was stored before.
    ///
    /// # Panics
    /// If a picture has other channels than the model.
    pub fn information(&self, pictures: &[NamedPicture], quality: u8) -> Option<f64> {
        match &self.method {
            Method::Rounded(rounded) => Some(rounded.information(pictures, quality)),
            Method::Exact(_) => None,
        }
    }
}

fn size_of(pixels: &Array3<u8>) -> [usize; 2] {
    let (_, height, width) = pixels.dim();
    [height, width]
}

#[cfg(test)]
mod tests;
