//! What a model is told of its data, and the samples of a step.

use ae_tensor::Tensor;

/// What a model is told of its data before the first step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DataSummary {
    /// Shape of one sample: `[D]`, `[C, H, W]` or `[T, F]`.
    pub shape: Vec<i64>,
    /// Mean of all training values.
    pub mean: f64,
    /// Least value.
    pub low: f64,
    /// Greatest value.
    pub high: f64,
    /// How many labels there are; 0 where the data have none. A batch's labels lie below it.
    pub classes: i64,
}

impl DataSummary {
    /// Values in one sample.
    pub fn numel(&self) -> i64 {
        self.shape.iter().product()
    }
}

/// Samples that are trained on or evaluated together.
#[derive(Debug)]
pub struct Batch {
    /// `[B, …]`, the sample's shape behind the batch dimension; float.
    pub values: Tensor,
    /// `[B]`, int64, where the data have labels. Only conditional models and classifiers look at them.
    pub labels: Option<Tensor>,
    /// `[B, …]`, 1 where a value was observed and 0 where it is missing (and stands as 0 in `values`); absent where
    /// nothing is missing. Only what was observed counts in the losses of a model that [`Model::masks_missing`](crate::Model::masks_missing).
    pub observed: Option<Tensor>,
}

impl Batch {
    /// Number of samples.
    pub fn len(&self) -> i64 {
        self.values.size()[0]
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
