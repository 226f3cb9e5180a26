//! Greatest absolute error: `s(x) = max_j |x_j - x̂_j|` over the observed `j`, in the unit of the prepared
//! values. Detects an error in a single value.

use super::residual::{OfRow, Plain};

/// The measure, which learns nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Maximum;

impl OfRow for Maximum {
    fn of_row(&self, errors: impl Iterator<Item = (usize, f64)>) -> f64 {
        // `f64::max` would ignore NaN.
        errors.map(|(_, error)| error.abs()).fold(0.0, |max, e| if e > max || e.is_nan() { e } else { max })
    }
}

impl Plain for Maximum {
    const NAME: &'static str = "maximum";

    fn parts(&self, errors: &mut [f64]) {
        let greatest = errors.iter().fold(0.0, |max: f64, error| max.max(error.abs()));
        errors.iter_mut().for_each(|error| *error = if error.abs() == greatest { 1.0 } else { 0.0 });
    }
}
