//! A residual block of convolutions.

use super::convolution::convolve;
use super::layer::{at_least_one, image};
use super::slot::Slot;
use ae_tensor::Tensor;
use ae_tensor::init::Init;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `x + W₂ relu(W₁ relu(x))` with a 3×3 convolution to `hidden` channels and a 1×1 convolution back: `[C, H, W]` to the
/// same. The block of van den Oord et al. (2017, section 4.1), an activation short of He et al. (2016).
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
    pub(super) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        at_least_one("hidden", self.hidden)?;
        Ok(image(input)?.to_vec())
    }

    pub(super) fn slots(&self, input: &[i64]) -> Vec<Slot> {
        let (channels, hidden) = (input[0], self.hidden);
        vec![
            Slot::trained("first_weight", &[hidden, channels, 3, 3], Init::HeNormal),
            Slot::trained("first_bias", &[hidden], Init::Zeros),
            Slot::trained("second_weight", &[channels, hidden, 1, 1], Init::GlorotUniform),
            Slot::trained("second_bias", &[channels], Init::Zeros),
        ]
    }

    pub(super) fn flops(&self, input: &[i64]) -> i64 {
        2 * (9 + 1) * self.hidden * input.iter().product::<i64>()
    }

    pub(super) fn forward(&self, x: &Tensor, parameters: &[Tensor]) -> Tensor {
        let hidden = convolve(&x.relu(), &parameters[..2], 1, 1);
        x + convolve(&hidden.relu(), &parameters[2..], 1, 0)
    }
}

#[cfg(test)]
mod tests {
    use crate::network::ResidualBlock;
    use crate::network::{Layer, Network};
    use ae_tensor::{Device, Kind, Noise, Tensor, tch};

    #[test]
    fn a_block_adds_to_its_input_what_two_convolutions_give() {
        let noise = Noise::new(0, 0, Device::Cpu);
        let layers = vec![Layer::ResidualBlock(ResidualBlock { hidden: 1 })];
        let network = Network::new("n", layers, &[2, 4, 5], &noise).unwrap();
        assert_eq!(network.output_shape(), [2, 4, 5]);
        assert_eq!((network.summary()[0].parameters, network.summary()[0].flops), (23, 2 * 20 * (18 + 2)));
        // All weights 1, biases 0.5 and 0.25: each output is its input and what its 3×3 neighbourhood holds.
        for ((_, mut parameter), value) in network.parameters().into_iter().zip([1.0, 0.5, 1.0, 0.25]) {
            let _ = tch::no_grad(|| parameter.fill_(value));
        }
        let x = noise.normal("x", &[1, 2, 4, 5]);
        let y = tch::no_grad(|| network.forward(&x));
        for (row, column) in [(0i64, 0i64), (1, 2), (3, 4)] {
            let near = |a: i64, b: i64| (a - b).abs() <= 1;
            let mut sum = 0.5;
            for (c, h, w) in (0..40).map(|i| (i / 20, i % 20 / 5, i % 5)) {
                let value = x.double_value(&[0, c, h, w]);
                sum += if near(h, row) && near(w, column) { value.max(0.0) } else { 0.0 };
            }
            let expected = x.double_value(&[0, 1, row, column]) + sum.max(0.0) + 0.25;
            assert!((y.double_value(&[0, 1, row, column]) - expected).abs() < 1e-5);
        }
        assert_eq!(y.kind(), Kind::Float);
        let _: Tensor = y;
    }

    #[test]
    fn a_vector_is_refused() {
        let layers = vec![Layer::ResidualBlock(ResidualBlock { hidden: 1 })];
        let error = Network::new("n", layers, &[40], &Noise::new(0, 0, Device::Cpu)).unwrap_err().to_string();
        assert!(error.contains("(residual block 1) cannot take [40]: it takes an image"), "{error}");
    }
}
