//! Data sets of rows in memory.

use crate::rows::take_away;
use crate::{DataError, Dataset, Preprocessing, SampleShape, Samples, Scale};
use ndarray::Array2;
use std::collections::BTreeMap;

/// The name, in error messages, of rows that come from no file.
const NAME: &str = "the array";

impl Dataset {
    /// Rows in memory, `[N, D]`: all are training rows, each is a vector, and values are unchanged. Apply
    /// [`Self::hold_out`], [`Self::scaled`] and [`Self::shaped`] in this order to change that.
    ///
    /// # Errors
    /// If there are no values, or one of them is not finite.
    pub fn from_rows(rows: Array2<f32>) -> Result<Self, DataError> {
        if rows.is_empty() {
            return Err(DataError::TooFewRows { name: NAME.into(), got: 0, needed: 1, what: "train on" });
        }
        if let Some(((row, position), &value)) = rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(DataError::NotFinite { path: NAME.into(), value, row, position });
        }
        let validation = Samples::empty(rows.ncols());
        Ok(Dataset { name: NAME.into(), ..Dataset::of(Samples::complete(rows), validation) })
    }

    /// Training and validation rows, each a vector, unchanged and with their masks; `validation` may be
    /// empty. Labels are named by their numbers.
    pub fn of(train: Samples, validation: Samples) -> Self {
        let features = train.width();
        let labels = [&train, &validation].into_iter().flat_map(|samples| samples.labels.iter().flatten());
        let classes = labels.max().map_or(0, |greatest| greatest.saturating_add(1));
        Dataset {
            name: "rows".into(),
            shape: SampleShape::Vector { features },
            train,
            validation,
            test: Samples::empty(features),
            label_names: (0..classes).map(|label| label.to_string()).collect(),
            normal_label: None,
            feature_names: Vec::new(),
            sentinels: BTreeMap::new(),
            files: Vec::new(),
            preprocessing: Preprocessing::Identity,
        }
    }

    /// Takes rows out of training, at random: `test` is a share of all rows, `validation` a share of the
    /// rest, each at least 0 and below 1. A share above 0 takes at least one row and leaves one.
    ///
    /// # Errors
    /// If a share is out of range, or the rows are already scaled: the scale would depend on the held-out
    /// rows.
    pub fn hold_out(mut self, validation: f64, test: f64, seed: u64) -> Result<Self, DataError> {
        for (key, share) in [("validation", validation), ("test", test)] {
            if !(0.0..1.0).contains(&share) {
                let (value, right) = (share.to_string(), "at least 0 and below 1");
                return Err(DataError::OutOfRange { key, value, right });
            }
        }
        self.check_unscaled()?;
        let width = self.train.width();
        let (rest, tested) = take_away(self.train, test, seed, "split");
        let (train, validated) = take_away(rest, validation, seed, "validation");
        self.test = Samples::concat(width, &[self.test, tested]);
        self.validation = Samples::concat(width, &[self.validation, validated]);
        self.train = train;
        Ok(self)
    }

    /// Fits a scale on the training rows and applies it to all. [`Scale::Auto`] is that of a table,
    /// [`Scale::Standard`].
    ///
    /// # Errors
    /// If a range is asked for but all values are the same, if values are missing, or if the rows are already
    /// scaled.
    pub fn scaled(mut self, scale: Scale) -> Result<Self, DataError> {
        self.check_unscaled()?;
        if [&self.train, &self.validation, &self.test].iter().any(|samples| samples.observed.is_some()) {
            return Err(DataError::ScaledWithMissing);
        }
        let scale = if scale == Scale::Auto { Scale::Standard } else { scale };
        self.preprocessing = Preprocessing::fit_observed(scale, &self.train, &[], &self.shape)
            .map_err(|source| DataError::Constant { name: self.name.clone(), source })?;
        for part in [&mut self.train, &mut self.validation, &mut self.test] {
            self.preprocessing.apply(&mut part.values);
        }
        Ok(self)
    }

    /// The same rows, each as a sample of `shape`, row-major.
    ///
    /// # Errors
    /// If a row holds another number of values.
    pub fn shaped(mut self, shape: SampleShape) -> Result<Self, DataError> {
        if shape.numel() != self.shape.numel() {
            let (shape, numel) = (shape.dims(), self.shape.numel());
            return Err(DataError::Shape { shape, name: self.name, numel });
        }
        self.shape = shape;
        Ok(self)
    }

    fn check_unscaled(&self) -> Result<(), DataError> {
        match self.preprocessing {
            Preprocessing::Identity => Ok(()),
            _ => Err(DataError::AlreadyScaled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Axis, array};

    fn rows() -> Array2<f32> {
        Array2::from_shape_fn((40, 3), |(row, i)| (row * 3 + i) as f32)
    }

    fn check(result: Result<Dataset, DataError>, expected: &str) {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn rows_are_held_out_once_each_and_the_scale_is_that_of_the_training_rows() {
        let data = Dataset::from_rows(rows()).unwrap().hold_out(0.25, 0.2, 1).unwrap();
        assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (24, 8, 8));
        let parts = [&data.train, &data.validation, &data.test].map(|part| part.values.view());
        let mut seen: Vec<f32> = parts.iter().flat_map(|part| part.column(0).to_vec()).collect();
        seen.sort_by(f32::total_cmp);
        assert_eq!(seen, rows().column(0).to_vec());
        assert_eq!(data, Dataset::from_rows(rows()).unwrap().hold_out(0.25, 0.2, 1).unwrap());

        let raw = data.train.values.clone();
        let scaled = data.scaled(Scale::Standard).unwrap();
        assert!(scaled.train.values.mean_axis(Axis(0)).unwrap().iter().all(|mean| mean.abs() < 1e-5));
        let mut back = scaled.train.values.clone();
        scaled.preprocessing.invert(&mut back);
        assert!((back - raw).iter().all(|difference| difference.abs() < 1e-4));
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let data = || Dataset::from_rows(rows()).unwrap();
        check(Dataset::from_rows(Array2::zeros((0, 3))), "0 usable rows");
        check(Dataset::from_rows(array![[1.0, f32::NAN]]), "NaN in row 0, position 1");
        check(data().hold_out(1.0, 0.0, 0), "data.validation = 1 is out of range");
        check(data().hold_out(0.0, f64::NAN, 0), "data.test = NaN is out of range");
        let scaled = data().scaled(Scale::MinMax).unwrap();
        check(scaled.clone().hold_out(0.1, 0.1, 0), "hold out rows first");
        check(scaled.scaled(Scale::MinMax), "hold out rows first");
        let masked = Samples::complete(rows()).with_observed(rows().mapv(|value| value > 2.0));
        check(Dataset::of(masked, Samples::empty(3)).scaled(Scale::Standard), "scale them before");
        check(Dataset::from_rows(array![[3.0], [3.0]]).unwrap().scaled(Scale::MinMax), "nothing to scale by");
        check(data().shaped(SampleShape::Vector { features: 4 }), "a row of the array has 3");
        let shape = SampleShape::Sequence { steps: 3, features: 1 };
        assert_eq!(data().shaped(shape.clone()).unwrap().shape, shape);
    }
}
