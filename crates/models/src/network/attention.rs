//! Attention, with libtorch's fused operation.

use ae_network::{Layer, TransformerBlock};
use ae_tensor::Tensor;

/// [`TransformerBlock`] on `[B, T, D]`; the parameters are in the order documented there.
pub(super) fn transformer_block(block: TransformerBlock, x: &Tensor, parameters: &[Tensor]) -> Tensor {
    let [qkv, projection, expand, contract] = [2, 4, 8, 10].map(|i| (&parameters[i], &parameters[i + 1]));
    let dense = |x: &Tensor, (weight, bias): (&Tensor, &Tensor)| x.linear(weight, Some(bias));
    let attended = attend(&dense(&layer_norm(x, &parameters[0..2]), qkv), block.heads);
    let x = x + dense(&attended, projection);
    let hidden = dense(&layer_norm(&x, &parameters[6..8]), expand).gelu("none");
    x + dense(&hidden, contract)
}

/// Queries, keys and values side by side, `[B, T, 3 D]`, to the output of attention, `[B, T, D]`.
fn attend(qkv: &Tensor, heads: i64) -> Tensor {
    let [n, tokens, three] = qkv.size()[..] else { panic!("tokens have three dimensions, got {qkv:?}") };
    let width = three / 3;
    let parts = qkv.view([n, tokens, 3, heads, width / heads]).permute([2, 0, 3, 1, 4]).unbind(0);
    let [query, key, value] = &parts[..] else { panic!("three were stacked") }; // each [B, heads, T, D / heads]
    let no_mask = None::<&Tensor>;
    let gathered = Tensor::scaled_dot_product_attention(query, key, value, no_mask, 0.0, false, None, false);
    gathered.transpose(1, 2).reshape([n, tokens, width])
}

/// [`Layer::LayerNorm`] on `[B, …, D]`; `parameters` are weight and bias.
pub(super) fn layer_norm(x: &Tensor, parameters: &[Tensor]) -> Tensor {
    x.layer_norm(parameters[0].size(), Some(&parameters[0]), Some(&parameters[1]), Layer::NORM_EPSILON, true)
}
