//! The learned density of each channel.

use ae_tensor::Tensor;

/// [`ae_network::Layer::ChannelDensity`] on `[B, C, H, W]`; the parameters are in the order documented there.
pub(super) fn channel_density(x: &Tensor, parameters: &[Tensor]) -> Tensor {
    let [batch, channels, height, width] = x.size()[..] else {
        panic!("an image has four dimensions, got {x:?}")
    };
    let mut values = x.transpose(0, 1).reshape([channels, 1, -1]);
    for function in parameters.chunks(3) {
        values = function[0].softplus().matmul(&values) + &function[1];
        if let Some(factor) = function.get(2) {
            values = &values + factor.tanh() * values.tanh();
        }
    }
    values.view([channels, batch, height, width]).transpose(0, 1)
}

#[cfg(test)]
mod tests {
    use crate::network::{Layer, Network};
    use ae_tensor::{Device, Kind, Noise, Tensor, tch};

    #[test]
    fn each_channel_has_a_distribution_of_its_own_that_rises() {
        let noise = Noise::new(3, 0, Device::Cpu);
        let network = Network::new("n", vec![Layer::ChannelDensity], &[4, 1, 100], &noise).unwrap();
        for (name, mut parameter) in network.parameters() {
            let drawn = noise.normal(&name, &parameter.size()) * 2.0;
            tch::no_grad(|| parameter.copy_(&drawn));
        }
        let x = Tensor::linspace(-30.0, 30.0, 100, (Kind::Float, Device::Cpu));
        let logits = tch::no_grad(|| network.forward(&x.expand([2, 4, 1, 100], false)));
        let steps = logits.narrow(3, 1, 99) - logits.narrow(3, 0, 99);
        assert!(steps.min().double_value(&[]) >= 0.0);
        assert_eq!(logits.select(0, 0), logits.select(0, 1));
        assert_ne!(logits.select(1, 0), logits.select(1, 1));
    }
}
