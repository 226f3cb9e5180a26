//! How sparse the codes of the test rows are.

use super::Metrics;
use crate::anomaly::autoencoder;
use crate::context::Context;
use crate::error::EvaluationError;
use ae_tensor::{Kind, Tensor, tch};
use ae_training::evaluate::BATCH;
use ae_training::experiment::Run;

/// A number of the code farther from zero than this counts as active.
const ACTIVE: f64 = 1e-3;

/// - `active`: share of code numbers that are active, over all test rows;
/// - `active_per_sample`: how many that are in a sample;
/// - `unused`: share of the code's numbers that are active in no test row.
///
/// # Errors
/// A model that reconstructs nothing, data without test rows.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let autoencoder = autoencoder(run)?;
    let test = &run.splits.test;
    let active = |x: &Tensor| autoencoder.encode(x).point().flatten(1, -1).abs().gt(ACTIVE);
    let count = |active: Tensor| active.to_kind(Kind::Double).sum_dim_intlist([0i64].as_slice(), false, Kind::Double);
    let counts = tch::no_grad(|| test.in_order(BATCH).map(|b| count(active(&b.values))).reduce(|a, b| a + b));
    let Some(counts) = counts else {
        let (set, missing) = (run.splits.dataset.name.clone(), "test rows");
        return Err(EvaluationError::Data { set, missing, remedy: "see data.test" });
    };
    let (size, n) = (autoencoder.code_size() as f64, test.len() as f64);
    let per_sample = counts.sum(Kind::Double).double_value(&[]) / n;
    let unused = counts.eq(0.0).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
    Ok(Metrics::from([
        ("active".into(), per_sample / size),
        ("active_per_sample".into(), per_sample),
        ("unused".into(), unused),
    ]))
}
