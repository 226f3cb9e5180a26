//! Distances between a reconstruction and its target.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

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

    /// Mean over the values that were observed: a scalar. `observed` is 1 where a value counts and 0 elsewhere; all are
    /// `[B, …]`. Without a single observed value it is 0.
    pub fn mean_of_observed(self, reconstruction: &Tensor, target: &Tensor, observed: &Tensor) -> Tensor {
        let difference = (reconstruction - target) * observed;
        let values = match self {
            Distance::MeanSquared => difference.square(),
            Distance::MeanAbsolute => difference.abs(),
        };
        values.sum(None::<Kind>) / observed.sum(None::<Kind>).clamp_min(1.0)
    }

    /// The short name that tables and logs use.
    pub fn name(self) -> &'static str {
        match self {
            Distance::MeanSquared => "mse",
            Distance::MeanAbsolute => "mae",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_observed_counts() {
        let target = Tensor::from_slice(&[1.0f32, 2.0, 0.0, 4.0]).view([2, 2]);
        let rebuilt = Tensor::from_slice(&[1.5f32, 0.0, 9.0, 5.0]).view([2, 2]);
        let observed = Tensor::from_slice(&[1.0f32, 1.0, 0.0, 1.0]).view([2, 2]);
        for (distance, expected) in [
            (Distance::MeanSquared, (0.25 + 4.0 + 1.0) / 3.0),
            (Distance::MeanAbsolute, (0.5 + 2.0 + 1.0) / 3.0),
        ] {
            let got = distance.mean_of_observed(&rebuilt, &target, &observed).double_value(&[]);
            assert!((got - expected).abs() < 1e-6, "{distance:?}: {got}");
            let none = distance.mean_of_observed(&rebuilt, &target, &observed.zeros_like()).double_value(&[]);
            assert_eq!(none, 0.0, "without an observed value there is nothing to miss");
        }
    }
}
