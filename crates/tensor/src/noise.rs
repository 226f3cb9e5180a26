//! Explicit randomness: every draw is a pure function of (seed, purpose, step).

use crate::native::{self, Draw};
use ae_records::seed::stream_seed;
use tch::{Device, Kind, Tensor};

/// The draws of one step. It has no state and costs nothing to make.
///
/// Asking twice for the same purpose gives the same numbers, so a step that draws twice names two purposes.
/// The numbers are libtorch's (Mersenne twister on a CPU, Philox on CUDA), but from a separate generator:
/// libtorch's global generator is neither read nor advanced. They depend on the kind of device, not on the
/// number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    seed: u64,
    step: u64,
    device: Device,
}

impl Noise {
    /// The draws of step `step` in the run with seed `seed`, as tensors on `device`.
    pub fn new(seed: u64, step: u64, device: Device) -> Self {
        Noise { seed, step, device }
    }

    /// The same seed and step, with separate draws: `"validation"` draws different numbers from training.
    pub fn fork(&self, purpose: &str) -> Self {
        Noise { seed: stream_seed(self.seed, purpose, u64::MAX), ..*self }
    }

    /// The device of the tensors.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Independent draws from N(0, 1), float.
    pub fn normal(&self, purpose: &str, shape: &[i64]) -> Tensor {
        self.draw(purpose, Draw::Normal, shape)
    }

    /// Independent draws from U[0, 1), float.
    pub fn uniform(&self, purpose: &str, shape: &[i64]) -> Tensor {
        self.draw(purpose, Draw::Uniform, shape)
    }

    /// Ones with probability `rate`, else zeros, float. `rate` is a probability in [0, 1].
    pub fn mask(&self, purpose: &str, shape: &[i64], rate: f64) -> Tensor {
        assert!((0.0..=1.0).contains(&rate), "a mask's rate is a probability, got {rate}");
        self.uniform(purpose, shape).lt(rate).to_kind(Kind::Float)
    }

    /// The numbers `0..n` in random order, int64 `[n]`.
    pub fn permutation(&self, purpose: &str, n: i64) -> Tensor {
        self.draw(purpose, Draw::Permutation, &[n])
    }

    fn draw(&self, purpose: &str, draw: Draw, shape: &[i64]) -> Tensor {
        let seed = stream_seed(self.seed, purpose, self.step);
        native::random(seed, draw, shape, self.device)
            .unwrap_or_else(|e| panic!("cannot draw {shape:?} on {:?}: {e}", self.device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64, step: u64) -> Noise {
        Noise::new(seed, step, Device::Cpu)
    }

    #[test]
    fn a_draw_depends_on_seed_purpose_and_step_only() {
        let draw = noise(1, 2).normal("a", &[64, 64]);
        tch::manual_seed(99);
        assert_eq!(draw, noise(1, 2).normal("a", &[64, 64]));
        for other in [noise(2, 2).normal("a", &[64, 64]), noise(1, 3).normal("a", &[64, 64])] {
            assert_ne!(draw, other);
        }
        assert_ne!(draw, noise(1, 2).normal("b", &[64, 64]));
        assert_ne!(draw, noise(1, 2).fork("validation").normal("a", &[64, 64]));
    }

    #[test]
    fn libtorchs_own_generator_is_left_alone() {
        tch::manual_seed(5);
        let expected = Tensor::randn([4], (Kind::Float, Device::Cpu));
        tch::manual_seed(5);
        let _ = noise(0, 0).normal("a", &[1000]);
        assert_eq!(expected, Tensor::randn([4], (Kind::Float, Device::Cpu)));
    }

    #[test]
    fn moments_and_shapes_are_right() {
        let normal = noise(0, 0).normal("n", &[100_000]);
        assert!(normal.mean(Kind::Double).double_value(&[]).abs() < 0.01);
        assert!((normal.std(true).double_value(&[]) - 1.0).abs() < 0.01);
        let mask = noise(0, 0).mask("m", &[100_000], 0.3);
        assert!((mask.mean(Kind::Double).double_value(&[]) - 0.3).abs() < 0.01);
        let order = noise(0, 0).permutation("p", 100);
        let (sorted, _) = order.sort(0, false);
        assert_eq!(sorted, Tensor::arange(100, (Kind::Int64, Device::Cpu)));
    }
}
