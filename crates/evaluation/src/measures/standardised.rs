//! Measure: how well standardised errors separate anomalies from normal test rows; see [`ae_anomaly::Score`].

use super::{Metrics, anomaly};
use crate::context::Context;
use crate::error::EvaluationError;
use ae_anomaly::Score;
use ae_training::experiment::Run;

/// The figures of the measure `anomaly`, with another score: each value's absolute error is divided by the
/// root mean square error of that value over the training rows, and a row's score is the mean over its
/// values.
///
/// # Errors
/// The model does not reconstruct its input, or the data have no test rows, no labels or no normal label.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    anomaly::of_score(run, Score::Standardised)
}
