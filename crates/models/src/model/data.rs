//! The summary of the data that a model is built from, and batches of samples.

use ae_tensor::Tensor;

/// What a model knows of its data before the first step.
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
    /// Number of labels; 0 if the data have none. The labels of a batch are below it.
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
    /// `[B, …]`, the batch dimension followed by the sample's shape; float.
    pub values: Tensor,
    /// `[B]`, int64, if the data have labels. Only conditional models and classifiers use them.
    pub labels: Option<Tensor>,
    /// `[B, …]`, 1 where a value was observed and 0 where it is missing (and is 0 in `values`); `None` if
    /// nothing is missing. Only observed values count in the losses of a model with
    /// [`Model::masks_missing`](crate::Model::masks_missing).
    pub observed: Option<Tensor>,
    /// `[B, …]`, what the model sees instead of `values`, if it is to predict other values than it sees: the
    /// ratings that a user has given, where `values` are those held out; 0 where nothing is known. `None` in
    /// training and wherever a sample is to be reconstructed. Only models with
    /// [`Model::predicts`](crate::Model::predicts) use it.
    pub given: Option<Tensor>,
}

impl Batch {
    /// Number of samples.
    pub fn len(&self) -> i64 {
        self.values.size()[0]
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the model sees, `[B, …]`: what is given, or else the values themselves.
    pub fn input(&self) -> &Tensor {
        self.given.as_ref().unwrap_or(&self.values)
    }
}
