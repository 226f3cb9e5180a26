//! Biharmonic inpainting: holes are filled with the surface of least bending (Damelin & Hoang, "On surface completion and
//! image inpainting by biharmonic functions", 2018; `inpaint_biharmonic` of scikit-image).
//!
//! Minimises `Σ (Δu)²` over the lost pixels, with the Laplacian `Δ` of the four neighbours, whose border repeats. At a lost
//! pixel that is `Δ Δ u = 0`, which the method of conjugate gradients solves for all images of a batch at once.

use ae_models::damage::laplacian;
use ae_tensor::{Kind, Tensor, tch};

/// Steps of the conjugate gradients, at most; a hole of 32×32 pixels takes about a thousand.
const MAX_STEPS: usize = 3000;
/// The residual, relative to that of the start, at which an image is done.
const TOLERANCE: f64 = 1e-6;
/// Steps between two looks at the residuals.
const CHECK_EVERY: usize = 50;

/// Images `[B, C, H, W]`, filled in where `whole`, `[B, 1, H, W]`, is 0.
pub(super) fn fill(images: &Tensor, whole: &Tensor) -> Tensor {
    tch::no_grad(|| {
        let [n, channels, height, width] = images.size()[..] else { panic!("images are [B, C, H, W]") };
        // Every channel is a problem of its own: [B · C, 1, H, W].
        let alone = |t: &Tensor| {
            t.expand([n, channels, height, width], false)
                .reshape([-1, 1, height, width])
                .to_kind(Kind::Double)
        };
        let (known, lost) = (alone(images), -alone(whole) + 1.0);
        let start = &known * (-&lost + 1.0);
        let operator = |u: &Tensor| laplacian(&laplacian(u)) * &lost;
        let mut u = start.zeros_like();
        let mut residual = -operator(&start);
        let mut direction = residual.copy();
        let mut length = squares(&residual);
        let first = length.clamp_min(f64::MIN_POSITIVE);
        for step in 1..=MAX_STEPS {
            let image = operator(&direction);
            let curvature = (&direction * &image).sum_dim_intlist(PLACES.as_slice(), true, None::<Kind>);
            // An image that is done moves no more: its direction is 0.
            let stride = &length / curvature.clamp_min(f64::MIN_POSITIVE);
            u += &direction * &stride;
            residual -= image * stride;
            let next = squares(&residual);
            direction = &residual + direction * (&next / length.clamp_min(f64::MIN_POSITIVE));
            length = next;
            if step % CHECK_EVERY == 0 && (&length / &first).max().double_value(&[]) < TOLERANCE * TOLERANCE {
                break;
            }
        }
        (start + u).view([n, channels, height, width]).to_kind(Kind::Float)
    })
}

/// All dimensions but the first.
const PLACES: [i64; 3] = [1, 2, 3];

fn squares(t: &Tensor) -> Tensor {
    t.square().sum_dim_intlist(PLACES.as_slice(), true, None::<Kind>)
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
