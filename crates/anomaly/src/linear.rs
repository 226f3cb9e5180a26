//! Reconstruction from the first principal components, the linear baseline: `x̂ = m + U z`, `z = Uᵀ (x - m)`.
//!
//! Of a row with gaps, `z` is its mean given what was observed, in the model of probabilistic PCA: the `z` that
//! minimises `‖x_o - m_o - U_o z‖² / σ² + Σ_i z_i² / (λ_i - σ²)`, with the variances `λ` of the components and the mean
//! `σ²` of those left out (Tipping & Bishop, 1999, section 3). In training rows a gap counts as its column's mean.

use crate::error::ScorerError;
use crate::pca::Pca;
use crate::rows;
use crate::stored::{self, Tensors};
use ae_datasets::Samples;
use ae_tensor::{Kind, Tensor, array};
use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

/// Principal components to reconstruct with.
#[derive(Debug)]
pub struct LinearSource {
    /// `[D]`.
    mean: Array1<f64>,
    /// `[D, code]`, orthonormal columns.
    axes: Array2<f64>,
    /// `[code]`: `σ² / (λ_i - σ²)`, 0 or more.
    penalties: Vec<f64>,
}

/// [`LinearSource`] as files hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearSettings {
    width: usize,
    code: usize,
}

impl LinearSource {
    /// Of training rows; a code of more than `D` counts as `D`.
    ///
    /// # Errors
    /// Fewer than 2 rows, a code of 0, values that are no numbers.
    pub fn fit(train: &Samples, code: usize) -> Result<Self, ScorerError> {
        let width = train.values.ncols();
        rows::check(train, width)?;
        if train.len() < 2 || width == 0 {
            return Err(ScorerError::TooFewRows { what: "PCA", needed: 2, got: train.len() });
        }
        if code == 0 {
            return Err(ScorerError::setting("the number of components", code, "at least 1"));
        }
        let mut values = rows::inputs(train, 0, train.len()).mapv(f64::from);
        if train.observed.is_some() {
            for feature in 0..width {
                let known: Vec<usize> =
                    (0..train.len()).filter(|&row| train.is_observed(row, feature)).collect();
                let mean =
                    known.iter().map(|&row| values[[row, feature]]).sum::<f64>() / known.len().max(1) as f64;
                (0..train.len())
                    .filter(|&row| !train.is_observed(row, feature))
                    .for_each(|row| values[[row, feature]] = mean);
            }
        }
        let pca = Pca::fit(&stored::matrix(&values));
        let code = code.min(width);
        let axes = array::to_vec(&pca.axes(code as i64).contiguous());
        let axes = Array2::from_shape_vec((width, code), axes).expect("a column for each component");
        let variances = pca.variances();
        let left: f64 = variances[code..].iter().map(|v| v.max(0.0)).sum();
        let noise = left / (width - code).max(1) as f64;
        // Without noise nothing is smoothed; a component no stronger than noise is not believed in.
        let penalty = |variance: &f64| {
            let signal = (variance - noise).max(0.0);
            if noise == 0.0 { 1e-9 } else { (noise / signal.max(1e-9 * noise)).max(1e-9) }
        };
        let penalties = variances[..code].iter().map(penalty).collect();
        Ok(LinearSource { mean: values.mean_axis(Axis(0)).expect("at least two rows"), axes, penalties })
    }

    pub(crate) fn load(settings: &LinearSettings, tensors: &Tensors<'_>) -> Result<Self, ScorerError> {
        let LinearSettings { width, code } = *settings;
        if code == 0 || code > width {
            return Err(ScorerError::Stored(format!("{code} components of {width} values")));
        }
        let penalties = tensors.vector("penalties", Some(code))?;
        if penalties.iter().any(|&penalty| penalty <= 0.0) {
            return Err(ScorerError::Stored("`penalties` holds values that are not above 0".into()));
        }
        let mean = Array1::from_vec(tensors.vector("centre", Some(width))?);
        Ok(LinearSource { mean, axes: tensors.matrix("axes", Some(width), code)?, penalties })
    }

    pub(crate) fn save(&self) -> (LinearSettings, Vec<(String, Tensor)>) {
        let tensors = vec![
            ("centre".into(), stored::vector(&self.mean.to_vec())),
            ("axes".into(), stored::matrix(&self.axes)),
            ("penalties".into(), stored::vector(&self.penalties)),
        ];
        debug_assert!(tensors.iter().all(|(_, tensor): &(String, Tensor)| tensor.kind() == Kind::Double));
        (LinearSettings { width: self.width(), code: self.code() }, tensors)
    }

    /// Values of a row, `D`.
    pub fn width(&self) -> usize {
        self.mean.len()
    }

    /// Components.
    pub fn code(&self) -> usize {
        self.axes.ncols()
    }

    /// Reconstructions `[N, D]` of checked rows.
    pub(crate) fn reconstruct(&self, rows: &Samples) -> Result<Array2<f64>, ScorerError> {
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
