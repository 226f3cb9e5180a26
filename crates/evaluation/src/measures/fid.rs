//! Measure: the distance of generated images from held-out ones, by the features of the preset `classifier`
//! on the same data.

use super::Metrics;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::sampling::samples;
use crate::yardstick::Yardstick;
use ae_models::Sampler;
use ae_training::experiment::Run;

/// - `fid`: Fréchet distance between the features of the held-out images and of as many samples. The
///   features are this project's own, so the value is not comparable with an FID of Inception's features.
/// - `classes`: classes that the classifier finds among the first 1,000 samples; `rarest`: samples of the
///   rarest class.
/// - `classifier_accuracy`: on the held-out images. The other figures are only as reliable as the classifier.
///
/// A model without a prior is sampled by a mixture of Gaussians on its codes; one with a codebook, from codes
/// whose positions are drawn independently.
///
/// # Errors
/// The model does not generate samples, or the data have no images, no labels or no test rows.
pub(super) fn measure(context: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let yardstick = Yardstick::of(context, &run.experiment.data)?;
    let variant = run.experiment.model.name();
    let sampler = Sampler::of(run.model.as_ref()).ok_or_else(|| EvaluationError::Unsuited {
        measure: "fid",
        variant: variant.into(),
        missing: "samples",
    })?;
    let generated = samples(run, sampler, yardstick.held_out().size()[0] as usize)?;
    let verdict = yardstick.judge(variant, &generated)?;
    Ok(Metrics::from([
        ("fid".into(), verdict.distance),
        ("classes".into(), verdict.classes() as f64),
        ("rarest".into(), verdict.rarest() as f64),
        ("classifier_accuracy".into(), yardstick.accuracy()),
    ]))
}
