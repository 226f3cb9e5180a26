//! Measure: how many bits it takes to store images exactly, in a real file.

use super::Metrics;
use crate::compression::stored;
use crate::context::Context;
use crate::error::EvaluationError;
use ae_training::experiment::Run;

/// - `bits_per_pixel`: of the file that holds at most 10,000 test images, by bits-back coding (Townsend, Bird & Barber, 2019);
///   every image was decoded again and compared;
/// - `overhead`: by which share the file is longer than the model's own bound, -ELBO.
///
/// # Errors
/// The model does not store images exactly.
pub(super) fn measure(context: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let stored = stored(context, run)?;
    Ok([("bits_per_pixel".into(), stored.bits_per_pixel), ("overhead".into(), stored.overhead())].into())
}
