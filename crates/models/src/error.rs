//! Why a model cannot be built.

use crate::network::ShapeError;
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
        "the data range over [{low}, {high}], but a {activation} output gives values in [{legal_low}, {legal_high}] \
         only; scale the data, or choose another `output`"
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
        "model.{variant} is told the label of each sample, and the data have none; choose data with labels (for a \
         table, set data.label), or a variant that needs none, such as `vae`"
    )]
    NoLabels {
        /// The variant.
        variant: &'static str,
    },
    /// More numbers than are allowed.
    #[error("it holds {numel} numbers, and at most {limit} are allowed")]
    TooLarge {
        /// What it holds.
        numel: i64,
        /// What is allowed.
        limit: i64,
    },
    /// A setting out of its range.
    #[error("model.{variant}.{setting} = {got} is out of range; it is {legal}")]
    Setting {
        /// The variant.
        variant: &'static str,
        /// The setting.
        setting: &'static str,
        /// Got.
        got: String,
        /// What would be right.
        legal: &'static str,
    },
}
