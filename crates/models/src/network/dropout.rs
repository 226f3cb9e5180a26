//! Dropout.

use super::forward::Place;
use ae_tensor::Tensor;

/// [`ae_network::Layer::Dropout`]. The mask is a function of the step and of the layer's place, so a network that is run twice
/// in a step drops the same values.
pub(super) fn dropout(rate: f64, x: &Tensor, place: Place<'_>) -> Tensor {
    let Some(pass) = place.training().filter(|_| rate > 0.0) else { return x.shallow_clone() };
    let purpose = format!("dropout of {}.{}", place.network, place.index);
    let kept = 1.0 - rate;
    x * (pass.noise.mask(&purpose, &x.size(), kept) / kept).to_kind(x.kind())
}

#[cfg(test)]
mod tests {
    use crate::model::Pass;
    use crate::network::{Layer, Network, dense_chain};
    use ae_tensor::{Activation, Device, Kind, Noise, Tensor, array};

    fn noise(step: u64) -> Noise {
        Noise::new(3, step, Device::Cpu)
    }

    fn network(layers: Vec<Layer>) -> Network {
        Network::new("encoder", layers, &[100], &noise(0)).unwrap()
    }

    #[test]
    fn values_are_dropped_in_training_only_and_the_mean_stays() {
        let network = network(vec![Layer::Dropout { rate: 0.25 }]);
        let x = Tensor::ones([200, 100], (Kind::Float, Device::Cpu));
        assert_eq!(network.forward(&x), x);
        assert_eq!(network.forward_in(&x, &Pass::evaluation(noise(0))), x);
        let dropped = network.forward_in(&x, &Pass::training(noise(0), 0, 2));
        let share = dropped.eq(0.0).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
        assert!((share - 0.25).abs() < 0.01, "{share}");
        assert!((dropped.mean(Kind::Double).double_value(&[]) - 1.0).abs() < 0.01);
        // A step repeats its draws, another has its own, and so have two layers.
        assert_eq!(network.forward_in(&x, &Pass::training(noise(0), 0, 2)), dropped);
        assert_ne!(network.forward_in(&x, &Pass::training(noise(1), 1, 2)), dropped);
        let two = self::network(vec![Layer::Dropout { rate: 0.5 }; 2]);
        let left = two.forward_in(&x, &Pass::training(noise(0), 0, 2)).gt(0.0).to_kind(Kind::Double);
        assert!((left.mean(Kind::Double).double_value(&[]) - 0.25).abs() < 0.01);
    }

    #[test]
    fn rows_of_a_batch_that_is_shared_get_the_masks_of_the_whole_batch() {
        let network = network(vec![Layer::Dropout { rate: 0.5 }]);
        let x = Tensor::ones([8, 100], (Kind::Float, Device::Cpu));
        let whole = network.forward_in(&x, &Pass::training(noise(0), 0, 1));
        let part = Pass::training(noise(0).of_rows(2, 3, 8), 0, 1);
        assert_eq!(network.forward_in(&x.narrow(0, 2, 3), &part), whole.narrow(0, 2, 3));
    }

    #[test]
    fn without_libtorch_it_is_the_identity() {
        let (dense, relu) = (Layer::Dense { units: 9 }, Layer::Activation(Activation::Relu));
        let network = network(vec![dense.clone(), relu, Layer::Dropout { rate: 0.5 }, dense]);
        let chain = dense_chain(&[&network], Activation::Identity).expect("dense layers");
        let rows = noise(0).normal("rows", &[4, 100]);
        let mut scratch = chain.scratch();
        for row in 0..4 {
            let row = rows.narrow(0, row, 1);
            let values: Vec<f32> = array::to_vec(&row).into_iter().map(|value| value as f32).collect();
            for (quick, exact) in
                chain.row(&values, &mut scratch).iter().zip(array::to_vec(&network.forward(&row)))
            {
                assert!((f64::from(*quick) - exact).abs() < 1e-5);
            }
        }
    }
}
