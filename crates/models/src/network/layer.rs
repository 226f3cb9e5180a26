//! The layers: shape rule, parameters, cost and forward pass of each.

use ae_tensor::init::Init;
use ae_tensor::{Activation, Tensor};
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// Nearest-neighbour enlargement.
    Upsample2d {
        /// How much larger.
        factor: i64,
    },
    /// Batch normalisation of each channel (each feature of a vector): by the batch's own moments in training, by
    /// their running means in use (Ioffe & Szegedy, 2015, algorithms 1 and 2).
    BatchNorm,
    /// An elementwise function.
    Activation(Activation),
    /// Any shape to `[D]`.
    Flatten,
    /// `[D]` or any shape to another with as many values.
    Reshape(Vec<i64>),
}

/// Weight of a batch in the running moments, and what is added to variances, as in PyTorch.
const BATCH_NORM_MOMENTUM: f64 = 0.1;
const NORM_EPSILON: f64 = 1e-5;

/// A tensor that a layer learns or remembers.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// Unique in the layer: `weight`, `bias`, …. The layer's output bias, if any, is called `bias`.
    pub(super) name: &'static str,
    pub(super) shape: Vec<i64>,
    pub(super) init: Init,
    /// Whether gradients reach it; otherwise it is a buffer, saved with the model.
    pub(super) trained: bool,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layer::Dense { units } => write!(f, "dense {units}"),
            Layer::Conv2d { channels, kernel, stride, .. } => {
                write!(f, "conv {channels}, {kernel}×{kernel}")?;
                if *stride != 1 { write!(f, ", stride {stride}") } else { Ok(()) }
            }
            Layer::ConvTranspose2d { channels, kernel, stride, .. } => {
                write!(f, "transposed conv {channels}, {kernel}×{kernel}, stride {stride}")
            }
            Layer::MaxPool2d { kernel, .. } => write!(f, "max pool {kernel}"),
            Layer::Upsample2d { factor } => write!(f, "upsample {factor}"),
            Layer::BatchNorm => write!(f, "batch norm"),
            Layer::Activation(activation) => write!(f, "{}", format!("{activation:?}").to_lowercase()),
            Layer::Flatten => write!(f, "flatten"),
            Layer::Reshape(shape) => write!(f, "reshape {shape:?}"),
        }
    }
}

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
            Layer::Upsample2d { factor } => {
                let [channels, height, width] = image(input)?;
                at_least_one("factor", factor)?;
                Ok(vec![channels, height * factor, width * factor])
            }
            Layer::BatchNorm => match input {
                [_] | [_, _, _] => Ok(input.to_vec()),
                _ => Err("batch normalisation takes a vector [D] or an image [C, H, W]".into()),
            },
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
        let with_bias = |weight: Vec<i64>, units: i64| {
            vec![
                Slot { name: "weight", shape: weight, init: Init::GlorotUniform, trained: true },
                Slot { name: "bias", shape: vec![units], init: Init::Zeros, trained: true },
            ]
        };
        match *self {
            Layer::Dense { units } => with_bias(vec![units, input[0]], units),
            Layer::Conv2d { channels, kernel, .. } => {
                with_bias(vec![channels, input[0], kernel, kernel], channels)
            }
            Layer::ConvTranspose2d { channels, kernel, .. } => {
                with_bias(vec![input[0], channels, kernel, kernel], channels)
            }
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

    /// Multiplications and additions of one sample's forward pass; biases and elementwise functions are left out.
    pub(super) fn flops(&self, input: &[i64], output: &[i64]) -> i64 {
        match *self {
            Layer::Dense { units } => 2 * units * input[0],
            Layer::Conv2d { kernel, .. } => 2 * kernel * kernel * input[0] * output.iter().product::<i64>(),
            Layer::ConvTranspose2d { kernel, channels, .. } => {
                2 * kernel * kernel * channels * input.iter().product::<i64>()
            }
            _ => 0,
        }
    }

    /// `[B, input…]` to `[B, output…]`; `parameters` are in the order of [`Self::slots`].
    pub(super) fn forward(&self, x: &Tensor, parameters: &[Tensor], training: bool) -> Tensor {
        let pair = |n: i64| [n, n];
        match *self {
            Layer::Dense { .. } => x.linear(&parameters[0], Some(&parameters[1])),
            Layer::Conv2d { stride, padding, .. } => {
                x.conv2d(&parameters[0], Some(&parameters[1]), pair(stride), pair(padding), pair(1), 1)
            }
            Layer::ConvTranspose2d { stride, padding, output_padding, .. } => x.conv_transpose2d(
                &parameters[0],
                Some(&parameters[1]),
                pair(stride),
                pair(padding),
                output_padding,
                1,
                pair(1),
            ),
            Layer::MaxPool2d { kernel, ceil } => {
                x.max_pool2d(pair(kernel), pair(kernel), pair(0), pair(1), ceil)
            }
            Layer::Upsample2d { factor } => {
                let size = x.size();
                x.upsample_nearest2d([size[2] * factor, size[3] * factor], None, None)
            }
            Layer::BatchNorm => {
                let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|slot| Some(&parameters[slot]));
                x.batch_norm(weight, bias, mean, variance, training, BATCH_NORM_MOMENTUM, NORM_EPSILON, false)
            }
            Layer::Activation(activation) => activation.apply(x),
            Layer::Flatten => x.flatten(1, -1),
            Layer::Reshape(ref shape) => x.reshape([&[-1], shape.as_slice()].concat()),
        }
    }
}

fn image(input: &[i64]) -> Result<[i64; 3], String> {
    input.try_into().map_err(|_| "it takes an image [C, H, W]".to_string())
}

fn at_least_one(name: &str, got: i64) -> Result<(), String> {
    if got >= 1 { Ok(()) } else { Err(format!("{name} is at least 1, got {got}")) }
}

fn sizes(channels: i64, kernel: i64, stride: i64) -> Result<(), String> {
    at_least_one("channels", channels)?;
    at_least_one("kernel", kernel)?;
    at_least_one("stride", stride)
}
