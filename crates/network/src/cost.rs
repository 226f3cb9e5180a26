//! What the forward pass of a layer costs: operations, and memory.

use crate::size::product;
use crate::{Layer, density};

impl Layer {
    /// Multiplications and additions of one sample's forward pass; biases, normalisations and elementwise
    /// functions are left out. Saturates at `i64::MAX`.
    pub(crate) fn flops(&self, input: &[i64], output: &[i64]) -> i64 {
        match *self {
            Layer::Dense { units } | Layer::TiedDense { units, .. } => product(&[2, units, input[0]]),
            Layer::Conv2d { kernel, .. } => product(&[2, kernel, kernel, input[0], product(output)]),
            Layer::ConvTranspose2d { kernel, channels, .. } => {
                product(&[2, kernel, kernel, channels, product(input)])
            }
            Layer::Recurrent(ref recurrent) => recurrent.flops(input),
            Layer::ConvLstm(ref layer) => layer.flops(input),
            Layer::DensePerStep { units } => product(&[2, units, product(input)]),
            Layer::CausalConv1d(ref convolution) => convolution.flops(input),
            Layer::TemporalBlock(ref block) => block.flops(input),
            Layer::ResidualBlock(ref block) => block.flops(input),
            Layer::ChannelDensity => density::flops(input),
            Layer::TransformerBlock(ref block) => block.flops(input),
            Layer::Custom(ref custom) => custom.rule().flops(input, output),
            _ => 0,
        }
    }

    /// Values that one sample's forward pass makes and that the backward pass needs: the output and what lies
    /// between input and output. What is only another view of the input counts nothing. Saturates at
    /// `i64::MAX`.
    pub(crate) fn activations(&self, input: &[i64], output: &[i64]) -> i64 {
        match *self {
            Layer::Flatten | Layer::Reshape(_) | Layer::Crop2d { .. } => 0,
            // Values, and the positions of the maxima.
            Layer::MaxPool2d { .. } => product(output).saturating_mul(2),
            // Values, and the mask.
            Layer::Dropout { .. } => product(output).saturating_mul(2),
            Layer::Custom(ref custom) => custom.rule().activations(input, output),
            Layer::MaxUnpool2d(_) => product(output).saturating_add(product(input)),
            Layer::Recurrent(ref recurrent) => recurrent.activations(input),
            Layer::ConvLstm(ref layer) => layer.activations(input),
            Layer::CausalConv1d(ref convolution) => {
                product(output).saturating_add(convolution.padded(input[0], input[1]))
            }
            Layer::TemporalBlock(ref block) => block.activations(input),
            Layer::ResidualBlock(ref block) => block.activations(input),
            Layer::ChannelDensity => density::activations(input),
            Layer::TransformerBlock(ref block) => block.activations(input),
            _ => product(output),
        }
    }

    /// Values that the layer holds only while it computes, for one sample and at most: the columns that a
    /// convolution is a matrix product of, the weights of attention. Saturates at `i64::MAX`.
    pub(crate) fn workspace(&self, input: &[i64], output: &[i64]) -> i64 {
        match *self {
            Layer::Conv2d { kernel, padding, .. } => {
                let [channels, height, width] = [input[0], input[1], input[2]];
                let columns = product(&[channels, kernel, kernel, output[1], output[2]]);
                let padded = product(&[channels, height + 2 * padding, width + 2 * padding]);
                columns.saturating_add(padded)
            }
            Layer::ConvTranspose2d { channels, kernel, .. } => {
                product(&[channels, kernel, kernel, input[1], input[2]])
            }
            Layer::ConvLstm(ref layer) => layer.workspace(input),
            Layer::CausalConv1d(ref convolution) => convolution.columns(input),
            Layer::TemporalBlock(ref block) => block.workspace(input),
            Layer::ResidualBlock(ref block) => block.workspace(input),
            Layer::TransformerBlock(ref block) => block.workspace(input),
            // All steps are repeated before the last ones are cut off.
            Layer::Upsample1d { factor, .. } => product(&[factor, input[0], input[1]]),
            _ => 0,
        }
    }
}
