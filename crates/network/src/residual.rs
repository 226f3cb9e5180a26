//! The residual block for images.

use crate::size::{at_least_one, image, product};
use crate::{Init, TensorSpec};
use serde::{Deserialize, Serialize};
use std::fmt;

/// `y = x + V ∗ relu(W ∗ relu(x) + b) + d`, with `W` a 3×3 convolution (padding 1) to `hidden` channels and
/// `V` a 1×1 convolution back: `[C, H, W]` to the same. The block of van den Oord et al. (2017, section 4.1),
/// with one activation fewer than in He et al. (2016).
///
/// Tensors, in this order: `first_weight` (W) `[hidden, C, 3, 3]`, `first_bias` (b) `[hidden]`,
/// `second_weight` (V) `[C, hidden, 1, 1]`, `second_bias` (d) `[C]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualBlock {
    /// Channels between the two convolutions.
    pub hidden: i64,
}

impl fmt::Display for ResidualBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "residual block {}", self.hidden)
    }
}

impl ResidualBlock {
    pub(crate) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        at_least_one("hidden", self.hidden)?;
        Ok(image(input)?.to_vec())
    }

    pub(crate) fn tensors(&self, input: &[i64]) -> Vec<TensorSpec> {
        let (channels, hidden) = (input[0], self.hidden);
        vec![
            TensorSpec::trained("first_weight", &[hidden, channels, 3, 3], Init::HeNormal),
            TensorSpec::trained("first_bias", &[hidden], Init::Zeros),
            TensorSpec::trained("second_weight", &[channels, hidden, 1, 1], Init::GlorotUniform),
            TensorSpec::trained("second_bias", &[channels], Init::Zeros),
        ]
    }

    pub(crate) fn flops(&self, input: &[i64]) -> i64 {
        product(&[2 * (9 + 1), self.hidden, product(input)])
    }

    /// The rectified input, the hidden map before and after its activation, what is added, and the sum.
    pub(crate) fn activations(&self, input: &[i64]) -> i64 {
        let hidden = product(&[2, self.hidden, input[1], input[2]]);
        product(input).saturating_mul(3).saturating_add(hidden)
    }

    /// The columns of the larger convolution.
    pub(crate) fn workspace(&self, input: &[i64]) -> i64 {
        product(&[self.hidden.max(9 * input[0]), input[1], input[2]])
    }
}
