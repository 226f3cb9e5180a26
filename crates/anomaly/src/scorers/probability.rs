//! Reconstruction probability of a variational model: `s(x) = -(1 / L D) Σ_l Σ_j log p(x_j | z_l)` over the
//! observed `j`, `z_l = μ(x) + σ(x) ε_l` (An & Cho, 2015, "Variational autoencoder based anomaly detection
//! using reconstruction probability", algorithm 4, with the sign reversed, so that higher is more anomalous).
//!
//! The draws `ε_l` are the same for every row, so a score depends on its row alone. Dividing by the number of
//! observed values gives nats per value and makes rows with gaps comparable.
//!
//! If the likelihood is defined only for values in [0, 1] (Bernoulli), a value outside is moved to the
//! nearest valid one, and each unit of distance adds 10 nats. That penalty is our own choice, so that values
//! which no training row had stand out.
//!
//! A value's share is the excess of its part over the mean of that part on validation rows; below the mean it
//! counts as 0.

use super::model::{ModelDescription, TrainedModel};
use super::rows::{self, NormalRows};
use super::scorer::{self, Saved, Scorer};
use super::stored::{self, Arrays};
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_models::limits::MAX_ACTIVATIONS;
use ae_models::{Batch, LatentVariable};
use ae_tensor::{Device, Kind, Noise, Tensor};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most draws; the work grows in proportion.
const MAX_DRAWS: usize = 1024;
/// Nats per unit outside the range of the likelihood.
const NATS_OUTSIDE: f64 = 10.0;

/// Scores rows by their likelihood under draws from the posterior.
#[derive(Debug)]
pub struct ReconstructionProbability {
    model: TrainedModel,
    seed: u64,
    /// `[L, latent]`, in double precision.
    draws: Tensor,
    /// `[D]`: mean of each value's part over validation rows, in nats.
    usual: Array1<f64>,
}

/// The stored form of [`ReconstructionProbability`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    model: ModelDescription,
    draws: usize,
    seed: u64,
}

impl ReconstructionProbability {
    pub(super) const KIND: scorer::Kind = scorer::Kind {
        name: "reconstruction_probability",
        measure: None,
        load: |settings, arrays, _| Ok(Box::new(Self::load(settings, arrays)?)),
    };

    /// Learns the usual part of each value from the validation rows.
    ///
    /// # Errors
    /// A model that is not variational, a number of draws out of range, no rows, or rows of the wrong width.
    pub fn fit(model: TrainedModel, rows: &NormalRows<'_>, draws: usize) -> Result<Self, ScorerError> {
        let NormalRows { validation, seed, .. } = *rows;
        rows::check(validation, model.width())?;
        if validation.is_empty() {
            return Err(ScorerError::TooFewRows {
                what: "the reconstruction probability",
                needed: 1,
                got: 0,
            });
        }
        let usual = Array1::zeros(model.width());
        let mut scorer = Self::new(model, seed, draws, usual)?;
        let parts = scorer.parts(validation)?;
        for (feature, usual) in scorer.usual.iter_mut().enumerate() {
            let seen: Vec<usize> =
                (0..validation.len()).filter(|&row| validation.is_observed(row, feature)).collect();
            *usual = seen.iter().map(|&row| parts[[row, feature]]).sum::<f64>() / seen.len().max(1) as f64;
        }
        Ok(scorer)
    }

    fn new(model: TrainedModel, seed: u64, draws: usize, usual: Array1<f64>) -> Result<Self, ScorerError> {
        if !(1..=MAX_DRAWS).contains(&draws) {
            return Err(ScorerError::setting("the number of draws", draws, format!("1 to {MAX_DRAWS}")));
        }
        let Some(latent) = model.model().as_generator().map(|generator| generator.latent_size()) else {
            return Err(needs_density(&model));
        };
        if model.model().as_latent_variable().is_none() {
            return Err(needs_density(&model));
        }
        if latent.saturating_mul(draws as i64) > MAX_ACTIVATIONS {
            let legal = format!("at most {} for {latent} latents", MAX_ACTIVATIONS / latent.max(1));
            return Err(ScorerError::setting("the number of draws", draws, legal));
        }
        let noise =
            Noise::new(seed, 0, Device::Cpu).normal("reconstruction probability", &[draws as i64, latent]);
        Ok(ReconstructionProbability { model, seed, draws: noise.to_kind(Kind::Double), usual })
    }

    fn load(settings: Value, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let settings: Settings = scorer::settings(settings)?;
        let model = TrainedModel::load(&settings.model, arrays)?;
        let usual = Array1::from_vec(arrays.vector("usual", Some(model.width()))?);
        Self::new(model, settings.seed, settings.draws, usual)
    }

    fn density(&self) -> &dyn LatentVariable {
        self.model.model().as_latent_variable().expect("it was one when this was made")
    }

    /// `-mean_l log p(x_j | z_l)` of checked rows, `[N, D]`, in nats; 0 for missing values.
    fn parts(&self, rows: &Samples) -> Result<Array2<f64>, ScorerError> {
        let range = self.density().likelihood().range();
        let mut parts = self.model.map(rows, self.width(), |x| {
            let legal = x.clamp(range.low, range.high);
            let outside = (x - &legal).abs().flatten(1, -1) * NATS_OUTSIDE;
            let batch = Batch { values: legal, labels: None, observed: None, given: None };
            let posterior = self.density().posterior(&batch);
            let mut sum: Option<Tensor> = None;
            for draw in 0..self.draws.size()[0] {
                let latents = posterior.reparameterise(&self.draws.narrow(0, draw, 1));
                let values = self.density().negative_log_likelihood_per_value(&latents, &batch);
                sum = Some(sum.map_or_else(|| values.shallow_clone(), |sum| sum + &values));
            }
            sum.expect("at least one draw") / self.draws.size()[0] as f64 + outside
        });
        for ((row, feature), value) in parts.indexed_iter_mut() {
            if !rows.is_observed(row, feature) {
                *value = 0.0;
            }
        }
        match parts.indexed_iter().find(|(_, value)| !value.is_finite()) {
            Some(((row, _), _)) => Err(ScorerError::Overflow { row }),
            None => Ok(parts),
        }
    }
}

fn needs_density(model: &TrainedModel) -> ScorerError {
    ScorerError::Model {
        score: "the reconstruction probability",
        needs: "a density",
        variant: model.variant(),
        such_as: "`vae`",
    }
}

impl Scorer for ReconstructionProbability {
    fn name(&self) -> String {
        format!("reconstruction_probability of {}", self.model.variant())
    }

    fn width(&self) -> usize {
        self.model.width()
    }

    fn scores(&self, rows: &Samples) -> Result<Vec<f64>, ScorerError> {
        rows::check(rows, self.width())?;
        let parts = self.parts(rows)?;
        let mean = |(row, parts): (usize, ndarray::ArrayView1<'_, f64>)| {
            let seen = (0..self.width()).filter(|&feature| rows.is_observed(row, feature)).count();
            parts.sum() / seen as f64
        };
        Ok(parts.outer_iter().enumerate().map(mean).collect())
    }

    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError> {
        rows::check(rows, self.width())?;
        Ok(Some(self.model.reconstruct(rows)?.mapv(|value| value as f32)))
    }

    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError> {
        rows::check(rows, self.width())?;
        let mut parts = self.parts(rows)?;
        for (row, mut values) in parts.outer_iter_mut().enumerate() {
            let seen = |feature| rows.is_observed(row, feature);
            let above = |feature: usize| {
                if seen(feature) { (values[feature] - self.usual[feature]).max(0.0) } else { 0.0 }
            };
            let shares = rows::shares(Array1::from_shape_fn(self.width(), above), seen);
            values.assign(&shares);
        }
        Ok(Some(parts))
    }

    fn save(&self) -> Saved {
        let draws = self.draws.size()[0] as usize;
        let settings = Settings { model: self.model.description().clone(), draws, seed: self.seed };
        let mut arrays = self.model.arrays();
        arrays.push(("usual".into(), stored::vector(&self.usual.to_vec())));
        Saved::new(Self::KIND.name, &settings, arrays)
    }
}
