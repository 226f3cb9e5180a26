//! How much a code moves with its sample, in a way that no scaling of the code can change: the Frobenius norm of the
//! encoder's Jacobian at test rows over the spread of the codes of these rows; for a contractive autoencoder beside the
//! same network that was trained without the penalty.
//!
//! The norm alone says little: an encoder of half the weights has half the norm, and a decoder of twice the weights makes
//! up for it. So do the figures of Rifai et al. (ICML 2011, section 5), who compare norms of networks with tied weights;
//! like their contraction ratio, which sets distances between codes against distances between samples, a quotient of
//! lengths in the code space is left where it is by such a change.

use super::Metrics;
use crate::anomaly::autoencoder;
use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::held_out;
use ae_models::ModelConfig;
use ae_models::variants::contractive;
use ae_tensor::{Kind, Tensor, penalty, tch};
use ae_training::experiment::Run;

/// Test rows that the mean is taken over: an exact norm costs a backward pass for each number of the code.
const ROWS: usize = 1000;

/// - `norm`: the mean of `‖∂h/∂x‖_F` over evenly spread test rows;
/// - `relative`: `norm` over `√(Σ_d var h_d)`, the spread of the codes of the same rows: in units of one over the unit of
///   the data, and the same for a code that is multiplied by any number;
/// - for `contractive`: `unpenalised`, the relative norm of the same network with a weight of 0, trained in the same way,
///   and `times_below_unpenalised`, that over `relative`.
///
/// # Errors
/// A model that reconstructs nothing, data without test rows, a network without the penalty that cannot be trained.
pub(super) fn measure(context: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let own = movement(run)?;
    let mut metrics =
        Metrics::from([("norm".into(), own.norm), ("relative".into(), own.relative())]);
    if let ModelConfig::Contractive(config) = &run.experiment.model {
        let mut experiment = run.experiment.clone();
        experiment.model = ModelConfig::Contractive(contractive::Config { weight: 0.0, ..config.clone() });
        let seed = experiment.training.seed;
        let command = format!("ae train contractive --set model.contractive.weight=0 --seed {seed}");
        let twin = context.trained(&Wanted { name: "contractive".into(), experiment, command })?;
        let twin = movement(&twin)?.relative();
        metrics.insert("unpenalised".into(), twin);
        metrics.insert("times_below_unpenalised".into(), twin / own.relative());
    }
    Ok(metrics)
}

/// How the codes of the test rows lie and move.
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
    codes.to_kind(Kind::Double).var_dim([0i64].as_slice(), false, false).sum(Kind::Double).double_value(&[]).sqrt()
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
