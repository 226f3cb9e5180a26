//! The model of a run's folder or of a model file, with what is known of its data.

use super::error::ApplyError;
use ae_datasets::{DataConfig, SampleShape};
use ae_models::{Autoencoder, Generator, ModelConfig};
use ae_records::files;
use ae_records::names::{did_you_mean, nearest};
use ae_records::record::Record;
use ae_records::run_dir::{RunDir, RunDirError};
use ae_tensor::Device;
use ae_training::{Experiment, PortableModel};
use std::path::{Path, PathBuf};

/// A trained model, and the run that it belongs to if there is one.
#[derive(Debug)]
pub(crate) struct Trained {
    /// The model with its metadata.
    pub(crate) model: PortableModel,
    /// Where it computes.
    pub(crate) device: Device,
    /// The model file.
    pub(crate) path: PathBuf,
    /// Its run; `None` for a model file that is alone.
    pub(crate) run: Option<TrainedRun>,
}

/// What a run's folder holds besides the model.
#[derive(Debug)]
pub(crate) struct TrainedRun {
    pub(crate) dir: RunDir,
    pub(crate) experiment: Experiment,
    pub(crate) record: Record,
}

impl Trained {
    /// Loads the model of a run's folder, of the `model.safetensors` in it, or a model file that is alone.
    ///
    /// # Errors
    /// A folder that holds no run, or an unfinished one; a file that is not a usable model.
    pub(crate) fn load(path: &Path, device: Device) -> Result<Self, ApplyError> {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
        let dir = RunDir::new(folder);
        let is_of_run = path.is_dir() || path.file_name() == dir.model().file_name();
        if path.is_dir() && !dir.config().exists() {
            return Err(RunDirError::NotARun(path.into()).into());
        }
        let run = match is_of_run && dir.config().exists() {
            true => Some(TrainedRun::read(&dir)?),
            false => None,
        };
        let path = RunDir::model_at(path);
        if run.is_some() && !path.exists() {
            return Err(ApplyError::Unfinished(dir.root().into()));
        }
        let model = PortableModel::load::<ModelConfig>(&path, device)?;
        Ok(Trained { model, device, path, run })
    }

    /// The variant's name.
    pub(crate) fn variant(&self) -> String {
        self.model.metadata.model.name().into()
    }

    /// Shape of a sample.
    pub(crate) fn shape(&self) -> &[i64] {
        &self.model.metadata.shape
    }

    /// Number of values in a sample.
    pub(crate) fn numel(&self) -> usize {
        self.shape().iter().product::<i64>() as usize
    }

    /// The same shape as that of a data set.
    pub(crate) fn sample_shape(&self) -> SampleShape {
        let dims: Vec<usize> = self.shape().iter().map(|&size| size as usize).collect();
        SampleShape::from_dims(&dims).unwrap_or(SampleShape::Vector { features: self.numel() })
    }

    /// The settings that its data were read by; those by default for a model file that is alone.
    pub(crate) fn data(&self) -> DataConfig {
        self.run.as_ref().map_or_else(DataConfig::default, |run| run.experiment.data.clone())
    }

    /// The model as an autoencoder.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn autoencoder(&self) -> Result<&dyn Autoencoder, ApplyError> {
        self.model.as_autoencoder().ok_or_else(|| ApplyError::NoCodes { variant: self.variant() })
    }

    /// The model as one that is given the label of each row, if it is.
    pub(crate) fn conditional(&self) -> Option<&dyn Generator> {
        self.model.as_generator().filter(|generator| generator.classes() > 0)
    }

    /// The number of a label's name, for a model that is given labels.
    ///
    /// # Errors
    /// A model that is not, or no such label.
    pub(crate) fn label(&self, name: &str) -> Result<i64, ApplyError> {
        if self.conditional().is_none() {
            return Err(ApplyError::Unconditional { variant: self.variant() });
        }
        let known = &self.model.metadata.label_names;
        known.iter().position(|label| label == name).map(|place| place as i64).ok_or_else(|| {
            ApplyError::UnknownLabel {
                label: name.into(),
                nearest: did_you_mean(&nearest(name, known)),
                known: known.join("`, `"),
            }
        })
    }

    /// Name of each of the values of a row: the columns of its table, or `value_0`, ….
    pub(crate) fn value_names(&self) -> Vec<String> {
        let names = &self.model.metadata.feature_names;
        if names.is_empty() { numbered("value", self.numel()) } else { names.clone() }
    }
}

impl TrainedRun {
    fn read(dir: &RunDir) -> Result<Self, ApplyError> {
        let experiment = experiment_of(dir)?;
        let record = Record::read(&dir.record())?;
        Ok(TrainedRun { dir: dir.clone(), experiment, record })
    }
}

/// The configuration that a run was trained with.
pub(crate) fn experiment_of(dir: &RunDir) -> Result<Experiment, ApplyError> {
    let path = dir.config();
    let text = files::read_to_string(&path)?;
    Ok(ae_records::config::load(&path.display().to_string(), &text, &[])?)
}

/// `name_0`, `name_1`, ….
pub(crate) fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|place| format!("{name}_{place}")).collect()
}
