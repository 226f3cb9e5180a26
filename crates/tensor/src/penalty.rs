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

/// `½ Σ ‖W‖²` over all weights: a scalar. Of parameters named as a model names them, those that end in `weight`
/// count; biases do not. 0 if there are none.
pub fn half_squared_weights(parameters: &[(String, Tensor)]) -> Tensor {
    let weights = parameters.iter().filter(|(name, _)| name.ends_with("weight"));
    let squared = weights.map(|(_, weight)| weight.square().sum(None::<Kind>));
    squared.reduce(|sum, one| sum + one).map_or_else(|| Tensor::from(0f32), |sum| sum * 0.5)
}

/// `‖∂h/∂x‖²_F` of each sample for one sigmoid layer: `[B]` (Rifai et al., 2011, section 3.1).
/// `code` is the layer's output `[B, D]`, `weight` its weights `[D, inputs]`.
pub fn sigmoid_jacobian_norm(code: &Tensor, weight: &Tensor) -> Tensor {
    let row_norms = weight.square().sum_dim_intlist([1i64].as_slice(), false, None::<Kind>);
    (code - code.square()).square().matmul(&row_norms)
}

/// `‖∂h/∂x‖²_F` of each sample for any encoder: `[B]`, exactly, by one backward pass for each of the code's
/// `D` numbers.
///
/// `code` is `[B, …]`, computed from `x` `[B, …]`, which collects gradients; no sample's code may depend on
/// another sample (no batch normalisation in training). `create_graph` keeps what a further backward pass
/// needs, so that the norm can be minimised.
pub fn jacobian_norm(code: &Tensor, x: &Tensor, create_graph: bool) -> Tensor {
    let code = code.flatten(1, -1);
    let rows = (0..code.size()[1]).map(|d| squared_norm(&code.select(1, d), x, create_graph));
    rows.reduce(|sum, row| sum + row).expect("a code has at least one number")
}

/// An estimate of [`jacobian_norm`], `[B]`: the mean of `‖vᵀ ∂h/∂x‖²` over probes `v`, one backward pass each
/// (Hutchinson, 1990). Its expectation is exact if the entries of the probes are independent with mean 0 and
/// variance 1; its variance is least if they are ±1. `code`, `x` and `create_graph` are as there; a probe has
/// the shape of `code`.
pub fn jacobian_norm_estimate(code: &Tensor, x: &Tensor, probes: &[Tensor], create_graph: bool) -> Tensor {
    let products = probes.iter().map(|probe| squared_norm(&(code * probe), x, create_graph));
    products.reduce(|sum, product| sum + product).expect("an estimate has at least one probe")
        / probes.len() as f64
}

/// `‖∂ Σ values / ∂x‖²` of each sample: `[B]`.
fn squared_norm(values: &Tensor, x: &Tensor, create_graph: bool) -> Tensor {
    let gradient = Tensor::run_backward(&[values.sum(None::<Kind>)], &[x], true, create_graph);
    let gradient = gradient.into_iter().next().expect("one gradient for one input");
    gradient.flatten(1, -1).square().sum_dim_intlist([1i64].as_slice(), false, None::<Kind>)
}
