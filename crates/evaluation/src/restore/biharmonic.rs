//! Biharmonic inpainting: holes are filled with the surface of least bending; `inpaint_biharmonic` of scikit-image.

use ae_models::damage::bend_least;
use ae_tensor::{Kind, Tensor, tch};

/// Steps of the conjugate gradients, at most; a hole of 32×32 pixels takes about a thousand.
const MAX_STEPS: usize = 3000;
/// The residual, relative to that of the start, at which an image is done.
const TOLERANCE: f64 = 1e-6;

/// Images `[B, C, H, W]`, filled in where `whole`, `[B, 1, H, W]`, is 0.
pub(super) fn fill(images: &Tensor, whole: &Tensor) -> Tensor {
    tch::no_grad(|| {
        let whole = whole.to_kind(Kind::Double);
        let start = images.to_kind(Kind::Double) * &whole;
        bend_least(&start, &whole, MAX_STEPS, TOLERANCE).to_kind(Kind::Float)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Device, array};

    #[test]
    fn a_plane_and_a_saddle_come_back_exactly() {
        let along = |n: i64| Tensor::arange(n, (Kind::Float, Device::Cpu)) * 0.05;
        let (y, x) = (along(18).view([1, 1, -1, 1]), along(20).view([1, 1, 1, -1]));
        let images = Tensor::cat(&[&x + &y, &x * &y + 0.1], 1); // two channels
        let whole = images.narrow(1, 0, 1).ones_like();
        let _ = tch::no_grad(|| whole.narrow(2, 5, 6).narrow(3, 7, 5).fill_(0.0));
        let filled = fill(&(&images * &whole), &whole);
        assert!((filled - images).abs().max().double_value(&[]) < 1e-4);
    }

    /// `inpaint_biharmonic` of scikit-image 0.25 for the same image and hole.
    #[test]
    fn a_hole_is_filled_as_by_scikit_image() {
        let along = |n: i64| Tensor::arange(n, (Kind::Double, Device::Cpu));
        let place = along(12).view([-1, 1]) * 0.7 + along(13).view([1, -1]) * 0.4;
        let image = (place.sin() * 0.4 + 0.5).to_kind(Kind::Float).view([1, 1, 12, 13]);
        let whole = image.ones_like();
        let _ = tch::no_grad(|| whole.narrow(2, 4, 3).narrow(3, 5, 3).fill_(0.0));
        let filled = fill(&(&image * &whole), &whole).narrow(2, 4, 3).narrow(3, 5, 3);
        for (ours, theirs) in array::to_vec(&filled).into_iter().zip(SCIKIT_IMAGE) {
            assert!((ours - theirs).abs() < 1e-4, "{ours} instead of {theirs}");
        }
    }

    const SCIKIT_IMAGE: [f64; 9] = [
        0.12984852, 0.18056891, 0.26725756, 0.24656938, 0.3815556, 0.52092436, 0.47763588, 0.63256543,
        0.761826,
    ];
}
