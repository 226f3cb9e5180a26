//! Layers over time: `[T, F]`, the features of a step side by side. libtorch convolves `[F, T]`; turning is a view.

use super::layer::{at_least_one, sequence};
use super::slot::Slot;
use ae_tensor::Tensor;
use ae_tensor::init::Init;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Dilated causal convolution, `y_t = b + Σ_k W_k x_{t - (kernel - 1 - k)·dilation}`, where there are zeros before the
/// first step: `[T, F]` to `[T, channels]`. What a step gives depends on no later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CausalConv1d {
    /// Features of the output.
    pub channels: i64,
    /// Steps that it looks at.
    pub kernel: i64,
    /// Distance between two of them.
    pub dilation: i64,
}

impl fmt::Display for CausalConv1d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "causal conv {}, {}", self.channels, self.kernel)?;
        if self.dilation != 1 { write!(f, ", dilation {}", self.dilation) } else { Ok(()) }
    }
}

impl CausalConv1d {
    pub(super) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        at_least_one("channels", self.channels)?;
        at_least_one("kernel", self.kernel)?;
        at_least_one("dilation", self.dilation)?;
        let [steps, _] = sequence(input)?;
        Ok(vec![steps, self.channels])
    }

    pub(super) fn slots(&self, input: &[i64]) -> Vec<Slot> {
        Slot::weight_and_bias(&[self.channels, input[1], self.kernel])
    }

    pub(super) fn flops(&self, input: &[i64]) -> i64 {
        2 * self.kernel * input[0] * input[1] * self.channels
    }

    pub(super) fn forward(&self, x: &Tensor, parameters: &[Tensor]) -> Tensor {
        self.convolve(&x.transpose(1, 2), &parameters[0], &parameters[1]).transpose(1, 2)
    }

    /// `[B, F, T]` to `[B, channels, T]`.
    fn convolve(&self, x: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
        let past = (self.kernel - 1) * self.dilation;
        let padded = if past > 0 { x.constant_pad_nd([past, 0]) } else { x.shallow_clone() };
        padded.conv1d(weight, Some(bias), 1, 0, self.dilation, 1)
    }
}

/// The residual block of a temporal convolutional network (Bai, Kolter & Koltun, 2018, figure 1b): two dilated causal
/// convolutions with ReLUs, and the input added to them, through a 1-wide convolution where the widths differ:
/// `[T, F]` to `[T, channels]`. Weight normalisation and dropout are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemporalBlock {
    /// Features of the output.
    pub channels: i64,
    /// Steps that each convolution looks at.
    pub kernel: i64,
    /// Distance between two of them.
    pub dilation: i64,
}

impl fmt::Display for TemporalBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "temporal block {}, {}, dilation {}", self.channels, self.kernel, self.dilation)
    }
}

impl TemporalBlock {
    fn convolution(&self) -> CausalConv1d {
        CausalConv1d { channels: self.channels, kernel: self.kernel, dilation: self.dilation }
    }

    pub(super) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        self.convolution().output_shape(input)
    }

    pub(super) fn slots(&self, input: &[i64]) -> Vec<Slot> {
        let channels = self.channels;
        let mut slots = vec![
            Slot::trained("first_weight", &[channels, input[1], self.kernel], Init::HeNormal),
            Slot::trained("first_bias", &[channels], Init::Zeros),
            Slot::trained("second_weight", &[channels, channels, self.kernel], Init::HeNormal),
            Slot::trained("second_bias", &[channels], Init::Zeros),
        ];
        if input[1] != channels {
            slots.push(Slot::trained("skip_weight", &[channels, input[1], 1], Init::GlorotUniform));
            slots.push(Slot::trained("skip_bias", &[channels], Init::Zeros));
        }
        slots
    }

    pub(super) fn flops(&self, input: &[i64]) -> i64 {
        let [steps, features] = [input[0], input[1]];
        let skip = if features != self.channels { features } else { 0 };
        2 * steps * self.channels * (self.kernel * (features + self.channels) + skip)
    }

    pub(super) fn forward(&self, x: &Tensor, parameters: &[Tensor]) -> Tensor {
        let (convolution, x) = (self.convolution(), x.transpose(1, 2));
        let hidden = convolution.convolve(&x, &parameters[0], &parameters[1]).relu();
        let hidden = convolution.convolve(&hidden, &parameters[2], &parameters[3]).relu();
        let skip = match parameters {
            [.., weight, bias] if parameters.len() == 6 => x.conv1d(weight, Some(bias), 1, 0, 1, 1),
            _ => x,
        };
        (hidden + skip).relu().transpose(1, 2)
    }
}

/// Mean of each stretch of `kernel` steps; the last may be shorter: `[T, F]` to `[⌈T / kernel⌉, F]`.
pub(super) fn average_pool(x: &Tensor, kernel: i64) -> Tensor {
    x.transpose(1, 2).avg_pool1d(kernel, kernel, 0, true, false).transpose(1, 2)
}

/// Each step `factor` times, cut to `steps`: the mirror of [`average_pool`].
pub(super) fn upsample(x: &Tensor, factor: i64, steps: i64) -> Tensor {
    let [n, short, features] = x.size()[..] else { panic!("a sequence has three dimensions, got {x:?}") };
    let long = x.unsqueeze(2).expand([n, short, factor, features], false).reshape([n, -1, features]);
    long.narrow(1, 0, steps)
}
