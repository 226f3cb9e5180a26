//! The layers: shape rule, parameters, cost and forward pass of each.

use super::attention::{self, TransformerBlock};
use super::convolution::{convolve, convolve_transposed};
use super::recurrent::Recurrent;
use super::residual::ResidualBlock;
use super::sequence::{self, CausalConv1d, TemporalBlock};
use super::slot::Slot;
use super::unpool::MaxUnpool2d;
use ae_tensor::init::Init;
use ae_tensor::{Activation, Tensor};
use serde::{Deserialize, Serialize};

/// One layer of a [`super::Network`]. Kernels, strides and paddings are square.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// `y = W x + b`: `[D]` to `[units]`.
    Dense {
        /// Width of the output.
        units: i64,
    },
    /// Convolution: `[C, H, W]` to `[channels, (H + 2·padding - kernel) / stride + 1, …]`.
    Conv2d {
        /// Channels of the output.
        channels: i64,
        /// Side of the kernel.
        kernel: i64,
        /// Step between two places of the kernel.
        stride: i64,
        /// Zeros around the image.
        padding: i64,
    },
    /// Transposed convolution: `[C, H, W]` to `[channels, (H - 1)·stride - 2·padding + kernel + output_padding, …]`.
    ConvTranspose2d {
        /// Channels of the output.
        channels: i64,
        /// Side of the kernel.
        kernel: i64,
        /// Step between two places of the kernel.
        stride: i64,
        /// Rows and columns cut off around.
        padding: i64,
        /// Rows and columns added at the lower and right edge; below the stride.
        output_padding: [i64; 2],
    },
    /// Greatest value of each `kernel × kernel` square; with `ceil`, incomplete squares count.
    MaxPool2d {
        /// Side of the square.
        kernel: i64,
        /// Whether incomplete squares at the edge count.
        ceil: bool,
    },
    /// The way back from [`Layer::MaxPool2d`].
    MaxUnpool2d(MaxUnpool2d),
    /// Cuts an image down at its lower and right edge.
    Crop2d {
        /// `[H, W]` that are left.
        size: [i64; 2],
    },
    /// Nearest-neighbour enlargement.
    Upsample2d {
        /// How much larger.
        factor: i64,
    },
    /// Batch normalisation of each channel (each feature of a vector): by the batch's own moments in training, by
    /// their running means in use (Ioffe & Szegedy, 2015, algorithms 1 and 2). A batch with one value a channel has no
    /// variance, and is treated as in use.
    BatchNorm,
    /// LSTM or GRU: `[T, F]` to `[T, units]` or `[units]`.
    Recurrent(Recurrent),
    /// The same vector at every step: `[D]` to `[times, D]`.
    Repeat {
        /// How many steps.
        times: i64,
    },
    /// The same `y = W x + b` at every step or token: `[…, F]` to `[…, units]`.
    DensePerStep {
        /// Width of the output.
        units: i64,
    },
    /// Convolution over a step and those before it: `[T, F]` to `[T, channels]`.
    CausalConv1d(CausalConv1d),
    /// Residual block of two dilated causal convolutions: `[T, F]` to `[T, channels]`.
    TemporalBlock(TemporalBlock),
    /// Two convolutions whose output is added to their input.
    ResidualBlock(ResidualBlock),
    /// Mean of each stretch of steps, the last of which may be shorter: `[T, F]` to `[⌈T / kernel⌉, F]`.
    AveragePool1d {
        /// Steps of a stretch.
        kernel: i64,
    },
    /// Each step several times, then cut: `[T, F]` to `[steps, F]`; undoes the shape of [`Layer::AveragePool1d`].
    Upsample1d {
        /// How often each step is repeated.
        factor: i64,
        /// Steps of the output; at most `factor · T`.
        steps: i64,
    },
    /// Each step or token to mean 0 and variance 1 over its features, then scaled and shifted (Ba et al., 2016).
    LayerNorm,
    /// Attention and a perceptron, each added to what came in: `[T, D]` to `[T, D]`.
    TransformerBlock(TransformerBlock),
    /// The same learned token, which starts at zero, behind the others: `[T, D]` to `[T + times, D]`.
    AppendTokens {
        /// How often.
        times: i64,
    },
    /// An elementwise function.
    Activation(Activation),
    /// Any shape to `[D]`.
    Flatten,
    /// `[D]` or any shape to another with as many values.
    Reshape(Vec<i64>),
}

/// Weight of a batch in the running moments, and what is added to variances, as in PyTorch.
const BATCH_NORM_MOMENTUM: f64 = 0.1;
pub(super) const NORM_EPSILON: f64 = 1e-5;

impl Layer {
    /// Shape of one sample behind the layer, or why it cannot be.
    pub(super) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        match *self {
            Layer::Dense { units } => {
                at_least_one("units", units)?;
                match input {
                    [_] => Ok(vec![units]),
                    _ => Err("a dense layer takes a vector [D]; put a flatten before it".into()),
                }
            }
            Layer::Conv2d { channels, kernel, stride, padding } => {
                let [_, height, width] = image(input)?;
                sizes(channels, kernel, stride)?;
                let side = |n: i64| {
                    let room = n + 2 * padding - kernel;
                    if room < 0 {
                        return Err(format!("its {kernel}×{kernel} kernel is larger than the padded image"));
                    }
                    Ok(room / stride + 1)
                };
                Ok(vec![channels, side(height)?, side(width)?])
            }
            Layer::ConvTranspose2d { channels, kernel, stride, padding, output_padding } => {
                let [_, height, width] = image(input)?;
                sizes(channels, kernel, stride)?;
                let side = |n: i64, extra: i64| {
                    let n = (n - 1) * stride - 2 * padding + kernel + extra;
                    if n < 1 || extra >= stride {
                        return Err(
                            "its output would have no rows, or an output padding not below the stride".into(),
                        );
                    }
                    Ok::<_, String>(n)
                };
                Ok(vec![channels, side(height, output_padding[0])?, side(width, output_padding[1])?])
            }
            Layer::MaxPool2d { kernel, ceil } => {
                let [channels, height, width] = image(input)?;
                at_least_one("kernel", kernel)?;
                let side = |n: i64| if ceil { (n + kernel - 1) / kernel } else { n / kernel };
                if side(height) < 1 || side(width) < 1 {
                    return Err(format!("it is smaller than one {kernel}×{kernel} square"));
                }
                Ok(vec![channels, side(height), side(width)])
            }
            Layer::MaxUnpool2d(ref unpool) => unpool.output_shape(image(input)?),
            Layer::Crop2d { size: [rows, columns] } => {
                let [channels, height, width] = image(input)?;
                if !(1..=height).contains(&rows) || !(1..=width).contains(&columns) {
                    return Err(format!("{rows}×{columns} cannot be cut out of {height}×{width}"));
                }
                Ok(vec![channels, rows, columns])
            }
            Layer::Upsample2d { factor } => {
                let [channels, height, width] = image(input)?;
                at_least_one("factor", factor)?;
                Ok(vec![channels, height * factor, width * factor])
            }
            Layer::BatchNorm => match input {
                [_] | [_, _, _] => Ok(input.to_vec()),
                _ => Err("batch normalisation takes a vector [D] or an image [C, H, W]".into()),
            },
            Layer::Recurrent(recurrent) => recurrent.output_shape(input),
            Layer::Repeat { times } => {
                at_least_one("times", times)?;
                match *input {
                    [width] => Ok(vec![times, width]),
                    _ => Err("a vector [D] is repeated; put a flatten before it".into()),
                }
            }
            Layer::DensePerStep { units } => {
                at_least_one("units", units)?;
                match input {
                    [steps @ .., _] if !steps.is_empty() => Ok([steps, &[units]].concat()),
                    _ => {
                        Err("it takes steps with features, such as [T, F]; a vector takes a dense layer"
                            .into())
                    }
                }
            }
            Layer::CausalConv1d(ref convolution) => convolution.output_shape(input),
            Layer::TemporalBlock(ref block) => block.output_shape(input),
            Layer::ResidualBlock(ref block) => block.output_shape(input),
            Layer::AveragePool1d { kernel } => {
                at_least_one("kernel", kernel)?;
                let [steps, features] = sequence(input)?;
                Ok(vec![(steps + kernel - 1) / kernel, features])
            }
            Layer::Upsample1d { factor, steps } => {
                at_least_one("factor", factor)?;
                at_least_one("steps", steps)?;
                let [short, features] = sequence(input)?;
                if steps > factor * short {
                    return Err(format!("{factor} times {short} steps are fewer than {steps}"));
                }
                Ok(vec![steps, features])
            }
            Layer::LayerNorm => match input {
                [_, ..] => Ok(input.to_vec()),
                [] => Err("it takes features, such as [T, F]".into()),
            },
            Layer::TransformerBlock(ref block) => block.output_shape(input),
            Layer::AppendTokens { times } => {
                at_least_one("times", times)?;
                let [tokens, width] = sequence(input)?;
                Ok(vec![tokens + times, width])
            }
            Layer::Activation(_) => Ok(input.to_vec()),
            Layer::Flatten => Ok(vec![input.iter().product()]),
            Layer::Reshape(ref shape) => {
                let (has, needs): (i64, i64) = (input.iter().product(), shape.iter().product());
                if has != needs {
                    return Err(format!("it has {has} values, but {shape:?} holds {needs} values"));
                }
                Ok(shape.clone())
            }
        }
    }

    /// What the layer learns or remembers, for an input that [`Self::output_shape`] took.
    pub(super) fn slots(&self, input: &[i64]) -> Vec<Slot> {
        match *self {
            Layer::Dense { units } => Slot::weight_and_bias(&[units, input[0]]),
            Layer::Conv2d { channels, kernel, .. } => {
                Slot::weight_and_bias(&[channels, input[0], kernel, kernel])
            }
            Layer::ConvTranspose2d { channels, kernel, .. } => {
                let weight = [input[0], channels, kernel, kernel];
                let bias = Slot::trained("bias", &[channels], Init::Zeros);
                vec![Slot::trained("weight", &weight, Init::GlorotUniform), bias]
            }
            Layer::Recurrent(ref recurrent) => recurrent.slots(input),
            Layer::DensePerStep { units } => Slot::weight_and_bias(&[units, input[input.len() - 1]]),
            Layer::CausalConv1d(ref convolution) => convolution.slots(input),
            Layer::TemporalBlock(ref block) => block.slots(input),
            Layer::ResidualBlock(ref block) => block.slots(input),
            Layer::LayerNorm => {
                let width = [input[input.len() - 1]];
                let bias = Slot::trained("bias", &width, Init::Zeros);
                vec![Slot::trained("weight", &width, Init::Ones), bias]
            }
            Layer::TransformerBlock(ref block) => block.slots(input),
            Layer::AppendTokens { .. } => vec![Slot::trained("token", &[1, 1, input[1]], Init::Zeros)],
            Layer::BatchNorm => {
                let slot = |name, init, trained| Slot { name, shape: vec![input[0]], init, trained };
                vec![
                    slot("weight", Init::Ones, true),
                    slot("bias", Init::Zeros, true),
                    slot("running_mean", Init::Zeros, false),
                    slot("running_variance", Init::Ones, false),
                ]
            }
            _ => vec![],
        }
    }

    /// Whether the layer does the same for any number of steps or tokens.
    pub(super) fn takes_any_number_of_steps(&self) -> bool {
        use Layer::{Activation, AppendTokens, DensePerStep, LayerNorm, TransformerBlock};
        let any = matches!(self, DensePerStep { .. } | LayerNorm | Activation(_) | AppendTokens { .. });
        any || matches!(self, TransformerBlock(_))
    }

    /// Multiplications and additions of one sample's forward pass; biases and elementwise functions are left out.
    pub(super) fn flops(&self, input: &[i64], output: &[i64]) -> i64 {
        match *self {
            Layer::Dense { units } => 2 * units * input[0],
            Layer::Conv2d { kernel, .. } => 2 * kernel * kernel * input[0] * output.iter().product::<i64>(),
            Layer::ConvTranspose2d { kernel, channels, .. } => {
                2 * kernel * kernel * channels * input.iter().product::<i64>()
            }
            Layer::Recurrent(ref recurrent) => recurrent.flops(input),
            Layer::DensePerStep { units } => 2 * units * input.iter().product::<i64>(),
            Layer::CausalConv1d(ref convolution) => convolution.flops(input),
            Layer::TemporalBlock(ref block) => block.flops(input),
            Layer::ResidualBlock(ref block) => block.flops(input),
            Layer::TransformerBlock(ref block) => block.flops(input),
            _ => 0,
        }
    }

    /// `[B, input…]` to `[B, output…]`; `parameters` are in the order of [`Self::slots`].
    pub(super) fn forward(&self, x: &Tensor, parameters: &[Tensor], training: bool) -> Tensor {
        let pair = |n: i64| [n, n];
        match *self {
            Layer::Dense { .. } | Layer::DensePerStep { .. } => {
                x.linear(&parameters[0], Some(&parameters[1]))
            }
            Layer::Conv2d { stride, padding, .. } => convolve(x, parameters, stride, padding),
            Layer::ConvTranspose2d { stride, padding, output_padding, .. } => {
                convolve_transposed(x, parameters, stride, padding, output_padding)
            }
            Layer::MaxPool2d { kernel, ceil } => {
                x.max_pool2d(pair(kernel), pair(kernel), pair(0), pair(1), ceil)
            }
            Layer::MaxUnpool2d(ref unpool) => unpool.forward(x, None),
            Layer::Crop2d { size: [rows, columns] } => x.narrow(2, 0, rows).narrow(3, 0, columns),
            Layer::Upsample2d { factor } => {
                let size = x.size();
                x.upsample_nearest2d([size[2] * factor, size[3] * factor], None, None)
            }
            Layer::BatchNorm => {
                let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|slot| Some(&parameters[slot]));
                // The last batch of an epoch may be a single row; its variance would be 0/0.
                let training = training && x.numel() > parameters[0].numel();
                x.batch_norm(weight, bias, mean, variance, training, BATCH_NORM_MOMENTUM, NORM_EPSILON, false)
            }
            Layer::Recurrent(ref recurrent) => recurrent.forward(x, parameters),
            Layer::Repeat { times } => x.unsqueeze(1).expand([-1, times, -1], false),
            Layer::CausalConv1d(ref convolution) => convolution.forward(x, parameters),
            Layer::TemporalBlock(ref block) => block.forward(x, parameters),
            Layer::ResidualBlock(ref block) => block.forward(x, parameters),
            Layer::AveragePool1d { kernel } => sequence::average_pool(x, kernel),
            Layer::Upsample1d { factor, steps } => sequence::upsample(x, factor, steps),
            Layer::LayerNorm => attention::layer_norm(x, parameters),
            Layer::TransformerBlock(ref block) => block.forward(x, parameters),
            Layer::AppendTokens { times } => {
                let token = parameters[0].expand([x.size()[0], times, -1], false);
                Tensor::cat(&[x, &token], 1)
            }
            Layer::Activation(activation) => activation.apply(x),
            Layer::Flatten => x.flatten(1, -1),
            Layer::Reshape(ref shape) => x.reshape([&[-1], shape.as_slice()].concat()),
        }
    }
}

pub(super) fn image(input: &[i64]) -> Result<[i64; 3], String> {
    input.try_into().map_err(|_| "it takes an image [C, H, W]".to_string())
}

/// Steps and features.
pub(super) fn sequence(input: &[i64]) -> Result<[i64; 2], String> {
    input
        .try_into()
        .map_err(|_| "it takes a sequence [T, F]; a vector [D] becomes one by a reshape to [D, 1]".into())
}

pub(super) fn at_least_one(name: &str, got: i64) -> Result<(), String> {
    if got >= 1 { Ok(()) } else { Err(format!("{name} is at least 1, got {got}")) }
}

fn sizes(channels: i64, kernel: i64, stride: i64) -> Result<(), String> {
    at_least_one("channels", channels)?;
    at_least_one("kernel", kernel)?;
    at_least_one("stride", stride)
}
