//! The residual block for images.

use super::convolution::convolve;
use ae_tensor::Tensor;

/// [`ae_network::ResidualBlock`] on `[B, C, H, W]`; the parameters are in the order documented there.
pub(super) fn residual_block(x: &Tensor, parameters: &[Tensor]) -> Tensor {
    let hidden = convolve(&x.relu(), &parameters[..2], 1, 1);
    x + convolve(&hidden.relu(), &parameters[2..], 1, 0)
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
}
