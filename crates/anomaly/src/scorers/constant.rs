//! Constant baselines: `x̂` is the median of the training rows, scored by the mean absolute error, or their
//! mean, scored by the mean squared error. Each minimises its error over the training rows.
//!
//! A detector that does not beat them has learned nothing about how the values of a row depend on each other.
//! Missing values are left out of a median or a mean. A value that was never observed is expected to be 0,
//! the centre of the prepared values.

use super::mean_absolute::MeanAbsolute;
use super::mean_squared::MeanSquared;
use super::residual::{Reconstructor, Residual};
use super::rows::{self, NormalRows};
use super::scorer::{Kind, Scorer};
use super::stored::{self, Arrays};
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_records::arrays::StoredArray;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// The median baseline.
#[derive(Debug)]
pub(crate) struct Median;

/// The mean baseline.
#[derive(Debug)]
pub(crate) struct Mean;

impl Median {
    pub(super) const KIND: Kind = Residual::<MeanAbsolute>::KIND;

    /// The median of the training rows, and the mean absolute error.
    ///
    /// # Errors
    /// No rows, or values that are not finite.
    pub(crate) fn fit(rows: &NormalRows<'_>) -> Result<impl Scorer + use<>, ScorerError> {
        let constant = Constant::fit(rows.train, Centre::Median)?;
        Residual::<MeanAbsolute>::of(Reconstructor::Constant(constant), rows.validation)
    }
}

impl Mean {
    pub(super) const KIND: Kind = Residual::<MeanSquared>::KIND;

    /// The mean of the training rows, and the mean squared error.
    ///
    /// # Errors
    /// No rows, or values that are not finite.
    pub(crate) fn fit(rows: &NormalRows<'_>) -> Result<impl Scorer + use<>, ScorerError> {
        let constant = Constant::fit(rows.train, Centre::Mean)?;
        Residual::<MeanSquared>::of(Reconstructor::Constant(constant), rows.validation)
    }
}

/// Which centre of the training rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Centre {
    Median,
    Mean,
}

/// One reconstruction for every row.
#[derive(Debug)]
pub(crate) struct Constant {
    centre: Centre,
    /// `[D]`.
    row: Array1<f64>,
}

/// The stored form of [`Constant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConstantSettings {
    width: usize,
    centre: Centre,
}

impl Constant {
    fn fit(train: &Samples, centre: Centre) -> Result<Self, ScorerError> {
        let width = train.values.ncols();
        rows::check(train, width)?;
        if train.is_empty() {
            return Err(ScorerError::TooFewRows { what: "a constant", needed: 1, got: 0 });
        }
        let of_column = |feature: usize| {
            let mut observed = Vec::with_capacity(train.len());
            for row in 0..train.len() {
                if train.is_observed(row, feature) {
                    observed.push(f64::from(train.values[[row, feature]]));
                }
            }
            match centre {
                _ if observed.is_empty() => 0.0,
                Centre::Median => median(&mut observed),
                Centre::Mean => observed.iter().sum::<f64>() / observed.len() as f64,
            }
        };
        Ok(Constant { centre, row: Array1::from_shape_fn(width, of_column) })
    }

    pub(super) fn load(settings: &ConstantSettings, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let row = Array1::from_vec(arrays.vector("constant", Some(settings.width))?);
        Ok(Constant { centre: settings.centre, row })
    }

    pub(super) fn save(&self) -> (ConstantSettings, Vec<(String, StoredArray)>) {
        let settings = ConstantSettings { width: self.width(), centre: self.centre };
        (settings, vec![("constant".into(), stored::vector(&self.row.to_vec()))])
    }

    pub(super) fn width(&self) -> usize {
        self.row.len()
    }

    pub(super) fn name(&self) -> &'static str {
        match self.centre {
            Centre::Median => "the median row",
            Centre::Mean => "the mean row",
        }
    }

    pub(super) fn reconstruct(&self, rows: &Samples) -> Array2<f64> {
        Array2::from_shape_fn(rows.values.dim(), |(_, feature)| self.row[feature])
    }
}

/// The median of at least one number.
fn median(numbers: &mut [f64]) -> f64 {
    let (n, middle) = (numbers.len(), numbers.len() / 2);
    let (below, &mut upper, _) = numbers.select_nth_unstable_by(middle, f64::total_cmp);
    if n % 2 == 1 {
        return upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    0.5 * (lower + upper)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn scores(train: &Samples, rows: &Samples) -> [Vec<f64>; 2] {
        let rows_of = NormalRows { train, validation: train, seed: 0 };
        let (median, mean) = (Median::fit(&rows_of).unwrap(), Mean::fit(&rows_of).unwrap());
        [median.scores(rows).unwrap(), mean.scores(rows).unwrap()]
    }

    /// By hand: medians 1 and 2, means 2 and 2.
    #[test]
    fn each_centre_has_its_error() {
        let train = Samples::complete(array![[0.0f32, 1.0], [1.0, 3.0], [5.0, 2.0]]);
        let [median, mean] = scores(&train, &Samples::complete(array![[1.0f32, 2.0], [3.0, 0.0]]));
        assert_eq!(median, [0.0, 2.0]);
        assert_eq!(mean, [0.5, 2.5]);
    }

    #[test]
    fn gaps_are_left_out_and_never_observed_values_are_expected_at_the_centre() {
        let mut train = Samples::complete(array![[9.0f32, 1.0], [9.0, 3.0], [9.0, 7.0]]);
        train.observed = Some(array![[false, true], [false, true], [false, true]]);
        let [median, mean] = scores(&train, &Samples::complete(array![[0.0f32, 3.0]]));
        assert_eq!(median, [0.0]);
        assert!((mean[0] - (11.0f64 / 3.0 - 3.0).powi(2) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&mut [7.0]), 7.0);
    }
}
