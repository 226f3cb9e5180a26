//! Explicit randomness: every draw is a pure function of (seed, purpose, step).

use crate::array;
use crate::kernels::Kernels;
use crate::native::{self, Draw, TorchError};
use crate::threads::Libtorch;
use ae_records::seed::stream_seed;
use tch::{Device, Kind, Tensor};

/// The draws of one step. It has no state and costs nothing to make.
///
/// Asking twice for the same purpose gives the same numbers, so a step that draws twice names two purposes.
/// The numbers are libtorch's (Mersenne twister on a CPU, Philox on CUDA), but from a separate generator:
/// libtorch's global generator is neither read nor advanced. They depend on the kind of device, not on the
/// number of threads. Where our own [`Kernels`] compute, they draw large tensors on a CPU: the same uniform numbers, and normal
/// ones that differ by rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    seed: u64,
    step: u64,
    device: Device,
    rows: Option<Rows>,
}

/// Some rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rows {
    start: i64,
    len: i64,
    of: i64,
}

impl Noise {
    /// The draws of step `step` in the run with seed `seed`, as tensors on `device`.
    pub fn new(seed: u64, step: u64, device: Device) -> Self {
        Noise { seed, step, device, rows: None }
    }

    /// The same seed and step, with separate draws: `"validation"` draws different numbers from training.
    pub fn fork(&self, purpose: &str) -> Self {
        Noise { seed: stream_seed(self.seed, purpose, u64::MAX), ..*self }
    }

    /// The draws for the rows `start..start + len` of a batch of `of` rows: what [`Self::new`] draws for the batch, cut to
    /// these rows, so that a row's numbers do not depend on how many workers share the batch. The draw is made for the
    /// whole batch.
    ///
    /// From now on the first dimension of a shape counts rows, or a fixed number of values for each row, and a shape for
    /// another number of values panics; see [`Self::whole`] and [`Self::normal_along`].
    pub fn of_rows(self, start: usize, len: usize, of: usize) -> Self {
        assert!(len > 0 && start + len <= of, "rows {start}..{} are not rows of {of}", start + len);
        Noise { rows: Some(Rows { start: start as i64, len: len as i64, of: of as i64 }), ..self }
    }

    /// The same draws, for shapes that do not count the rows of a batch.
    pub fn whole(&self) -> Self {
        Noise { rows: None, ..*self }
    }

    /// The device of the tensors.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Independent draws from N(0, 1), float.
    pub fn normal(&self, purpose: &str, shape: &[i64]) -> Tensor {
        self.draw(purpose, Draw::Normal, shape, 0)
    }

    /// [`Self::normal`] for a shape that counts the rows of a batch in dimension `axis`.
    pub fn normal_along(&self, purpose: &str, shape: &[i64], axis: usize) -> Tensor {
        self.draw(purpose, Draw::Normal, shape, axis)
    }

    /// Independent draws from U[0, 1), float.
    pub fn uniform(&self, purpose: &str, shape: &[i64]) -> Tensor {
        self.draw(purpose, Draw::Uniform, shape, 0)
    }

    /// Ones with probability `rate`, else zeros, float. `rate` is a probability in [0, 1].
    pub fn mask(&self, purpose: &str, shape: &[i64], rate: f64) -> Tensor {
        assert!((0.0..=1.0).contains(&rate), "a mask's rate is a probability, got {rate}");
        self.uniform(purpose, shape).lt(rate).to_kind(Kind::Float)
    }

    /// The numbers `0..n` in random order, int64 `[n]`.
    pub fn permutation(&self, purpose: &str, n: i64) -> Tensor {
        self.whole().draw(purpose, Draw::Permutation, &[n], 0)
    }

    fn draw(&self, purpose: &str, draw: Draw, shape: &[i64], axis: usize) -> Tensor {
        let seed = stream_seed(self.seed, purpose, self.step);
        let made = |shape: &[i64]| {
            random(seed, draw, shape, self.device)
                .unwrap_or_else(|e| panic!("cannot draw {shape:?} on {:?}: {e}", self.device))
        };
        let Some(Rows { start, len, of }) = self.rows else { return made(shape) };
        let size = shape[axis];
        assert_eq!(size % len, 0, "`{purpose}` is drawn for {size} in place of {len} rows; see Noise::whole");
        let each = size / len;
        let mut whole = shape.to_vec();
        whole[axis] = of * each;
        made(&whole).narrow(axis as i64, start * each, size).contiguous()
    }
}

/// Values that our own kernels draw sooner than libtorch.
const WORTH: i64 = 1 << 14;

fn random(seed: u64, draw: Draw, shape: &[i64], device: Device) -> Result<Tensor, TorchError> {
    let is_large = shape.iter().product::<i64>() >= WORTH;
    let processor = Kernels::chosen().processor().filter(|_| is_large && device == Device::Cpu);
    let (Some(processor), Draw::Normal | Draw::Uniform) = (processor, draw) else {
        return native::random(seed, draw, shape, device);
    };
    let drawn = Tensor::empty(shape, (Kind::Float, device));
    // SAFETY: it is new, so nothing else uses it.
    let to = unsafe { array::values_mut(&drawn) };
    match draw {
        Draw::Normal => ae_kernels::normal(seed, to, processor, &Libtorch),
        _ => ae_kernels::uniform(seed, to, processor),
    }
    Ok(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_kernels::Processor;

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
    fn our_own_kernels_draw_what_libtorch_draws() {
        let shapes = [&[16_384][..], &[3, 7, 1013], &[16], &[31]];
        for (processor, shape) in
            Processor::available().into_iter().flat_map(|it| shapes.map(|shape| (it, shape)))
        {
            let theirs = |draw| array::to_vec(&native::random(5, draw, shape, Device::Cpu).unwrap());
            let mut ours = vec![0.0; shape.iter().product::<i64>() as usize];
            let error = |ours: &[f32], theirs: Vec<f64>| {
                ours.iter().zip(theirs).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max)
            };
            ae_kernels::uniform(5, &mut ours, processor);
            assert_eq!(error(&ours, theirs(Draw::Uniform)), 0.0, "{processor} {shape:?}");
            ae_kernels::normal(5, &mut ours, processor, &Libtorch);
            let error = error(&ours, theirs(Draw::Normal));
            assert!(error < 1e-5, "{processor} {shape:?}: {error}");
        }
    }

    #[test]
    fn the_draws_of_some_rows_are_those_of_the_batch() {
        let (whole, part) = (noise(1, 2), noise(1, 2).of_rows(3, 2, 7));
        assert_eq!(part.uniform("a", &[2, 5]), whole.uniform("a", &[7, 5]).narrow(0, 3, 2));
        // Three values a row, and a shape with the rows in another dimension.
        assert_eq!(part.normal("a", &[6]), whole.normal("a", &[21]).narrow(0, 9, 6));
        assert_eq!(part.normal_along("a", &[4, 2], 1), whole.normal("a", &[4, 7]).narrow(1, 3, 2));
        assert_eq!(part.whole(), whole);
        assert_eq!(part.permutation("a", 5), whole.permutation("a", 5));
    }

    #[test]
    #[should_panic(expected = "`revival` is drawn for 5 in place of 2 rows")]
    fn a_shape_that_does_not_count_rows_is_a_bug() {
        let _ = noise(1, 2).of_rows(3, 2, 7).uniform("revival", &[5]);
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
