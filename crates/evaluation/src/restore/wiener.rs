//! The Wiener filter (Wiener, 1949), which undoes a blur with a known kernel: `U = K* Y / (|K|² + r)`, where capitals are Fourier
//! transforms and `r` is the assumed ratio of the noise's power to the image's.
//!
//! The transform takes an image for periodic. So that nothing rings, the border is repeated outwards first, as far as twice the
//! kernel reaches, and the whole is mirrored at its lower and right edges, which makes it continuous all around.

use ae_tensor::{Kind, Tensor};

/// Images `[B, C, H, W]`, each deblurred with its kernel, `[B, K, K]`.
pub(super) fn deconvolve(images: &Tensor, kernels: &Tensor, ratio: f64) -> Tensor {
    let [n, _, height, width] = images.size()[..] else { panic!("images are [B, C, H, W]") };
    let side = kernels.size()[1];
    let padded = images.replication_pad2d([side; 4]);
    let below = Tensor::cat(&[&padded, &padded.flip([2])], 2);
    let mirrored = Tensor::cat(&[&below, &below.flip([3])], 3);
    let (rows, columns) = (2 * (height + 2 * side), 2 * (width + 2 * side));
    // The kernel's centre goes to the corner, so that nothing is shifted.
    let padded = Tensor::zeros([n, 1, rows, columns], (Kind::Float, images.device()));
    padded.narrow(2, 0, side).narrow(3, 0, side).copy_(&kernels.unsqueeze(1));
    let kernel = transform(&padded.roll([-(side / 2), -(side / 2)], [2, 3]));
    let power = (&kernel * kernel.conj()).real();
    let restored = kernel.conj() * transform(&mirrored) / (power + ratio);
    let back = restored.fft_irfft2([rows, columns].as_slice(), [-2i64, -1].as_slice(), "backward");
    back.narrow(2, side, height).narrow(3, side, width)
}

fn transform(images: &Tensor) -> Tensor {
    images.fft_rfft2(None::<&[i64]>, [-2i64, -1].as_slice(), "backward")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_models::damage::{Corruption, Damaged, Range, blur::Blur, motion::Motion};
    use ae_tensor::{Device, Noise};

    #[test]
    fn a_blur_without_noise_is_undone() {
        let noise = Noise::new(0, 0, Device::Cpu);
        let along = |n: i64| Tensor::arange(n, (Kind::Float, Device::Cpu));
        let wave =
            (along(40).view([1, 1, -1, 1]) * 0.5 + along(36).view([1, 1, 1, -1]) * 0.7).sin() * 0.4 + 0.5;
        let images = wave.expand([2, 3, 40, 36], false);
        for kind in [
            Corruption::Blur(Blur { std: 1.5, noise: 0.0 }),
            Corruption::Motion(Motion { length: 5.0, noise: 0.0 }),
        ] {
            let Damaged { images: blurred, kernels, .. } = kind.apply(&images, Range::UNIT, &noise);
            let error = |restored: &Tensor| {
                let inner = (restored - &images).narrow(2, 8, 24).narrow(3, 8, 20);
                inner.abs().mean(Kind::Double).double_value(&[])
            };
            let restored = deconvolve(&blurred, &kernels.unwrap(), 1e-3);
            let (left, before) = (error(&restored), error(&blurred));
            assert!(left < 0.25 * before, "{}: {left} of {before}", kind.name());
        }
    }
}
