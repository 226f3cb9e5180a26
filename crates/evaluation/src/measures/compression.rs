//! Measure: how many bits a compressor takes, in real files.

use super::Metrics;
use crate::compression::{Gallery, compressor};
use crate::context::Context;
use crate::error::EvaluationError;
use ae_training::experiment::Run;

/// - `bd_rate`: by which share its bits differ from those of JPEG at equal PSNR (Bjøntegaard, 2001), on a mosaic of test
///   images; -0.3 is 30 % fewer. Missing if the two reach no common PSNR;
/// - `overhead`: by which share the file is longer than the model's own `-log₂ P` of what it stores.
///
/// # Errors
/// The model does not compress.
pub(super) fn measure(context: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    if run.model.as_compressor().is_none() {
        return Err(EvaluationError::Unsuited {
            measure: "compression",
            variant: run.experiment.model.name().into(),
            missing: "latents with probabilities",
        });
    }
    let (rate, overhead) = Gallery::of(run)?.summary(&compressor(run, context)?)?;
    let rate = rate.map(|rate| ("bd_rate".to_owned(), rate));
    Ok([("overhead".to_owned(), overhead)].into_iter().chain(rate).collect())
}
