//! Measure: how good the samples of an autoencoder are, by where the codes come from.

use super::Metrics;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::sampling::samples;
use crate::yardstick::Yardstick;
use ae_models::{CodeForm, Sampler};
use ae_training::experiment::Run;

/// - `fid_prior`, `fid_gaussian`, `fid_gmm`, `fid_two-stage`: Fréchet distance, as that of the measure `fid`, of samples
///   decoded from draws of N(0, I), of one Gaussian, of a mixture of ten, and of a second variational autoencoder; all but the
///   first are fitted to codes of training rows;
/// - `gain`: `fid_gmm` divided by `fid_prior`; below 1, the mixture is better.
///
/// # Errors
/// The model does not encode to numbers, or the data have no images, no labels or no test rows.
pub(super) fn measure(context: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let variant = run.experiment.model.name();
    let form = run.model.as_autoencoder().map(|autoencoder| autoencoder.code_form());
    let Some(CodeForm::Numbers(_)) = form else {
        return Err(EvaluationError::Unsuited {
            measure: "sampling",
            variant: variant.into(),
            missing: "codes of numbers",
        });
    };
    let yardstick = Yardstick::of(context, &run.experiment.data)?;
    let n = yardstick.held_out().size()[0] as usize;
    let mut metrics = Metrics::new();
    let mut distance = |sampler: Sampler| {
        let distance = yardstick.judge(variant, &samples(run, sampler, n)?)?.distance;
        metrics.insert(format!("fid_{sampler}"), distance);
        Ok::<_, EvaluationError>(distance)
    };
    let (prior, _, gmm) = (distance(Sampler::Prior)?, distance(Sampler::Gaussian)?, distance(Sampler::Gmm)?);
    distance(Sampler::TwoStage)?;
    metrics.insert("gain".into(), gmm / prior);
    Ok(metrics)
}
