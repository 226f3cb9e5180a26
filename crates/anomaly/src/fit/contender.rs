//! The fourth stage: makes the detector that is stored, and the rivals that it is compared with.
//!
//! The blend is not chosen: it is stored unless another one is asked for.

use super::damage::Form;
use super::prepared::PreparedRows;
use super::select::{Comparison, Role};
use super::train::Trained;
use super::{FitConfig, FitError, Store};
use crate::error::ScorerError;
use crate::scorers::{Baseline, Blend, Ensemble, NormalRows, Score, Scorer, TrainedModel};
use serde::{Deserialize, Serialize};

/// Neighbours in the baseline.
const NEIGHBOURS: usize = 5;

/// A detector in the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contender {
    /// The model with the chosen score.
    Autoencoder,
    /// The model's error and distances to normal rows, see [`mod@crate::scorers::blend`].
    Blend,
    /// The same model and score, before the first training step.
    Untrained,
    /// The median of the training rows, scored by the mean absolute error.
    Median,
    /// The mean of the training rows, scored by the mean squared error.
    Mean,
    /// Principal components, as many as the size of the code.
    Pca,
    /// The distance to the nearest training rows.
    Neighbours,
    /// Isolation forest.
    IsolationForest,
}

impl Contender {
    /// Its role in the comparison.
    pub fn role(self) -> Role {
        match self {
            Contender::Autoencoder => Role::Autoencoder,
            Contender::Blend => Role::Blend,
            Contender::Untrained => Role::Untrained,
            _ => Role::Baseline,
        }
    }
}

impl Store {
    fn contender(self) -> Contender {
        match self {
            Store::Blend => Contender::Blend,
            Store::Autoencoder => Contender::Autoencoder,
            Store::Median => Contender::Median,
            Store::Mean => Contender::Mean,
            Store::Pca => Contender::Pca,
            Store::Neighbours => Contender::Neighbours,
            Store::IsolationForest => Contender::IsolationForest,
        }
    }

    /// The detector to store, and why scores were not tried for it: one sentence each.
    pub(super) fn fit(
        self,
        rows: &PreparedRows,
        trained: &Trained,
        config: &FitConfig,
    ) -> Result<(Box<dyn Scorer>, Vec<String>), FitError> {
        let contender = self.contender();
        let (mut score, mut left_out) = (blended(rows), Vec::new());
        if contender == Contender::Autoencoder {
            let normal = trained.normal_rows(rows, config.seed);
            let comparison = Comparison::new(rows, normal.validation, config.seed);
            let chosen = comparison.choose(config, &trained.members, &normal)?;
            (score, left_out) = (chosen.score, chosen.left_out);
        }
        Ok((contender.fit(rows, trained, config, score)?, left_out))
    }
}

impl Contender {
    /// Makes the detector, if it is a network with the score that it has in the blend.
    ///
    /// # Errors
    /// Rows that cannot be scored.
    pub fn in_blend(
        self,
        rows: &PreparedRows,
        trained: &Trained,
        config: &FitConfig,
    ) -> Result<Box<dyn Scorer>, FitError> {
        self.fit(rows, trained, config, config.score.unwrap_or(blended(rows)))
    }

    /// Makes the detector; `score` is that of the network where it stands alone.
    pub(super) fn fit(
        self,
        rows: &PreparedRows,
        trained: &Trained,
        config: &FitConfig,
        score: Score,
    ) -> Result<Box<dyn Scorer>, FitError> {
        let normal = trained.normal_rows(rows, config.seed);
        // With as many components as columns, every row is reconstructed exactly.
        let code = trained.code_size().clamp(1, rows.width().saturating_sub(1).max(1));
        let baseline = match self {
            Contender::Autoencoder => return Ok(of_members(score, &trained.members, &normal)?),
            Contender::Untrained => return Ok(score.fit(trained.untrained.copy()?, &normal)?),
            Contender::Blend => {
                let network = of_members(config.score.unwrap_or(blended(rows)), &trained.members, &normal)?;
                let train = trained.usual_train(rows);
                let usual = NormalRows { train: &train, ..normal };
                return Ok(Box::new(Blend::fit(
                    network,
                    rows,
                    &usual,
                    trained.completion.as_deref(),
                    config.robust.is_none(),
                )?));
            }
            Contender::Median => Baseline::Median,
            Contender::Mean => Baseline::Mean,
            Contender::Pca => Baseline::Pca { code },
            Contender::Neighbours => Baseline::Neighbours { k: NEIGHBOURS.min(rows.train.len()) },
            Contender::IsolationForest => Baseline::IsolationForest,
        };
        Ok(baseline.fit(&normal)?)
    }
}

/// The score of the network in the blend: of values that share a unit, the plain error.
fn blended(rows: &PreparedRows) -> Score {
    match rows.form {
        Form::Series { channels: 1 } => Score::MeanSquared,
        _ => Score::Standardised,
    }
}

/// The score of one model, or of an ensemble.
pub(super) fn of_members(
    score: Score,
    members: &[TrainedModel],
    normal: &NormalRows<'_>,
) -> Result<Box<dyn Scorer>, ScorerError> {
    let mut scorers = Vec::with_capacity(members.len());
    for member in members {
        scorers.push(score.fit(member.copy()?, normal)?);
    }
    match scorers.len() {
        1 => Ok(scorers.remove(0)),
        _ => Ok(Box::new(Ensemble::fit(scorers, normal.validation)?)),
    }
}
