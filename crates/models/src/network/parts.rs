//! Layers that look at a whole batch, when its rows are shared among workers.

use ae_network::Layer;
use ae_tensor::workers::Part;
use ae_tensor::{Kind, Tensor, tch};

/// Batch normalisation in training by the moments of the whole batch (Ioffe & Szegedy, 2015, algorithm 1): `[B, C, …]` to
/// the same, where `B` is this worker's part. `tensors` are weight, bias, running mean and running variance.
///
/// Each worker sends the mean and the sum of squares around it, `[2, C]`; they are joined as by Chan, Golub & LeVeque (1979,
/// equation 2.1), which loses no digits if the mean is far from zero.
pub(super) fn batch_norm(x: &Tensor, tensors: &[Tensor], part: &Part) -> Tensor {
    let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|slot| &tensors[slot]);
    let channels = x.size()[1];
    let own = x.numel() as i64 / channels;
    let values = part.rows_of_batch(x) * (own / x.size()[0]);
    let shape: Vec<i64> = (0..x.dim()).map(|axis| if axis == 1 { channels } else { 1 }).collect();
    let each = |t: &Tensor| t.view(shape.as_slice());
    if values <= 1 {
        let inverse = (variance + Layer::NORM_EPSILON).rsqrt();
        return (x - each(mean)) * each(&(inverse * weight)) + each(bias);
    }

    let axes: Vec<i64> = (0..x.dim() as i64).filter(|axis| *axis != 1).collect();
    let own_mean = x.mean_dim(axes.as_slice(), false, None::<Kind>);
    let own_squares = (x - each(&own_mean)).square().sum_dim_intlist(axes.as_slice(), false, None::<Kind>);
    let own = Tensor::stack(&[own_mean, own_squares], 0).unsqueeze(0);
    let zeros = |n: usize| Tensor::zeros([n as i64, 2, channels], (x.kind(), x.device()));
    let slots = Tensor::cat(&[zeros(part.rank()), own, zeros(part.size() - part.rank() - 1)], 0);
    let all = part.sum(&slots); // [workers, 2, C]

    let weights: Vec<f32> = (0..part.size()).map(|rank| part.share_of(rank).weight as f32).collect();
    let weights = Tensor::from_slice(&weights).to_device(x.device()).view([-1, 1]);
    let (means, squares) = (all.select(1, 0), all.select(1, 1));
    let over_workers = |t: Tensor| t.sum_dim_intlist([0i64].as_slice(), false, None::<Kind>);
    let batch_mean = over_workers(&means * &weights);
    let between = over_workers((means - &batch_mean).square() * &weights);
    let batch_variance = over_workers(squares) / values as f64 + between;

    tch::no_grad(|| {
        let rate = Layer::BATCH_NORM_MOMENTUM;
        let unbiased = &batch_variance * (values as f64 / (values - 1) as f64);
        for (running, new) in [(mean, &batch_mean), (variance, &unbiased)] {
            running.shallow_clone().copy_(&(running * (1.0 - rate) + new * rate));
        }
    });
    let inverse = (&batch_variance + Layer::NORM_EPSILON).rsqrt();
    (x - each(&batch_mean)) * each(&(inverse * weight)) + each(bias)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::workers::thread_workers;
    use ae_tensor::{Device, Noise, array};
    use std::sync::Arc;
    use std::thread;

    /// Weight, bias, running mean and running variance of three channels.
    fn tensors() -> [Tensor; 4] {
        [2.0f32, 1.0, 0.0, 1.0].map(|value| Tensor::from_slice(&[value; 3]))
    }

    fn check(shape: &[i64], shift: f64) {
        let noise = Noise::new(0, 0, Device::Cpu);
        let x = noise.normal("x", shape) + shift;
        let expected = tensors();
        let [weight, bias, mean, variance] = expected.each_ref().map(Some);
        let (rate, epsilon) = (Layer::BATCH_NORM_MOMENTUM, Layer::NORM_EPSILON);
        let whole = x.batch_norm(weight, bias, mean, variance, true, rate, epsilon, false);
        thread::scope(|scope| {
            for worker in thread_workers(3) {
                let (x, whole, expected) = (x.copy(), whole.copy(), expected.each_ref().map(Tensor::copy));
                scope.spawn(move || {
                    let part = Part::new(Arc::new(worker), shape[0] as usize);
                    let own = part.share_of(part.rank()).rows;
                    let narrow = |t: &Tensor| t.narrow(0, own.start as i64, own.len() as i64);
                    let tensors = tensors();
                    let output = batch_norm(&narrow(&x), &tensors, &part);
                    part.check().unwrap();
                    let close = |what: &str, obtained: &Tensor, expected: &Tensor, allowed: f64| {
                        let off = (obtained - expected).abs().max().double_value(&[]);
                        assert!(off <= allowed, "{what} is off by {off:e} at {shift}");
                    };
                    // The mean of numbers near the shift is known to their last place only.
                    close("the output", &output, &narrow(&whole), 1e-5 + shift * 1e-6);
                    close("the mean", &tensors[2], &expected[2], 1e-6 + shift * 1e-6);
                    close("the variance", &tensors[3], &expected[3], 1e-5 + shift * 1e-6);
                });
            }
        });
        assert!(array::to_vec(&whole).iter().all(|value| value.is_finite()));
    }

    #[test]
    fn moments_are_those_of_the_whole_batch_even_far_from_zero() {
        for shape in [&[7, 3][..], &[5, 3, 4, 2]] {
            for shift in [0.0, 1000.0] {
                check(shape, shift);
            }
        }
    }
}
