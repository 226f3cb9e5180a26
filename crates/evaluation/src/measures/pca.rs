//! Measure: the reconstruction error compared with principal component analysis of the same code size, in
//! bits. Mean and summed squared errors are over the test rows, in the squared unit of the preprocessed data.

use super::Metrics;
use crate::anomaly::autoencoder;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::held_out;
use ae_tensor::{Kind, Pca, Tensor, tch};
use ae_training::evaluate::BATCH;
use ae_training::experiment::Run;

/// - `mse`, `error_per_sample`: errors of PCA with as many components as the code has numbers, or as take as
///   many bits as a discrete code, fitted on the training rows. `error_per_sample` is summed over the values of a sample, as in Hinton and Salakhutdinov
///   (2006).
/// - `own_mse`, `own_error_per_sample`: the model's errors.
/// - `ratio`: the model's error divided by that of PCA; below 1 is better than PCA. Left out if the code is
///   as large as a sample, because PCA is then exact.
///
/// A model that trains on damaged input gets clean rows here, like PCA.
///
/// # Errors
/// The model does not reconstruct its input, or the data have no test rows.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let autoencoder = autoencoder(run)?;
    let test = held_out::test(run)?;
    let pca = Pca::fit(run.splits.train.values());
    let code = autoencoder.code_form().numbers_of_equal_bits();
    let (mut ours, mut theirs, mut values) = (0.0, 0.0, 0);
    for batch in test.in_order(BATCH) {
        let rows = &batch.values;
        ours += tch::no_grad(|| squared(&autoencoder.reconstruct(rows), rows));
        let home = rows.to_device(run.splits.train.values().device());
        theirs += squared(&pca.reconstruct(&home, code), &home);
        values += rows.numel();
    }
    let n = test.len() as f64;
    let mut metrics = Metrics::from([
        ("mse".into(), theirs / values as f64),
        ("error_per_sample".into(), theirs / n),
        ("own_mse".into(), ours / values as f64),
        ("own_error_per_sample".into(), ours / n),
    ]);
    if code < pca.most() {
        metrics.insert("ratio".into(), ours / theirs);
    }
    Ok(metrics)
}

/// Sum of squared differences.
fn squared(reconstruction: &Tensor, rows: &Tensor) -> f64 {
    (reconstruction - rows).square().sum(Kind::Double).double_value(&[])
}
