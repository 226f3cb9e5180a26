//! Distances between a reconstruction and its target.

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// How far a reconstruction lies from its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// Mean squared error.
    #[default]
    MeanSquared,
    /// Mean absolute error.
    MeanAbsolute,
}

impl Distance {
    /// Mean over the values of each sample: `[B]`, in the (squared) unit of the data. Both are `[B, …]`.
    pub fn per_sample(self, reconstruction: &Tensor, target: &Tensor) -> Tensor {
        let difference = (reconstruction - target).flatten(1, -1);
        let values = match self {
            Distance::MeanSquared => difference.square(),
            Distance::MeanAbsolute => difference.abs(),
        };
        values.mean_dim([1i64].as_slice(), false, None)
    }

    /// Mean over all values: a scalar. As every sample has as many values, it is the mean of [`Self::per_sample`].
    pub fn mean(self, reconstruction: &Tensor, target: &Tensor) -> Tensor {
        match self {
            Distance::MeanSquared => reconstruction.mse_loss(target, tch::Reduction::Mean),
            Distance::MeanAbsolute => reconstruction.l1_loss(target, tch::Reduction::Mean),
        }
    }

    /// The short name that tables and logs use.
    pub fn name(self) -> &'static str {
        match self {
            Distance::MeanSquared => "mse",
            Distance::MeanAbsolute => "mae",
        }
    }
}
