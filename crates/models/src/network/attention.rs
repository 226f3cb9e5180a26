//! The transformer's block, on tokens `[T, D]`.

use super::layer::{NORM_EPSILON, at_least_one, sequence};
use super::slot::Slot;
use ae_tensor::Tensor;
use ae_tensor::init::Init;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How much wider than the tokens the hidden layer of the block's perceptron is, as in every vision transformer.
const EXPANSION: i64 = 4;

/// The block of a vision transformer (Vaswani et al., 2017; normalised before each half as in Dosovitskiy et al.,
/// 2021, equations 2 and 3): `x + attention(norm(x))`, then `x + W₂ gelu(W₁ norm(x))`, hidden width `4 D`. `[T, D]` to
/// `[T, D]`, any number of tokens; each sees all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerBlock {
    /// Heads of the attention; they share the width `D` evenly.
    pub heads: i64,
}

impl fmt::Display for TransformerBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transformer block, {} heads", self.heads)
    }
}

impl TransformerBlock {
    pub(super) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        at_least_one("heads", self.heads)?;
        let [_, width] = sequence(input)?;
        if width % self.heads != 0 {
            let heads = self.heads;
            return Err(format!(
                "{heads} heads cannot share {width} features evenly; choose a divisor of them"
            ));
        }
        Ok(input.to_vec())
    }

    pub(super) fn slots(&self, input: &[i64]) -> Vec<Slot> {
        let (width, hidden) = (input[1], EXPANSION * input[1]);
        let dense = |weight, bias, units: i64, inputs: i64| {
            let weight = Slot::trained(weight, &[units, inputs], Init::GlorotUniform);
            [weight, Slot::trained(bias, &[units], Init::Zeros)]
        };
        let norm = |weight, bias| {
            [Slot::trained(weight, &[width], Init::Ones), Slot::trained(bias, &[width], Init::Zeros)]
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

    pub(super) fn flops(&self, input: &[i64]) -> i64 {
        let [tokens, width] = [input[0], input[1]];
        let dense = 2 * tokens * width * width * (3 + 1 + 2 * EXPANSION);
        dense + 2 * 2 * tokens * tokens * width // and q·k, weights·v
    }

    pub(super) fn forward(&self, x: &Tensor, parameters: &[Tensor]) -> Tensor {
        let [qkv, projection, expand, contract] = [2, 4, 8, 10].map(|i| (&parameters[i], &parameters[i + 1]));
        let dense = |x: &Tensor, (weight, bias): (&Tensor, &Tensor)| x.linear(weight, Some(bias));
        let attended = self.attend(&dense(&layer_norm(x, &parameters[0..2]), qkv));
        let x = x + dense(&attended, projection);
        let hidden = dense(&layer_norm(&x, &parameters[6..8]), expand).gelu("none");
        x + dense(&hidden, contract)
    }

    /// Queries, keys and values side by side, `[B, T, 3 D]`, to what each token gathers, `[B, T, D]`.
    fn attend(&self, qkv: &Tensor) -> Tensor {
        let [n, tokens, three] = qkv.size()[..] else { panic!("tokens have three dimensions, got {qkv:?}") };
        let width = three / 3;
        let parts =
            qkv.view([n, tokens, 3, self.heads, width / self.heads]).permute([2, 0, 3, 1, 4]).unbind(0);
        let [query, key, value] = &parts[..] else { panic!("three were stacked") }; // each [B, heads, T, D / heads]
        let no_mask = None::<&Tensor>;
        let heads = Tensor::scaled_dot_product_attention(query, key, value, no_mask, 0.0, false, None, false);
        heads.transpose(1, 2).reshape([n, tokens, width])
    }
}

/// Each token to mean 0 and variance 1, then scaled and shifted (Ba, Kiros & Hinton, 2016): `[…, D]` to `[…, D]`.
/// `parameters` are weight and bias.
pub(super) fn layer_norm(x: &Tensor, parameters: &[Tensor]) -> Tensor {
    x.layer_norm(parameters[0].size(), Some(&parameters[0]), Some(&parameters[1]), NORM_EPSILON, true)
}
