//! How far generated images lie from held-out ones, by the features of the preset `classifier` on the same data.

use super::Metrics;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::yardstick::{Yardstick, samples};
use ae_training::experiment::Run;

/// - `fid`: Fréchet distance between the features of as many samples as there are held-out images, and of these. The
///   features are the project's own, so it compares with no FID of Inception's features.
/// - `classes`: classes that the classifier finds among the first 1,000 samples; `rarest`: samples of the rarest.
/// - `classifier_accuracy`: on the held-out images; the figures are worth as much as it is.
///
/// A model with a codebook, which has no prior, is sampled with codes whose places are drawn independently.
///
/// # Errors
/// A model that makes no samples, data without images, labels or test rows.
pub(super) fn measure(context: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let yardstick = Yardstick::of(context, &run.experiment.data)?;
    let variant = run.experiment.model.name();
    let generated = samples(run, yardstick.held_out().size()[0] as usize).ok_or_else(|| {
        EvaluationError::Unsuited { measure: "fid", variant: variant.into(), missing: "samples" }
    })?;
    let verdict = yardstick.judge(variant, &generated)?;
    Ok(Metrics::from([
        ("fid".into(), verdict.distance),
        ("classes".into(), verdict.classes() as f64),
        ("rarest".into(), verdict.rarest() as f64),
        ("classifier_accuracy".into(), yardstick.accuracy()),
    ]))
}
