//! Layers over time. Samples are `[T, F]`, but libtorch convolves `[F, T]`; the transposition is a view.

use ae_network::{CausalConv1d, TemporalBlock};
use ae_tensor::Tensor;

/// [`CausalConv1d`] on `[B, T, F]`.
pub(super) fn causal_conv(layer: CausalConv1d, x: &Tensor, parameters: &[Tensor]) -> Tensor {
    convolve(layer, &x.transpose(1, 2), &parameters[0], &parameters[1]).transpose(1, 2)
}

/// `[B, F, T]` to `[B, channels, T]`.
fn convolve(layer: CausalConv1d, x: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
    let past = (layer.kernel - 1) * layer.dilation;
    let padded = if past > 0 { x.constant_pad_nd([past, 0]) } else { x.shallow_clone() };
    padded.conv1d(weight, Some(bias), 1, 0, layer.dilation, 1)
}

/// [`TemporalBlock`] on `[B, T, F]`; the parameters are in the order documented there.
pub(super) fn temporal_block(block: TemporalBlock, x: &Tensor, parameters: &[Tensor]) -> Tensor {
    let (layer, x) = (block.convolution(), x.transpose(1, 2));
    let hidden = convolve(layer, &x, &parameters[0], &parameters[1]).relu();
    let hidden = convolve(layer, &hidden, &parameters[2], &parameters[3]).relu();
    let skip = match parameters {
        [_, _, _, _, weight, bias] => x.conv1d(weight, Some(bias), 1, 0, 1, 1),
        _ => x,
    };
    (hidden + skip).relu().transpose(1, 2)
}

/// [`ae_network::Layer::AveragePool1d`]: `[B, T, F]` to `[B, ⌈T / kernel⌉, F]`.
pub(super) fn average_pool(x: &Tensor, kernel: i64) -> Tensor {
    x.transpose(1, 2).avg_pool1d(kernel, kernel, 0, true, false).transpose(1, 2)
}

/// [`ae_network::Layer::Upsample1d`]: `[B, T, F]` to `[B, steps, F]`.
pub(super) fn upsample(x: &Tensor, factor: i64, steps: i64) -> Tensor {
    let [n, short, features] = x.size()[..] else { panic!("a sequence has three dimensions, got {x:?}") };
    let long = x.unsqueeze(2).expand([n, short, factor, features], false).reshape([n, -1, features]);
    long.narrow(1, 0, steps)
}
