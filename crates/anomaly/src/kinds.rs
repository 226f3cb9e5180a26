//! The ways of scoring by name, as a configuration and as a file say them.

use crate::ensemble::EnsembleSettings;
use crate::error::ScorerError;
use crate::forest::{ForestSettings, IsolationForest};
use crate::latent::{LatentNeighbours, LatentSettings};
use crate::neighbours::{Neighbours, NeighboursSettings};
use crate::probability::{ProbabilitySettings, ReconstructionProbability};
use crate::residual::{Measure, ResidualScorer, ResidualSettings, Source};
use crate::scorer::Scorer;
use crate::trained::TrainedModel;
use ae_datasets::Samples;
use serde::{Deserialize, Serialize};

/// What is measured of a trained autoencoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScoreKind {
    /// See [`crate::Score::MeanAbsolute`].
    #[default]
    MeanAbsolute,
    /// See [`crate::Score::MeanSquared`].
    MeanSquared,
    /// See [`crate::Score::Maximum`].
    Maximum,
    /// See [`mod@crate::standardised`].
    Standardised,
    /// See [`mod@crate::mahalanobis`].
    Mahalanobis,
    /// See [`mod@crate::latent`].
    LatentNeighbours {
        /// Neighbours; 1 or more, 5 is usual.
        k: usize,
    },
    /// See [`mod@crate::probability`]; variational models only.
    ReconstructionProbability {
        /// Draws from the posterior; 1 or more, 16 is usual.
        draws: usize,
    },
}

impl ScoreKind {
    /// A scorer of `model`. `train` are the rows that it was trained on; `validation` are normal rows that it was
    /// not trained on, and on which scales are measured. The rows that a threshold is calibrated on are neither.
    ///
    /// # Errors
    /// Rows of another width, too few rows, a setting out of range, a model that lacks what the score needs.
    pub fn fit(
        self,
        model: TrainedModel,
        train: &Samples,
        validation: &Samples,
        seed: u64,
    ) -> Result<Box<dyn Scorer>, ScorerError> {
        let measure = match self {
            ScoreKind::MeanAbsolute => Measure::MeanAbsolute,
            ScoreKind::MeanSquared => Measure::MeanSquared,
            ScoreKind::Maximum => Measure::Maximum,
            ScoreKind::Standardised => Measure::Standardised,
            ScoreKind::Mahalanobis => Measure::Mahalanobis,
            ScoreKind::LatentNeighbours { k } => {
                return Ok(Box::new(LatentNeighbours::fit(model, k, train, seed)?));
            }
            ScoreKind::ReconstructionProbability { draws } => {
                return Ok(Box::new(ReconstructionProbability::fit(model, draws, validation, seed)?));
            }
        };
        Ok(Box::new(ResidualScorer::fit(Source::Model(Box::new(model)), measure, validation)?))
    }
}

/// A way of scoring without a network, that every network has to beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Baseline {
    /// Mean squared error of the reconstruction from the first principal components.
    Pca {
        /// How many; 1 or more.
        code: usize,
    },
    /// Mean distance to the nearest training rows.
    Neighbours {
        /// How many of them; 1 or more.
        k: usize,
    },
    /// How few random cuts it takes to isolate a row.
    IsolationForest,
}

impl Baseline {
    /// Fits the baseline on the rows that the network is trained on.
    ///
    /// # Errors
    /// Too few rows, a setting out of range, values that are no numbers.
    pub fn fit(self, train: &Samples, seed: u64) -> Result<Box<dyn Scorer>, ScorerError> {
        Ok(match self {
            Baseline::Pca { code } => {
                let none = train.select(&[]);
                Box::new(ResidualScorer::fit(Source::pca(train, code)?, Measure::MeanSquared, &none)?)
            }
            Baseline::Neighbours { k } => Box::new(Neighbours::fit(train, k, seed)?),
            Baseline::IsolationForest => Box::new(IsolationForest::fit(train, Default::default(), seed)?),
        })
    }
}

/// What a stored scorer is; its numbers lie beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Settings {
    /// A measure of the difference between a row and its reconstruction.
    Reconstruction(ResidualSettings),
    /// Distance to training rows in the code.
    LatentNeighbours(LatentSettings),
    /// Likelihood under a variational model.
    ReconstructionProbability(ProbabilitySettings),
    /// Distance to training rows.
    Neighbours(NeighboursSettings),
    /// Isolation forest.
    IsolationForest(ForestSettings),
    /// Several scorers as one.
    Ensemble(EnsembleSettings),
}
