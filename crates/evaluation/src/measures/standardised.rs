//! How well errors in units of their usual size tell anomalies from normal test rows: see [`ae_anomaly::Score`].

use super::{Metrics, anomaly};
use crate::context::Context;
use crate::error::EvaluationError;
use ae_anomaly::Score;
use ae_training::experiment::Run;

/// The figures of the measure `anomaly`. A row's score is the mean over its values of the absolute error in units of that
/// value's root mean square error over the training rows.
///
/// # Errors
/// A model that reconstructs nothing; data without test rows, labels or a normal label.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    anomaly::of_score(run, Score::Standardised)
}
