//! Principal component analysis: the linear baseline that every autoencoder has to beat at its code size.
//!
//! The axes come from the eigenvectors of a symmetric matrix: of the covariance `[D, D]`, or, for fewer rows
//! than columns, of the Gram matrix `[N, N]` of the rows. Where both are large, only the leading components
//! are found, by a randomised range finder with power iterations (Halko, Martinsson & Tropp, 2011, "Finding
//! structure with randomness", algorithms 4.4 and 5.1). Memory is thus bounded by the rows themselves.

use crate::array;
use crate::noise::Noise;
use tch::{Kind, Tensor};

/// Up to this side, the matrix is decomposed as a whole by [`Pca::leading`]: 32 MiB.
const MAX_EXACT_SIDE: i64 = 2048;
/// Random directions beyond the components that are asked for (section 4.2).
const OVERSAMPLING: i64 = 10;
/// Each brings the range closer to the leading components when the spectrum decays slowly (section 4.5).
const POWER_ITERATIONS: usize = 4;

/// The principal axes of training rows, in double precision.
#[derive(Debug)]
pub struct Pca {
    /// `[D]`.
    mean: Tensor,
    /// `[D, K]`, one axis in each column, greatest variance first.
    axes: Tensor,
    /// `[V]`, variance along each axis, and along further ones that are not kept; `V` is at least `K`.
    variances: Tensor,
    /// Variance of the rows along all directions.
    total: f64,
    /// Whether the axes hold all of it.
    is_complete: bool,
}

/// What maps rows to their first components, for a file that keeps no more of them.
#[derive(Debug)]
pub struct Projection {
    /// `[D]`.
    pub mean: Tensor,
    /// `[D, K]`, one axis in each column, greatest variance first.
    pub axes: Tensor,
}

impl Projection {
    /// Codes `[N, K]` of rows `[N, …]` of `D` values each, centred, in double precision.
    pub fn codes(&self, rows: &Tensor) -> Tensor {
        (flat(rows) - &self.mean).matmul(&self.axes)
    }
}

impl Pca {
    /// Fits rows `[N, …]`, each flattened to `D` values, exactly. Takes memory for a square matrix of `D` or
    /// `N` rows, whichever is smaller.
    pub fn fit(rows: &Tensor) -> Self {
        let (mean, centred) = centre(rows);
        Self::exact(mean, &centred, i64::MAX)
    }

    /// Fits at least the first `most` components, or all if there are fewer, of rows `[N, …]`, each flattened
    /// to `D` values: exactly, as [`Pca::fit`], if `N` or `D` is at most 2048, otherwise approximately. The
    /// result then depends on `noise`; its components are as good as exact ones if the variances fall off
    /// beyond them, and explain almost as much if they do not.
    pub fn leading(rows: &Tensor, most: i64, noise: &Noise) -> Self {
        let (mean, centred) = centre(rows);
        let side = centred.size().into_iter().min().unwrap_or(0);
        if side <= MAX_EXACT_SIDE || most + OVERSAMPLING >= side {
            return Self::exact(mean, &centred, most);
        }
        Self::truncated(mean, &centred, most, noise)
    }

    /// Knows all variances, and at least the first `most` axes.
    fn exact(mean: Tensor, centred: &Tensor, most: i64) -> Self {
        let total = total_variance(centred);
        let [n, width] = [centred.size()[0], centred.size()[1]];
        let (variances, axes) =
            if n < width { in_row_space(centred, most) } else { in_column_space(centred) };
        Pca { mean, axes, variances, total, is_complete: true }
    }

    /// Takes at least one row, and a `most` of at least 1.
    fn truncated(mean: Tensor, centred: &Tensor, most: i64, noise: &Noise) -> Self {
        let [n, width] = [centred.size()[0], centred.size()[1]];
        let directions = noise.normal("range finder", &[width, most + OVERSAMPLING]);
        let directions = directions.to_kind(Kind::Double).to_device(centred.device());
        let orthonormal = |columns: &Tensor| Tensor::linalg_qr(columns, "reduced").0;
        let mut range = orthonormal(&centred.matmul(&directions)); // [N, L]
        for _ in 0..POWER_ITERATIONS {
            let back = orthonormal(&centred.tr().matmul(&range)); // [D, L]
            range = orthonormal(&centred.matmul(&back));
        }
        let (_, singular, axes) = range.tr().matmul(centred).svd(true, true); // axes: [D, L]
        let variances = singular.square() / n as f64;
        let kept = significant(&variances, n.max(width)).clamp(1, most);
        Pca {
            mean,
            axes: axes.narrow(1, 0, kept),
            variances: variances.narrow(0, 0, kept),
            total: total_variance(centred),
            is_complete: false,
        }
    }

    /// Greatest code size: `D`. Codes of more values than there are [`Pca::components`] have only so many.
    pub fn most(&self) -> i64 {
        self.axes.size()[0]
    }

    /// Number of known components, at least 1 and at most `D`. An exact decomposition knows all directions if
    /// there are at least as many rows as columns, otherwise those in which the rows vary.
    pub fn components(&self) -> i64 {
        self.axes.size()[1]
    }

    /// Variance along each known axis, greatest first, in the squared unit of the data.
    pub fn variances(&self) -> Vec<f64> {
        array::to_vec(&self.variances)
    }

    /// Variance of the rows along all directions, known or not: the sum over the columns, in the squared unit
    /// of the data.
    pub fn total_variance(&self) -> f64 {
        self.total
    }

    /// Variance that a code of `code` values leaves out, in the squared unit of the data.
    pub fn variance_beyond(&self, code: i64) -> f64 {
        let known = self.variances();
        let (inside, outside) = known.split_at(known.len().min(code.max(0) as usize));
        match self.is_complete {
            // Adding up is exact for small remainders, subtracting is not.
            true => outside.iter().map(|variance| variance.max(0.0)).sum(),
            false => (self.total - inside.iter().sum::<f64>()).max(0.0),
        }
    }

    /// The first axes, `[D, code]`, one in each column; for a larger code, all [`Pca::components`].
    pub fn axes(&self, code: i64) -> Tensor {
        self.axes.narrow(1, 0, code.min(self.components()))
    }

    /// Number of parameters behind codes of `code` values: the axes and the mean.
    pub fn parameters(&self, code: i64) -> i64 {
        (code + 1) * self.most()
    }

    /// Codes `[N, code]` of rows: their first components, centred, in double precision.
    pub fn codes(&self, rows: &Tensor, code: i64) -> Tensor {
        self.projection(code).codes(rows)
    }

    /// The map to codes of `code` values; for a larger code, to all [`Pca::components`].
    pub fn projection(&self, code: i64) -> Projection {
        Projection { mean: self.mean.shallow_clone(), axes: self.axes(code) }
    }

    /// Reconstructions `[N, …]` of rows in the same shape, from their first `code` components; not clipped to
    /// the range of the data.
    pub fn reconstruct(&self, rows: &Tensor, code: i64) -> Tensor {
        let axes = self.axes(code);
        let centred = flat(rows) - &self.mean;
        let rebuilt = centred.matmul(&axes).matmul(&axes.tr()) + &self.mean;
        rebuilt.to_kind(rows.kind()).view_as(rows)
    }
}

fn flat(rows: &Tensor) -> Tensor {
    rows.flatten(1, -1).to_kind(Kind::Double)
}

/// The mean `[D]` of rows, and the rows without it, `[N, D]`.
fn centre(rows: &Tensor) -> (Tensor, Tensor) {
    let mut flattened = flat(rows);
    let mean = flattened.mean_dim([0i64].as_slice(), false, Kind::Double);
    // In place, if converting the rows has already copied them.
    let centred = if rows.kind() == Kind::Double { &flattened - &mean } else { flattened.subtract_(&mean) };
    (mean, centred)
}

fn total_variance(centred: &Tensor) -> f64 {
    // The norm needs no second copy of the rows.
    centred.norm().double_value(&[]).powi(2) / centred.size()[0] as f64
}

/// All variances `[D]` and axes `[D, D]`.
fn in_column_space(centred: &Tensor) -> (Tensor, Tensor) {
    let covariance = centred.tr().matmul(centred) / centred.size()[0] as f64;
    // Eigenvalues come in ascending order.
    let (variances, axes) = covariance.linalg_eigh("L");
    (variances.flip([0]), axes.flip([1]))
}

/// The variances `[K]` above rounding, at least one, and the axes `[D, min(K, most)]` of the first ones:
/// `v = Xᵀ u / √(N λ)` for each eigenvector `u` of `X Xᵀ / N` with the eigenvalue `λ`.
fn in_row_space(centred: &Tensor, most: i64) -> (Tensor, Tensor) {
    let [n, width] = [centred.size()[0], centred.size()[1]];
    let gram = centred.matmul(&centred.tr()) / n as f64;
    let (variances, vectors) = gram.linalg_eigh("L");
    let (variances, vectors) = (variances.flip([0]), vectors.flip([1]));
    let kept = significant(&variances, width);
    if kept == 0 {
        // All rows are equal, and any direction is as good as another.
        let axis = Tensor::zeros([width, 1], (Kind::Double, centred.device()));
        let _ = axis.narrow(0, 0, 1).fill_(1.0);
        return (Tensor::zeros([1], (Kind::Double, centred.device())), axis);
    }
    let variances = variances.narrow(0, 0, kept);
    let first = kept.min(most.max(1));
    let scales = (variances.narrow(0, 0, first) * n as f64).sqrt();
    let axes = centred.tr().matmul(&vectors.narrow(1, 0, first)) / scales;
    (variances, axes)
}

/// How many of these variances, greatest first, are above the rounding of a matrix of this side.
fn significant(variances: &Tensor, side: i64) -> i64 {
    let variances = array::to_vec(variances);
    let rounding = variances.first().map_or(0.0, |greatest| greatest * side as f64 * f64::EPSILON);
    variances.iter().take_while(|&&variance| variance > rounding).count() as i64
}

#[cfg(test)]
#[path = "pca_tests.rs"]
mod tests;
