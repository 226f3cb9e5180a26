//! Mixtures of Gaussians with full covariances, fitted by expectation-maximisation: the density of codes that
//! samples are drawn from after training (Ghosh et al., ICLR 2020, "From Variational to Deterministic
//! Autoencoders", section 4).
//!
//! `p(x) = Σₖ πₖ N(x; μₖ, Cₖ)`. The fit alternates between the responsibilities of the components for each
//! row and the weights, means and covariances of the rows by these responsibilities (Bishop, 2006, section
//! 9.2.2), from a start by k-means++ (Arthur & Vassilvitskii, 2007). With a floor `ε` on the covariances, it
//! maximises
//!
//! `Σₙ log Σₖ πₖ N(xₙ; μₖ, Cₖ) exp(-ε tr(Cₖ⁻¹) / 2)`,
//!
//! a lower bound of the expected likelihood of the rows with independent noise of variance `ε` added to each
//! value. The best covariance is then that of the rows plus `ε I`: no component can shrink onto a point or a
//! plane, and the objective never falls.

use crate::array;
use crate::noise::Noise;
use tch::{Device, Kind, Tensor};

/// Most values in all covariances of a mixture: 256 MiB.
const MAX_COVARIANCE_VALUES: i64 = 1 << 25;
/// Components with a smaller share of the rows than this are removed.
const MIN_WEIGHT: f64 = 1e-12;
/// Floor of the variance if all rows are equal, in the squared unit of the rows.
const MIN_VARIANCE: f64 = 1e-12;

/// How a mixture is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MixtureConfig {
    /// Number of components, `K`. There are fewer if the rows hold fewer different values.
    pub components: i64,
    /// Most iterations of expectation-maximisation.
    pub iterations: usize,
    /// The fit ends when an iteration improves the mean objective of a row by less, in nats.
    pub tolerance: f64,
    /// `ε`: variance added to every value, as a share of the mean variance of the columns.
    pub floor: f64,
}

impl Default for MixtureConfig {
    /// Ten components, as in the paper, and scikit-learn's limit of iterations, tolerance and floor.
    fn default() -> Self {
        MixtureConfig { components: 10, iterations: 100, tolerance: 1e-3, floor: 1e-6 }
    }
}

/// Rows or settings that give no mixture.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MixtureError {
    /// No rows, or rows without values.
    #[error("a mixture needs at least one row of at least one value, got {rows} rows of {width}")]
    Empty {
        /// Number of rows.
        rows: i64,
        /// Values in a row.
        width: i64,
    },
    /// A row with a value that is NaN or infinite.
    #[error("a mixture needs finite values, but {rows} of its rows hold one that is NaN or infinite")]
    NotFinite {
        /// Number of such rows.
        rows: i64,
    },
    /// A setting out of range.
    #[error("{setting} of a mixture is {got}; it must be {legal}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What was given.
        got: String,
        /// What would be right.
        legal: &'static str,
    },
    /// Covariances that would take too much memory.
    #[error(
        "{components} covariances of {width} × {width} values hold more than {MAX_COVARIANCE_VALUES} values; use \
         a smaller code or fewer components"
    )]
    TooWide {
        /// Number of components.
        components: i64,
        /// Values in a row.
        width: i64,
    },
}

/// A fitted mixture of `K` Gaussians in `D` dimensions, in double precision.
#[derive(Debug)]
pub struct GaussianMixture {
    /// `log πₖ`, `[K]`.
    log_weights: Tensor,
    /// `μₖ`, `[K, D]`.
    means: Tensor,
    /// Lower triangular `Lₖ` with `Cₖ = Lₖ Lₖᵀ`, `[K, D, D]`.
    factors: Tensor,
    /// `ε`, in the squared unit of the rows.
    floor: f64,
    /// The mean objective of a row before each iteration and after the last, in nats.
    history: Vec<f64>,
}

impl GaussianMixture {
    /// Fits rows `[N, …]`, each flattened to `D` values. The result is a function of the rows, the settings
    /// and `noise`.
    ///
    /// # Errors
    /// No rows, a value that is not finite, a setting out of range, or covariances of more than 256 MiB.
    pub fn fit(rows: &Tensor, config: &MixtureConfig, noise: &Noise) -> Result<Self, MixtureError> {
        let n = rows.size().first().copied().unwrap_or(0);
        let width = rows.size().iter().skip(1).fold(1i64, |width, &size| width.saturating_mul(size));
        config.check(n, width)?;
        let rows = rows.reshape([n, width]).to_device(noise.device()).to_kind(Kind::Double);
        let finite = rows.isfinite().all_dim(1, false);
        let bad = finite.logical_not().sum(Kind::Int64).int64_value(&[]);
        if bad > 0 {
            return Err(MixtureError::NotFinite { rows: bad });
        }
        let centre = rows.mean_dim([0i64].as_slice(), false, Kind::Double);
        let variance = (&rows - &centre).square().mean(Kind::Double).double_value(&[]);
        let floor = (config.floor * variance).max(MIN_VARIANCE);
        let mut mixture = Self::maximise(&rows, &start(&rows, config.components, noise), floor);
        for _ in 0..config.iterations {
            let (objective, responsibilities) = mixture.expect(&rows);
            let improvement = mixture.history.last().map_or(f64::INFINITY, |last| objective - last);
            mixture.history.push(objective);
            if improvement < config.tolerance {
                return Ok(mixture);
            }
            let history = std::mem::take(&mut mixture.history);
            mixture = GaussianMixture { history, ..Self::maximise(&rows, &responsibilities, floor) };
        }
        let (objective, _) = mixture.expect(&rows);
        mixture.history.push(objective);
        Ok(mixture)
    }

    /// Number of components, `K`.
    pub fn components(&self) -> i64 {
        self.means.size()[0]
    }

    /// Values in a row, `D`.
    pub fn width(&self) -> i64 {
        self.means.size()[1]
    }

    /// `πₖ`, the components' shares of the rows, `[K]`; their sum is 1.
    pub fn weights(&self) -> Tensor {
        self.log_weights.exp()
    }

    /// `μₖ`, `[K, D]`, in the unit of the rows.
    pub fn means(&self) -> &Tensor {
        &self.means
    }

    /// `Cₖ`, `[K, D, D]`, in the squared unit of the rows; the floor is included.
    pub fn covariances(&self) -> Tensor {
        self.factors.matmul(&self.factors.transpose(1, 2))
    }

    /// The mean objective of a row over the fit, in nats: before each iteration, and after the last. It never
    /// falls.
    pub fn history(&self) -> &[f64] {
        &self.history
    }

    /// `log p(x)` of rows `[N, …]` of `D` values each, in nats: `[N]`, double.
    pub fn log_density(&self, rows: &Tensor) -> Tensor {
        let rows = rows.reshape([-1, self.width()]).to_device(self.means.device()).to_kind(Kind::Double);
        self.joint(&rows).logsumexp([1i64].as_slice(), false)
    }

    /// `n` draws, `[n, D]`, float: a component by its weight, then a row of it.
    pub fn sample(&self, n: i64, noise: &Noise) -> Tensor {
        let device = self.means.device();
        let draws = noise.uniform("component", &[n]).to_device(device).to_kind(Kind::Double);
        // The last bound is above every draw, whatever the weights' rounding.
        let bounds = self.weights().cumsum(0, Kind::Double).narrow(0, 0, self.components() - 1);
        let chosen = draws.searchsorted(&bounds, false, true, "right", None::<&Tensor>);
        let normal = noise.normal("row", &[n, self.width()]).to_device(device).to_kind(Kind::Double);
        let mut rows = Tensor::zeros_like(&normal);
        for component in 0..self.components() {
            let places = chosen.eq(component).nonzero().squeeze_dim(1);
            let drawn = normal.index_select(0, &places).matmul(&self.factors.get(component).tr());
            let _ = rows.index_copy_(0, &places, &(drawn + self.means.get(component)));
        }
        rows.to_kind(Kind::Float)
    }

    /// `log πₖ N(x; μₖ, Cₖ)` of rows `[N, D]`: `[N, K]`.
    fn joint(&self, rows: &Tensor) -> Tensor {
        let constant = 0.5 * self.width() as f64 * (2.0 * std::f64::consts::PI).ln();
        let of_component = |component: i64| {
            let factor = self.factors.get(component);
            let centred = (rows - self.means.get(component)).tr();
            // ‖L⁻¹ (x - μ)‖² = (x - μ)ᵀ C⁻¹ (x - μ).
            let whitened = factor.linalg_solve_triangular(&centred, false, true, false); // [D, N]
            let distance = whitened.square().sum_dim_intlist([0i64].as_slice(), false, Kind::Double);
            let log_determinant = factor.diagonal(0, 0, 1).log().sum(Kind::Double);
            self.log_weights.get(component) - distance * 0.5 - log_determinant - constant
        };
        let columns: Vec<Tensor> = (0..self.components()).map(of_component).collect();
        Tensor::stack(&columns, 1)
    }

    /// The mean objective of a row, and the responsibilities `[N, K]`.
    fn expect(&self, rows: &Tensor) -> (f64, Tensor) {
        let unit = Tensor::eye(self.width(), (Kind::Double, rows.device()));
        let penalty = |component: i64| {
            // tr(C⁻¹) is the sum of squares of L⁻¹.
            let inverse = self.factors.get(component).linalg_solve_triangular(&unit, false, true, false);
            inverse.square().sum(Kind::Double) * (0.5 * self.floor)
        };
        let penalties: Vec<Tensor> = (0..self.components()).map(penalty).collect();
        let joint = self.joint(rows) - Tensor::stack(&penalties, 0);
        let total = joint.logsumexp([1i64].as_slice(), true);
        (total.mean(Kind::Double).double_value(&[]), (joint - total).exp())
    }

    /// The mixture that is best for these responsibilities `[N, K]`.
    fn maximise(rows: &Tensor, responsibilities: &Tensor, floor: f64) -> Self {
        let shares = responsibilities.mean_dim([0i64].as_slice(), false, Kind::Double);
        let kept: Vec<i64> = (0i64..)
            .zip(array::to_vec(&shares))
            .filter_map(|(component, share)| (share > MIN_WEIGHT).then_some(component))
            .collect();
        let kept = Tensor::from_slice(&kept).to_device(rows.device());
        let responsibilities = responsibilities.index_select(1, &kept);
        let counts = responsibilities.sum_dim_intlist([0i64].as_slice(), false, Kind::Double);
        let means = responsibilities.tr().matmul(rows) / counts.unsqueeze(1);
        let jitter = Tensor::eye(rows.size()[1], (Kind::Double, rows.device())) * floor;
        let factor = |component: i64| {
            let weighted = responsibilities.select(1, component).sqrt().unsqueeze(1);
            let centred = (rows - means.get(component)) * weighted;
            let covariance = centred.tr().matmul(&centred) / counts.get(component) + &jitter;
            covariance.linalg_cholesky(false)
        };
        let factors: Vec<Tensor> = (0..counts.size()[0]).map(factor).collect();
        let log_weights = (&counts / counts.sum(Kind::Double)).log();
        GaussianMixture {
            log_weights,
            means,
            factors: Tensor::stack(&factors, 0),
            floor,
            history: Vec::new(),
        }
    }
}

impl MixtureConfig {
    /// Checks that such a mixture can be fitted to so many rows of so many values, before they are made.
    ///
    /// # Errors
    /// As [`GaussianMixture::fit`].
    pub fn check(&self, rows: i64, width: i64) -> Result<(), MixtureError> {
        let wrong = |setting, got: String, legal| Err(MixtureError::Setting { setting, got, legal });
        if self.components < 1 {
            return wrong("the number of components", self.components.to_string(), "at least 1");
        }
        if !(self.floor > 0.0 && self.floor <= 1.0) {
            return wrong("the floor", self.floor.to_string(), "above 0 and at most 1");
        }
        if !self.tolerance.is_finite() {
            return wrong("the tolerance", self.tolerance.to_string(), "a finite number");
        }
        if rows < 1 || width < 1 {
            return Err(MixtureError::Empty { rows, width });
        }
        let components = self.components.min(rows);
        let values = width.saturating_mul(width).saturating_mul(components);
        if values > MAX_COVARIANCE_VALUES {
            return Err(MixtureError::TooWide { components, width });
        }
        Ok(())
    }
}

/// Responsibilities `[N, K]` of 0 and 1: the nearest of `K` rows that are chosen one after another, each with
/// a probability in proportion to its squared distance from the nearest of those before. Chooses fewer if all
/// rows equal a chosen one.
fn start(rows: &Tensor, components: i64, noise: &Noise) -> Tensor {
    let n = rows.size()[0];
    let draws = array::to_vec(&noise.uniform("start", &[components.min(n)]).to_device(Device::Cpu));
    let to =
        |row: i64| (rows - rows.get(row)).square().sum_dim_intlist([1i64].as_slice(), false, Kind::Double);
    let mut distances = vec![to((draws[0] * n as f64) as i64)];
    let mut nearest = distances[0].shallow_clone();
    for draw in &draws[1..] {
        let cumulative = array::to_vec(&nearest.cumsum(0, Kind::Double));
        let total = cumulative.last().copied().unwrap_or(0.0);
        if total <= 0.0 {
            break; // every row equals a chosen one
        }
        // The first row at which the sum exceeds the draw; it is not one of distance 0.
        let chosen = cumulative.partition_point(|&below| below <= draw * total).min(cumulative.len() - 1);
        let distance = to(chosen as i64);
        nearest = nearest.minimum(&distance);
        distances.push(distance);
    }
    let k = distances.len() as i64;
    Tensor::stack(&distances, 1).argmin(1, false).one_hot(k).to_kind(Kind::Double)
}

#[cfg(test)]
#[path = "mixture_tests.rs"]
mod tests;
