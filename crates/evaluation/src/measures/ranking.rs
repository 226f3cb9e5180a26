//! Measure: how high a recommender ranks what it was not shown.

use super::Metrics;
use crate::anomaly::autoencoder;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::recommend::judge::{Ranked, model_ranked};
use ae_training::experiment::Run;

/// - `ndcg_100`, `recall_20`, `recall_50`: means over the users of the test part, of whom the model is given most of
///   what they liked, and ranks everything else (Liang et al., 2018, section 4.2).
///
/// # Errors
/// The model does not reconstruct its input, or nothing is held out within the rows of the data.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let Ranked { recall_20, recall_50, ndcg_100 } = model_ranked(run, autoencoder(run)?)?;
    Ok(Metrics::from([
        ("ndcg_100".into(), ndcg_100),
        ("recall_20".into(), recall_20),
        ("recall_50".into(), recall_50),
    ]))
}
