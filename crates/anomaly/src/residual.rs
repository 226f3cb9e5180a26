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
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// What reconstructs.
#[derive(Debug)]
pub enum Source {
    /// A trained autoencoder.
    Model(TrainedModel),
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
            SourceSettings::Model(model) => Source::Model(TrainedModel::load(model, tensors)?),
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
        let residuals = self.residuals(rows)?;
        let scores: Vec<f64> = match &self.measure {
            Fitted::Plain(score) => {
                let of_row = |(row, residual): (usize, ndarray::ArrayView1<'_, f64>)| {
                    let errors = residual.into_iter().enumerate();
                    let errors = errors.filter(|&(feature, _)| rows.is_observed(row, feature));
                    score.of_errors(errors.map(|(_, error)| error.abs()))
                };
                residuals.outer_iter().enumerate().map(of_row).collect()
            }
            Fitted::Standardised(standardised) => standardised.scores(&residuals, rows),
            Fitted::Mahalanobis(mahalanobis) => mahalanobis.scores(&residuals, rows)?,
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
