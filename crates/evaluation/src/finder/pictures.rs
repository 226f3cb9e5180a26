//! An index of pictures, and queries to it.

use super::error::FinderError;
use super::file::{Stored, Writer};
use crate::codes;
use crate::scan::{Gallery, best};
use ae_datasets::{Color, DataError, pictures_below, read_resized};
use ae_intake::{MemoryLimit, evenly_spaced};
use ae_models::{ModelConfig, limits};
use ae_records::names::nearest;
use ae_records::run_dir::RunDir;
use ae_tensor::{Device, Kind, Noise, Pca, Projection, Tensor, array, tch};
use ae_training::{Observer, PortableModel};
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// In the file.
pub(super) const KIND: &str = "pictures";
/// Height and width that pixels and components are computed at: that of CIFAR-10 in the evaluation.
const SIDE: usize = 32;
/// Components, as in the evaluation.
const COMPONENTS: i64 = 64;
/// Pictures that components are fitted to, at most.
const MAX_FITTED: usize = 20_000;
/// Pictures that are read and coded at once.
const CHUNK: usize = 256;

/// What is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PictureMethod {
    /// The first 64 principal components of 32×32 pixels.
    #[default]
    Pca,
    /// 32×32 pixels.
    Pixels,
    /// The code of a trained model.
    Code,
}

impl fmt::Display for PictureMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PictureMethod::Pca => "pca",
            PictureMethod::Pixels => "pixels",
            PictureMethod::Code => "code",
        })
    }
}

/// Pictures that can be searched.
#[derive(Debug)]
pub struct PictureIndex {
    about: About,
    /// Paths below the folder.
    names: Vec<String>,
    /// `[N, D]`, float, on the CPU.
    rows: Tensor,
    coder: Coder,
    device: Device,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    /// The folder as it was given.
    folder: String,
    by: PictureMethod,
    color: bool,
}

#[derive(Debug)]
enum Coder {
    Pixels,
    Pca(Projection),
    Model(Box<PortableModel>),
}

/// A picture that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoundPicture {
    /// Its path below the folder that was indexed.
    pub picture: String,
    /// Its Euclidean distance from the query; lower is nearer.
    pub distance: f64,
}

impl PictureIndex {
    /// Indexes all pictures below a folder; returns the pictures that could not be read, with the reasons.
    ///
    /// # Errors
    /// There are no pictures, none of them can be read, or the model is missing, not needed or has no code for them.
    pub fn build(
        folder: &Path,
        by: PictureMethod,
        model: Option<&Path>,
        device: Device,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<(Self, Vec<String>), FinderError> {
        let coder = match (by, model) {
            (PictureMethod::Code, Some(path)) => Coder::Model(Box::new(load(path, device)?)),
            (PictureMethod::Code, None) => return Err(FinderError::NoModel),
            (by, Some(_)) => return Err(FinderError::ModelNotNeeded(by)),
            (_, None) => Coder::Pixels,
        };
        let paths = pictures_below(folder)?;
        let color = match &coder {
            Coder::Model(model) => model.metadata.shape[0] == 3,
            _ => true,
        };
        let about = About { folder: folder.display().to_string(), by, color };
        let none = Tensor::zeros([0], (Kind::Float, Device::Cpu));
        let mut index = PictureIndex { about, names: Vec::new(), rows: none, coder, device };
        index.check_memory(folder, &paths)?;
        let mut unreadable = Vec::new();
        let (mut rows, mut told) = (Vec::new(), 0);
        for (first, chunk) in (0..).step_by(CHUNK).zip(paths.chunks(CHUNK)) {
            // One line for each tenth.
            if first == 0 || 10 * first / paths.len() > told {
                told = 10 * first / paths.len();
                observer.on_note(&format!("reading pictures, {first} of {}", paths.len()));
            }
            let size = index.size();
            let read: Vec<_> = chunk.par_iter().map(|path| read(path, color, size)).collect();
            let mut pixels = Vec::new();
            for (path, read) in chunk.iter().zip(read) {
                match read {
                    Ok(picture) => {
                        let name = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
                        index.names.push(name);
                        pixels.extend(picture);
                    }
                    Err(error) => unreadable.push(error.to_string()),
                }
            }
            if !pixels.is_empty() {
                rows.push(index.codes(pixels)?);
            }
            if stop.load(Ordering::Relaxed) {
                return Err(FinderError::Interrupted);
            }
        }
        if rows.is_empty() {
            let first = unreadable.first().cloned().unwrap_or_default();
            return Err(FinderError::NoPictures { path: folder.into(), pictures: paths.len(), first });
        }
        index.rows = Tensor::cat(&rows, 0);
        if by == PictureMethod::Pca {
            index.fit(observer);
        }
        Ok((index, unreadable))
    }

    /// Writes the index to one file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), FinderError> {
        let mut file = Writer::default();
        file.texts("names", &self.names);
        file.tensor("rows", &self.rows);
        match &self.coder {
            Coder::Pixels => {}
            Coder::Pca(projection) => {
                file.tensor("mean", &projection.mean.unsqueeze(0));
                file.tensor("axes", &projection.axes.contiguous());
            }
            Coder::Model(model) => file.model(model),
        }
        file.write(path, KIND, &self.about)
    }

    pub(super) fn from_stored(mut stored: Stored, device: Device) -> Result<Self, FinderError> {
        let about: About = stored.about()?;
        let names = stored.texts("names")?;
        let rows = stored.matrix("rows", Some(names.len()))?.to_kind(Kind::Float);
        let channels = if about.color { 3 } else { 1 };
        let pixels = channels * (SIDE * SIDE) as i64;
        let (coder, size) = match about.by {
            PictureMethod::Pixels => (Coder::Pixels, pixels),
            PictureMethod::Pca => {
                let axes = stored.matrix("axes", Some(pixels as usize))?.to_kind(Kind::Double);
                let mean = stored.matrix("mean", Some(1))?.to_kind(Kind::Double).flatten(0, -1);
                let size = axes.size()[1];
                (Coder::Pca(Projection { mean, axes }), size)
            }
            PictureMethod::Code => {
                let model = checked(stored.model(device)?, &stored.path)?;
                if model.metadata.shape[0] != channels {
                    return Err(stored.wrong("its model takes other pictures"));
                }
                let size = model.as_autoencoder().map_or(0, |model| model.code_size());
                (Coder::Model(Box::new(model)), size)
            }
        };
        let fits = match &coder {
            Coder::Pca(projection) => projection.mean.size() == [pixels],
            _ => true,
        };
        if names.is_empty() || rows.size()[1] != size || !fits {
            return Err(stored.wrong("its rows are not as long as its coder makes them"));
        }
        Ok(PictureIndex { about, names, rows, coder, device })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none, which never is.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// What is compared.
    pub fn method(&self) -> PictureMethod {
        self.about.by
    }

    /// The folder that was indexed.
    pub fn folder(&self) -> &str {
        &self.about.folder
    }

    /// The `top` pictures nearest to a PNG or JPEG picture.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn search(&self, picture: &Path, top: usize) -> Result<Vec<FoundPicture>, FinderError> {
        let query = self.codes(read(picture, self.about.color, self.size())?)?;
        Ok(self.nearest(&query, top, None))
    }

    /// The `top` pictures nearest to one of the index, which is not found itself.
    ///
    /// # Errors
    /// If there is no picture with that name.
    pub fn like(&self, name: &str, top: usize) -> Result<Vec<FoundPicture>, FinderError> {
        let place = self.names.iter().position(|known| known == name);
        let unknown = || FinderError::Unknown { name: name.into(), nearest: nearest(name, &self.names) };
        let place = place.ok_or_else(unknown)?;
        Ok(self.nearest(&self.rows.narrow(0, place as i64, 1), top, Some(place)))
    }

    fn nearest(&self, query: &Tensor, top: usize, itself: Option<usize>) -> Vec<FoundPicture> {
        let mut found = Vec::new();
        let keep = |_: usize, scores: &[f32]| {
            let order = best(scores, top.saturating_add(usize::from(itself.is_some())));
            found.extend(order.into_iter().filter(|&place| Some(place) != itself).take(top).map(|place| {
                // By differences: scores of near pictures are what is left of larger numbers.
                let off = self.rows.narrow(0, place as i64, 1) - query;
                let distance = off.square().sum(Kind::Double).sqrt().double_value(&[]);
                FoundPicture { picture: self.names[place].clone(), distance }
            }));
            Ok(())
        };
        Gallery::euclid(&self.rows).search(query, keep).expect("scores are kept without an error");
        found.sort_by(|a: &FoundPicture, b| a.distance.total_cmp(&b.distance));
        found
    }

    /// Components of all pixels, in their place.
    fn fit(&mut self, observer: &mut dyn Observer) {
        observer.on_note(&format!("fitting principal components to {} pictures", self.len()));
        let all: Vec<usize> = (0..self.len()).collect();
        let some: Vec<i64> = evenly_spaced(&all, MAX_FITTED).into_iter().map(|row| row as i64).collect();
        let fitted = self.rows.index_select(0, &Tensor::from_slice(&some));
        let noise = Noise::new(0, 0, Device::Cpu).fork("picture index");
        let projection = Pca::leading(&fitted, COMPONENTS, &noise).projection(COMPONENTS);
        self.rows = codes::represent(&self.rows, |batch| projection.codes(batch));
        self.coder = Coder::Pca(projection);
    }

    /// Height and width of the pictures that are compared.
    fn size(&self) -> [usize; 2] {
        match &self.coder {
            Coder::Model(model) => [model.metadata.shape[1] as usize, model.metadata.shape[2] as usize],
            _ => [SIDE, SIDE],
        }
    }

    fn numel(&self) -> usize {
        let [height, width] = self.size();
        (if self.about.color { 3 } else { 1 }) * height * width
    }

    /// What is compared, `[n, K]`, of the pixels of pictures.
    fn codes(&self, pixels: Vec<f32>) -> Result<Tensor, FinderError> {
        let numel = self.numel();
        let mut rows = Array2::from_shape_vec((pixels.len() / numel, numel), pixels)
            .expect("each picture has as many pixels");
        let Coder::Model(model) = &self.coder else {
            rows.mapv_inplace(|pixel| pixel / 255.0);
            let pixels = array::from_array(rows);
            return Ok(match &self.coder {
                Coder::Pca(projection) => projection.codes(&pixels).to_kind(Kind::Float),
                _ => pixels,
            });
        };
        model.metadata.preprocessing.apply(&mut rows);
        let autoencoder = model.as_autoencoder().expect("checked when it was loaded");
        // One by one if the forward pass is large.
        let most = limits::rows_per_batch(&***model, rows.nrows(), limits::MAX_BATCH_VALUES).max(1);
        let shape = [&[-1], model.metadata.shape.as_slice()].concat();
        let encode = |part: ArrayView2<'_, f32>| {
            let batch = array::from_array(part.to_owned()).view(&shape[..]).to_device(self.device);
            let code = tch::no_grad(|| codes::of_batch(autoencoder, &batch));
            code.to_device(Device::Cpu).to_kind(Kind::Float)
        };
        let parts = (0..rows.nrows())
            .step_by(most)
            .map(|first| {
                limits::guarded(|| encode(rows.slice(s![first..(first + most).min(rows.nrows()), ..])))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Tensor::cat(&parts, 0))
    }

    /// Checks the memory of what is kept of all pictures, before one is read.
    fn check_memory(&self, folder: &Path, paths: &[PathBuf]) -> Result<(), FinderError> {
        let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |about| about.len());
        let limit = MemoryLimit::for_input(paths.iter().map(size).sum(), None);
        let values = match &self.coder {
            Coder::Model(model) => model.as_autoencoder().map_or(1, |model| model.code_size()) as u64,
            _ => self.numel() as u64,
        };
        // As floats in parts, and as a whole.
        let need = (paths.len() as u64).saturating_mul(values).saturating_mul(8);
        let what = || format!("{} pictures of {values} values", paths.len());
        Ok(limit.check(&folder.display().to_string(), what, need)?)
    }
}

/// The pixels of a picture at this height and width, 0 to 255.
fn read(path: &Path, color: bool, size: [usize; 2]) -> Result<Vec<f32>, DataError> {
    let color = if color { Color::Rgb } else { Color::Gray };
    Ok(read_resized(path, color, size)?.iter().map(|&byte| f32::from(byte)).collect())
}

/// The model of a run's folder, or of a file, that has a code for pictures.
fn load(path: &Path, device: Device) -> Result<PortableModel, FinderError> {
    let path = RunDir::model_at(path);
    checked(PortableModel::load::<ModelConfig>(&path, device)?, &path)
}

fn checked(model: PortableModel, path: &Path) -> Result<PortableModel, FinderError> {
    let shape = &model.metadata.shape;
    let numel = shape.iter().product::<i64>() as usize;
    let fits = matches!(shape[..], [1 | 3, _, _])
        && model.metadata.preprocessing.features().is_none_or(|features| features == numel);
    match model.as_autoencoder() {
        Some(_) if fits => Ok(model),
        _ => Err(FinderError::Unsuited { variant: model.metadata.model.name().into(), path: path.into() }),
    }
}
