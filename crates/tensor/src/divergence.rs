//! Kullback-Leibler divergences and the reparameterised draw that goes with them.

use std::f64::consts::PI;
use tch::{Kind, Tensor};

/// Diagonal Gaussians, one for each row: `mean` and `log_var` are `[B, D]`; `log_var` is the logarithm of the
/// variance.
#[derive(Debug)]
pub struct DiagonalGaussian {
    /// Means `[B, D]`.
    pub mean: Tensor,
    /// Log-variances `[B, D]`.
    pub log_var: Tensor,
}

impl DiagonalGaussian {
    /// Splits a network's output `[B, 2·D]` into means and log-variances.
    pub fn from_output(output: &Tensor) -> Self {
        let halves = output.chunk(2, 1);
        DiagonalGaussian { mean: halves[0].shallow_clone(), log_var: halves[1].shallow_clone() }
    }

    /// `mean + exp(log_var / 2) · noise`: `[B, D]`; the gradient reaches mean and log-variance
    /// (Kingma & Welling, 2014, section 2.4). `noise` is N(0, 1), `[B, D]`.
    pub fn reparameterise(&self, noise: &Tensor) -> Tensor {
        &self.mean + (&self.log_var * 0.5).exp() * noise
    }

    /// `KL(q ‖ N(0, I))` of each dimension: `[B, D]`, in nats (Kingma & Welling, 2014, appendix B).
    pub fn kl_to_standard_per_dimension(&self) -> Tensor {
        (self.mean.square() + self.log_var.exp() - &self.log_var - 1.0) * 0.5
    }

    /// `KL(q ‖ N(0, I))` of each row: `[B]`, in nats.
    pub fn kl_to_standard(&self) -> Tensor {
        sum_rows(&self.kl_to_standard_per_dimension())
    }

    /// `KL(self ‖ other)` of each row: `[B]`, in nats.
    pub fn kl_to(&self, other: &DiagonalGaussian) -> Tensor {
        let scaled = (&self.log_var - &other.log_var).exp()
            + (&self.mean - &other.mean).square() * (-&other.log_var).exp();
        sum_rows(&((scaled - 1.0 + &other.log_var - &self.log_var) * 0.5))
    }

    /// `log q(z)` of each row, in nats: `[…, B]` for `z` `[…, B, D]`; leading dimensions are further draws
    /// for the same rows.
    pub fn log_prob(&self, z: &Tensor) -> Tensor {
        let scaled = (z - &self.mean).square() * (-&self.log_var).exp();
        sum_rows(&((scaled + &self.log_var + (2.0 * PI).ln()) * -0.5))
    }
}

/// `log N(z; 0, I)` of each row, in nats: `[…]` for `z` `[…, D]`.
pub fn standard_log_prob(z: &Tensor) -> Tensor {
    sum_rows(&((z.square() + (2.0 * PI).ln()) * -0.5))
}

/// `Σ_d max(floor, mean over the batch of KL_d)`: a scalar, in nats, of `per_dimension` `[B, D]`. Reducing a
/// latent dimension below `floor` nats gains nothing, so it is not given up early (Kingma et al., 2016,
/// equation 15, with one dimension per group).
pub fn free_bits(per_dimension: &Tensor, floor: f64) -> Tensor {
    per_dimension.mean_dim([0i64].as_slice(), false, None::<Kind>).clamp_min(floor).sum(None::<Kind>)
}

/// `log(1/K Σ_k exp(w_k))` of each row, in nats: `[…]` for log-weights `[K, …]`, without overflow. With
/// `w_k = log p(x|z_k) + log p(z_k) - log q(z_k|x)` it is the `K`-sample bound on `log p(x)` (Burda, Grosse &
/// Salakhutdinov, 2016, equation 8), which rises to it with `K`.
pub fn log_mean_exp(log_weights: &Tensor) -> Tensor {
    let samples = log_weights.size()[0];
    log_weights.logsumexp([0i64].as_slice(), false) - (samples as f64).ln()
}

fn sum_rows(values: &Tensor) -> Tensor {
    values.sum_dim_intlist([-1i64].as_slice(), false, None::<Kind>)
}

/// `KL(Bernoulli(rate) ‖ Bernoulli(observed))`, elementwise, in nats; `observed` holds probabilities, which
/// are moved inside (0, 1) by 1e-7. `rate` lies in (0, 1).
pub fn bernoulli_kl(rate: f64, observed: &Tensor) -> Tensor {
    assert!(rate > 0.0 && rate < 1.0, "a rate lies between 0 and 1, got {rate}");
    let observed = observed.clamp(1e-7, 1.0 - 1e-7);
    let entropy = rate * rate.ln() + (1.0 - rate) * (1.0 - rate).ln();
    -(observed.log() * rate + (-&observed + 1.0).log() * (1.0 - rate)) + entropy
}
