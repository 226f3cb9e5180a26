//! Why a model cannot be built, or makes no samples.

use crate::network::ShapeError;
use crate::sampler::Sampler;
use ae_tensor::MixtureError;
use ae_tensor::likelihood::LikelihoodError;
use ae_tensor::loss::LossError;

/// A model that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Layers that do not fit the data or each other.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Data that the likelihood cannot take.
    #[error(transparent)]
    Likelihood(#[from] LikelihoodError),
    /// An output or data for which the loss is not defined.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// Data that the output cannot reproduce.
    #[error(
        "the data span [{low}, {high}], but a {activation} output only gives values in [{legal_low}, {legal_high}]; \
         set data.scale = \"min-max\" (one range for all values) or \"min-max-channels\" (one for each column or \
         channel), or choose another `output` of the model"
    )]
    Output {
        /// Least value seen.
        low: f64,
        /// Greatest value seen.
        high: f64,
        /// The activation's name.
        activation: String,
        /// Least value that the output gives.
        legal_low: f64,
        /// Greatest value that the output gives.
        legal_high: f64,
    },
    /// Data without labels for a variant that learns from them.
    #[error(
        "model.{variant} needs the label of each sample, but the data have none; choose data with labels (for a \
         table, set data.label), or a variant that needs none, such as `vae`"
    )]
    NoLabels {
        /// The variant.
        variant: &'static str,
    },
    /// A model that holds more numbers than allowed.
    #[error("it holds {numel} numbers, but at most {limit} are allowed")]
    TooLarge {
        /// The numbers that it holds.
        numel: i64,
        /// The numbers that are allowed.
        limit: i64,
    },
    /// A forward pass that makes more values than allowed.
    #[error(
        "one sample takes {activations} values in a forward pass, but at most {limit} are allowed; choose smaller \
         layers or smaller samples"
    )]
    TooManyActivations {
        /// The values that it makes.
        activations: i64,
        /// The values that are allowed.
        limit: i64,
    },
    /// Training that takes more memory than there is.
    #[error(
        "training it takes about {} of memory, but the machine has {}; choose smaller layers (such as `code`, `hidden` \
         or `channels`), or a smaller training.batch",
        gigabytes(*needed), gigabytes(*available)
    )]
    Memory {
        /// Bytes needed.
        needed: u64,
        /// Bytes that there are.
        available: u64,
    },
    /// A file whose tensors are not those of the model that it describes.
    #[error("{reason}")]
    Stored {
        /// What differs.
        reason: String,
    },
    /// A model from a file that libtorch cannot compute.
    #[error("libtorch cannot compute it: {reason}")]
    Torch {
        /// The first line of what libtorch says.
        reason: String,
    },
    /// A setting out of range.
    #[error("model.{variant}.{setting} = {got} is out of range; it must be {legal}")]
    Setting {
        /// The variant.
        variant: &'static str,
        /// The setting.
        setting: &'static str,
        /// The value given.
        got: String,
        /// What it must be.
        legal: &'static str,
    },
}

/// In units of 10⁹ bytes.
fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// A sampler that does not suit a model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SamplerError {
    /// A model that has no codes to decode.
    #[error(
        "the sampler {0} needs a model that encodes and decodes, or one with a prior; this one does neither"
    )]
    NoCodes(Sampler),
    /// Codes of indices, for a sampler of numbers.
    #[error(
        "the codes of this model are indices, of which the sampler {0} makes none; use the sampler positions"
    )]
    Discrete(Sampler),
    /// Codes of numbers, for a sampler of indices.
    #[error("the codes of this model are numbers, so none repeats; use the sampler gmm, gaussian or prior")]
    NotDiscrete,
    /// The sampler that is a model of its own.
    #[error(
        "the sampler two-stage is a second model, which has to be trained on the codes first; see FittedSampler::of_second_stage"
    )]
    Untrained,
    /// No rows to fit to.
    #[error("a sampler needs at least one row to learn from, got none")]
    NoRows,
    /// Codes that give no density.
    #[error(transparent)]
    Mixture(#[from] MixtureError),
}
