//! Distance to the nearest training rows, a baseline: `s(x) = mean_i ‖x - n_i‖` over the `k` nearest (Angiulli &
//! Pizzuti, 2002, "Fast outlier detection in high dimensional spaces"; with `k = 1` the distance to the nearest).
//!
//! At most 10,000 training rows are kept, drawn by the seed. Of two rows with gaps the distance over the
//! shared values is scaled up to all of them; a row
//! that shares no value with any training row has no score. A value's share is its part in the squared distances, each
//! divided by its distance, so that the parts sum to the score.

use crate::error::ScorerError;
use crate::kinds::Settings;
use crate::references::{self, MOST, Near, References};
use crate::rows;
use crate::scorer::{Saved, Scorer};
use crate::stored::Tensors;
use ae_datasets::Samples;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// Scores rows by their distance to training rows.
#[derive(Debug)]
pub struct Neighbours {
    references: References,
    k: usize,
}

/// [`Neighbours`] as files hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeighboursSettings {
    width: usize,
    k: usize,
}

impl Neighbours {
    /// Keeps the rows.
    ///
    /// # Errors
    /// Fewer rows than `k`, a `k` of 0, values that are no numbers.
    pub fn fit(train: &Samples, k: usize, seed: u64) -> Result<Self, ScorerError> {
        rows::check(train, train.values.ncols())?;
        check_k(k, train.len(), "the distance to the nearest rows")?;
        let kept = rows::at_most(train, MOST, seed, "nearest neighbours");
        Ok(Neighbours { references: References::of(&kept), k })
    }

    pub(crate) fn load(settings: &NeighboursSettings, tensors: &Tensors<'_>) -> Result<Self, ScorerError> {
        let references = References::load("references", settings.width, tensors)?;
        check_k(settings.k, references.len(), "the distance to the nearest rows")?;
        Ok(Neighbours { references, k: settings.k })
    }

    fn nearest(&self, rows: &Samples) -> Result<(Array2<f64>, Vec<Vec<Near>>), ScorerError> {
        rows::check(rows, self.width())?;
        let values = references::with_gaps(rows);
        let nearest = self.references.nearest(&values, self.k);
        if let Some(row) = nearest.iter().position(Vec::is_empty) {
            return Err(ScorerError::NothingShared { row, references: self.references.len() });
        }
        Ok((values, nearest))
    }
}

/// `1..=n`, for at least one row; and no more than are ever kept.
pub(crate) fn check_k(k: usize, n: usize, what: &'static str) -> Result<(), ScorerError> {
    if k == 0 || k > MOST {
        return Err(ScorerError::setting("the number of neighbours", k, format!("1 to {MOST}")));
    }
    if n < k { Err(ScorerError::TooFewRows { what, needed: k, got: n }) } else { Ok(()) }
}

/// The mean distance.
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
        Ok(self.nearest(rows)?.1.iter().map(|nearest| mean_distance(nearest)).collect())
    }

    /// The mean of the nearest rows, of those that have the value; 0 where none has it.
    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError> {
        let (_, nearest) = self.nearest(rows)?;
        let value = |(row, feature): (usize, usize)| {
            let values = nearest[row].iter().map(|near| self.references.row(near.index)[feature]);
            let known: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
            (known.iter().sum::<f64>() / known.len().max(1) as f64) as f32
        };
        Ok(Some(Array2::from_shape_fn(rows.values.dim(), value)))
    }

    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError> {
        let (values, nearest) = self.nearest(rows)?;
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
        let settings = NeighboursSettings { width: self.width(), k: self.k };
        Saved {
            settings: Settings::Neighbours(settings),
            tensors: vec![("references".into(), self.references.tensor(true))],
        }
    }
}
