//! What is trained is what stores.

use super::*;
use ae_tensor::{Device, array, tch};

/// The networks on libtorch, for all places at once, and the coder's, place by place.
#[test]
fn probabilities_in_training_are_those_of_the_coder() {
    for (neighbours, (height, width)) in [(true, (5, 4)), (false, (2, 7))] {
        let noise = Noise::new(3, 0, Device::Cpu);
        let config = HyperConfig { side: 2, units: 12, neighbours };
        let hyper = Hyper::new("factorised", config, &[3, height, width], &noise).unwrap();
        let known = noise.normal("known", &[1, 3, height, width]);
        let side = (hyper.side_latents(&known) * 4.0).round();
        let [rows, columns] = [side.size()[2], side.size()[3]];
        let step = Tensor::from(0.3f32).view([1, 1, 1, 1]);
        let [means, log_scales] = tch::no_grad(|| hyper.parameters(&known, &side, &step));
        let density = Density::new(vec![ae_coding::DensityLayer {
            matrix: vec![1.0],
            bias: vec![0.0],
            factor: Vec::new(),
        }]);
        let coder = hyper.coder(vec![density; 2]);
        let known: Vec<f64> = array::to_vec(&known.flatten(0, -1));
        let side: Vec<i32> = array::to_vec(&side.flatten(0, -1)).into_iter().map(|it| it as i32).collect();
        assert_eq!(side.len() as i64, 2 * rows * columns);
        let size = [height as usize, width as usize];
        for place in (0..size[0]).flat_map(|row| (0..size[1]).map(move |column| [row, column])) {
            let (mean, scale) = coder.parameters(&known, &side, size, place, f64::from(0.3f32));
            for channel in 0..3 {
                let at = [0, channel as i64, place[0] as i64, place[1] as i64];
                let apart = (means.double_value(&at) - mean[channel]).abs()
                    + (log_scales.double_value(&at).exp() - scale[channel]).abs();
                assert!(apart < 1e-4, "{place:?} {channel}: {apart}");
            }
        }
    }
}
