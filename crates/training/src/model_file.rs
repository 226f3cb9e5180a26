//! `model.safetensors`: the weights, and metadata with everything needed to use them.

use crate::description::DataDescription;
use crate::tensors::{self, TensorFileError};
use ae_datasets::Preprocessing;
use ae_models::{DataSummary, Model, ModelError, ModelSettings, limits};
use ae_tensor::{Device, Distance, Noise, Tensor, tch};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// Version of the layout that this version writes and reads.
const FORMAT: u32 = 1;
/// Number of rows stored with their reconstruction errors, to check on loading that the model still computes
/// the same.
const GOLDEN_ROWS: i64 = 8;
/// Greatest relative difference between a golden row's stored error and the one computed anew: float sums in
/// another order on another machine differ by about 1e-6.
const GOLDEN_TOLERANCE: f64 = 1e-4;

/// Metadata of the weights in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of this layout; another is refused.
    pub format: u32,
    /// Name of the preset, or of the variant if there is none.
    pub preset: String,
    /// The variant and its settings.
    pub model: NamedSettings,
    /// Name of the data set.
    pub data: String,
    /// Shape of one sample.
    pub shape: Vec<i64>,
    /// Mean, least and greatest of the training values, after preprocessing.
    pub range: [f64; 3],
    /// The preprocessing from raw values to the model's input.
    pub preprocessing: Preprocessing,
    /// Names of the labels, if the data have any.
    pub label_names: Vec<String>,
    /// Names of the values of a sample, one each, if they have any: columns, words, titles of films.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature_names: Vec<String>,
    /// By the name of a value, the numbers that stood for a missing one in the table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sentinels: BTreeMap<String, Vec<f32>>,
    /// Least and greatest training value of each channel, before preprocessing, of images that are neither grey nor in colour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channel_ranges: Vec<[f32; 2]>,
    /// The seed of the initial weights.
    pub seed: u64,
    /// Version of the program that wrote it.
    pub version: String,
}

impl Metadata {
    fn summary(&self) -> DataSummary {
        let [mean, low, high] = self.range;
        let classes = self.label_names.len() as i64;
        DataSummary { shape: self.shape.clone(), mean, low, high, classes }
    }
}

/// The settings of a variant, known or not, under its name: `{ "vae": { "latent": 2 } }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct NamedSettings {
    name: String,
    settings: Value,
}

impl NamedSettings {
    /// These settings in the form stored in a file.
    pub fn of(model: &impl ModelSettings) -> Self {
        let named = model.serialize_named(serde_json::value::Serializer);
        named.ok().and_then(|value| serde_json::from_value(value).ok()).expect("settings are always JSON")
    }

    /// The variant's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Parses these into settings that a model can be built from.
    ///
    /// # Errors
    /// If they belong to another variant, or the variant does not accept them.
    pub fn parse<S: ModelSettings>(&self) -> Result<S, serde_json::Error> {
        S::deserialize_named(Value::from(Map::from(self.clone())))
    }
}

impl TryFrom<Map<String, Value>> for NamedSettings {
    type Error = &'static str;

    fn try_from(map: Map<String, Value>) -> Result<Self, &'static str> {
        let mut entries = map.into_iter();
        match (entries.next(), entries.next()) {
            (Some((name, settings)), None) => Ok(NamedSettings { name, settings }),
            _ => Err("a model must be the name of one variant, with its settings"),
        }
    }
}

impl From<NamedSettings> for Map<String, Value> {
    fn from(NamedSettings { name, settings }: NamedSettings) -> Self {
        Map::from_iter([(name, settings)])
    }
}

/// A model with the metadata of its file: what [`Build::build`] makes and [`PortableModel::load`] reads. It
/// dereferences to its [`Model`].
pub struct PortableModel {
    /// The model, on the requested device.
    pub model: Box<dyn Model>,
    /// Its metadata.
    pub metadata: Metadata,
}

/// Builds saveable models from the settings of any variant, in the registry or not.
pub trait Build: ModelSettings {
    /// The untrained model, on the CPU; its initial weights are a function of `seed`.
    ///
    /// # Errors
    /// If a setting is out of range, layers do not fit, or the output cannot reproduce the data.
    fn build(&self, data: &DataDescription, seed: u64) -> Result<PortableModel, ModelError> {
        self.build_on(data, seed, Device::Cpu)
    }

    /// The model on `device`. Initial weights on a CPU and on CUDA differ.
    ///
    /// # Errors
    /// As [`Build::build`].
    fn build_on(
        &self,
        data: &DataDescription,
        seed: u64,
        device: Device,
    ) -> Result<PortableModel, ModelError> {
        let DataDescription { name, summary, preprocessing, label_names, feature_names, .. } = data;
        let metadata = Metadata {
            format: FORMAT,
            preset: self.name().into(),
            model: NamedSettings::of(self),
            data: name.clone(),
            shape: summary.shape.clone(),
            range: [summary.mean, summary.low, summary.high],
            preprocessing: preprocessing.clone(),
            label_names: label_names.clone(),
            feature_names: feature_names.clone(),
            sentinels: data.sentinels.clone(),
            channel_ranges: data.channel_ranges.clone(),
            seed,
            version: env!("CARGO_PKG_VERSION").into(),
        };
        let model = self.initialise(summary, &Noise::new(seed, 0, device))?;
        Ok(PortableModel { model, metadata })
    }
}

impl<S: ModelSettings> Build for S {}

impl Deref for PortableModel {
    type Target = dyn Model;

    fn deref(&self) -> &Self::Target {
        self.model.as_ref()
    }
}

impl AsRef<dyn Model> for PortableModel {
    fn as_ref(&self) -> &(dyn Model + 'static) {
        self.model.as_ref()
    }
}

impl std::fmt::Debug for PortableModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PortableModel").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

/// A model file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// The file itself.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// Written by another version.
    #[error("{} has format {got}, but this version reads format {FORMAT}; train the model again", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        got: u32,
    },
    /// A detector of anomalies.
    #[error("{} is a detector, not a trained model; `ae detect score` uses it", .0.display())]
    Detector(PathBuf),
    /// Settings of another variant, or that the variant no longer accepts.
    #[error("{} does not hold the expected model: {source}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Settings that no longer build a model.
    #[error("{} describes a model that cannot be built: {source}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ModelError,
    },
    /// Weights that do not match the model.
    #[error("{} does not hold the model that it describes: {reason}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
}

impl PortableModel {
    /// Writes the model. The same weights and settings give the same bytes.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ModelFileError> {
        Ok(tensors::write(path.as_ref(), &self.tensors(), &self.metadata)?)
    }

    /// What its file holds besides the metadata, for a file that holds more than a model.
    pub fn tensors(&self) -> Vec<(String, Tensor)> {
        let name = |(name, tensor)| (format!("model.{name}"), tensor);
        let mut all: Vec<(String, Tensor)> = self.model.state().into_iter().map(name).collect();
        let rows = self.golden_rows();
        if let Some(errors) = self.errors(&rows) {
            all.push(("golden.rows".into(), rows));
            all.push(("golden.errors".into(), errors));
        }
        all
    }

    /// Reads a model onto `device`, and checks it against its golden rows. `S` determines the known variants:
    /// the settings of one, or [`ae_models::ModelConfig`] for the whole registry.
    ///
    /// # Errors
    /// If the file is damaged, foreign, from another version, of another variant, or does not hold what it
    /// describes; see [`limits`] for what it may describe. No more memory is allocated for weights than the
    /// file holds.
    pub fn load<S: ModelSettings>(path: impl AsRef<Path>, device: Device) -> Result<Self, ModelFileError> {
        let (tensors, metadata): (BTreeMap<String, Tensor>, Value) = tensors::read(path.as_ref())?;
        Self::from_tensors::<S>(tensors, metadata, path.as_ref(), device)
    }

    /// The model of [`PortableModel::tensors`] and its metadata, with the same checks; `path` is for errors.
    ///
    /// # Errors
    /// As [`PortableModel::load`].
    pub fn from_tensors<S: ModelSettings>(
        tensors: BTreeMap<String, Tensor>,
        metadata: Value,
        path: &Path,
        device: Device,
    ) -> Result<Self, ModelFileError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
            /// Of a detector.
            schema: Option<IgnoredAny>,
        }
        let foreign = |error: serde_json::Error| TensorFileError::Foreign {
            path: path.into(),
            reason: error.to_string(),
        };
        // Check the format first: another version may hold other metadata.
        let Format { format, schema } = Format::deserialize(&metadata).map_err(foreign)?;
        if schema.is_some() {
            return Err(ModelFileError::Detector(path.into()));
        }
        if format != FORMAT {
            return Err(ModelFileError::Format { path: path.into(), got: format });
        }
        let metadata = Metadata::deserialize(metadata).map_err(foreign)?;
        let mismatch = |reason: String| ModelFileError::Mismatch { path: path.into(), reason };
        let failed = |source| ModelFileError::Model { path: path.into(), source };
        let names = metadata.feature_names.len();
        let numel = metadata.shape.iter().try_fold(1i64, |numel, &size| numel.checked_mul(size));
        if names > 0 && numel != Some(names as i64) {
            return Err(mismatch(format!("{names} names for samples of shape {:?}", metadata.shape)));
        }
        let settings = metadata.model.parse::<S>();
        let settings = settings.map_err(|source| ModelFileError::Settings { path: path.into(), source })?;

        let (mut weights, mut golden) = (BTreeMap::new(), BTreeMap::new());
        for (name, tensor) in tensors {
            match (name.strip_prefix("model."), name.strip_prefix("golden.")) {
                (Some(weight), _) => drop(weights.insert(weight.to_string(), tensor)),
                (_, Some(part @ ("rows" | "errors"))) => drop(golden.insert(part.to_string(), tensor)),
                _ => return Err(mismatch(format!("the tensor `{name}` belongs to nothing"))),
            }
        }
        let shapes = weights.iter().map(|(name, tensor)| (name.clone(), tensor.size())).collect();
        let noise = Noise::new(metadata.seed, 0, device);
        let model = limits::build_stored(&settings, &metadata.summary(), &noise, &shapes).map_err(failed)?;
        for (name, mut parameter) in model.state() {
            let saved = &weights[&name]; // the names are the same, or it would not have been built
            if saved.kind() != parameter.kind() {
                let (got, needed) = (saved.kind(), parameter.kind());
                return Err(mismatch(format!("`{name}` holds {got:?} instead of {needed:?}")));
            }
            tch::no_grad(|| parameter.copy_(saved));
        }
        let loaded = PortableModel { model, metadata };
        if let (Some(rows), Some(expected)) = (golden.get("rows"), golden.get("errors")) {
            let checked = limits::guarded(|| loaded.check(&rows.to_device(device), expected));
            checked.map_err(failed)?.map_err(mismatch)?;
        }
        Ok(loaded)
    }

    /// Values within the range of the training data, `[N, …]`, on the model's device: the same for the same
    /// file.
    fn golden_rows(&self) -> Tensor {
        let Metadata { ref shape, range: [_, low, high], seed, .. } = self.metadata;
        let device = self.model.parameters().first().map_or(Device::Cpu, |(_, tensor)| tensor.device());
        let size = [&[GOLDEN_ROWS], shape.as_slice()].concat();
        Noise::new(seed, 0, device).fork("golden rows").uniform("rows", &size) * (high - low) + low
    }

    /// Checks that rows are reconstructed with the stored errors; otherwise says what is wrong.
    fn check(&self, rows: &Tensor, expected: &Tensor) -> Result<(), String> {
        let fits =
            rows.size().get(1..) == Some(&self.metadata.shape[..]) && expected.size() == rows.size()[..1];
        let is_small = rows.size().first().is_some_and(|&n| n <= GOLDEN_ROWS);
        let obtained = (fits && is_small).then(|| self.errors(rows)).flatten();
        let off = obtained.map_or(f64::INFINITY, |obtained| {
            let scale = expected.abs().clamp_min(1e-12);
            ((obtained - expected).abs() / scale).max().double_value(&[])
        });
        if off <= GOLDEN_TOLERANCE {
            return Ok(());
        }
        Err(format!(
            "the errors of its stored rows differ from the stored errors by {off:.1e} (at most \
             {GOLDEN_TOLERANCE:.0e} is allowed)"
        ))
    }

    /// Mean squared error of each row's reconstruction, `[N]`, on the CPU; `None` for a model that does not
    /// reconstruct.
    fn errors(&self, rows: &Tensor) -> Option<Tensor> {
        let autoencoder = self.model.as_autoencoder()?;
        let error = |rows: &Tensor| Distance::MeanSquared.per_sample(&autoencoder.reconstruct(rows), rows);
        // One by one if the forward pass is large.
        let (model, most) = (self.model.as_ref(), GOLDEN_ROWS as usize);
        let size = limits::rows_per_batch(model, most, limits::MAX_BATCH_VALUES) as i64;
        let errors: Vec<Tensor> = tch::no_grad(|| rows.split(size, 0).iter().map(error).collect());
        Some(Tensor::cat(&errors, 0).to_device(Device::Cpu))
    }
}
