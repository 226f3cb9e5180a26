//! What a run begins with besides random weights: those of another model, and the parameters that stay as they are.

use crate::config::TrainingConfig;
use crate::data::Splits;
use crate::outcome::TrainError;
use crate::tensors::{self, TensorFileError};
use ae_models::Model;
use ae_records::names::{did_you_mean, nearest};
use ae_records::run_dir::RunDir;
use ae_tensor::{Tensor, tch};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Why a run cannot begin so.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The model file.
    #[error(transparent)]
    File(#[from] TensorFileError),
    /// Neither a model file nor the folder of a finished run.
    #[error("training.init_from: {} is no model; give the folder of a finished run, or a model file", .0.display())]
    NoModel(PathBuf),
    /// A model with other tensors.
    #[error(
        "training.init_from: the model in {} has no `{name}`, which this one needs; give this one the same layers and variant \
         (`{variant}`)",
        path.display()
    )]
    NotThere {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The variant of the model in the file.
        variant: String,
    },
    /// A model with tensors of other shapes.
    #[error(
        "training.init_from: `{name}` has the shape {got:?} in {}, but this model needs {needed:?}; give it the same widths, and \
         samples of the same shape",
        path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape there.
        got: Vec<i64>,
        /// Its shape here.
        needed: Vec<i64>,
    },
    /// A name that no parameter begins with.
    #[error(
        "training.freeze: no parameter is called `{name}` or begins with `{name}.`{nearest}; the networks are `{known}`"
    )]
    Unknown {
        /// What was given.
        name: String,
        /// Similar names, as the end of a sentence; may be empty.
        nearest: String,
        /// The networks.
        known: String,
    },
    /// Nothing is left to train.
    #[error("training.freeze names every parameter, so there is nothing to train")]
    AllFrozen,
}

/// Whether a parameter or buffer stays as it is: its name, or the beginning of it up to a point, is among `names`.
pub(crate) fn is_frozen(parameter: &str, names: &[String]) -> bool {
    names
        .iter()
        .any(|name| parameter.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Checks that a model can begin as the configuration says.
///
/// # Errors
/// See [`StartError`].
pub(crate) fn check(model: &dyn Model, config: &TrainingConfig) -> Result<(), StartError> {
    check_frozen(model, &config.freeze)?;
    config.init_from.as_deref().map_or(Ok(()), |path| weights(model, path).map(drop))
}

/// Checks that the data have what the configuration needs, and that they can be changed at random as it says.
///
/// # Errors
/// [`TrainError::NoValidation`] or [`TrainError::Augment`].
pub(crate) fn check_data(data: &Splits, config: &TrainingConfig) -> Result<(), TrainError> {
    if let Some(setting) = config.needs_validation().filter(|_| data.validation.is_empty()) {
        return Err(TrainError::NoValidation(setting));
    }
    Ok(data.check_augment()?)
}

/// The model file that `training.init_from` means.
pub(crate) fn model_file(path: &Path) -> PathBuf {
    RunDir::model_at(path)
}

/// Gives a model the weights of another.
///
/// # Errors
/// A file that is no model, or one with other tensors.
pub(crate) fn take_weights(model: &dyn Model, path: &Path) -> Result<(), StartError> {
    for (mut mine, theirs) in weights(model, path)? {
        tch::no_grad(|| mine.copy_(&theirs));
    }
    Ok(())
}

/// Each tensor of the model with the one that it gets its values from.
fn weights(model: &dyn Model, path: &Path) -> Result<Vec<(Tensor, Tensor)>, StartError> {
    let file = model_file(path);
    if !file.exists() {
        return Err(StartError::NoModel(path.into()));
    }
    let (mut saved, metadata): (BTreeMap<String, Tensor>, Value) = tensors::read(&file)?;
    let variant =
        metadata["model"].as_object().and_then(|model| model.keys().next().cloned()).unwrap_or_default();
    let mut pairs = Vec::new();
    for (name, mine) in model.state() {
        let Some(theirs) = saved.remove(&format!("model.{name}")) else {
            return Err(StartError::NotThere { path: file, name, variant });
        };
        if theirs.size() != mine.size() {
            let (got, needed) = (theirs.size(), mine.size());
            return Err(StartError::Shape { path: file, name, got, needed });
        }
        pairs.push((mine, theirs));
    }
    Ok(pairs)
}

/// Checks that there are such parameters, and others.
///
/// # Errors
/// [`StartError::Unknown`] or [`StartError::AllFrozen`].
pub(crate) fn check_frozen(model: &dyn Model, names: &[String]) -> Result<(), StartError> {
    let parameters: Vec<String> = model.parameters().into_iter().map(|(name, _)| name).collect();
    for name in names {
        if !parameters.iter().any(|parameter| is_frozen(parameter, std::slice::from_ref(name))) {
            let network = |parameter: &String| parameter.split('.').next().unwrap_or_default().to_owned();
            let networks: BTreeSet<String> = parameters.iter().map(network).collect();
            let near = did_you_mean(&nearest(name, &networks));
            let known = networks.into_iter().collect::<Vec<_>>().join("`, `");
            return Err(StartError::Unknown { name: name.clone(), nearest: near, known });
        }
    }
    match parameters.iter().all(|parameter| is_frozen(parameter, names)) {
        true => Err(StartError::AllFrozen),
        false => Ok(()),
    }
}
