//! Measure: errors of predicted ratings.

use super::Metrics;
use crate::anomaly::autoencoder;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::recommend::judge::{RatingErrors, model_rating_errors};
use ae_training::experiment::Run;

/// - `rmse`: root of the mean squared error of the held-out ratings of the test part, in stars, each predicted from
///   the training ratings of the same row, and limited to the range of the training ratings;
/// - `mae`: the mean absolute error.
///
/// Unlike the loss of a run, each rating counts the same, whatever batch it is in.
///
/// # Errors
/// The model does not reconstruct its input, or the data hold out no ratings within rows.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let RatingErrors { rmse, mae } = model_rating_errors(run, autoencoder(run)?)?;
    Ok(Metrics::from([("rmse".into(), rmse), ("mae".into(), mae)]))
}
