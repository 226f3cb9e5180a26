//! Distance to the nearest training rows in the code: `s(x) = mean_i ‖z(x) - z(n_i)‖` over the `k` nearest of the
//! training rows' codes. A row can be rebuilt well and yet have a code that no normal row has.
//!
//! `z` is the code's point: the mean of a variational model, the entries of a discrete one. At most 10,000 codes are
//! kept, drawn by the seed. An unobserved value goes into the encoder as 0, as in training; the code has no gaps.

use crate::error::ScorerError;
use crate::kinds::Settings;
use crate::neighbours::{check_k, mean_distance};
use crate::references::{MOST, References};
use crate::rows;
use crate::scorer::{Saved, Scorer};
use crate::stored::Tensors;
use crate::trained::{ModelDescription, TrainedModel};
use ae_datasets::Samples;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

const WHAT: &str = "the distance between codes";

/// Scores rows by the distance of their codes to those of training rows.
#[derive(Debug)]
pub struct LatentNeighbours {
    model: TrainedModel,
    references: References,
    k: usize,
}

/// [`LatentNeighbours`] as files hold it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentSettings {
    model: ModelDescription,
    k: usize,
}

impl LatentNeighbours {
    /// Keeps the codes of the rows.
    ///
    /// # Errors
    /// Fewer rows than `k`, a `k` of 0, rows of another width, values that are no numbers.
    pub fn fit(model: TrainedModel, k: usize, train: &Samples, seed: u64) -> Result<Self, ScorerError> {
        rows::check(train, model.width())?;
        check_k(k, train.len(), WHAT)?;
        let kept = rows::at_most(train, MOST, seed, "codes of training rows");
        let references = References::new(model.codes(&kept)?);
        Ok(LatentNeighbours { model, references, k })
    }

    pub(crate) fn load(settings: &LatentSettings, tensors: &Tensors<'_>) -> Result<Self, ScorerError> {
        let model = TrainedModel::load(&settings.model, tensors)?;
        let code = usize::try_from(model.autoencoder().code_size()).unwrap_or(0);
        let references = References::new(tensors.matrix("codes", None, code)?);
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

    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError> {
        rows::check(rows, self.width())?;
        Ok(Some(self.model.reconstruct(rows)?.mapv(|value| value as f32)))
    }

    /// None: a distance between codes is not made of values of the row.
    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError> {
        rows::check(rows, self.width())?;
        Ok(None)
    }

    fn save(&self) -> Saved {
        let settings = LatentSettings { model: self.model.description().clone(), k: self.k };
        let mut tensors = self.model.tensors();
        tensors.push(("codes".into(), self.references.tensor(false)));
        Saved { settings: Settings::LatentNeighbours(settings), tensors }
    }
}
