//! Measure: how sparse the codes of the test rows are.

use super::Metrics;
use crate::anomaly::autoencoder;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::held_out;
use ae_tensor::{Kind, Tensor, tch};
use ae_training::evaluate::BATCH;
use ae_training::experiment::Run;

/// A code component is active if its absolute value exceeds this.
const ACTIVE: f64 = 1e-3;

/// - `active`: share of active code components over all test rows;
/// - `active_per_sample`: mean number of active components of a sample;
/// - `unused`: share of the components that are not active in any test row;
/// - `activation`: mean of the code's components over all test rows, in the unit of the code. A target rate
///   refers to this mean.
///
/// # Errors
/// The model does not reconstruct its input, or the data have no test rows.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let autoencoder = autoencoder(run)?;
    let test = held_out::test(run)?;
    let size = autoencoder.code_size();
    let (mut active, mut total) = (Vec::new(), 0.0);
    for batch in test.in_order(BATCH) {
        let code = tch::no_grad(|| autoencoder.encode(&batch.values).point().flatten(1, -1));
        active.push(over_rows(&code.abs().gt(ACTIVE)));
        total += code.sum(Kind::Double).double_value(&[]);
    }
    // The number of test rows in which each component is active.
    let rows = over_rows(&Tensor::stack(&active, 0));
    let n = test.len() as f64;
    let per_sample = rows.sum(Kind::Double).double_value(&[]) / n;
    let unused = rows.eq(0.0).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
    Ok(Metrics::from([
        ("active".into(), per_sample / size as f64),
        ("active_per_sample".into(), per_sample),
        ("unused".into(), unused),
        ("activation".into(), total / (n * size as f64)),
    ]))
}

fn over_rows(counts: &Tensor) -> Tensor {
    counts.sum_dim_intlist([0i64].as_slice(), false, Kind::Double)
}
