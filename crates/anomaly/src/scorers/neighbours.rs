//! Nearest-neighbour baseline: `s(x) = mean_i ‖x - n_i‖` over the `k` nearest training rows (Angiulli &
//! Pizzuti, 2002, "Fast outlier detection in high dimensional spaces"; with `k = 1`, the distance to the
//! nearest).
//!
//! At most 10,000 training rows are kept, drawn by the seed. For rows with gaps, the distance over the shared
//! values is scaled up to all values; a row that shares no value with any training row has no score. A
//! value's share is its part in the squared distances, each divided by its distance, so that the parts sum to
//! the score.

use super::references::{self, MAX_REFERENCES, Near, References};
use super::rows::{self, NormalRows};
use super::scorer::{self, Kind, Saved, Scorer};
use super::stored::Arrays;
use crate::error::ScorerError;
use ae_intake::Samples;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Scores rows by their distance to the nearest training rows.
#[derive(Debug)]
pub struct Neighbours {
    references: References,
    k: usize,
}

/// The stored form of [`Neighbours`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    width: usize,
    k: usize,
}

impl Neighbours {
    pub(super) const KIND: Kind = Kind {
        name: "neighbours",
        measure: None,
        load: |settings, arrays, _| Ok(Box::new(Self::load(settings, arrays)?)),
    };

    /// Stores the training rows.
    ///
    /// # Errors
    /// Fewer rows than `k`, a `k` of 0, or values that are not finite.
    pub fn fit(rows: &NormalRows<'_>, k: usize) -> Result<Self, ScorerError> {
        let NormalRows { train, seed, .. } = *rows;
        rows::check(train, train.values.ncols())?;
        check_k(k, train.len(), "the distance to the nearest rows")?;
        let kept = rows::at_most(train, MAX_REFERENCES, seed, "nearest neighbours");
        Ok(Neighbours { references: References::of(&kept), k })
    }

    fn load(settings: Value, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let settings: Settings = scorer::settings(settings)?;
        let references = References::load("references", settings.width, arrays)?;
        check_k(settings.k, references.len(), "the distance to the nearest rows")?;
        Ok(Neighbours { references, k: settings.k })
    }

    fn nearest(&self, rows: &Samples, k: usize) -> Result<(Array2<f64>, Vec<Vec<Near>>), ScorerError> {
        rows::check(rows, self.width())?;
        let values = references::with_gaps(rows);
        let nearest = self.references.nearest(&values, k);
        if let Some(row) = nearest.iter().position(Vec::is_empty) {
            return Err(ScorerError::NothingShared { row, references: self.references.len() });
        }
        Ok((values, nearest))
    }
}

/// Checks that `k` is in `1..=n`, and no more than the rows that are kept at most.
pub(crate) fn check_k(k: usize, n: usize, what: &'static str) -> Result<(), ScorerError> {
    if k == 0 || k > MAX_REFERENCES {
        return Err(ScorerError::setting("the number of neighbours", k, format!("1 to {MAX_REFERENCES}")));
    }
    if n < k { Err(ScorerError::TooFewRows { what, needed: k, got: n }) } else { Ok(()) }
}

/// The mean distance to the `k` nearest other rows, given the `k + 1` nearest, which may include the row
/// itself.
pub(crate) fn mean_distance_to_others(nearest: &[Near], k: usize) -> f64 {
    let others = match nearest {
        [first, others @ ..] if first.squared == 0.0 && !others.is_empty() => others,
        all => all,
    };
    mean_distance(&others[..k.min(others.len())])
}

pub(crate) fn mean_distance(nearest: &[Near]) -> f64 {
    nearest.iter().map(|near| near.squared.sqrt()).sum::<f64>() / nearest.len() as f64
}

impl Scorer for Neighbours {
    fn name(&self) -> String {
        format!("distance to {} nearest", self.k)
    }

    fn width(&self) -> usize {
        self.references.width()
    }

    fn scores(&self, rows: &Samples) -> Result<Vec<f64>, ScorerError> {
        rows::check(rows, self.width())?;
        rows::in_blocks(rows, |rows| {
            Ok(self.nearest(rows, self.k)?.1.iter().map(|nearest| mean_distance(nearest)).collect())
        })
    }

    fn scores_of_training_rows(&self, train: &Samples) -> Result<Vec<f64>, ScorerError> {
        rows::check(train, self.width())?;
        rows::in_blocks(train, |train| {
            let (_, nearest) = self.nearest(train, self.k + 1)?;
            Ok(nearest.iter().map(|nearest| mean_distance_to_others(nearest, self.k)).collect())
        })
    }

    /// The mean over the nearest rows that have the value; 0 if none has it.
    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError> {
        let (_, nearest) = self.nearest(rows, self.k)?;
        let value = |(row, feature): (usize, usize)| {
            let values = nearest[row].iter().map(|near| self.references.row(near.index)[feature]);
            let known: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
            (known.iter().sum::<f64>() / known.len().max(1) as f64) as f32
        };
        Ok(Some(Array2::from_shape_fn(rows.values.dim(), value)))
    }

    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError> {
        let (values, nearest) = self.nearest(rows, self.k)?;
        let mut all = Array2::zeros(values.dim());
        for (row, mut shares) in all.outer_iter_mut().enumerate() {
            let mut parts = Array1::zeros(self.width());
            for near in nearest[row].iter().filter(|near| near.squared > 0.0) {
                let other = self.references.row(near.index);
                for (part, (a, b)) in parts.iter_mut().zip(values.row(row).iter().zip(other)) {
                    let difference = a - b;
                    if !difference.is_nan() {
                        *part += difference * difference / near.squared.sqrt();
                    }
                }
            }
            shares.assign(&rows::shares(parts, |feature| rows.is_observed(row, feature)));
        }
        Ok(Some(all))
    }

    fn save(&self) -> Saved {
        let settings = Settings { width: self.width(), k: self.k };
        Saved::new(Self::KIND.name, &settings, vec![("references".into(), self.references.in_single())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_training_row_is_not_its_own_neighbour() {
        let train = Samples::complete(array![[0.0f32], [1.0], [4.0]]);
        let scorer = Neighbours::fit(&NormalRows { train: &train, validation: &train, seed: 0 }, 1).unwrap();
        assert_eq!(scorer.scores(&train).unwrap(), [0.0; 3]);
        assert_eq!(scorer.scores_of_training_rows(&train).unwrap(), [1.0, 1.0, 3.0]);
    }
}
