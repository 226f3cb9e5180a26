//! How much a code moves with its sample: the Frobenius norm of the encoder's Jacobian at test rows, beside that of the
//! plain autoencoder with as many code numbers, trained in the same way on the same data.

use super::Metrics;
use crate::anomaly::autoencoder;
use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::held_out;
use ae_models::ModelConfig;
use ae_models::variants::vanilla;
use ae_tensor::{Kind, penalty, tch};
use ae_training::experiment::Run;

/// Test rows that the mean is taken over: an exact norm costs a backward pass for each number of the code.
const ROWS: usize = 1000;

/// `norm` and `vanilla_norm`, the means of `‖∂h/∂x‖_F` over evenly spread test rows, and `times_below_vanilla`, the latter
/// over the former.
///
/// # Errors
/// A model that reconstructs nothing, data without test rows, a plain autoencoder that cannot be trained.
pub(super) fn measure(context: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let own = norm(run)?;
    let mut experiment = run.experiment.clone();
    let code = autoencoder(run)?.code_size();
    experiment.model = ModelConfig::Vanilla(vanilla::Config { code, ..vanilla::Config::default() });
    let seed = experiment.training.seed;
    let command = format!("ae train vanilla --set model.vanilla.code={code} --seed {seed}");
    let vanilla = norm(&context.trained(&Wanted { name: "vanilla".into(), experiment, command })?)?;
    Ok(Metrics::from([
        ("norm".into(), own),
        ("vanilla_norm".into(), vanilla),
        ("times_below_vanilla".into(), vanilla / own),
    ]))
}

fn norm(run: &Run) -> Result<f64, EvaluationError> {
    let autoencoder = autoencoder(run)?;
    let rows = held_out::strided(held_out::test(run)?, ROWS).values;
    Ok(tch::with_grad(|| {
        let rows = rows.detach().set_requires_grad(true);
        let norms = penalty::jacobian_norm(autoencoder.encode(&rows).point(), &rows, false);
        norms.sqrt().mean(Kind::Double).double_value(&[])
    }))
}
