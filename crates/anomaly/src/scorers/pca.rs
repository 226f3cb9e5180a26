//! Linear baseline: reconstruction from the first principal components, `x̂ = m + U z` with `z = Uᵀ (x - m)`,
//! scored by the mean squared error.
//!
//! For a row with gaps, `z` is its mean given the observed values under probabilistic PCA: the `z` that
//! minimises `‖x_o - m_o - U_o z‖² / σ² + Σ_i z_i² / (λ_i - σ²)`, with the variances `λ` of the components
//! and the mean variance `σ²` of the omitted components (Tipping & Bishop, 1999, section 3). In training
//! rows, a gap is filled with its column's mean.

use super::mean_squared::MeanSquared;
use super::residual::{Reconstructor, Residual};
use super::rows::{self, NormalRows};
use super::scorer::{Kind, Scorer};
use super::stored::{self, Arrays};
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_records::arrays::StoredArray;
use ae_tensor::{Device, Noise, array};
use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

/// The baseline.
#[derive(Debug)]
pub(crate) struct Pca;

impl Pca {
    pub(super) const KIND: Kind = Residual::<MeanSquared>::KIND;

    /// Fits the first `code` principal components of the training rows.
    ///
    /// # Errors
    /// Fewer than 2 rows, a code of 0, or values that are not finite.
    pub(crate) fn fit(rows: &NormalRows<'_>, code: usize) -> Result<impl Scorer + use<>, ScorerError> {
        let components = Components::fit(rows.train, code, rows.seed)?;
        Residual::<MeanSquared>::of(Reconstructor::Components(components), rows.validation)
    }
}

/// Principal components to reconstruct with.
#[derive(Debug)]
pub(crate) struct Components {
    /// `[D]`.
    mean: Array1<f64>,
    /// `[D, code]`, orthonormal columns.
    axes: Array2<f64>,
    /// `[code]`: `σ² / (λ_i - σ²)`, 0 or more.
    penalties: Vec<f64>,
}

/// The stored form of [`Components`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ComponentsSettings {
    width: usize,
    code: usize,
}

impl Components {
    /// Fits the components of training rows. A code above `D`, or above the number of directions in which
    /// fewer rows than columns vary, counts as that. Rows of thousands of columns give approximate components,
    /// which depend on `seed`.
    ///
    /// # Errors
    /// Fewer than 2 rows, a code of 0, or values that are not finite.
    pub(crate) fn fit(train: &Samples, code: usize, seed: u64) -> Result<Self, ScorerError> {
        let width = train.values.ncols();
        rows::check(train, width)?;
        if train.len() < 2 || width == 0 {
            return Err(ScorerError::TooFewRows { what: "PCA", needed: 2, got: train.len() });
        }
        if code == 0 {
            return Err(ScorerError::setting("the number of components", code, "at least 1"));
        }
        let mut values = rows::inputs(train, 0, train.len());
        if train.observed.is_some() {
            for feature in 0..width {
                let known: Vec<usize> =
                    (0..train.len()).filter(|&row| train.is_observed(row, feature)).collect();
                let sum: f64 = known.iter().map(|&row| f64::from(values[[row, feature]])).sum();
                let mean = (sum / known.len().max(1) as f64) as f32;
                (0..train.len())
                    .filter(|&row| !train.is_observed(row, feature))
                    .for_each(|row| values[[row, feature]] = mean);
            }
        }
        let mean = values.fold_axis(Axis(0), 0.0, |sum, &value| sum + f64::from(value)) / train.len() as f64;
        let tensor = array::from_array(values);
        let noise = Noise::new(seed, 0, Device::Cpu).fork("principal components");
        let pca = ae_tensor::Pca::leading(&tensor, code.min(width) as i64, &noise);
        let code = code.min(pca.components() as usize);
        let axes = array::to_vec(&pca.axes(code as i64).contiguous());
        let axes = Array2::from_shape_vec((width, code), axes).expect("a column for each component");
        let variances = pca.variances();
        let noise = pca.variance_beyond(code as i64) / (width - code).max(1) as f64;
        // Without noise, nothing is smoothed; a component no stronger than the noise is suppressed.
        let penalty = |variance: &f64| {
            let signal = (variance - noise).max(0.0);
            if noise == 0.0 { 1e-9 } else { (noise / signal.max(1e-9 * noise)).max(1e-9) }
        };
        let penalties = variances[..code].iter().map(penalty).collect();
        Ok(Components { mean, axes, penalties })
    }

    pub(super) fn load(settings: &ComponentsSettings, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let ComponentsSettings { width, code } = *settings;
        if code == 0 || code > width {
            return Err(ScorerError::Stored(format!("it has {code} components for {width} values")));
        }
        let penalties = arrays.vector("penalties", Some(code))?;
        if penalties.iter().any(|&penalty| penalty <= 0.0) {
            return Err(ScorerError::Stored("`penalties` holds values that are not above 0".into()));
        }
        let mean = Array1::from_vec(arrays.vector("centre", Some(width))?);
        Ok(Components { mean, axes: arrays.matrix("axes", Some(width), code)?, penalties })
    }

    pub(super) fn save(&self) -> (ComponentsSettings, Vec<(String, StoredArray)>) {
        let arrays = vec![
            ("centre".into(), stored::vector(&self.mean.to_vec())),
            ("axes".into(), stored::matrix(&self.axes)),
            ("penalties".into(), stored::vector(&self.penalties)),
        ];
        (ComponentsSettings { width: self.width(), code: self.code() }, arrays)
    }

    /// Number of values in a row, `D`.
    pub(crate) fn width(&self) -> usize {
        self.mean.len()
    }

    /// Number of components.
    pub(crate) fn code(&self) -> usize {
        self.axes.ncols()
    }

    /// Reconstructions `[N, D]` of checked rows.
    pub(super) fn reconstruct(&self, rows: &Samples) -> Result<Array2<f64>, ScorerError> {
        let centred = rows::inputs(rows, 0, rows.len()).mapv(f64::from) - &self.mean;
        let mut codes = centred.dot(&self.axes);
        for row in 0..rows.len() {
            let seen: Vec<usize> =
                (0..self.width()).filter(|&feature| rows.is_observed(row, feature)).collect();
            if seen.len() < self.width() {
                let axes = DMatrix::from_fn(seen.len(), self.code(), |i, j| self.axes[[seen[i], j]]);
                let known =
                    DVector::from_iterator(seen.len(), seen.iter().map(|&feature| centred[[row, feature]]));
                let mut normal = axes.tr_mul(&axes);
                (0..self.code()).for_each(|i| normal[(i, i)] += self.penalties[i]);
                let code = normal.cholesky().map(|factor| factor.solve(&axes.tr_mul(&known)));
                let code = code.unwrap_or_else(|| DVector::zeros(self.code()));
                codes.row_mut(row).iter_mut().zip(code.iter()).for_each(|(to, from)| *to = *from);
            }
        }
        Ok(codes.dot(&self.axes.t()) + &self.mean)
    }
}
