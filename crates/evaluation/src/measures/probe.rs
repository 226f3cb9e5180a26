//! Measure: accuracy of a linear classifier on codes, compared with principal components of the same size.

use super::Metrics;
use crate::anomaly::autoencoder;
use crate::codes;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::probe::Probe;
use ae_tensor::{Device, Kind, Pca, Tensor};
use ae_training::experiment::Run;

/// The probe is fitted on this many labelled training rows, from the first on.
const LABELLED: usize = 10_000;

/// - `accuracy`: on all test rows, of multinomial logistic regression fitted on the codes of the first
///   10,000 training rows;
/// - `pca_accuracy`: the same with as many principal components, fitted on all training rows;
/// - `above_pca`: the first minus the second. Both PCA figures are left out if the code is as large as a
///   sample;
/// - `rows`: number of labelled rows used.
///
/// Every feature is scaled to mean 0 and variance 1 on the rows the probe is fitted on, like the
/// normalisation before the classifier of He et al. (CVPR 2022, appendix A.1). The penalty is chosen on the
/// labelled training rows.
///
/// # Errors
/// The model does not reconstruct its input, or the data have no labels or no test rows.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let model = autoencoder(run)?;
    let splits = &run.splits;
    let n = splits.train.len().min(LABELLED);
    let (train, test) = (splits.train.rows(0, n), splits.test.rows(0, splits.test.len()));
    let labels = Tensor::from_slice(&codes::labels(splits, &train)?);
    let test_labels = Tensor::from_slice(&codes::labels(splits, &test)?);
    let classes = labels.max().int64_value(&[]).max(test_labels.max().int64_value(&[])) + 1;
    let judge = |rows: &Tensor, test: &Tensor| {
        let (rows, test) = standardised(rows, test);
        Probe::fit(&rows, &labels, classes).accuracy(&test, &test_labels)
    };
    let own = judge(&codes::encode(model, &train.values), &codes::encode(model, &test.values));
    let mut metrics = Metrics::from([("accuracy".into(), own), ("rows".into(), n as f64)]);
    let (pca, code) = (Pca::fit(splits.train.values()), model.code_size());
    if code < pca.most() {
        let home = splits.train.values().device();
        let codes = |rows: &Tensor| pca.codes(&rows.to_device(home), code).to_device(Device::Cpu);
        let theirs = judge(&codes(&train.values), &codes(&test.values));
        metrics.insert("pca_accuracy".into(), theirs);
        metrics.insert("above_pca".into(), own - theirs);
    }
    Ok(metrics)
}

/// Both sets of features, standardised by the mean and standard deviation of `rows`. A feature that is
/// constant in `rows` becomes zero.
fn standardised(rows: &Tensor, test: &Tensor) -> (Tensor, Tensor) {
    let [rows, test] = [rows, test].map(|features| features.to_kind(Kind::Double));
    let mean = rows.mean_dim([0i64].as_slice(), false, Kind::Double);
    let deviation = (&rows - &mean).square().mean_dim([0i64].as_slice(), false, Kind::Double).sqrt();
    let moves = deviation.gt(1e-12).to_kind(Kind::Double);
    let scale = &moves / (deviation + (-&moves + 1.0));
    let apply = |features: Tensor| (features - &mean) * &scale;
    (apply(rows), apply(test))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::array;

    #[test]
    fn features_are_scaled_by_the_fitted_rows() {
        let rows = Tensor::from_slice(&[1f32, 5.0, 3.0, 5.0]).view([2, 2]);
        let test = Tensor::from_slice(&[4f32, 9.0]).view([1, 2]);
        let (rows, test) = standardised(&rows, &test);
        assert_eq!(array::to_vec(&rows), [-1.0, 0.0, 1.0, 0.0]);
        assert_eq!(array::to_vec(&test), [2.0, 0.0]);
    }
}
