//! How summaries and errors display layers.

use crate::Layer;
use std::fmt;

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layer::Dense { units } => write!(f, "dense {units}"),
            Layer::TiedDense { units, network, layer } => {
                write!(f, "dense {units}, tied to {network}.{layer}")
            }
            Layer::Conv2d { channels, kernel, stride, .. } => {
                write!(f, "conv {channels}, {kernel}×{kernel}")?;
                if *stride != 1 { write!(f, ", stride {stride}") } else { Ok(()) }
            }
            Layer::ConvTranspose2d { channels, kernel, stride, .. } => {
                write!(f, "transposed conv {channels}, {kernel}×{kernel}, stride {stride}")
            }
            Layer::MaxPool2d { kernel, .. } => write!(f, "max pool {kernel}"),
            Layer::MaxUnpool2d(unpool) => write!(f, "{unpool}"),
            Layer::Crop2d { size: [rows, columns] } => write!(f, "crop to {rows}×{columns}"),
            Layer::Upsample2d { factor } => write!(f, "upsample {factor}"),
            Layer::BatchNorm => write!(f, "batch norm"),
            Layer::Recurrent(recurrent) => write!(f, "{recurrent}"),
            Layer::ConvLstm(layer) => write!(f, "{layer}"),
            Layer::Repeat { times } => write!(f, "repeat {times}"),
            Layer::DensePerStep { units } => write!(f, "dense {units} per step"),
            Layer::CausalConv1d(convolution) => write!(f, "{convolution}"),
            Layer::TemporalBlock(block) => write!(f, "{block}"),
            Layer::ResidualBlock(block) => write!(f, "{block}"),
            Layer::ChannelDensity => write!(f, "density of each channel"),
            Layer::AveragePool1d { kernel } => write!(f, "average pool {kernel}"),
            Layer::Upsample1d { factor, steps } => write!(f, "upsample {factor}, {steps} steps"),
            Layer::LayerNorm => write!(f, "layer norm"),
            Layer::TransformerBlock(block) => write!(f, "{block}"),
            Layer::AppendTokens { times } => write!(f, "append {times} tokens"),
            Layer::Activation(activation) => write!(f, "{activation}"),
            Layer::Dropout { rate } => write!(f, "dropout {rate}"),
            Layer::Custom(custom) => write!(f, "{}", custom.rule().name()),
            Layer::Flatten => write!(f, "flatten"),
            Layer::Reshape(shape) => write!(f, "reshape {shape:?}"),
        }
    }
}
