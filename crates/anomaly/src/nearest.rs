//! The nearest normal sample of a row, to show beside it: what it would have had to look like.
//!
//! At most 2,000 training rows are kept, drawn by the seed: enough to show one of a kind, and some megabytes in a file.
//! Distances are Euclidean over the values that both rows have, scaled up by `D / shared` under the root.

use crate::error::ScorerError;
use crate::references::{self, References};
use crate::rows;
use crate::stored::Tensors;
use ae_datasets::Samples;
use ae_tensor::Tensor;

/// Rows that are kept at most.
pub const KEPT: usize = 2000;

/// Training rows to show beside others.
#[derive(Debug)]
pub struct NearestNormal {
    references: References,
    /// Of each kept row, its place among those that it was drawn from.
    places: Vec<usize>,
}

/// A normal row, and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Nearest {
    /// Its place among the training rows, from 0.
    pub row: usize,
    /// 0 or more, in the unit of the prepared values.
    pub distance: f64,
    /// `D` prepared values; `None` where it was not observed.
    pub values: Vec<Option<f32>>,
}

impl NearestNormal {
    /// Keeps rows.
    ///
    /// # Errors
    /// No rows, values that are no numbers.
    pub fn fit(train: &Samples, seed: u64) -> Result<Self, ScorerError> {
        rows::check(train, train.values.ncols())?;
        if train.is_empty() {
            return Err(ScorerError::TooFewRows { what: "the nearest normal sample", needed: 1, got: 0 });
        }
        let places = rows::draw(train.len(), KEPT, seed, "normal samples to show", 0);
        Ok(NearestNormal { references: References::of(&train.select(&places)), places })
    }

    /// Brings back what [`NearestNormal::save`] gave.
    ///
    /// # Errors
    /// Tensors that are missing or do not belong together.
    pub fn load(width: usize, tensors: &[(String, Tensor)]) -> Result<Self, ScorerError> {
        let tensors = Tensors::new(tensors);
        let references = References::load("nearest.rows", width, &tensors)?;
        let places = tensors.vector("nearest.places", Some(references.len()))?;
        if places.iter().any(|&place| place < 0.0 || place.fract() != 0.0) {
            return Err(ScorerError::Stored("`nearest.places` holds values that are no places".into()));
        }
        Ok(NearestNormal { references, places: places.into_iter().map(|place| place as usize).collect() })
    }

    /// What a file needs, by names that begin with `nearest.`.
    pub fn save(&self) -> Vec<(String, Tensor)> {
        let places: Vec<i64> = self.places.iter().map(|&place| place as i64).collect();
        vec![
            ("nearest.rows".into(), self.references.tensor(true)),
            ("nearest.places".into(), Tensor::from_slice(&places)),
        ]
    }

    /// The nearest normal sample of each row; `None` where no normal sample shares a value with the row.
    ///
    /// # Errors
    /// Rows of another width, values that are no numbers, a row of which nothing is known.
    pub fn of(&self, rows: &Samples) -> Result<Vec<Option<Nearest>>, ScorerError> {
        rows::check(rows, self.references.width())?;
        let nearest = self.references.nearest(&references::with_gaps(rows), 1);
        let of_row = |near: &Vec<references::Near>| {
            let near = near.first()?;
            let known = |&value: &f64| if value.is_nan() { None } else { Some(value as f32) };
            let values = self.references.row(near.index).iter().map(known).collect();
            Some(Nearest { row: self.places[near.index], distance: near.squared.sqrt(), values })
        };
        Ok(nearest.iter().map(of_row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn train() -> Samples {
        let values = array![[0.0f32, 0.0], [1.0, 1.0], [5.0, 0.0], [5.0, 9.0]];
        let observed = array![[true, true], [true, true], [true, false], [true, true]];
        Samples::complete(values).with_observed(observed)
    }

    #[test]
    fn the_nearest_is_found_by_what_both_have() {
        let nearest = NearestNormal::fit(&train(), 0).unwrap();
        let rows = Samples::complete(array![[0.9f32, 1.0], [5.0, 3.0]]);
        let found = nearest.of(&rows).unwrap();
        let first = found[0].as_ref().unwrap();
        assert_eq!((first.row, &first.values), (1, &vec![Some(1.0), Some(1.0)]));
        assert!((first.distance - f64::from(0.1f32)).abs() < 1e-6, "{}", first.distance);
        let second = found[1].as_ref().unwrap();
        assert_eq!((second.row, second.distance, &second.values), (2, 0.0, &vec![Some(5.0), None]));
        let again = NearestNormal::load(2, &nearest.save()).unwrap();
        assert_eq!(again.of(&rows).unwrap(), found);
        assert!(NearestNormal::load(3, &nearest.save()).is_err());
    }

    #[test]
    fn a_row_that_shares_nothing_has_none() {
        let train = Samples::complete(array![[5.0f32, 0.0]]).with_observed(array![[true, false]]);
        let row = Samples::complete(array![[0.0f32, 1.0]]).with_observed(array![[false, true]]);
        assert_eq!(NearestNormal::fit(&train, 0).unwrap().of(&row).unwrap(), [None]);
        assert!(NearestNormal::fit(&train.select(&[]), 0).is_err());
    }

    #[test]
    fn of_many_rows_a_bounded_number_is_kept_in_their_order() {
        let values = Array2::from_shape_fn((5000, 1), |(row, _)| row as f32);
        let nearest = NearestNormal::fit(&Samples::complete(values), 3).unwrap();
        assert_eq!(nearest.places.len(), KEPT);
        let found = nearest.of(&Samples::complete(array![[2500.0f32]])).unwrap().remove(0).unwrap();
        assert_eq!(found.values, [Some(found.row as f32)]);
        assert!(found.distance < 20.0);
    }
}
