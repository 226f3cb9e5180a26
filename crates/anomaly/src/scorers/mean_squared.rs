//! Mean squared error: `s(x) = mean_j (x_j - x̂_j)²` over the observed `j`, in the squared unit of the
//! prepared values. Large errors weigh more.

use super::residual::{OfRow, Plain, mean};

/// The measure, which learns nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MeanSquared;

impl OfRow for MeanSquared {
    fn of_row(&self, errors: impl Iterator<Item = (usize, f64)>) -> f64 {
        mean(errors.map(|(_, error)| error * error))
    }
}

impl Plain for MeanSquared {
    const NAME: &'static str = "mean_squared";

    fn parts(&self, errors: &mut [f64]) {
        errors.iter_mut().for_each(|error| *error *= *error);
    }
}
