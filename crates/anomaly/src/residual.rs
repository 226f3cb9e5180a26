//! Scores of the difference between a row and its reconstruction, by a trained model or by principal components:
//! `s(x) = measure(x - x̂)` over what was observed of `x`.

use crate::error::ScorerError;
use crate::kinds::Settings;
use crate::linear::{LinearSettings, LinearSource};
use crate::mahalanobis::Mahalanobis;
use crate::rows;
use crate::score::{Score, ScoreError};
use crate::scorer::{Saved, Scorer};
use crate::standardised::Standardised;
use crate::stored::Tensors;
use crate::trained::{ModelDescription, TrainedModel};
use ae_datasets::Samples;
use ae_tensor::DenseChain;
use ndarray::{Array1, Array2, ArrayView1};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Rows whose differences are held at a time.
const BLOCK: usize = 8192;
/// Rows that one core takes at a time; fewer are not worth waking others for.
const QUICK: usize = 256;

/// What reconstructs.
#[derive(Debug)]
pub enum Source {
    /// A trained autoencoder.
    Model(Box<TrainedModel>),
    /// Principal components.
    Linear(LinearSource),
}

impl Source {
    /// The first `code` principal components of `train`.
    ///
    /// # Errors
    /// Fewer than 2 rows, a code of 0, values that are no numbers.
    pub fn pca(train: &Samples, code: usize) -> Result<Self, ScorerError> {
        Ok(Source::Linear(LinearSource::fit(train, code)?))
    }

    fn width(&self) -> usize {
        match self {
            Source::Model(model) => model.width(),
            Source::Linear(linear) => linear.width(),
        }
    }

    fn reconstruct(&self, rows: &Samples) -> Result<Array2<f64>, ScorerError> {
        match self {
            Source::Model(model) => model.reconstruct(rows),
            Source::Linear(linear) => linear.reconstruct(rows),
        }
    }
}

/// What is measured of a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// See [`Score::MeanAbsolute`].
    #[default]
    MeanAbsolute,
    /// See [`Score::MeanSquared`].
    MeanSquared,
    /// See [`Score::Maximum`].
    Maximum,
    /// See [`mod@crate::standardised`].
    Standardised,
    /// See [`mod@crate::mahalanobis`].
    Mahalanobis,
}

/// [`ResidualScorer`] as files hold it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualSettings {
    source: SourceSettings,
    measure: Measure,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceSettings {
    Model(Box<ModelDescription>),
    Linear(LinearSettings),
}

/// Scores rows by what is left after reconstruction.
#[derive(Debug)]
pub struct ResidualScorer {
    source: Source,
    measure: Fitted,
}

#[derive(Debug)]
enum Fitted {
    Plain(Score),
    Standardised(Standardised),
    Mahalanobis(Mahalanobis),
}

impl ResidualScorer {
    /// `validation` are normal rows that the source was not fitted on; [`Measure::Standardised`] and
    /// [`Measure::Mahalanobis`] learn from them how large a usual difference is, the others do not look at them.
    ///
    /// # Errors
    /// Rows of another width, values that are no numbers, too few rows for the measure.
    pub fn fit(source: Source, measure: Measure, validation: &Samples) -> Result<Self, ScorerError> {
        let residuals = || {
            rows::check(validation, source.width())?;
            residuals(&source, validation)
        };
        let measure = match measure {
            Measure::MeanAbsolute => Fitted::Plain(Score::MeanAbsolute),
            Measure::MeanSquared => Fitted::Plain(Score::MeanSquared),
            Measure::Maximum => Fitted::Plain(Score::Maximum),
            Measure::Standardised => Fitted::Standardised(Standardised::fit(&residuals()?, validation)?),
            Measure::Mahalanobis => Fitted::Mahalanobis(Mahalanobis::fit(&residuals()?, validation)?),
        };
        Ok(ResidualScorer { source, measure })
    }

    pub(crate) fn load(settings: &ResidualSettings, tensors: &Tensors<'_>) -> Result<Self, ScorerError> {
        let source = match &settings.source {
            SourceSettings::Model(model) => Source::Model(Box::new(TrainedModel::load(model, tensors)?)),
            SourceSettings::Linear(linear) => Source::Linear(LinearSource::load(linear, tensors)?),
        };
        let width = source.width();
        let measure = match settings.measure {
            Measure::MeanAbsolute => Fitted::Plain(Score::MeanAbsolute),
            Measure::MeanSquared => Fitted::Plain(Score::MeanSquared),
            Measure::Maximum => Fitted::Plain(Score::Maximum),
            Measure::Standardised => Fitted::Standardised(Standardised::load(width, tensors)?),
            Measure::Mahalanobis => Fitted::Mahalanobis(Mahalanobis::load(width, tensors)?),
        };
        Ok(ResidualScorer { source, measure })
    }

    fn residuals(&self, rows: &Samples) -> Result<Array2<f64>, ScorerError> {
        rows::check(rows, self.width())?;
        residuals(&self.source, rows)
    }

    /// Scores of many rows by a model of dense layers, on all cores: the same numbers as one by one. None where there is
    /// no such model, or a row leaves the range of single precision.
    fn quick_scores(&self, rows: &Samples) -> Result<Option<Vec<f64>>, ScorerError> {
        let Source::Model(model) = &self.source else { return Ok(None) };
        let Some(chain) = model.chain().filter(|_| rows.len() > QUICK) else { return Ok(None) };
        rows::check(rows, model.width())?;
        Ok(match &self.measure {
            Fitted::Mahalanobis(_) => None,
            Fitted::Plain(score) => quick_scores(score, chain, rows),
            Fitted::Standardised(standardised) => quick_scores(standardised, chain, rows),
        })
    }

    fn measured(&self) -> Measure {
        match &self.measure {
            Fitted::Plain(Score::MeanAbsolute) => Measure::MeanAbsolute,
            Fitted::Plain(Score::MeanSquared) => Measure::MeanSquared,
            Fitted::Plain(Score::Maximum) => Measure::Maximum,
            Fitted::Standardised(_) => Measure::Standardised,
            Fitted::Mahalanobis(_) => Measure::Mahalanobis,
        }
    }
}

/// What a measure makes of one row: of `x - x̂` of each observed value, with its place.
trait OfRow: Sync {
    fn of_row(&self, errors: impl Iterator<Item = (usize, f64)>) -> f64;
}

impl OfRow for Score {
    fn of_row(&self, errors: impl Iterator<Item = (usize, f64)>) -> f64 {
        self.of_errors(errors.map(|(_, error)| error.abs()))
    }
}

impl OfRow for Standardised {
    fn of_row(&self, errors: impl Iterator<Item = (usize, f64)>) -> f64 {
        self.of_errors(errors)
    }
}

/// Of all rows; `residuals` are `[N, D]`.
fn scores_of(measure: &impl OfRow, residuals: &Array2<f64>, rows: &Samples) -> Vec<f64> {
    let of_row = |(row, residual): (usize, ArrayView1<'_, f64>)| {
        let errors = residual.into_iter().copied().enumerate();
        measure.of_row(errors.filter(|&(feature, _)| rows.is_observed(row, feature)))
    };
    residuals.outer_iter().enumerate().map(of_row).collect()
}

/// The same by a chain, blocks side by side; none where a score is not finite.
fn quick_scores(measure: &impl OfRow, chain: &DenseChain, rows: &Samples) -> Option<Vec<f64>> {
    let starts: Vec<usize> = (0..rows.len()).step_by(QUICK).collect();
    let of_block = |start: usize| {
        let inputs = rows::inputs(rows, start, QUICK.min(rows.len() - start));
        let rebuilt = chain.rows(inputs.view());
        let of_row = |(index, (original, rebuilt)): (usize, (ArrayView1<'_, f32>, ArrayView1<'_, f32>))| {
            let errors =
                original.into_iter().zip(rebuilt).map(|(&x, &y)| f64::from(x) - f64::from(y)).enumerate();
            match &rows.observed {
                None => measure.of_row(errors),
                Some(observed) => {
                    measure.of_row(errors.filter(|&(feature, _)| observed[[start + index, feature]]))
                }
            }
        };
        inputs.outer_iter().zip(rebuilt.outer_iter()).enumerate().map(of_row).collect::<Vec<f64>>()
    };
    let scores: Vec<f64> = starts.into_par_iter().flat_map_iter(of_block).collect();
    scores.iter().all(|score| score.is_finite()).then_some(scores)
}

/// `x - x̂`, `[N, D]`; 0 where nothing was observed.
fn residuals(source: &Source, rows: &Samples) -> Result<Array2<f64>, ScorerError> {
    let mut all = source.reconstruct(rows)?;
    for ((row, feature), value) in all.indexed_iter_mut() {
        let original = f64::from(rows.values[[row, feature]]);
        *value = if rows.is_observed(row, feature) { original - *value } else { 0.0 };
    }
    Ok(all)
}

impl Scorer for ResidualScorer {
    fn name(&self) -> String {
        let measure = match self.measured() {
            Measure::MeanAbsolute => "mean_absolute",
            Measure::MeanSquared => "mean_squared",
            Measure::Maximum => "maximum",
            Measure::Standardised => "standardised",
            Measure::Mahalanobis => "mahalanobis",
        };
        match &self.source {
            Source::Model(model) => format!("{measure} of {}", model.variant()),
            Source::Linear(linear) => format!("{measure} of pca {}", linear.code()),
        }
    }

    fn width(&self) -> usize {
        self.source.width()
    }

    fn scores(&self, rows: &Samples) -> Result<Vec<f64>, ScorerError> {
        if let Some(scores) = self.quick_scores(rows)? {
            return Ok(scores);
        }
        if rows.len() > BLOCK {
            // Block by block, so that reconstructions of millions of rows do not have to be held.
            let mut scores = Vec::with_capacity(rows.len());
            for start in (0..rows.len()).step_by(BLOCK) {
                let block = rows::part(rows, start, BLOCK.min(rows.len() - start));
                scores.extend(self.scores(&block).map_err(|error| match error.row() {
                    Some(row) => error.at_row(start + row),
                    None => error,
                })?);
            }
            return Ok(scores);
        }
        let residuals = self.residuals(rows)?;
        let scores: Vec<f64> = match &self.measure {
            Fitted::Mahalanobis(mahalanobis) => mahalanobis.scores(&residuals, rows)?,
            Fitted::Plain(score) => scores_of(score, &residuals, rows),
            Fitted::Standardised(standardised) => scores_of(standardised, &residuals, rows),
        };
        match scores.iter().position(|score| !score.is_finite()) {
            Some(row) => Err(ScoreError::Overflow { row }.into()),
            None => Ok(scores),
        }
    }

    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError> {
        rows::check(rows, self.width())?;
        Ok(Some(self.source.reconstruct(rows)?.mapv(|value| value as f32)))
    }

    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError> {
        let mut parts = self.residuals(rows)?;
        match &self.measure {
            Fitted::Plain(Score::MeanAbsolute) => parts.mapv_inplace(f64::abs),
            Fitted::Plain(Score::MeanSquared) => parts.mapv_inplace(|r| r * r),
            Fitted::Plain(Score::Maximum) => {
                for mut row in parts.outer_iter_mut() {
                    let greatest = row.iter().fold(0.0, |most: f64, r| most.max(r.abs()));
                    row.mapv_inplace(|r| if r.abs() == greatest { 1.0 } else { 0.0 });
                }
            }
            Fitted::Standardised(standardised) => standardised.parts(&mut parts),
            Fitted::Mahalanobis(mahalanobis) => mahalanobis.parts(&mut parts, rows)?,
        }
        for (row, mut values) in parts.outer_iter_mut().enumerate() {
            let own: Array1<f64> = values
                .iter()
                .enumerate()
                .map(|(f, &p)| if rows.is_observed(row, f) { p } else { 0.0 })
                .collect();
            values.assign(&rows::shares(own, |feature| rows.is_observed(row, feature)));
        }
        Ok(Some(parts))
    }

    fn save(&self) -> Saved {
        let (source, mut tensors) = match &self.source {
            Source::Model(model) => {
                (SourceSettings::Model(Box::new(model.description().clone())), model.tensors())
            }
            Source::Linear(linear) => {
                let (settings, tensors) = linear.save();
                (SourceSettings::Linear(settings), tensors)
            }
        };
        match &self.measure {
            Fitted::Plain(_) => {}
            Fitted::Standardised(standardised) => tensors.extend(standardised.tensors()),
            Fitted::Mahalanobis(mahalanobis) => tensors.extend(mahalanobis.tensors()),
        }
        let settings = Settings::Reconstruction(ResidualSettings { source, measure: self.measured() });
        Saved { settings, tensors }
    }
}
