//! What the tasks about codes share: rows with labels, and their codes.

use crate::error::EvaluationError;
use ae_models::Autoencoder;
use ae_tensor::{Device, Kind, Tensor, array, tch};
use ae_training::evaluate::BATCH;
use ae_training::{Split, Splits};
use ndarray::{Array2, Ix2};

/// Codes `[n, D]` of the first `n` rows, float, on the CPU.
pub(crate) fn encode(autoencoder: &dyn Autoencoder, split: &Split, n: usize) -> Tensor {
    let starts = (0..n).step_by(BATCH);
    let parts: Vec<Tensor> = starts
        .map(|start| encode_rows(autoencoder, &split.rows(start, BATCH.min(n - start)).values))
        .collect();
    Tensor::cat(&parts, 0)
}

/// Codes of a batch.
pub(crate) fn encode_rows(autoencoder: &dyn Autoencoder, rows: &Tensor) -> Tensor {
    let code = tch::no_grad(|| autoencoder.encode(rows).point().flatten(1, -1));
    code.to_device(Device::Cpu).to_kind(Kind::Float)
}

/// The first `n` labels.
///
/// # Errors
/// Where there are none.
pub(crate) fn labels(splits: &Splits, split: &Split, n: usize) -> Result<Vec<i64>, EvaluationError> {
    let Some(labels) = split.labels().filter(|_| !split.is_empty()) else {
        let set = splits.dataset.name.clone();
        let remedy =
            "choose a labelled set with test rows, or name its labels with data.label or data.labels";
        return Err(EvaluationError::Data { set, missing: "labelled training and test rows", remedy });
    };
    Ok(array::to_vec(&labels.narrow(0, 0, n as i64)).into_iter().map(|label| label as i64).collect())
}

/// Rows as the metrics take them.
pub(crate) fn matrix(rows: &Tensor) -> Array2<f32> {
    let array = array::to_array(&rows.flatten(1, -1));
    array.into_dimensionality::<Ix2>().expect("rows of numbers have two dimensions")
}
