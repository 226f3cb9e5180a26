//! A blur whose kernel is told, undone quickly and without anything learned: a first guess for a network to improve on.

use super::fill::{descend, laplacian};
use super::place::{convolve, sides};
use ae_tensor::Tensor;

/// Steps of conjugate gradients: with fewer, images stay blurred.
const STEPS: usize = 16;
/// The weight of the slopes for each unit of the noise's variance.
const SMOOTHNESS: f64 = 30.0;
/// The least weight of the slopes: without any, what rounding adds grows without end.
const CERTAINTY: f64 = 1e-4;

/// Images `[B, C, H, W]`, each blurred with its kernel, `[B, K, K]`, and given noise of this standard deviation, deblurred.
///
/// Approaches the least of `|K u - y|² + w |∇u|²` (Tikhonov, 1963), `w` thirty times the noise's variance, by sixteen steps of
/// conjugate gradients. The blur `K` is [`convolve`], whose border repeats, so that nothing rings there, as it does with a
/// Fourier transform.
pub fn deblur(images: &Tensor, kernels: &Tensor, noise: f64) -> Tensor {
    let weight = (SMOOTHNESS * noise * noise).max(CERTAINTY);
    let operator = |u: &Tensor| spread(&convolve(u, kernels), kernels) - laplacian(u) * weight;
    let residual = spread(images, kernels) - operator(images);
    descend(operator, images, residual, STEPS, 0.0)
}

/// The transpose of [`convolve`]: each value goes back to the pixels that it was made of.
fn spread(images: &Tensor, kernels: &Tensor) -> Tensor {
    let [n, channels, ..] = images.size()[..] else { panic!("images are [B, C, H, W]") };
    let (height, width) = sides(images);
    let reach = kernels.size()[1] / 2;
    let padded = images.constant_pad_nd([2 * reach; 4]);
    let padded = padded.view([1, n * channels, height + 4 * reach, width + 4 * reach]);
    let kernels = kernels.unsqueeze(1).repeat_interleave_self_int(channels, 0, n * channels);
    let spread = padded.conv2d(&kernels, None::<&Tensor>, [1, 1], [0, 0], [1, 1], n * channels);
    let spread = spread.view([n, channels, height + 2 * reach, width + 2 * reach]);
    fold(&fold(&spread, 2, reach), 3, reach)
}

/// Without the first and last `reach` of a dimension, which are added to the values at the border.
fn fold(images: &Tensor, dimension: i64, reach: i64) -> Tensor {
    let long = images.size()[dimension as usize] - 2 * reach;
    let folded = images.narrow(dimension, reach, long).copy();
    for (place, start) in [(0, 0), (long - 1, reach + long)] {
        let beyond = images.narrow(dimension, start, reach);
        let _ = folded.narrow(dimension, place, 1).g_add_(&beyond.sum_dim_intlist(
            [dimension].as_slice(),
            true,
            None::<ae_tensor::Kind>,
        ));
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::damage::{Corruption, Damaged, Range, blur::Blur, motion::Motion};
    use ae_tensor::{Device, Kind, Noise};

    fn noise() -> Noise {
        Noise::new(0, 0, Device::Cpu)
    }

    fn sum(t: &Tensor) -> f64 {
        t.sum(Kind::Double).double_value(&[])
    }

    /// `⟨K a, b⟩ = ⟨a, Kᵀ b⟩`, also where an image is smaller than the kernel.
    #[test]
    fn the_transpose_is_that_of_the_blur() {
        for (height, width) in [(12, 17), (3, 5), (1, 9)] {
            let shape = [3, 2, height, width];
            let (a, b) = (noise().normal("a", &shape), noise().normal("b", &shape));
            let kernels = noise().uniform("kernels", &[3, 5, 5]);
            let (there, back) = (sum(&(convolve(&a, &kernels) * &b)), sum(&(&a * spread(&b, &kernels))));
            assert!((there - back).abs() < 1e-3, "{height}x{width}: {there} {back}");
        }
    }

    #[test]
    fn a_blur_is_undone_up_to_the_border() {
        let along = |n: i64| Tensor::arange(n, (Kind::Float, Device::Cpu));
        let wave =
            (along(40).view([1, 1, -1, 1]) * 0.9 + along(36).view([1, 1, 1, -1]) * 0.7).sin() * 0.4 + 0.5;
        let images = wave.expand([2, 3, 40, 36], false);
        for kind in [
            Corruption::Blur(Blur { std: 1.5, noise: 0.0 }),
            Corruption::Motion(Motion { length: 5.0, noise: 0.0 }),
        ] {
            let Damaged { images: blurred, kernels, .. } = kind.apply(&images, Range::UNIT, &noise());
            let error = |restored: &Tensor| (restored - &images).abs().mean(Kind::Double).double_value(&[]);
            let (left, before) = (error(&deblur(&blurred, &kernels.unwrap(), 0.0)), error(&blurred));
            assert!(left < before / 3.0, "{}: {left} of {before}", kind.name());
        }
    }
}
