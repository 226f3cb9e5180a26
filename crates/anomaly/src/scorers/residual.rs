//! Scores from the difference between a row and its reconstruction: `s(x) = measure(x - x̂)` over the
//! observed values of `x`. The reconstruction comes from a trained model, from principal components, or is
//! the same for all rows.

use super::constant::{Constant, ConstantSettings};
use super::model::{ModelDescription, QuickChain, TrainedModel};
use super::pca::{Components, ComponentsSettings};
use super::rows::{self, NormalRows};
use super::scorer::{self, Kind, Saved, Scorer};
use super::stored::Arrays;
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_records::arrays::StoredArray;
use ndarray::{Array1, Array2, ArrayView1};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Debug;

/// Rows that one core takes at a time. For fewer, other cores are not worth waking.
const QUICK_ROWS: usize = 256;

/// The source of reconstructions.
#[derive(Debug)]
pub(crate) enum Reconstructor {
    /// A trained autoencoder.
    Model(Box<TrainedModel>),
    /// Principal components.
    Components(Components),
    /// The same row for every row.
    Constant(Constant),
}

impl Reconstructor {
    /// Number of values in a row, `D`.
    pub(crate) fn width(&self) -> usize {
        match self {
            Reconstructor::Model(model) => model.width(),
            Reconstructor::Components(components) => components.width(),
            Reconstructor::Constant(constant) => constant.width(),
        }
    }

    fn name(&self) -> String {
        match self {
            Reconstructor::Model(model) => model.variant().into(),
            Reconstructor::Components(components) => format!("pca {}", components.code()),
            Reconstructor::Constant(constant) => constant.name().into(),
        }
    }

    /// Reconstructions `[N, D]` of checked rows.
    fn reconstruct(&self, rows: &Samples) -> Result<Array2<f64>, ScorerError> {
        match self {
            Reconstructor::Model(model) => model.reconstruct(rows),
            Reconstructor::Components(components) => components.reconstruct(rows),
            Reconstructor::Constant(constant) => Ok(constant.reconstruct(rows)),
        }
    }

    /// `x - x̂`, `[N, D]`; 0 for missing values.
    ///
    /// # Errors
    /// Rows of the wrong width, or a row that cannot be reconstructed.
    pub(crate) fn residuals(&self, rows: &Samples) -> Result<Array2<f64>, ScorerError> {
        rows::check(rows, self.width())?;
        let mut all = self.reconstruct(rows)?;
        for ((row, feature), value) in all.indexed_iter_mut() {
            let original = f64::from(rows.values[[row, feature]]);
            *value = if rows.is_observed(row, feature) { original - *value } else { 0.0 };
        }
        Ok(all)
    }

    fn save(&self) -> (SourceSettings, Vec<(String, StoredArray)>) {
        match self {
            Reconstructor::Model(model) => {
                (SourceSettings::Model(Box::new(model.description().clone())), model.arrays())
            }
            Reconstructor::Components(components) => {
                let (settings, arrays) = components.save();
                (SourceSettings::Linear(settings), arrays)
            }
            Reconstructor::Constant(constant) => {
                let (settings, arrays) = constant.save();
                (SourceSettings::Constant(settings), arrays)
            }
        }
    }

    fn load(settings: &SourceSettings, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        Ok(match settings {
            SourceSettings::Model(model) => {
                Reconstructor::Model(Box::new(TrainedModel::load(model, arrays)?))
            }
            SourceSettings::Linear(linear) => Reconstructor::Components(Components::load(linear, arrays)?),
            SourceSettings::Constant(constant) => Reconstructor::Constant(Constant::load(constant, arrays)?),
        })
    }
}

/// Turns differences into scores, with what was learned for that.
pub(crate) trait Measure: Debug + Send + Sync + Sized + 'static {
    /// The name in configurations and files.
    const NAME: &'static str;

    /// Learns what the measure needs from normal rows that the reconstructor was not fitted on.
    ///
    /// # Errors
    /// Too few rows, or rows that cannot be reconstructed.
    fn fit(reconstructor: &Reconstructor, validation: &Samples) -> Result<Self, ScorerError>;

    /// Restores the measure for rows of `width` values.
    fn load(width: usize, arrays: &Arrays<'_>) -> Result<Self, ScorerError>;

    /// The arrays that [`Measure::load`] needs.
    fn arrays(&self) -> Vec<(String, StoredArray)>;

    /// The scores `[N]` of differences `[N, D]`, which are 0 for missing values.
    fn scores(&self, residuals: &Array2<f64>, rows: &Samples) -> Result<Vec<f64>, ScorerError>;

    /// Turns differences `[N, D]` into the part that each value has in its row's score: 0 or more.
    fn parts(&self, residuals: &mut Array2<f64>, rows: &Samples) -> Result<(), ScorerError>;

    /// The scores by a chain of dense layers, on all cores. `None` if the measure does not support it, or a
    /// score is not finite.
    fn quick_scores(&self, _chain: &QuickChain<'_>, _rows: &Samples) -> Option<Vec<f64>> {
        None
    }
}

/// Scores one row from `x - x̂` of each observed value, with its position. NaN in, NaN out.
pub(crate) trait OfRow: Sync {
    /// The score of the row, 0 or more.
    fn of_row(&self, errors: impl Iterator<Item = (usize, f64)>) -> f64;
}

/// A measure of one row that learns nothing.
pub(crate) trait Plain: OfRow + Copy + Default + Debug + Send + 'static {
    /// The name in configurations and files.
    const NAME: &'static str;

    /// Turns the differences of a row into the part that each value has in its score: 0 or more.
    fn parts(&self, errors: &mut [f64]);
}

impl<P: Plain> Measure for P {
    const NAME: &'static str = <P as Plain>::NAME;

    fn fit(_: &Reconstructor, _: &Samples) -> Result<Self, ScorerError> {
        Ok(P::default())
    }

    fn load(_: usize, _: &Arrays<'_>) -> Result<Self, ScorerError> {
        Ok(P::default())
    }

    fn arrays(&self) -> Vec<(String, StoredArray)> {
        Vec::new()
    }

    fn scores(&self, residuals: &Array2<f64>, rows: &Samples) -> Result<Vec<f64>, ScorerError> {
        Ok(row_by_row(self, residuals, rows))
    }

    fn parts(&self, residuals: &mut Array2<f64>, _: &Samples) -> Result<(), ScorerError> {
        for mut row in residuals.outer_iter_mut() {
            Plain::parts(self, row.as_slice_mut().expect("standard layout"));
        }
        Ok(())
    }

    fn quick_scores(&self, chain: &QuickChain<'_>, rows: &Samples) -> Option<Vec<f64>> {
        by_chain(self, chain, rows)
    }
}

/// The mean of some numbers; NaN if there are none.
pub(super) fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = numbers.fold((0.0, 0usize), |(sum, n), number| (sum + number, n + 1));
    sum / n as f64
}

/// Scores all rows; `residuals` are `[N, D]`.
pub(super) fn row_by_row(measure: &impl OfRow, residuals: &Array2<f64>, rows: &Samples) -> Vec<f64> {
    let of_row = |(row, residual): (usize, ArrayView1<'_, f64>)| {
        let errors = residual.into_iter().copied().enumerate();
        measure.of_row(errors.filter(|&(feature, _)| rows.is_observed(row, feature)))
    };
    residuals.outer_iter().enumerate().map(of_row).collect()
}

/// The same by a chain, with blocks in parallel; `None` if a score is not finite.
pub(super) fn by_chain(measure: &impl OfRow, chain: &QuickChain<'_>, rows: &Samples) -> Option<Vec<f64>> {
    let starts: Vec<usize> = (0..rows.len()).step_by(QUICK_ROWS).collect();
    let of_block = |start: usize| {
        let inputs = chain.inputs(rows, start, QUICK_ROWS.min(rows.len() - start));
        let rebuilt = chain.dense.rows(inputs.view());
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

/// The stored form of [`Residual`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    source: SourceSettings,
    measure: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceSettings {
    Model(Box<ModelDescription>),
    Linear(ComponentsSettings),
    Constant(ConstantSettings),
}

/// Scores rows by their reconstruction errors.
#[derive(Debug)]
pub(crate) struct Residual<M> {
    reconstructor: Reconstructor,
    measure: M,
}

impl<M: Measure> Residual<M> {
    pub(super) const KIND: Kind = Kind {
        name: "reconstruction",
        measure: Some(M::NAME),
        load: |settings, arrays, _| Ok(Box::new(Self::load(settings, arrays)?)),
    };

    /// Fits the measure to a trained model, on the validation rows.
    ///
    /// # Errors
    /// Rows of the wrong width, values that are not finite, or too few rows for the measure.
    pub(crate) fn fit(model: TrainedModel, rows: &NormalRows<'_>) -> Result<Self, ScorerError> {
        Self::of(Reconstructor::Model(Box::new(model)), rows.validation)
    }

    /// Fits the measure to any reconstructor; `validation` are normal rows that it was not fitted on.
    ///
    /// # Errors
    /// See [`Residual::fit`].
    pub(crate) fn of(reconstructor: Reconstructor, validation: &Samples) -> Result<Self, ScorerError> {
        let measure = M::fit(&reconstructor, validation)?;
        Ok(Residual { reconstructor, measure })
    }

    fn load(settings: Value, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let settings: Settings = scorer::settings(settings)?;
        let reconstructor = Reconstructor::load(&settings.source, arrays)?;
        let measure = M::load(reconstructor.width(), arrays)?;
        Ok(Residual { reconstructor, measure })
    }

    /// Scores many rows by a model of dense layers on all cores, with the same results as one by one. `None`
    /// if the model is not of this kind, there are too few rows, or a row leaves the range of single
    /// precision.
    fn quick_scores(&self, rows: &Samples) -> Result<Option<Vec<f64>>, ScorerError> {
        let Reconstructor::Model(model) = &self.reconstructor else { return Ok(None) };
        let Some(chain) = model.chain().filter(|_| rows.len() > QUICK_ROWS) else { return Ok(None) };
        rows::check(rows, model.width())?;
        Ok(self.measure.quick_scores(&chain, rows))
    }
}

impl<M: Measure> Scorer for Residual<M> {
    fn name(&self) -> String {
        format!("{} of {}", M::NAME, self.reconstructor.name())
    }

    fn width(&self) -> usize {
        self.reconstructor.width()
    }

    fn scores(&self, rows: &Samples) -> Result<Vec<f64>, ScorerError> {
        if let Some(scores) = self.quick_scores(rows)? {
            return Ok(scores);
        }
        let scores = rows::in_blocks(rows, |block| {
            let residuals = self.reconstructor.residuals(block)?;
            self.measure.scores(&residuals, block)
        })?;
        if rows.is_empty() {
            rows::check(rows, self.width())?;
        }
        match scores.iter().position(|score| !score.is_finite()) {
            Some(row) => Err(ScorerError::Overflow { row }),
            None => Ok(scores),
        }
    }

    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError> {
        rows::check(rows, self.width())?;
        Ok(Some(self.reconstructor.reconstruct(rows)?.mapv(|value| value as f32)))
    }

    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError> {
        let mut parts = self.reconstructor.residuals(rows)?.as_standard_layout().into_owned();
        self.measure.parts(&mut parts, rows)?;
        for (row, mut values) in parts.outer_iter_mut().enumerate() {
            let is_observed = |feature| rows.is_observed(row, feature);
            let own = |feature| if is_observed(feature) { values[feature] } else { 0.0 };
            let shares = rows::shares(Array1::from_shape_fn(values.len(), own), is_observed);
            values.assign(&shares);
        }
        Ok(Some(parts))
    }

    fn save(&self) -> Saved {
        let (source, mut arrays) = self.reconstructor.save();
        arrays.extend(self.measure.arrays());
        Saved::new(Self::KIND.name, &Settings { source, measure: M::NAME.into() }, arrays)
    }
}
