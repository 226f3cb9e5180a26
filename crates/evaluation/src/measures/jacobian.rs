//! Measure: how strongly a code reacts to changes of its sample, independent of the scale of the code.
//!
//! It is the Frobenius norm of the encoder's Jacobian at test rows, divided by the spread of the codes of
//! these rows. A contractive autoencoder is compared with the same network trained without the penalty.
//!
//! The norm alone says little: an encoder with half the weights has half the norm, and a decoder with twice
//! the weights compensates. Rifai et al. (ICML 2011, section 5) compare norms of networks with tied weights.
//! A quotient of lengths in the code space does not change with such a rescaling, like their contraction
//! ratio, which divides distances between codes by distances between samples.

use super::Metrics;
use crate::anomaly::autoencoder;
use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::held_out;
use ae_models::ModelConfig;
use ae_models::variants::contractive;
use ae_tensor::{Kind, Tensor, penalty, tch};
use ae_training::experiment::Run;

/// Test rows to average over: an exact norm costs a backward pass for each component of the code.
const ROWS: usize = 1000;

/// - `norm`: the mean of `‖∂h/∂x‖_F` over evenly spaced test rows;
/// - `relative`: `norm` divided by `√(Σ_d var h_d)`, the spread of the codes of the same rows. Its unit is
///   one over the unit of the data; scaling the code does not change it;
/// - for `contractive`: `unpenalised`, the `relative` of the same network trained in the same way with a
///   penalty weight of 0, and `times_below_unpenalised`, which is `unpenalised` divided by `relative`.
///
/// # Errors
/// The model does not reconstruct its input, the data have no test rows, or the network without the penalty
/// cannot be trained.
pub(super) fn measure(context: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let own = movement(run)?;
    let mut metrics = Metrics::from([("norm".into(), own.norm), ("relative".into(), own.relative())]);
    if let ModelConfig::Contractive(config) = &run.experiment.model {
        let mut experiment = run.experiment.clone();
        experiment.model = ModelConfig::Contractive(contractive::Config { weight: 0.0, ..config.clone() });
        let seed = experiment.training.seed;
        let command = format!("ae train contractive --set model.contractive.weight=0 --seed {seed}");
        let twin = context.trained(&Wanted { name: "contractive".into(), experiment, command, run: None })?;
        let twin = movement(&twin)?.relative();
        metrics.insert("unpenalised".into(), twin);
        metrics.insert("times_below_unpenalised".into(), twin / own.relative());
    }
    Ok(metrics)
}

/// Sensitivity and spread of the codes of the test rows.
struct Movement {
    /// Mean of `‖∂h/∂x‖_F`.
    norm: f64,
    /// `√(Σ_d var h_d)` over the rows.
    spread: f64,
}

impl Movement {
    fn relative(&self) -> f64 {
        self.norm / self.spread
    }
}

fn movement(run: &Run) -> Result<Movement, EvaluationError> {
    let autoencoder = autoencoder(run)?;
    let rows = held_out::strided(held_out::test(run)?, ROWS).values;
    Ok(tch::with_grad(|| {
        let rows = rows.detach().set_requires_grad(true);
        let codes = autoencoder.encode(&rows).point().flatten(1, -1);
        let norms = penalty::jacobian_norm(&codes, &rows, false);
        let norm = norms.sqrt().mean(Kind::Double).double_value(&[]);
        Movement { norm, spread: spread(&codes.detach()) }
    }))
}

/// `√(Σ_d var h_d)` of codes `[N, D]`.
fn spread(codes: &Tensor) -> f64 {
    codes
        .to_kind(Kind::Double)
        .var_dim([0i64].as_slice(), false, false)
        .sum(Kind::Double)
        .double_value(&[])
        .sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_grows_with_the_code_and_not_with_its_mean() {
        let codes = Tensor::from_slice(&[0f32, 1.0, 2.0, 1.0, 0.0, 5.0, 2.0, 5.0]).view([4, 2]);
        // Variances of 1 and 4.
        assert!((spread(&codes) - 5f64.sqrt()).abs() < 1e-9);
        assert!((spread(&(&codes * 3.0 + 7.0)) - 3.0 * 5f64.sqrt()).abs() < 1e-5);
    }
}
