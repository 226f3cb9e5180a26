//! Distances between a reconstruction and its target.

use tch::{Kind, Tensor};

/// How far a reconstruction lies from its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// Mean squared error.
    MeanSquared,
    /// Mean absolute error.
    MeanAbsolute,
}

impl Distance {
    /// The squared or absolute error of each value, in the shape of both and the (squared) unit of the data.
    pub fn per_value(self, reconstruction: &Tensor, target: &Tensor) -> Tensor {
        let difference = reconstruction - target;
        match self {
            Distance::MeanSquared => difference.square(),
            Distance::MeanAbsolute => difference.abs(),
        }
    }

    /// Mean over the values of each sample: `[B]`, in the (squared) unit of the data. Both are `[B, …]`.
    pub fn per_sample(self, reconstruction: &Tensor, target: &Tensor) -> Tensor {
        let values = self.per_value(reconstruction, target).flatten(1, -1);
        values.mean_dim([1i64].as_slice(), false, None::<Kind>)
    }

    /// Mean over all values: a scalar. Every sample has the same number of values, so it is the mean of
    /// [`Self::per_sample`].
    pub fn mean(self, reconstruction: &Tensor, target: &Tensor) -> Tensor {
        match self {
            Distance::MeanSquared => reconstruction.mse_loss(target, tch::Reduction::Mean),
            Distance::MeanAbsolute => reconstruction.l1_loss(target, tch::Reduction::Mean),
        }
    }
}
