//! Convolutional layers over time, on sequences `[T, F]`.

use crate::size::{at_least_one, product, sequence};
use crate::{Init, TensorSpec};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Dilated causal convolution, `y_t = b + Σ_k W_k x_{t - (kernel - 1 - k)·dilation}`, with zeros before the
/// first step: `[T, F]` to `[T, channels]`. No output step depends on a later input step.
///
/// Tensors: `weight` (W) `[channels, F, kernel]`, `bias` (b) `[channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CausalConv1d {
    /// Features of the output.
    pub channels: i64,
    /// Number of steps that it looks at.
    pub kernel: i64,
    /// Distance between two of these steps.
    pub dilation: i64,
}

impl fmt::Display for CausalConv1d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "causal conv {}, {}", self.channels, self.kernel)?;
        if self.dilation != 1 { write!(f, ", dilation {}", self.dilation) } else { Ok(()) }
    }
}

impl CausalConv1d {
    pub(crate) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        at_least_one("channels", self.channels)?;
        at_least_one("kernel", self.kernel)?;
        at_least_one("dilation", self.dilation)?;
        let [steps, _] = sequence(input)?;
        Ok(vec![steps, self.channels])
    }

    pub(crate) fn tensors(&self, input: &[i64]) -> Vec<TensorSpec> {
        TensorSpec::weight_and_bias(&[self.channels, input[1], self.kernel])
    }

    pub(crate) fn flops(&self, input: &[i64]) -> i64 {
        product(&[2, self.kernel, input[0], input[1], self.channels])
    }

    /// Values of a sequence `[steps, features]` after the zeros before its first step have been added; 0 if
    /// none are.
    pub(crate) fn padded(&self, steps: i64, features: i64) -> i64 {
        let past = (self.kernel - 1).saturating_mul(self.dilation);
        if past == 0 { 0 } else { product(&[steps.saturating_add(past), features]) }
    }

    /// The input of every output step, side by side.
    pub(crate) fn columns(&self, input: &[i64]) -> i64 {
        product(&[self.kernel, input[0], input[1]])
    }
}

/// The residual block of a temporal convolutional network (Bai, Kolter & Koltun, 2018, figure 1b): two
/// dilated causal convolutions with ReLUs, and the input added to them, through a 1-wide convolution where
/// the widths differ: `y = relu(relu(W₂ ∗ relu(W₁ ∗ x + b₁) + b₂) + S x + s)`, `[T, F]` to `[T, channels]`.
/// The convolutions are [`CausalConv1d`]; weight normalisation and dropout are left out.
///
/// Tensors, in this order: `first_weight` `[channels, F, kernel]`, `first_bias` `[channels]`, `second_weight`
/// `[channels, channels, kernel]`, `second_bias` `[channels]`, and, if `F ≠ channels`, `skip_weight` (S)
/// `[channels, F, 1]`, `skip_bias` (s) `[channels]`; otherwise `S x + s` is `x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemporalBlock {
    /// Features of the output.
    pub channels: i64,
    /// Number of steps that each convolution looks at.
    pub kernel: i64,
    /// Distance between two of these steps.
    pub dilation: i64,
}

impl fmt::Display for TemporalBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "temporal block {}, {}, dilation {}", self.channels, self.kernel, self.dilation)
    }
}

impl TemporalBlock {
    /// The convolution that the block applies twice.
    pub fn convolution(&self) -> CausalConv1d {
        CausalConv1d { channels: self.channels, kernel: self.kernel, dilation: self.dilation }
    }

    pub(crate) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        self.convolution().output_shape(input)
    }

    pub(crate) fn tensors(&self, input: &[i64]) -> Vec<TensorSpec> {
        let channels = self.channels;
        let mut tensors = vec![
            TensorSpec::trained("first_weight", &[channels, input[1], self.kernel], Init::HeNormal),
            TensorSpec::trained("first_bias", &[channels], Init::Zeros),
            TensorSpec::trained("second_weight", &[channels, channels, self.kernel], Init::HeNormal),
            TensorSpec::trained("second_bias", &[channels], Init::Zeros),
        ];
        if input[1] != channels {
            tensors.push(TensorSpec::trained("skip_weight", &[channels, input[1], 1], Init::GlorotUniform));
            tensors.push(TensorSpec::trained("skip_bias", &[channels], Init::Zeros));
        }
        tensors
    }

    pub(crate) fn flops(&self, input: &[i64]) -> i64 {
        let [steps, features] = [input[0], input[1]];
        let convolutions = self.kernel.saturating_mul(features + self.channels);
        let skip = if features != self.channels { features } else { 0 };
        product(&[2, steps, self.channels, convolutions.saturating_add(skip)])
    }

    /// The padded inputs of both convolutions, their outputs before and after the activation, the skipped
    /// input if it is converted, the sum and its activation.
    pub(crate) fn activations(&self, input: &[i64]) -> i64 {
        let ([steps, features], convolution) = ([input[0], input[1]], self.convolution());
        let skip = if features != self.channels { 1 } else { 0 };
        let outputs = product(&[2 * 2 + skip + 2, steps, self.channels]);
        let padded = [convolution.padded(steps, features), convolution.padded(steps, self.channels)];
        padded.into_iter().fold(outputs, i64::saturating_add)
    }

    /// The columns of the wider convolution.
    pub(crate) fn workspace(&self, input: &[i64]) -> i64 {
        self.convolution().columns(&[input[0], input[1].max(self.channels)])
    }
}
