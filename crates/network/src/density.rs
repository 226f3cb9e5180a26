//! [`crate::Layer::ChannelDensity`]: the learned density of each channel.
//!
//! The logit of a learned cumulative distribution, one for each channel: `[C, H, W]` to the same. A small network that only
//! rises (Ballé et al., 2018, appendix 6.1, with `K = 4` and three hidden units):
//! `f_4 ∘ f_3 ∘ f_2 ∘ f_1`, `f_k(x) = g_k(softplus(H_k) x + b_k)`, `g_k(x) = x + tanh(a_k) ⊙ tanh(x)`, without `g_4`.
//!
//! Tensors, in this order: `first_matrix` (H) `[C, 3, 1]`, `first_bias` (b) `[C, 3, 1]`, `first_factor` (a) `[C, 3, 1]`;
//! the same for `second` and `third`, with matrices `[C, 3, 3]`; `last_matrix` `[C, 1, 3]`, `last_bias` `[C, 1, 1]`.

use crate::size::{image, product};
use crate::{Init, TensorSpec};

/// Hidden units of each function but the last.
pub const WIDTH: i64 = 3;

pub(crate) fn output_shape(input: &[i64]) -> Result<Vec<i64>, String> {
    Ok(image(input)?.to_vec())
}

pub(crate) fn tensors(input: &[i64]) -> Vec<TensorSpec> {
    let (channels, width) = (input[0], WIDTH);
    let trained = |name, rows, columns, init| TensorSpec::trained(name, &[channels, rows, columns], init);
    let with_factor = |[matrix, bias, factor]: [&'static str; 3], inputs| {
        // Glorot's range leaves `softplus(H)` near 0.7, and tells the hidden units apart.
        [
            trained(matrix, width, inputs, Init::GlorotUniform),
            trained(bias, width, 1, Init::Zeros),
            trained(factor, width, 1, Init::Zeros),
        ]
    };
    let mut tensors = Vec::new();
    tensors.extend(with_factor(["first_matrix", "first_bias", "first_factor"], 1));
    tensors.extend(with_factor(["second_matrix", "second_bias", "second_factor"], width));
    tensors.extend(with_factor(["third_matrix", "third_bias", "third_factor"], width));
    tensors.push(trained("last_matrix", 1, width, Init::GlorotUniform));
    tensors.push(trained("last_bias", 1, 1, Init::Zeros));
    tensors
}

pub(crate) fn flops(input: &[i64]) -> i64 {
    let width = WIDTH;
    product(&[2 * (2 * width + 2 * width * width), product(input)])
}

/// The hidden units of each function: before the nonlinearity, its tanh, and the sum.
pub(crate) fn activations(input: &[i64]) -> i64 {
    product(&[3 * 4 * WIDTH, product(input)])
}
