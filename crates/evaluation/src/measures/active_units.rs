//! Measure: how many latents carry information (Burda et al., 2016, section 5.2).

use super::Metrics;
use crate::context::Context;
use crate::density::{latent_variable, latents};
use crate::error::EvaluationError;
use crate::held_out;
use ae_training::experiment::Run;

/// - `count`: latents whose posterior mean has a variance above 0.01 over the test rows;
/// - `share`: the same as a share of all latents;
/// - `kl`: KL divergence of all latents together, in nats;
/// - `kl_greatest`: that of the latent with the greatest KL divergence.
///
/// # Errors
/// The model has no posterior, or the data have no test rows.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let model = latent_variable(run)?;
    let latents = latents(model, held_out::test(run)?, run.record.seed);
    let count = latents.active() as f64;
    Ok(Metrics::from([
        ("count".into(), count),
        ("share".into(), count / latents.kl.len() as f64),
        ("kl".into(), latents.kl.iter().sum()),
        ("kl_greatest".into(), latents.kl.iter().copied().fold(0.0, f64::max)),
    ]))
}
