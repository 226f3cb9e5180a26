//! Penalties on codes and encoders, each without its weight.

use crate::divergence::bernoulli_kl;
use tch::{Kind, Tensor};

/// `Σ|h|` over each sample's code: `[B]`. `code` is `[B, …]`.
pub fn l1_activity(code: &Tensor) -> Tensor {
    code.flatten(1, -1).abs().sum_dim_intlist([1i64].as_slice(), false, None::<Kind>)
}

/// `Σ_d KL(ρ ‖ mean over the batch of h_d)`: a scalar, in nats; `code` is `[B, D]` in (0, 1), `rate` is ρ
/// (Ng, CS294A lecture notes, 2011, section 3).
pub fn rate_divergence(code: &Tensor, rate: f64) -> Tensor {
    bernoulli_kl(rate, &code.mean_dim([0i64].as_slice(), false, None::<Kind>)).sum(None::<Kind>)
}

/// `‖∂h/∂x‖²_F` of each sample for one sigmoid layer: `[B]` (Rifai et al., 2011, section 3.1).
/// `code` is the layer's output `[B, D]`, `weight` its weights `[D, inputs]`.
pub fn sigmoid_jacobian_norm(code: &Tensor, weight: &Tensor) -> Tensor {
    let row_norms = weight.square().sum_dim_intlist([1i64].as_slice(), false, None::<Kind>);
    (code - code.square()).square().matmul(&row_norms)
}
