//! The transformer block, on tokens `[T, D]`.

use crate::size::{at_least_one, product, sequence};
use crate::{Init, TensorSpec};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Hidden width of the block's perceptron as a multiple of the token width, as in every vision transformer.
const EXPANSION: i64 = 4;

/// The block of a vision transformer (Vaswani et al., 2017; normalised before each half as in Dosovitskiy et
/// al., 2021, equations 2 and 3): `[T, D]` to `[T, D]`, for any number of tokens; each token attends to all.
///
/// - `u = x + P · attention(q, k, v) + p`, where `q, k, v = A · norm₁(x) + a`, concatenated in this order,
///   and each head has `D / heads` consecutive features of each: `softmax(q kᵀ / √(D / heads)) v`, the heads
///   concatenated;
/// - `y = u + C · gelu(E · norm₂(u) + e) + c`, hidden width `4 D`;
/// - `norm` is [`crate::Layer::LayerNorm`] over the features of a token.
///
/// Tensors, in this order: `attention_norm_weight`, `attention_norm_bias` `[D]`; `qkv_weight` (A) `[3 D, D]`,
/// `qkv_bias` `[3 D]`; `projection_weight` (P) `[D, D]`, `projection_bias` `[D]`; `mlp_norm_weight`,
/// `mlp_norm_bias` `[D]`; `expand_weight` (E) `[4 D, D]`, `expand_bias` `[4 D]`; `contract_weight` (C)
/// `[D, 4 D]`, `contract_bias` `[D]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerBlock {
    /// Number of attention heads; divides the width `D`.
    pub heads: i64,
}

impl fmt::Display for TransformerBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transformer block, {} heads", self.heads)
    }
}

impl TransformerBlock {
    pub(crate) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        at_least_one("heads", self.heads)?;
        let [_, width] = sequence(input)?;
        if width % self.heads != 0 {
            let heads = self.heads;
            return Err(format!(
                "{heads} heads cannot share {width} features evenly; choose a divisor of {width}"
            ));
        }
        Ok(input.to_vec())
    }

    pub(crate) fn tensors(&self, input: &[i64]) -> Vec<TensorSpec> {
        let (width, hidden) = (input[1], EXPANSION * input[1]);
        let dense = |weight, bias, units: i64, inputs: i64| {
            let weight = TensorSpec::trained(weight, &[units, inputs], Init::GlorotUniform);
            [weight, TensorSpec::trained(bias, &[units], Init::Zeros)]
        };
        let norm = |weight, bias| {
            let weight = TensorSpec::trained(weight, &[width], Init::Ones);
            [weight, TensorSpec::trained(bias, &[width], Init::Zeros)]
        };
        [
            norm("attention_norm_weight", "attention_norm_bias"),
            dense("qkv_weight", "qkv_bias", 3 * width, width),
            dense("projection_weight", "projection_bias", width, width),
            norm("mlp_norm_weight", "mlp_norm_bias"),
            dense("expand_weight", "expand_bias", hidden, width),
            dense("contract_weight", "contract_bias", width, hidden),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    pub(crate) fn flops(&self, input: &[i64]) -> i64 {
        let [tokens, width] = [input[0], input[1]];
        let dense = product(&[2 * (3 + 1 + 2 * EXPANSION), tokens, width, width]);
        dense.saturating_add(product(&[2 * 2, tokens, tokens, width])) // q·k, and weights·v
    }

    /// Each token's widths, in the order of the equations: norm, queries, keys and values, gathered values,
    /// projection, sum; norm, hidden layer before and after its activation, contraction, sum.
    pub(crate) fn activations(&self, input: &[i64]) -> i64 {
        product(&[(1 + 3 + 1 + 1 + 1) + (1 + 2 * EXPANSION + 1 + 1), product(input)])
    }

    /// The weights of attention, between every two tokens in each head.
    pub(crate) fn workspace(&self, input: &[i64]) -> i64 {
        product(&[self.heads, input[0], input[0]])
    }
}
