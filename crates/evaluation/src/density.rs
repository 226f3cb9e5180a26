//! Importance-sampled log-likelihoods of latent-variable models, and the information in each latent.

use crate::error::EvaluationError;
use crate::held_out;
use ae_models::{Batch, LatentVariable};
use ae_tensor::divergence::{log_mean_exp, standard_log_prob};
use ae_tensor::{Kind, Noise, Tensor, array, tch};
use ae_training::Split;
use ae_training::evaluate::BATCH;
use ae_training::experiment::Run;

/// Draws per sample, as in Burda et al. (2016).
pub const SAMPLES: i64 = 5000;
/// Evenly spaced test rows used on a CPU; a CUDA device uses all test rows.
pub const ROWS_ON_CPU: usize = 1000;
/// Variance of the posterior means over the data above which a latent counts as active (Burda et al., 2016,
/// section 5.2).
pub const ACTIVE: f64 = 0.01;

/// Decoder inputs per batch: enough to keep the machine busy, few enough to fit in memory.
const CHUNK: i64 = 5000;
/// Draws per sample and batch.
const DRAWS: i64 = 250;

/// Estimates of the log-density of rows, as means in nats per row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Density {
    /// Estimate of `-log p(x)`: an upper bound in expectation, tight with many draws.
    pub negative_log_likelihood: f64,
    /// `-ELBO`, from the same draws.
    pub negative_elbo: f64,
    /// Standard error of the mean `-log p(x)` over the rows.
    pub standard_error: f64,
    /// Number of rows.
    pub rows: usize,
}

/// Statistics of each latent over a set of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Latents {
    /// Mean `KL(q(z_d|x) ‖ N(0, 1))` of each latent, in nats.
    pub kl: Vec<f64>,
    /// Variance of each latent's posterior mean.
    pub variance: Vec<f64>,
}

/// The run's model as a latent-variable model.
///
/// # Errors
/// The model has no density.
pub(crate) fn latent_variable(run: &Run) -> Result<&dyn LatentVariable, EvaluationError> {
    run.model.as_latent_variable().ok_or_else(|| EvaluationError::NoDensity {
        variant: run.record.variant.clone(),
        folder: run.dir.root().into(),
    })
}

/// The test rows for estimating densities.
///
/// # Errors
/// There are no test rows.
pub(crate) fn test_rows(run: &Run) -> Result<Batch, EvaluationError> {
    let test = held_out::test(run)?;
    let is_on_cuda = test.rows(0, 1).values.device().is_cuda();
    Ok(held_out::strided(test, if is_on_cuda { test.len() } else { ROWS_ON_CPU }))
}

/// Densities of rows by `samples` draws each; `seed` fixes binarization and draws.
pub fn density(model: &dyn LatentVariable, rows: &Batch, samples: i64, seed: u64) -> Density {
    let at_a_time = (CHUNK / samples.min(DRAWS)).max(1);
    let (mut log_likelihoods, mut elbo) = (Vec::new(), 0.0);
    for start in (0..rows.len()).step_by(at_a_time as usize) {
        let few = |tensor: &Tensor| tensor.narrow(0, start, at_a_time.min(rows.len() - start));
        let batch = Batch {
            values: few(&rows.values),
            labels: rows.labels.as_ref().map(few),
            observed: rows.observed.as_ref().map(few),
            given: None,
        };
        let noise = Noise::new(seed, start as u64, batch.values.device()).fork("density");
        let (estimate, bound) = log_likelihoods_of(model, &targets(model, batch, &noise), samples, &noise);
        log_likelihoods.extend(array::to_vec(&estimate));
        elbo += bound.sum(Kind::Double).double_value(&[]);
    }
    let n = log_likelihoods.len() as f64;
    let mean = log_likelihoods.iter().sum::<f64>() / n;
    let variance =
        log_likelihoods.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    Density {
        negative_log_likelihood: -mean,
        negative_elbo: -elbo / n,
        standard_error: (variance / n).sqrt(),
        rows: log_likelihoods.len(),
    }
}

/// Estimates of `log p(x)` of each target, `log 1/K Σ_k p(x|z_k) p(z_k) / q(z_k|x)`, and of the ELBO, the
/// mean of the same log-weights: `[B]` each. Memory does not grow with the number of draws.
pub fn log_likelihoods_of(
    model: &dyn LatentVariable,
    targets: &Batch,
    samples: i64,
    noise: &Noise,
) -> (Tensor, Tensor) {
    tch::no_grad(|| {
        let posterior = model.posterior(targets);
        let (rows, latents) = posterior.mean.size2().expect("a posterior is [B, D]");
        let (mut chunks, mut sums) = (Vec::new(), Vec::new());
        for start in (0..samples).step_by(DRAWS as usize) {
            let draws = DRAWS.min(samples - start);
            let purpose = format!("importance {start}");
            let z = posterior.reparameterise(&noise.normal(&purpose, &[draws, rows, latents]));
            let mut copies = vec![1; targets.values.dim()];
            copies[0] = draws;
            let labels = targets.labels.as_ref().map(|labels| labels.repeat([draws]));
            let observed = targets.observed.as_ref().map(|observed| observed.repeat(&copies));
            let repeated = Batch { values: targets.values.repeat(&copies), labels, observed, given: None };
            let likelihood = model.negative_log_likelihood(&z.flatten(0, 1), &repeated).view([draws, rows]);
            let weights = (standard_log_prob(&z) - likelihood - posterior.log_prob(&z)).to_kind(Kind::Double);
            sums.push(weights.sum_dim_intlist([0i64].as_slice(), false, None::<Kind>));
            chunks.push(log_mean_exp(&weights) + (draws as f64).ln());
        }
        let total = Tensor::stack(&chunks, 0).logsumexp([0i64].as_slice(), false) - (samples as f64).ln();
        let mean = Tensor::stack(&sums, 0).sum_dim_intlist([0i64].as_slice(), false, None::<Kind>);
        (total, mean / samples as f64)
    })
}

/// Statistics of each latent over all rows of a split; `seed` fixes the binarization.
pub fn latents(model: &dyn LatentVariable, split: &Split, seed: u64) -> Latents {
    let (mut kl, mut means) = (Vec::new(), Vec::new());
    for (index, batch) in split.in_order(BATCH).enumerate() {
        let noise = Noise::new(seed, index as u64, batch.values.device()).fork("density");
        let posterior = tch::no_grad(|| model.posterior(&targets(model, batch, &noise)));
        kl.push(posterior.kl_to_standard_per_dimension());
        means.push(posterior.mean);
    }
    let (kl, means) = (Tensor::cat(&kl, 0), Tensor::cat(&means, 0).to_kind(Kind::Double));
    Latents {
        kl: array::to_vec(&kl.mean_dim([0i64].as_slice(), false, Kind::Double)),
        variance: array::to_vec(&means.var_dim([0i64].as_slice(), false, false)),
    }
}

/// The targets of the density: grey values, or bits drawn from them.
fn targets(model: &dyn LatentVariable, batch: Batch, noise: &Noise) -> Batch {
    Batch {
        values: model.targets().draw(&batch.values, noise),
        labels: batch.labels,
        observed: batch.observed,
        given: None,
    }
}

impl Latents {
    /// How many latents are active.
    pub fn active(&self) -> usize {
        self.variance.iter().filter(|&&variance| variance > ACTIVE).count()
    }

    /// Whether the posterior has collapsed, in words.
    pub fn diagnosis(&self) -> String {
        let (active, all) = (self.active(), self.kl.len());
        let total: f64 = self.kl.iter().sum();
        if active == 0 {
            format!(
                "collapsed: none of {all} latents depends on the data, and samples do not depend on the latents"
            )
        } else if active == all {
            format!("no collapse: all {all} latents are active, {total:.1} nats in total")
        } else if active * 10 >= all {
            format!(
                "partly collapsed: {active} of {all} latents are active, {total:.1} nats in total; the others match \
                 the prior"
            )
        } else {
            format!("nearly collapsed: only {active} of {all} latents are active, {total:.1} nats in total")
        }
    }
}

#[cfg(test)]
mod tests;
