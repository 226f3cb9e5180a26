//! Distance to the nearest training codes: `s(x) = mean_i ‖z(x) - z(n_i)‖` over the `k` nearest codes of
//! training rows. A row can be reconstructed well and yet have a code far from that of any normal row.
//!
//! `z` is the point estimate of the code: the mean for a variational model, the entries for a discrete one.
//! At most 10,000 codes are kept, drawn by the seed. A missing value enters the encoder as 0, as in training,
//! so codes have no gaps.

use super::model::{ModelDescription, TrainedModel};
use super::neighbours::{check_k, mean_distance, mean_distance_to_others};
use super::references::{MAX_REFERENCES, References};
use super::rows::{self, NormalRows};
use super::scorer::{self, Kind, Saved, Scorer};
use super::stored::Arrays;
use crate::error::ScorerError;
use ae_intake::Samples;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const WHAT: &str = "the distance between codes";

/// Scores rows by the distance of their codes from those of training rows.
#[derive(Debug)]
pub struct LatentNeighbours {
    model: TrainedModel,
    references: References,
    k: usize,
}

/// The stored form of [`LatentNeighbours`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    model: ModelDescription,
    k: usize,
}

impl LatentNeighbours {
    pub(super) const KIND: Kind = Kind {
        name: "latent_neighbours",
        measure: None,
        load: |settings, arrays, _| Ok(Box::new(Self::load(settings, arrays)?)),
    };

    /// Stores the codes of the training rows.
    ///
    /// # Errors
    /// Fewer rows than `k`, a `k` of 0, rows of the wrong width, or values that are not finite.
    pub fn fit(model: TrainedModel, rows: &NormalRows<'_>, k: usize) -> Result<Self, ScorerError> {
        let NormalRows { train, seed, .. } = *rows;
        rows::check(train, model.width())?;
        check_k(k, train.len(), WHAT)?;
        let kept = rows::at_most(train, MAX_REFERENCES, seed, "codes of training rows");
        let references = References::new(model.codes(&kept)?);
        Ok(LatentNeighbours { model, references, k })
    }

    fn load(settings: Value, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let settings: Settings = scorer::settings(settings)?;
        let model = TrainedModel::load(&settings.model, arrays)?;
        let references = References::new(arrays.matrix("codes", None, model.code_size())?);
        check_k(settings.k, references.len(), WHAT)?;
        Ok(LatentNeighbours { model, references, k: settings.k })
    }
}

impl Scorer for LatentNeighbours {
    fn name(&self) -> String {
        format!("distance to {} nearest codes of {}", self.k, self.model.variant())
    }

    fn width(&self) -> usize {
        self.model.width()
    }

    fn scores(&self, rows: &Samples) -> Result<Vec<f64>, ScorerError> {
        rows::check(rows, self.width())?;
        let codes = self.model.codes(rows)?;
        Ok(self.references.nearest(&codes, self.k).iter().map(|nearest| mean_distance(nearest)).collect())
    }

    fn scores_of_training_rows(&self, train: &Samples) -> Result<Vec<f64>, ScorerError> {
        rows::check(train, self.width())?;
        let nearest = self.references.nearest(&self.model.codes(train)?, self.k + 1);
        Ok(nearest.iter().map(|nearest| mean_distance_to_others(nearest, self.k)).collect())
    }

    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError> {
        rows::check(rows, self.width())?;
        Ok(Some(self.model.reconstruct(rows)?.mapv(|value| value as f32)))
    }

    /// `None`: a distance between codes does not split into shares of the row's values.
    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError> {
        rows::check(rows, self.width())?;
        Ok(None)
    }

    fn save(&self) -> Saved {
        let settings = Settings { model: self.model.description().clone(), k: self.k };
        let mut arrays = self.model.arrays();
        arrays.push(("codes".into(), self.references.in_double()));
        Saved::new(Self::KIND.name, &settings, arrays)
    }
}
