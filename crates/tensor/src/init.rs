//! Initial values of parameters, as tensors.

use crate::noise::Noise;
use ae_network::{Init, TensorSpec};
use tch::{Device, Kind, Tensor};

/// A layer's tensor before the first step; it collects gradients if it is trained. `purpose` identifies it,
/// so that each tensor has its own draws.
pub fn tensor(spec: &TensorSpec, noise: &Noise, purpose: &str) -> Tensor {
    values(spec.init, noise, purpose, &spec.shape).set_requires_grad(spec.trained)
}

fn values(init: Init, noise: &Noise, purpose: &str, shape: &[i64]) -> Tensor {
    match init {
        Init::Zeros => Tensor::zeros(shape, (Kind::Float, noise.device())),
        Init::Ones => Tensor::ones(shape, (Kind::Float, noise.device())),
        Init::GlorotUniform => {
            let (fan_in, fan_out) = fans(shape);
            let bound = (6.0 / (fan_in + fan_out)).sqrt();
            noise.uniform(purpose, shape) * (2.0 * bound) - bound
        }
        Init::Orthogonal => orthogonal(noise, purpose, shape),
        Init::ForgetGate => {
            let values = Tensor::zeros(shape, (Kind::Float, noise.device()));
            let _ = values.narrow(0, shape[0] / 4, shape[0] / 4).fill_(1.0);
            values
        }
        Init::HeNormal => noise.normal(purpose, shape) * (2.0 / fans(shape).0).sqrt(),
    }
}

/// The orthogonal factor of a Gaussian matrix, with the signs that make it uniform over all rotations
/// (Mezzadri, 2007).
fn orthogonal(noise: &Noise, purpose: &str, shape: &[i64]) -> Tensor {
    let [rows, side] = shape[..] else { panic!("orthogonal weights are [blocks · in, in], got {shape:?}") };
    assert!(side > 0 && rows % side == 0, "orthogonal weights are [blocks · in, in], got {shape:?}");
    // On the CPU in double precision, so that the matrix is as orthogonal as possible on every device.
    let gaussian =
        noise.normal(purpose, &[rows / side, side, side]).to_device(Device::Cpu).to_kind(Kind::Double);
    let (q, r) = Tensor::linalg_qr(&gaussian, "reduced");
    let signs = r.diagonal(0, 1, 2).sign().unsqueeze(1);
    (q * signs).reshape(shape).to_kind(Kind::Float).to_device(noise.device())
}

fn fans(shape: &[i64]) -> (f64, f64) {
    assert!(shape.len() >= 2, "weights have an input and an output dimension, got {shape:?}");
    let kernel: i64 = shape[2..].iter().product();
    ((shape[1] * kernel) as f64, (shape[0] * kernel) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(init: Init, shape: &[i64], bound: Option<f64>, deviation: f64) {
        let weights = values(init, &Noise::new(0, 0, Device::Cpu), "w", shape);
        if let Some(bound) = bound {
            let largest = weights.abs().max().double_value(&[]);
            assert!(largest <= bound && largest > 0.99 * bound, "{largest} against {bound}");
        }
        assert!((weights.std(true).double_value(&[]) / deviation - 1.0).abs() < 0.02);
    }

    #[test]
    fn spreads_are_those_of_the_papers() {
        let bound = (6.0f64 / 1184.0).sqrt();
        check(Init::GlorotUniform, &[400, 784], Some(bound), bound / 3f64.sqrt());
        let bound = (6.0f64 / ((64 + 32) as f64 * 9.0)).sqrt();
        check(Init::GlorotUniform, &[64, 32, 3, 3], Some(bound), bound / 3f64.sqrt());
        check(Init::HeNormal, &[400, 784], None, (2.0f64 / 784.0).sqrt());
    }

    #[test]
    fn each_block_is_orthogonal_and_of_its_own() {
        let weights = values(Init::Orthogonal, &Noise::new(0, 0, Device::Cpu), "w", &[12, 4]);
        let blocks = weights.view([3, 4, 4]);
        let products = blocks.matmul(&blocks.transpose(1, 2));
        let identity = Tensor::eye(4, (Kind::Float, Device::Cpu));
        assert!((products - identity).abs().max().double_value(&[]) < 1e-6);
        assert!((blocks.get(0) - blocks.get(1)).abs().max().double_value(&[]) > 0.1);
    }

    #[test]
    fn the_forget_gate_alone_starts_open() {
        let bias = values(Init::ForgetGate, &Noise::new(0, 0, Device::Cpu), "b", &[8]);
        assert_eq!(crate::array::to_vec(&bias), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn what_is_trained_collects_gradients_and_a_buffer_does_not() {
        for trained in [true, false] {
            let spec = TensorSpec { name: "weight", shape: vec![2, 3], init: Init::GlorotUniform, trained };
            let tensor = tensor(&spec, &Noise::new(0, 0, Device::Cpu), "w");
            assert_eq!((tensor.requires_grad(), tensor.size()), (trained, vec![2, 3]));
        }
    }
}
