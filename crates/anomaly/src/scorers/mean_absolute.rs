//! Mean absolute error: `s(x) = mean_j |x_j - x̂_j|` over the observed `j`, in the unit of the prepared values.

use super::residual::{OfRow, Plain, mean};

/// The measure, which learns nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MeanAbsolute;

impl OfRow for MeanAbsolute {
    fn of_row(&self, errors: impl Iterator<Item = (usize, f64)>) -> f64 {
        mean(errors.map(|(_, error)| error.abs()))
    }
}

impl Plain for MeanAbsolute {
    const NAME: &'static str = "mean_absolute";

    fn parts(&self, errors: &mut [f64]) {
        errors.iter_mut().for_each(|error| *error = error.abs());
    }
}
