//! Helpers of the tasks about codes: the codes of rows, and the labels of rows.

use crate::error::EvaluationError;
use ae_models::{Autoencoder, Batch};
use ae_tensor::{Device, Kind, Tensor, array, tch};
use ae_training::evaluate::BATCH;
use ae_training::{Split, Splits};

/// Codes `[N, D]` of rows `[N, …]`, float, on the CPU.
pub(crate) fn encode(autoencoder: &dyn Autoencoder, rows: &Tensor) -> Tensor {
    represent(rows, |batch| of_batch(autoencoder, batch))
}

/// Codes `[B, D]` of a batch, on the model's device.
pub(crate) fn of_batch(autoencoder: &dyn Autoencoder, batch: &Tensor) -> Tensor {
    autoencoder.encode(batch).point().flatten(1, -1)
}

/// Codes `[N, D]` of the rows of a split, float, on the CPU; sparse rows become dense batch by batch.
pub(crate) fn of_split(autoencoder: &dyn Autoencoder, split: &Split) -> Tensor {
    let of_batch = |batch: Batch| of_batch(autoencoder, batch.input());
    let parts: Vec<Tensor> = tch::no_grad(|| split.in_order(BATCH).map(of_batch).collect());
    Tensor::cat(&parts, 0).to_device(Device::Cpu).to_kind(Kind::Float)
}

/// Applies `by` to rows `[N, …]` in evaluation batches; returns `[N, D]`, float, on the CPU.
pub(crate) fn represent(rows: &Tensor, by: impl Fn(&Tensor) -> Tensor) -> Tensor {
    let batches = rows.split(BATCH as i64, 0);
    let parts: Vec<Tensor> = tch::no_grad(|| batches.iter().map(by).collect());
    Tensor::cat(&parts, 0).to_device(Device::Cpu).to_kind(Kind::Float)
}

/// The labels of rows of `splits`.
///
/// # Errors
/// There are no rows or no labels.
pub(crate) fn labels(splits: &Splits, rows: &Batch) -> Result<Vec<i64>, EvaluationError> {
    let Some(labels) = rows.labels.as_ref().filter(|labels| labels.numel() > 0) else {
        let set = splits.dataset.name.clone();
        let remedy =
            "choose a labelled set with test rows, or name its labels with data.label or data.labels";
        return Err(EvaluationError::Data { set, missing: "labelled training and test rows", remedy });
    };
    Ok(array::to_vec(labels).into_iter().map(|label| label as i64).collect())
}
