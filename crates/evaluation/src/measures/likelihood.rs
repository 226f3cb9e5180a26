//! Measure: log-likelihood of test rows by importance sampling.
//!
//! See Rezende et al. (2014, appendix E) and Burda et al. (2016).

use super::Metrics;
use crate::context::Context;
use crate::density::{SAMPLES, density, latent_variable, test_rows};
use crate::error::EvaluationError;
use ae_training::experiment::Run;

/// `negative_log_likelihood` by 5,000 draws, its `standard_error` over the rows, and `negative_elbo` on the
/// same rows and draws, all in nats per row of the model's `targets`. `rows` is the number of rows: 1,000
/// evenly spaced test rows on a CPU, all test rows on a CUDA device.
///
/// # Errors
/// The model has no density, or the data have no test rows.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let density = density(latent_variable(run)?, &test_rows(run)?, SAMPLES, run.record.seed);
    Ok(Metrics::from([
        ("negative_log_likelihood".into(), density.negative_log_likelihood),
        ("standard_error".into(), density.standard_error),
        ("negative_elbo".into(), density.negative_elbo),
        ("rows".into(), density.rows as f64),
    ]))
}
