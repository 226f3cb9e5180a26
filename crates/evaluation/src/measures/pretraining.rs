//! Measure: the benefit of layer-wise pre-training when few rows have labels.

use super::Metrics;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::pretrain::{Start, fine_tuned, labelled};
use ae_training::experiment::Run;

/// Labelled training rows, chosen by the run's seed.
const LABELS: usize = 100;

/// Classification errors on the test rows in %, after fine-tuning on 100 labelled rows: `random_error` from
/// random weights, `pretrained_error` from the run's weights, and `less_by`, the first minus the second.
/// Everything else is the same; see [`crate::pretrain`].
///
/// # Errors
/// The model has no layers to pre-train, or the data have no labels or no test rows.
pub(super) fn measure(context: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let splits = labelled(context, run, Some(LABELS))?;
    let random = 100.0 * fine_tuned(context, run, &splits, Start::Random)?;
    let pretrained = 100.0 * fine_tuned(context, run, &splits, Start::Pretrained)?;
    Ok(Metrics::from([
        ("random_error".into(), random),
        ("pretrained_error".into(), pretrained),
        ("less_by".into(), random - pretrained),
    ]))
}
