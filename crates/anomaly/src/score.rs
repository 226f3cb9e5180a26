//! How far a reconstruction lies from its original: one number for each row, higher for more anomalous.

use ndarray::{Array1, ArrayView2};
use serde::{Deserialize, Serialize};

/// A measure of one row's reconstruction error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// `mean |x - x̂|`, in the unit of the data.
    #[default]
    MeanAbsolute,
    /// `mean (x - x̂)²`, in the squared unit of the data; large errors weigh more.
    MeanSquared,
    /// `max |x - x̂|`, in the unit of the data; finds what is wrong at a single point.
    Maximum,
}

/// Why rows cannot be scored.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScoreError {
    /// Two arrays that do not belong together.
    #[error(
        "the originals have shape {originals:?} but their reconstructions {reconstructions:?}; \
         give each row its reconstruction"
    )]
    ShapesDiffer {
        /// `[N, D]`.
        originals: [usize; 2],
        /// `[N, D]`.
        reconstructions: [usize; 2],
    },
    /// Rows without a value have no error.
    #[error("the {rows} rows have no features; choose at least one column")]
    NoFeatures {
        /// `N`.
        rows: usize,
    },
    /// A value in the user's data that is no number.
    #[error(
        "row {row}, feature {feature} is {value}; leave the row out or fill the value in (both count from 0)"
    )]
    NonFiniteOriginal {
        /// From 0.
        row: usize,
        /// From 0.
        feature: usize,
        /// NaN or an infinity.
        value: f64,
    },
    /// A model whose output is no number.
    #[error(
        "the reconstruction of row {row} is {value} at feature {feature} (both count from 0); \
         the model has diverged, train it again with a lower learning rate"
    )]
    NonFiniteReconstruction {
        /// From 0.
        row: usize,
        /// From 0.
        feature: usize,
        /// NaN or an infinity.
        value: f64,
    },
    /// Finite values whose error is not.
    #[error("the error of row {row} (from 0) is too large for a number; scale the data down")]
    Overflow {
        /// From 0.
        row: usize,
    },
}

impl ScoreError {
    /// The row that it is about, from 0, where it is about one.
    pub fn row(&self) -> Option<usize> {
        match *self {
            ScoreError::NonFiniteOriginal { row, .. }
            | ScoreError::NonFiniteReconstruction { row, .. }
            | ScoreError::Overflow { row } => Some(row),
            ScoreError::ShapesDiffer { .. } | ScoreError::NoFeatures { .. } => None,
        }
    }

    /// Makes it about another row.
    pub(crate) fn set_row(&mut self, to: usize) {
        match self {
            ScoreError::NonFiniteOriginal { row, .. }
            | ScoreError::NonFiniteReconstruction { row, .. }
            | ScoreError::Overflow { row } => *row = to,
            ScoreError::ShapesDiffer { .. } | ScoreError::NoFeatures { .. } => {}
        }
    }
}

impl Score {
    /// The score of each row: originals `[N, D]` and reconstructions `[N, D]` to `[N]`, all 0 or more and
    /// finite. Sums are taken in 64 bits whatever the arrays hold. No rows give no scores.
    ///
    /// # Errors
    /// Where shapes differ, `D` is 0, or a value is not finite.
    pub fn of<T: Copy + Into<f64>>(
        self,
        originals: ArrayView2<'_, T>,
        reconstructions: ArrayView2<'_, T>,
    ) -> Result<Array1<f64>, ScoreError> {
        let shape = |array: &ArrayView2<'_, T>| [array.nrows(), array.ncols()];
        if originals.dim() != reconstructions.dim() {
            let (originals, reconstructions) = (shape(&originals), shape(&reconstructions));
            return Err(ScoreError::ShapesDiffer { originals, reconstructions });
        }
        if originals.ncols() == 0 && originals.nrows() > 0 {
            return Err(ScoreError::NoFeatures { rows: originals.nrows() });
        }
        let mut scores = Array1::zeros(originals.nrows());
        for (row, score) in scores.iter_mut().enumerate() {
            let pairs = originals.row(row).into_iter().zip(reconstructions.row(row));
            let pairs = pairs.map(|(x, y)| ((*x).into(), (*y).into()));
            *score = self.of_errors(pairs.clone().map(|(x, y)| (x - y).abs()));
            if !score.is_finite() {
                return Err(why_not_finite(row, pairs));
            }
        }
        Ok(scores)
    }

    /// The score of one row from `|x - x̂|` of its values: of all, or of those that were observed. Any that is no
    /// number makes the score none.
    pub(crate) fn of_errors(self, errors: impl Iterator<Item = f64>) -> f64 {
        fn mean(errors: impl Iterator<Item = f64>) -> f64 {
            let (sum, n) = errors.fold((0.0, 0usize), |(sum, n), error| (sum + error, n + 1));
            sum / n as f64
        }
        match self {
            Score::MeanAbsolute => mean(errors),
            Score::MeanSquared => mean(errors.map(|e| e * e)),
            // `f64::max` would pass over a NaN.
            Score::Maximum => errors.fold(0.0, |max, e| if e > max || e.is_nan() { e } else { max }),
        }
    }
}

/// The originals first: one bad value of theirs spoils every value of its reconstruction.
fn why_not_finite(row: usize, pairs: impl Iterator<Item = (f64, f64)> + Clone) -> ScoreError {
    let bad = |(_, value): &(usize, f64)| !value.is_finite();
    if let Some((feature, value)) = pairs.clone().map(|(original, _)| original).enumerate().find(bad) {
        return ScoreError::NonFiniteOriginal { row, feature, value };
    }
    if let Some((feature, value)) = pairs.map(|(_, rebuilt)| rebuilt).enumerate().find(bad) {
        return ScoreError::NonFiniteReconstruction { row, feature, value };
    }
    ScoreError::Overflow { row }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn check(score: Score, expected: [f64; 2]) {
        let originals = array![[1.0, 2.0, 4.0, -1.0], [0.0, 0.5, 0.25, 1.0]];
        let reconstructions = array![[1.5, 2.0, 1.0, -1.25], [0.0, 0.5, 0.25, 1.0]];
        assert_eq!(score.of(originals.view(), reconstructions.view()).unwrap().to_vec(), expected);
        // The same numbers are exact in 32 bits; a transposed memory layout changes nothing.
        let (x, y) = (originals.mapv(|v| v as f32), reconstructions.mapv(|v| v as f32));
        let (x, y) = (x.reversed_axes().as_standard_layout().into_owned(), y.reversed_axes());
        assert_eq!(score.of(x.t(), y.as_standard_layout().t()).unwrap().to_vec(), expected);
    }

    /// `np.mean(np.abs(x - y), 1)`, `np.mean((x - y)**2, 1)`, `np.max(np.abs(x - y), 1)`.
    #[test]
    fn scores_are_those_of_numpy() {
        check(Score::MeanAbsolute, [0.9375, 0.0]);
        check(Score::MeanSquared, [2.328125, 0.0]);
        check(Score::Maximum, [3.0, 0.0]);
    }

    #[track_caller]
    fn check_error(originals: Array2<f64>, reconstructions: Array2<f64>, expected: &str) {
        for score in [Score::MeanAbsolute, Score::MeanSquared, Score::Maximum] {
            let error = score.of(originals.view(), reconstructions.view()).unwrap_err().to_string();
            assert!(error.contains(expected), "{score:?}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_scored_is_refused() {
        let shapes = "the originals have shape [2, 3] but their reconstructions [3, 2]";
        check_error(Array2::zeros((2, 3)), Array2::zeros((3, 2)), shapes);
        check_error(Array2::zeros((2, 0)), Array2::zeros((2, 0)), "the 2 rows have no features");
        let ok = array![[0.0, 0.0], [0.0, 0.0]];
        check_error(array![[0.0, 0.0], [1.0, f64::NAN]], ok.clone(), "row 1, feature 1 is NaN");
        check_error(
            array![[0.0, f64::NAN], [0.0, 0.0]],
            array![[f64::NAN, f64::NAN], [0.0, 0.0]],
            "row 0, feature 1 is NaN; leave the row out",
        );
        check_error(
            ok.clone(),
            array![[0.0, 0.0], [f64::NAN, 9.0]],
            "reconstruction of row 1 is NaN at feature 0",
        );
        check_error(ok, array![[f64::INFINITY, 0.0], [0.0, 0.0]], "reconstruction of row 0 is inf");
        check_error(array![[f64::MAX]], array![[-f64::MAX]], "error of row 0 (from 0) is too large");
    }

    #[test]
    fn no_rows_give_no_scores() {
        let none = Array2::<f32>::zeros((0, 3));
        assert_eq!(Score::default().of(none.view(), none.view()).unwrap().len(), 0);
    }
}
