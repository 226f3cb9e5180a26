//! Measure: how well documents on the same subject are found by codes, beside latent semantic analysis.

use super::Metrics;
use crate::anomaly::autoencoder;
use crate::codes;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::retrieval::{Trial, mean_average_precisions};
use ae_models::ModelConfig;
use ae_training::experiment::Run;

/// - `code`: mean average precision by the cosine of codes, or for bits by the Hamming distance.
/// - `lsa`: by latent semantic analysis of the same size, of tf-idf or of ln(1 + tf), whichever finds more.
/// - `lsa50`: the same with 50 numbers.
///
/// # Errors
/// The model has no codes, or the data are not documents with topics.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let trial = Trial::new(&run.splits, run.experiment.training.seed)?;
    let bits = matches!(&run.experiment.model, ModelConfig::Text(text) if text.bits);
    mean_average_precisions(&trial, &codes::of_split(autoencoder(run)?, &run.splits.test), bits)
}
