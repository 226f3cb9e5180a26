//! What every way of scoring is: a number for each row, higher for more anomalous, and how it is kept in a file.

use crate::error::ScorerError;
use crate::kinds::Settings;
use crate::{ensemble, forest, latent, neighbours, probability, residual};
use ae_datasets::Samples;
use ae_tensor::Tensor;
use ndarray::Array2;

/// Something that was fitted on normal rows and gives each new row a score.
///
/// A score depends on the row and on nothing else: neither on the other rows of a call nor on their number, but for
/// 1e-6 of it by rounding. Any finite row is taken without a panic. What was not observed has no part in a score.
pub trait Scorer: Send {
    /// For people: what is measured, and of what, such as `mean_absolute of ecg`.
    fn name(&self) -> String;

    /// Values of a row, `D`.
    fn width(&self) -> usize;

    /// The score of each row, finite: `[N]`, higher is more anomalous.
    ///
    /// # Errors
    /// Rows of another width; the first row that cannot be scored, see [`ScorerError::row`].
    fn scores(&self, rows: &Samples) -> Result<Vec<f64>, ScorerError>;

    /// What the scorer expects in place of each row, `[N, D]`; `None` where it expects nothing in particular.
    ///
    /// # Errors
    /// As [`Scorer::scores`].
    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError>;

    /// The share of each value in its row's score, `[N, D]`: 0 or more, each row sums to 1, 0 for what was not
    /// observed. A row without an error shares evenly among what was observed. `None` for a score that is not made of
    /// shares.
    ///
    /// # Errors
    /// As [`Scorer::scores`].
    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError>;

    /// All that [`load`] needs.
    fn save(&self) -> Saved;

    /// The score of each row, or why this row has none; one bad row does not spoil the others.
    ///
    /// # Errors
    /// Where no row can be scored: another width.
    fn scores_each(&self, rows: &Samples) -> Result<Vec<Result<f64, ScorerError>>, ScorerError> {
        match self.scores(rows) {
            Ok(scores) => Ok(scores.into_iter().map(Ok).collect()),
            Err(error) if error.row().is_none() => Err(error),
            Err(_) => {
                let one = |row: usize| match self.scores(&rows.select(&[row])) {
                    Ok(scores) => Ok(scores[0]),
                    Err(error) => Err(error.at_row(row)),
                };
                Ok((0..rows.len()).map(one).collect())
            }
        }
    }
}

/// A scorer as files hold it: settings as JSON, numbers as tensors.
#[derive(Debug)]
pub struct Saved {
    /// What it is.
    pub settings: Settings,
    /// What it has learned, by name; names are unique. Float, double or int64, on the CPU.
    pub tensors: Vec<(String, Tensor)>,
}

/// Brings a scorer back. Nothing is built that is larger than the tensors allow.
///
/// # Errors
/// Settings or tensors that do not belong together, or that no scorer has; hostile ones end here, too.
pub fn load(saved: &Saved) -> Result<Box<dyn Scorer>, ScorerError> {
    load_part(&saved.settings, &crate::stored::Tensors::new(&saved.tensors))
}

pub(crate) fn load_part(
    settings: &Settings,
    tensors: &crate::stored::Tensors<'_>,
) -> Result<Box<dyn Scorer>, ScorerError> {
    Ok(match settings {
        Settings::Reconstruction(settings) => Box::new(residual::ResidualScorer::load(settings, tensors)?),
        Settings::LatentNeighbours(settings) => Box::new(latent::LatentNeighbours::load(settings, tensors)?),
        Settings::ReconstructionProbability(settings) => {
            Box::new(probability::ReconstructionProbability::load(settings, tensors)?)
        }
        Settings::Neighbours(settings) => Box::new(neighbours::Neighbours::load(settings, tensors)?),
        Settings::IsolationForest(settings) => Box::new(forest::IsolationForest::load(settings, tensors)?),
        Settings::Ensemble(settings) => Box::new(ensemble::Ensemble::load(settings, tensors)?),
    })
}
