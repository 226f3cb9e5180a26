//! The forward pass of each layer, on libtorch.

use super::attention;
use super::convolution::{convolve, convolve_transposed};
use super::custom;
use super::density::channel_density;
use super::dropout::dropout;
use super::parts;
use super::recurrent::{conv_lstm, recurrent};
use super::residual::residual_block;
use super::sequence;
use super::unpool::max_unpool;
use crate::model::Pass;
use ae_network::Layer;
use ae_tensor::{Activate, Tensor};

/// Where a layer stands, and what its forward pass is part of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    /// Name of the network.
    pub(super) network: &'p str,
    /// Position of the layer, counted from 0.
    pub(super) index: usize,
    /// The pass; `None` for a model in use.
    pub(super) pass: Option<&'p Pass>,
}

impl<'p> Place<'p> {
    /// The pass, if it trains.
    pub(super) fn training(self) -> Option<&'p Pass> {
        self.pass.filter(|pass| pass.is_training())
    }
}

/// `[B, input…]` to `[B, output…]`; `tensors` are in the order of [`ae_network::Node::tensors`].
pub(super) fn forward(layer: &Layer, x: &Tensor, tensors: &[Tensor], place: Place<'_>) -> Tensor {
    let pair = |n: i64| [n, n];
    match *layer {
        Layer::TiedDense { ref network, .. } => {
            panic!("a layer tied to the {network} needs Network::forward_tied")
        }
        Layer::Dense { .. } | Layer::DensePerStep { .. } => x.linear(&tensors[0], Some(&tensors[1])),
        Layer::Conv2d { stride, padding, .. } => convolve(x, tensors, stride, padding),
        Layer::ConvTranspose2d { stride, padding, output_padding, .. } => {
            convolve_transposed(x, tensors, stride, padding, output_padding)
        }
        Layer::MaxPool2d { kernel, ceil } => x.max_pool2d(pair(kernel), pair(kernel), pair(0), pair(1), ceil),
        Layer::MaxUnpool2d(unpool) => max_unpool(unpool, x, None),
        Layer::Crop2d { size: [rows, columns] } => x.narrow(2, 0, rows).narrow(3, 0, columns),
        Layer::Upsample2d { factor } => {
            let size = x.size();
            x.upsample_nearest2d([size[2] * factor, size[3] * factor], None, None)
        }
        Layer::BatchNorm => {
            if let Some(part) = place.training().and_then(|pass| pass.part.as_ref()) {
                return parts::batch_norm(x, tensors, part);
            }
            let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|slot| Some(&tensors[slot]));
            // The last batch of an epoch may be a single row; its variance would be 0/0.
            let training = place.training().is_some() && x.numel() > tensors[0].numel();
            x.batch_norm(
                weight,
                bias,
                mean,
                variance,
                training,
                Layer::BATCH_NORM_MOMENTUM,
                Layer::NORM_EPSILON,
                false,
            )
        }
        Layer::Recurrent(settings) => recurrent(settings, x, tensors, None).output,
        Layer::ConvLstm(settings) => conv_lstm(settings, x, tensors, None).output,
        Layer::Repeat { times } => x.unsqueeze(1).expand([-1, times, -1], false),
        Layer::CausalConv1d(settings) => sequence::causal_conv(settings, x, tensors),
        Layer::TemporalBlock(block) => sequence::temporal_block(block, x, tensors),
        Layer::ResidualBlock(_) => residual_block(x, tensors),
        Layer::ChannelDensity => channel_density(x, tensors),
        Layer::AveragePool1d { kernel } => sequence::average_pool(x, kernel),
        Layer::Upsample1d { factor, steps } => sequence::upsample(x, factor, steps),
        Layer::LayerNorm => attention::layer_norm(x, tensors),
        Layer::TransformerBlock(block) => attention::transformer_block(block, x, tensors),
        Layer::AppendTokens { times } => {
            let token = tensors[0].expand([x.size()[0], times, -1], false);
            Tensor::cat(&[x, &token], 1)
        }
        Layer::Activation(activation) => activation.apply(x),
        Layer::Dropout { rate } => dropout(rate, x, place),
        Layer::Custom(ref layer) => custom::forward(layer, x, tensors, place),
        Layer::Flatten => x.flatten(1, -1),
        Layer::Reshape(ref shape) => x.reshape([&[-1], shape.as_slice()].concat()),
    }
}
