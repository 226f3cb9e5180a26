//! `model.safetensors`: the weights, and in the metadata all that is needed to use them.

use crate::tensors::{self, TensorFileError};
use ae_datasets::Preprocessing;
use ae_models::{DataSummary, Model, ModelConfig, ModelError};
use ae_tensor::{Device, Distance, Noise, Tensor};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Greatest relative difference between a golden row's stored error and the one computed anew: float sums in
/// another order on another machine differ by about 1e-6.
const GOLDEN_TOLERANCE: f64 = 1e-4;

/// What the file says of its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of this layout: 1.
    pub format: u32,
    /// Name of the preset.
    pub preset: String,
    /// The variant and its settings.
    pub model: ModelConfig,
    /// Name of the data set.
    pub data: String,
    /// Shape of one sample.
    pub shape: Vec<i64>,
    /// Mean, least and greatest of the training values, after preprocessing.
    pub range: [f64; 3],
    /// From raw values to what the model takes.
    pub preprocessing: Preprocessing,
    /// Names of the labels, where the data have some.
    pub label_names: Vec<String>,
    /// The seed of the run.
    pub seed: u64,
    /// Version of the program that wrote it.
    pub version: String,
}

/// A model that was read from a file, ready to use.
pub struct Trained {
    /// The model, on the device that was asked for.
    pub model: Box<dyn Model>,
    /// What the file says of it.
    pub metadata: Metadata,
}

impl std::fmt::Debug for Trained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trained").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

/// A model file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The file itself.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// Settings that no longer build a model.
    #[error("{} describes a model that cannot be built: {source}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ModelError,
    },
    /// Weights that are not those of the model.
    #[error("{} does not hold the model that it describes: {reason}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
}

/// Writes a model. `golden` are a few rows `[N, …]` of training data that are stored with their reconstruction
/// errors, so that reading can prove that the model still does what it did.
///
/// # Errors
/// Where the file cannot be written.
pub fn save(
    path: &Path,
    model: &dyn Model,
    metadata: &Metadata,
    golden: &Tensor,
) -> Result<(), ArtifactError> {
    let name = |(name, tensor)| (format!("model.{name}"), tensor);
    let mut all: Vec<(String, Tensor)> = model.state().into_iter().map(name).collect();
    if let Some(errors) = errors(model, golden) {
        all.push(("golden.rows".into(), golden.shallow_clone()));
        all.push(("golden.errors".into(), errors));
    }
    Ok(tensors::write(path, &all, metadata)?)
}

/// Reads a model to `device`, and checks it against its golden rows.
///
/// # Errors
/// Where the file is damaged, foreign, or does not hold what it describes.
pub fn load(path: &Path, device: Device) -> Result<Trained, ArtifactError> {
    let (tensors, metadata): (_, Metadata) = tensors::read(path)?;
    let mismatch = |reason: String| ArtifactError::Mismatch { path: path.into(), reason };
    let values: i64 = metadata.shape.iter().try_fold(1i64, |n, &d| n.checked_mul(d)).unwrap_or(i64::MAX);
    let held: usize = tensors.values().map(Tensor::numel).sum();
    // A described sample may be as large as the weights allow, no larger: nothing is built of a made-up size.
    if metadata.shape.iter().any(|&d| d < 1) || values as u64 > (held as u64).max(1) {
        return Err(mismatch(format!(
            "its samples of shape {:?} are larger than its weights",
            metadata.shape
        )));
    }
    let [mean, low, high] = metadata.range;
    let classes = metadata.label_names.len() as i64;
    let data = DataSummary { shape: metadata.shape.clone(), mean, low, high, classes };
    let model = metadata
        .model
        .initialise(&data, &Noise::new(metadata.seed, 0, device))
        .map_err(|source| ArtifactError::Model { path: path.into(), source })?;
    for (name, mut parameter) in model.state() {
        let saved = tensors
            .get(&format!("model.{name}"))
            .ok_or_else(|| mismatch(format!("the weights `{name}` are missing")))?;
        if saved.size() != parameter.size() || saved.kind() != parameter.kind() {
            let (got, needed) = (saved.size(), parameter.size());
            return Err(mismatch(format!("`{name}` has the shape {got:?} in place of {needed:?}")));
        }
        ae_tensor::tch::no_grad(|| parameter.copy_(saved));
    }
    if let (Some(rows), Some(expected)) = (tensors.get("golden.rows"), tensors.get("golden.errors")) {
        let fits = rows.size().get(1..) == Some(&metadata.shape[..]) && expected.size() == rows.size()[..1];
        let obtained = fits.then(|| errors(model.as_ref(), &rows.to_device(device))).flatten();
        let off = obtained.map_or(f64::INFINITY, |obtained| {
            let scale = expected.abs().clamp_min(1e-12);
            ((obtained - expected).abs() / scale).max().double_value(&[])
        });
        if off.is_nan() || off > GOLDEN_TOLERANCE {
            let reason = format!("its stored rows are reconstructed with errors that are off by {off:.1e}");
            return Err(mismatch(format!("{reason} (at most {GOLDEN_TOLERANCE:.0e} is right)")));
        }
    }
    Ok(Trained { model, metadata })
}

/// Mean squared error of each row's reconstruction, `[N]`, on the CPU; none for a model that reconstructs nothing.
fn errors(model: &dyn Model, rows: &Tensor) -> Option<Tensor> {
    let autoencoder = model.as_autoencoder()?;
    let error = |rows: &Tensor| Distance::MeanSquared.per_sample(&autoencoder.reconstruct(rows), rows);
    Some(ae_tensor::tch::no_grad(|| error(rows)).to_device(Device::Cpu))
}
