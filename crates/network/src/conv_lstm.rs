//! The convolutional LSTM, on sequences of maps `[T, H, W, F]`.

use crate::size::{at_least_one, product};
use crate::{Init, TensorSpec};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One convolutional LSTM layer (Shi et al., NeurIPS 2015, equation 3, without the weights from the memory to the
/// gates), from a state of zeros: `[T, H, W, F]` to `[T, H, W, channels]`. The equations are those of
/// [`crate::Recurrent`] with convolutions, padded so that a map keeps its sides, in place of products:
///
/// `i, f, g, o = W ∗ x_t + U ∗ h_{t-1} + b`; `c_t = σ(f) c_{t-1} + σ(i) tanh(g)`; `h_t = σ(o) tanh(c_t)`.
///
/// Tensors, in this order: `input_weight` (W) `[4 · channels, F, kernel, kernel]`, `recurrent_weight` (U)
/// `[4 · channels, channels, kernel, kernel]`, `gate_bias` (b) `[4 · channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvLstm {
    /// Features of the state at each place.
    pub channels: i64,
    /// Side of the kernels; odd.
    pub kernel: i64,
}

impl fmt::Display for ConvLstm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "conv lstm {}, {}×{}", self.channels, self.kernel, self.kernel)
    }
}

impl ConvLstm {
    const GATES: i64 = 4;

    pub(crate) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        at_least_one("channels", self.channels)?;
        at_least_one("kernel", self.kernel)?;
        if self.kernel % 2 == 0 {
            return Err(format!(
                "its kernel must be odd, so that a map keeps its sides, got {}",
                self.kernel
            ));
        }
        match *input {
            [steps, height, width, _] => Ok(vec![steps, height, width, self.channels]),
            _ => Err("it takes a sequence of maps [T, H, W, F]".into()),
        }
    }

    pub(crate) fn tensors(&self, input: &[i64]) -> Vec<TensorSpec> {
        let (rows, side) = (Self::GATES.saturating_mul(self.channels), self.kernel);
        vec![
            TensorSpec::trained("input_weight", &[rows, input[3], side, side], Init::GlorotUniform),
            TensorSpec::trained("recurrent_weight", &[rows, self.channels, side, side], Init::GlorotUniform),
            TensorSpec::trained("gate_bias", &[rows], Init::ForgetGate),
        ]
    }

    pub(crate) fn flops(&self, input: &[i64]) -> i64 {
        let gates = product(&[Self::GATES, self.channels, input[3].saturating_add(self.channels)]);
        product(&[2, self.kernel, self.kernel, input[0], input[1], input[2], gates])
    }

    /// The gates, the memory and the state of every step.
    pub(crate) fn activations(&self, input: &[i64]) -> i64 {
        product(&[input[0], input[1], input[2], Self::GATES + 2, self.channels])
    }

    /// The columns of the wider convolution: that of the input takes all steps at once.
    pub(crate) fn workspace(&self, input: &[i64]) -> i64 {
        let widest = product(&[input[0], input[3]]).max(self.channels);
        product(&[self.kernel, self.kernel, input[1], input[2], widest])
    }

    /// Shapes of what one sample's state consists of: the output and the memory, each `[channels, H, W]`.
    pub(crate) fn state_shapes(&self, input: &[i64]) -> Vec<Vec<i64>> {
        vec![vec![self.channels, input[1], input[2]]; 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, Layer};

    fn architecture(channels: i64, kernel: i64, input: &[i64]) -> Result<Architecture, String> {
        let layer = Layer::ConvLstm(ConvLstm { channels, kernel });
        Architecture::new("encoder", vec![layer], input).map_err(|error| error.to_string())
    }

    #[test]
    fn a_map_keeps_its_sides_and_the_weights_do_not_grow_with_it() {
        let small = architecture(5, 3, &[7, 4, 6, 2]).unwrap();
        assert_eq!(small.output_shape(), [7, 4, 6, 5]);
        assert_eq!(small.parameters(), 20 * 9 * (2 + 5) + 20);
        assert_eq!(small.parameters(), architecture(5, 3, &[1, 40, 60, 2]).unwrap().parameters());
        assert_eq!(small.flops(), 2 * 9 * 7 * 4 * 6 * 20 * (2 + 5));
        assert_eq!(small.state_shapes(), [vec![5, 4, 6], vec![5, 4, 6]]);
        assert!(small.takes_any_number_of_steps());
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let check = |kernel, input: &[i64], expected: &str| {
            let error = architecture(5, kernel, input).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check(4, &[7, 4, 6, 2], "its kernel must be odd, so that a map keeps its sides, got 4");
        check(0, &[7, 4, 6, 2], "kernel must be at least 1");
        check(3, &[7, 24], "it takes a sequence of maps [T, H, W, F]");
    }
}
