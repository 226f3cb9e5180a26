//! Kullback-Leibler divergences and the reparameterised draw that goes with them.

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
}

fn sum_rows(values: &Tensor) -> Tensor {
    values.sum_dim_intlist([-1i64].as_slice(), false, None::<Kind>)
}

/// `KL(Bernoulli(rate) ‖ Bernoulli(observed))`, elementwise, in nats; `observed` holds probabilities, which are
/// moved inside (0, 1) by 1e-7. `rate` lies in (0, 1).
pub fn bernoulli_kl(rate: f64, observed: &Tensor) -> Tensor {
    assert!(rate > 0.0 && rate < 1.0, "a rate lies between 0 and 1, got {rate}");
    let observed = observed.clamp(1e-7, 1.0 - 1e-7);
    let entropy = rate * rate.ln() + (1.0 - rate) * (1.0 - rate).ln();
    -(observed.log() * rate + (-&observed + 1.0).log() * (1.0 - rate)) + entropy
}
