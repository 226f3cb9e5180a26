//! A blur whose kernel is told, undone quickly and without anything learned: a first guess for a network to improve on.

use super::fill::descend;
use super::place::{convolve, sides, slopes};
use ae_tensor::{Kind, Tensor};

/// How often the weights of the slopes are computed anew.
const ROUNDS: usize = 4;
/// Steps of conjugate gradients with the same weights.
const STEPS: usize = 8;
/// The weight of the total variation for each unit of the noise's variance: 5 to 10 brought blurred training images of
/// Olivetti, Fashion-MNIST and CIFAR-10 nearest to the originals, or within 0.1 dB of that.
const SMOOTHNESS: f64 = 8.0;
/// The least weight of the total variation: without any, what rounding adds grows without end.
const CERTAINTY: f64 = 1e-6;
/// Slopes below this are taken for noise, and smoothed like those of this size.
const FLAT: f64 = 1e-2;

/// Images `[B, C, H, W]` with values in [0, 1], each blurred with its kernel, `[B, K, K]`, and given noise of this standard
/// deviation, deblurred.
///
/// Approaches the least of `½ |K u - y|² + w Σ √(|∇u|² + ε²)`, the total variation (Rudin, Osher & Fatemi, 1992) with the slopes
/// of all channels under one root, `w` eight times the noise's variance and `ε` 0.01. Its gradient is that of a weighted sum of
/// squared slopes whose weights depend on `u` (Vogel & Oman, "Iterative methods for total variation denoising", 1996): four
/// times, the weights are computed, and eight steps of conjugate gradients approach the least with them. The blur `K` is [`convolve`],
/// whose border repeats, so that nothing rings there, as it does with a Fourier transform.
pub fn deblur(images: &Tensor, kernels: &Tensor, noise: f64) -> Tensor {
    let weight = (SMOOTHNESS * noise * noise).max(CERTAINTY);
    let seen = spread(images, kernels);
    let mut u = images.shallow_clone();
    for _ in 0..ROUNDS {
        let [down, right] = slopes(&u);
        let squared = (down.square() + right.square()).sum_dim_intlist([1i64].as_slice(), true, None::<Kind>);
        let weights = (squared + FLAT * FLAT).rsqrt() * weight;
        let operator = |u: &Tensor| {
            let flattened = from_slopes(slopes(u).map(|slope| slope * &weights));
            spread(&convolve(u, kernels), kernels) + flattened
        };
        let residual = &seen - operator(&u);
        u = descend(operator, &u, residual, STEPS, 0.0);
    }
    u
}

/// The transpose of [`slopes`], for slopes that are 0 at the border.
fn from_slopes([down, right]: [Tensor; 2]) -> Tensor {
    let (height, width) = sides(&down);
    let above = down.constant_pad_nd([0, 0, 1, 0]).narrow(2, 0, height);
    let before = right.constant_pad_nd([1, 0, 0, 0]).narrow(3, 0, width);
    above + before - down - right
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

    /// `⟨∇a, ∇b⟩ = ⟨a, ∇ᵀ∇b⟩`.
    #[test]
    fn the_transpose_is_that_of_the_slopes() {
        for (height, width) in [(12, 17), (1, 9), (7, 1)] {
            let shape = [3, 2, height, width];
            let (a, b) = (noise().normal("a", &shape), noise().normal("b", &shape));
            let there: f64 = slopes(&a).iter().zip(slopes(&b)).map(|(a, b)| sum(&(a * b))).sum();
            let back = sum(&(&a * from_slopes(slopes(&b))));
            assert!((there - back).abs() < 1e-3, "{height}x{width}: {there} {back}");
        }
    }

    /// An edge comes back: a square of the slopes in place of their size divides the error by 3.8 at best, with weights from 1e-5 to 0.1.
    #[test]
    fn edges_come_back_sharp() {
        let images = Tensor::zeros([2, 1, 40, 36], (Kind::Float, Device::Cpu));
        let _ = images.narrow(2, 8, 20).narrow(3, 10, 15).g_add_scalar_(0.8);
        let kind = Corruption::Motion(Motion { length: 7.0, noise: 0.01 });
        let Damaged { images: blurred, kernels, .. } = kind.apply(&images, Range::UNIT, &noise());
        let error = |restored: &Tensor| (restored - &images).square().mean(Kind::Double).double_value(&[]);
        let (left, before) = (error(&deblur(&blurred, &kernels.unwrap(), 0.01)), error(&blurred));
        assert!(left < before / 30.0, "{left} of {before}");
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
