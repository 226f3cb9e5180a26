//! Measure: how closely the aggregated posterior (the codes of all test rows) matches the prior N(0, I).

use super::Metrics;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::held_out;
use ae_metrics::{Bandwidth, mmd_rbf};
use ae_models::Code;
use ae_tensor::{Noise, array, tch};
use ae_training::experiment::Run;

/// Number of codes, and of draws of the prior.
const ROWS: usize = 2000;

/// - `mmd`: squared maximum mean discrepancy (unbiased, Gaussian kernel of median width) between the codes
///   of 2,000 evenly spaced test rows and as many draws of the prior. It is around 0 if the two cannot be
///   told apart, and at most 2. If the posterior is a distribution, one draw per row is taken.
/// - `mmd_prior`: the same between two sets of draws of the prior. Its size, of either sign, shows how much
///   of `mmd` is due to chance.
/// - `std_least`, `std_greatest`: least and greatest standard deviation of the code's dimensions; the prior
///   has 1.
///
/// # Errors
/// The model does not both encode to and generate from the same code, or the data have no test rows.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let unsuited = || EvaluationError::Unsuited {
        measure: "posterior",
        variant: run.experiment.model.name().into(),
        missing: "codes with a prior",
    };
    let generator = run.model.as_generator().ok_or_else(unsuited)?;
    let autoencoder = run.model.as_autoencoder().ok_or_else(unsuited)?;
    let latent = generator.latent_size();
    if autoencoder.code_size() != latent {
        return Err(unsuited());
    }
    let rows = held_out::strided(held_out::test(run)?, ROWS).values;
    let n = rows.size()[0];
    let noise = Noise::new(run.record.seed, 0, rows.device()).fork("posterior");
    let codes = tch::no_grad(|| match autoencoder.encode(&rows) {
        Code::Gaussian(posterior) => posterior.reparameterise(&noise.normal("reparameterise", &[n, latent])),
        code => code.point().shallow_clone(),
    });
    let [codes, prior, again] =
        [codes, noise.normal("prior", &[n, latent]), noise.normal("prior again", &[n, latent])]
            .map(|tensor| array::to_rows(&tensor));
    let mmd = |a, b| mmd_rbf(a, b, Bandwidth::Median).map_err(EvaluationError::metric("posterior"));
    let spreads = codes.std_axis(ndarray::Axis(0), 0.0);
    let widest = |pick: fn(f64, f64) -> f64, start| spreads.iter().map(|s| f64::from(*s)).fold(start, pick);
    Ok(Metrics::from([
        ("mmd".into(), mmd(&codes, &prior)?),
        ("mmd_prior".into(), mmd(&again, &prior)?),
        ("std_least".into(), widest(f64::min, f64::INFINITY)),
        ("std_greatest".into(), widest(f64::max, 0.0)),
    ]))
}
