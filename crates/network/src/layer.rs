//! The layers: what each computes, its shape rule, its tensors and its cost.

use crate::size::{at_least_one, at_least_zero, check_convolution, image, product, sequence};
use crate::{
    Activation, CausalConv1d, ConvLstm, Custom, Init, MaxUnpool2d, Recurrent, ResidualBlock, TemporalBlock,
    TensorSpec, TransformerBlock, density,
};
use serde::{Deserialize, Serialize};

/// One layer of an [`crate::Architecture`]. Kernels, strides and paddings are square; shapes are those of one
/// sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Layer {
    /// `y = W x + b`: `[D]` to `[units]`. Tensors: `weight` (W) `[units, D]`, `bias` (b) `[units]`.
    Dense {
        /// Width of the output.
        units: i64,
    },
    /// `y = Wᵀ x + b` with the weight W of a dense layer in another network of the model: `[D]` to `[units]`,
    /// where that layer maps `[units]` to `[D]`. Tensors: `bias` (b) `[units]`; the weight belongs to the
    /// other layer and is counted there.
    TiedDense {
        /// Width of the output.
        units: i64,
        /// Name of the network that has the dense layer, such as `encoder`.
        network: String,
        /// Position of the dense layer in that network, counted from 0.
        layer: usize,
    },
    /// Convolution (a cross-correlation, as everywhere in the field): `[C, H, W]` to `[channels, H', W']`
    /// with `H' = ⌊(H + 2·padding - kernel) / stride⌋ + 1`, `W'` likewise. `y[o, i, j] = b[o] + Σ_{c, k, l}
    /// w[o, c, k, l] · x[c, i·stride + k - padding, j·stride + l -
    /// padding]`, with zeros beyond the edge. Tensors: `weight` `[channels, C, kernel,
    /// kernel]`, `bias` `[channels]`.
    Conv2d {
        /// Channels of the output.
        channels: i64,
        /// Side of the kernel.
        kernel: i64,
        /// Step between adjacent kernel positions.
        stride: i64,
        /// Zeros around the image.
        padding: i64,
    },
    /// Transposed convolution: `[C, H, W]` to `[channels, H', W']` with
    /// `H' = (H - 1)·stride - 2·padding + kernel + output_padding`, `W'` likewise. Each `x[c, i, j]` adds
    /// `w[c, o, k, l] · x[c, i, j]` to `y[o, i·stride + k - padding, j·stride + l - padding]`, where that
    /// lies in the image; then `b[o]` is added. Tensors: `weight` `[C, channels, kernel, kernel]`, `bias`
    /// `[channels]`.
    ConvTranspose2d {
        /// Channels of the output.
        channels: i64,
        /// Side of the kernel.
        kernel: i64,
        /// Step between adjacent kernel positions.
        stride: i64,
        /// Rows and columns cut off at each edge.
        padding: i64,
        /// Rows and columns added at the lower and right edges; less than the stride.
        output_padding: [i64; 2],
    },
    /// Greatest value of each `kernel × kernel` square: `[C, H, W]` to `[C, ⌊H / kernel⌋, ⌊W / kernel⌋]`;
    /// with `ceil`, incomplete squares at the lower and right edge count, and the sides are rounded up.
    MaxPool2d {
        /// Side of the square.
        kernel: i64,
        /// Whether incomplete squares at the edge count.
        ceil: bool,
    },
    /// Undoes [`Layer::MaxPool2d`].
    MaxUnpool2d(MaxUnpool2d),
    /// The upper left part of an image: `[C, H, W]` to `[C, size…]`.
    Crop2d {
        /// `[H, W]` of the output.
        size: [i64; 2],
    },
    /// Nearest-neighbour enlargement: `[C, H, W]` to `[C, factor·H, factor·W]`,
    /// `y[c, i, j] = x[c, ⌊i / factor⌋, ⌊j / factor⌋]`.
    Upsample2d {
        /// Enlargement factor.
        factor: i64,
    },
    /// Batch normalisation of each channel (each feature of a vector),
    /// `y = weight · (x - mean) / √(variance + 1e-5) + bias`: with the batch's own moments in training and
    /// their running means in use (Ioffe & Szegedy, 2015, algorithms 1 and 2). A batch with one value per
    /// channel has no variance and is normalised as in use. `[D]` or `[C, H, W]` to the same. Tensors, each
    /// `[D]` or `[C]`: `weight`, `bias`, and the buffers `running_mean`, `running_variance`, which move a
    /// tenth of the way to the moments of each training batch (the variance's with the divisor `n - 1`).
    BatchNorm,
    /// LSTM or GRU: `[T, F]` to `[T, units]` or `[units]`.
    Recurrent(Recurrent),
    /// LSTM with convolutions: `[T, H, W, F]` to `[T, H, W, channels]`.
    ConvLstm(ConvLstm),
    /// The same vector at every step: `[D]` to `[times, D]`.
    Repeat {
        /// Number of steps.
        times: i64,
    },
    /// The same `y = W x + b` at every step or token: `[…, F]` to `[…, units]`. Tensors: `weight` (W)
    /// `[units, F]`, `bias` (b) `[units]`.
    DensePerStep {
        /// Width of the output.
        units: i64,
    },
    /// Convolution over each step and those before it: `[T, F]` to `[T, channels]`.
    CausalConv1d(CausalConv1d),
    /// Residual block of two dilated causal convolutions: `[T, F]` to `[T, channels]`.
    TemporalBlock(TemporalBlock),
    /// Two convolutions whose output is added to their input: `[C, H, W]` to the same.
    ResidualBlock(ResidualBlock),
    /// Logit of a learned cumulative distribution of each channel: `[C, H, W]` to the same; see [`crate::density`].
    ChannelDensity,
    /// Mean over consecutive windows of steps; the last window may be shorter: `[T, F]` to
    /// `[⌈T / kernel⌉, F]`.
    AveragePool1d {
        /// Steps in a window.
        kernel: i64,
    },
    /// Repeats each step, then truncates: `[T, F]` to `[steps, F]`, `y_t = x_⌊t / factor⌋`; undoes the shape
    /// of [`Layer::AveragePool1d`].
    Upsample1d {
        /// How often each step is repeated.
        factor: i64,
        /// Steps of the output; at most `factor · T`.
        steps: i64,
    },
    /// Normalises each step or token to mean 0 and variance 1 over its features, then scales and shifts it
    /// (Ba, Kiros & Hinton, 2016): `y = weight · (x - mean) / √(variance + 1e-5) + bias`, the variance with
    /// the divisor `F`. `[…, F]` to the same. Tensors: `weight`, `bias` `[F]`.
    LayerNorm,
    /// Attention and a perceptron, each added to its input: `[T, D]` to the same.
    TransformerBlock(TransformerBlock),
    /// Appends the same learned token `times` times: `[T, D]` to `[T + times, D]`. Tensor: `token`
    /// `[1, 1, D]`.
    AppendTokens {
        /// Number of tokens to append.
        times: i64,
    },
    /// An elementwise function.
    Activation(Activation),
    /// In training, each value is set to 0 with probability `rate`, and the others are divided by `1 - rate`, so that
    /// the mean stays; in use, the identity (Srivastava et al., JMLR 2014, section 10). Any shape to the same.
    Dropout {
        /// Probability with which a value is dropped, in [0, 1).
        rate: f64,
    },
    /// Any shape to `[D]`, row-major.
    Flatten,
    /// Any shape to another with the same number of values, row-major.
    Reshape(Vec<i64>),
    /// A layer of a program's own; see [`Layer::custom`]. It is in no file.
    #[serde(skip_deserializing)]
    Custom(Custom),
}

impl Layer {
    /// Added to variances by [`Layer::BatchNorm`] and [`Layer::LayerNorm`], as in PyTorch.
    pub const NORM_EPSILON: f64 = 1e-5;
    /// How much of a training batch's moments goes into the running ones of [`Layer::BatchNorm`], as in
    /// PyTorch.
    pub const BATCH_NORM_MOMENTUM: f64 = 0.1;

    /// Shape of one sample after the layer, or why the layer does not fit. No size of `input` is above
    /// [`crate::MAX_SIZE`], so a product of two sizes is in range.
    pub(crate) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        match *self {
            Layer::Dense { units } | Layer::TiedDense { units, .. } => {
                at_least_one("units", units)?;
                match input {
                    [_] => Ok(vec![units]),
                    _ => Err("a dense layer takes a vector [D]; put a flatten before it".into()),
                }
            }
            Layer::Conv2d { channels, kernel, stride, padding } => {
                let [_, height, width] = image(input)?;
                check_convolution(channels, kernel, stride, padding)?;
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
                check_convolution(channels, kernel, stride, padding)?;
                let side = |n: i64, extra: i64| {
                    at_least_zero("output_padding", extra)?;
                    let n = (n - 1) * stride - 2 * padding + kernel + extra;
                    if n < 1 || extra >= stride {
                        return Err(
                            "its output would have no rows, or its output padding is not below the stride"
                                .into(),
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
            Layer::MaxUnpool2d(ref unpool) => unpool.output_shape(input),
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
            Layer::Recurrent(ref recurrent) => recurrent.output_shape(input),
            Layer::ConvLstm(ref layer) => layer.output_shape(input),
            Layer::Repeat { times } => {
                at_least_one("times", times)?;
                match *input {
                    [width] => Ok(vec![times, width]),
                    _ => Err("a repeat takes a vector [D]; put a flatten before it".into()),
                }
            }
            Layer::DensePerStep { units } => {
                at_least_one("units", units)?;
                match input {
                    [steps @ .., _] if !steps.is_empty() => Ok([steps, &[units]].concat()),
                    _ => {
                        Err("it takes steps with features, such as [T, F]; use a dense layer for a vector"
                            .into())
                    }
                }
            }
            Layer::CausalConv1d(ref convolution) => convolution.output_shape(input),
            Layer::TemporalBlock(ref block) => block.output_shape(input),
            Layer::ResidualBlock(ref block) => block.output_shape(input),
            Layer::ChannelDensity => density::output_shape(input),
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
            Layer::Dropout { rate } if (0.0..1.0).contains(&rate) => Ok(input.to_vec()),
            Layer::Dropout { rate } => {
                Err(format!("its rate is {rate}, which is not at least 0 and below 1"))
            }
            Layer::Custom(ref custom) => custom.rule().output_shape(input),
            Layer::Flatten => Ok(vec![product(input)]),
            Layer::Reshape(ref shape) => {
                for &size in shape {
                    at_least_one("a size", size)?;
                }
                let (has, needs) = (product(input), product(shape));
                if has != needs {
                    return Err(format!("it has {has} values, but {shape:?} holds {needs} values"));
                }
                Ok(shape.clone())
            }
        }
    }

    /// The layer's parameters and buffers, for an input that [`Self::output_shape`] accepts.
    pub(crate) fn tensors(&self, input: &[i64]) -> Vec<TensorSpec> {
        match *self {
            Layer::Dense { units } => TensorSpec::weight_and_bias(&[units, input[0]]),
            Layer::TiedDense { units, .. } => vec![TensorSpec::trained("bias", &[units], Init::Zeros)],
            Layer::Conv2d { channels, kernel, .. } => {
                TensorSpec::weight_and_bias(&[channels, input[0], kernel, kernel])
            }
            Layer::ConvTranspose2d { channels, kernel, .. } => {
                let weight = [input[0], channels, kernel, kernel];
                let bias = TensorSpec::trained("bias", &[channels], Init::Zeros);
                vec![TensorSpec::trained("weight", &weight, Init::GlorotUniform), bias]
            }
            Layer::Recurrent(ref recurrent) => recurrent.tensors(input),
            Layer::ConvLstm(ref layer) => layer.tensors(input),
            Layer::DensePerStep { units } => TensorSpec::weight_and_bias(&[units, input[input.len() - 1]]),
            Layer::CausalConv1d(ref convolution) => convolution.tensors(input),
            Layer::TemporalBlock(ref block) => block.tensors(input),
            Layer::ResidualBlock(ref block) => block.tensors(input),
            Layer::ChannelDensity => density::tensors(input),
            Layer::LayerNorm => TensorSpec::scale_and_shift(input[input.len() - 1]),
            Layer::TransformerBlock(ref block) => block.tensors(input),
            Layer::Custom(ref custom) => custom.rule().tensors(input),
            Layer::AppendTokens { .. } => {
                vec![TensorSpec::trained("token", &[1, 1, input[1]], Init::Zeros)]
            }
            Layer::BatchNorm => {
                let mut tensors = TensorSpec::scale_and_shift(input[0]);
                tensors.push(TensorSpec::buffer("running_mean", &input[..1], Init::Zeros));
                tensors.push(TensorSpec::buffer("running_variance", &input[..1], Init::Ones));
                tensors
            }
            Layer::MaxPool2d { .. }
            | Layer::MaxUnpool2d(_)
            | Layer::Crop2d { .. }
            | Layer::Upsample2d { .. }
            | Layer::Repeat { .. }
            | Layer::AveragePool1d { .. }
            | Layer::Upsample1d { .. }
            | Layer::Activation(_)
            | Layer::Dropout { .. }
            | Layer::Flatten
            | Layer::Reshape(_) => vec![],
        }
    }

    /// Whether the layer takes images of any height and width, and looks at every place of them in the same way.
    pub fn takes_any_size_of_image(&self) -> bool {
        use Layer::Upsample2d;
        use Layer::{
            Activation, BatchNorm, ChannelDensity, Conv2d, ConvTranspose2d, MaxPool2d, ResidualBlock,
        };
        let any = matches!(
            self,
            Conv2d { .. } | ConvTranspose2d { .. } | Upsample2d { .. } | BatchNorm | ChannelDensity
        );
        any || matches!(self, MaxPool2d { .. } | ResidualBlock(_) | Activation(_) | Layer::Dropout { .. })
    }
}
