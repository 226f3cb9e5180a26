//! Lost pixels filled in smoothly, quickly and without anything learned: a first guess for a network to improve on.

use super::place::sides;
use ae_tensor::{Kind, Tensor};

/// Times that a lost pixel becomes the mean of its neighbours, at each level of the pyramid.
const HARMONIC_STEPS: usize = 2;
/// Steps of conjugate gradients that then bring the surface nearer to the one of least bending, at full size. Scratches are
/// at their end by then; in large holes more steps are worse, because the surface overshoots.
const BIHARMONIC_STEPS: usize = 16;
/// Steps between two looks at the residuals.
const CHECK_EVERY: usize = 50;

/// Images `[B, C, H, W]`, filled in where `whole`, `[B, 1, H, W]`, is 0; what is whole stays as it is, and what was in the
/// holes does not matter. An image without a whole pixel becomes 0.
///
/// The pyramid of Gortler et al. ("The Lumigraph", SIGGRAPH 1996, section 3.5): means of the known pixels fill ever larger
/// holes on the way to smaller images, and what is missing comes back bilinearly. A few steps towards `Δu = 0` at each level and
/// towards `ΔΔu = 0` at the end give small holes what [biharmonic inpainting](bend_least) gives, at a hundredth of its time.
pub fn fill(images: &Tensor, whole: &Tensor) -> Tensor {
    bend_least(&pyramid(images, whole), whole, BIHARMONIC_STEPS, 0.0)
}

/// Biharmonic inpainting (Damelin & Hoang, "On surface completion and image inpainting by biharmonic functions", 2018) of images
/// `[B, C, H, W]`, whose lost pixels, where `whole`, `[B, 1, H, W]`, is 0, hold a first guess; in the precision of the images.
///
/// Minimises `Σ (Δu)²` over the lost pixels, with the Laplacian `Δ` of the four neighbours, whose border repeats. At a lost
/// pixel that is `ΔΔu = 0`, which at most `steps` steps of conjugate gradients solve for all images and channels at once, or
/// fewer if no residual is above `tolerance` times that of the start.
pub fn bend_least(start: &Tensor, whole: &Tensor, steps: usize, tolerance: f64) -> Tensor {
    let lost = -whole + 1.0;
    let operator = |u: &Tensor| laplacian(&laplacian(u)) * &lost;
    let residual = -operator(start);
    descend(operator, start, residual, steps, tolerance)
}

/// Conjugate gradients (Hestenes & Stiefel, 1952) for each channel of images `[B, C, H, W]`: at most `steps` steps towards where
/// the residual is 0, or fewer if none is above `tolerance` times that of the start. `residual` is that of the start, and `operator`
/// what it changes by: linear, symmetric and positive.
pub(super) fn descend(
    operator: impl Fn(&Tensor) -> Tensor,
    start: &Tensor,
    mut residual: Tensor,
    steps: usize,
    tolerance: f64,
) -> Tensor {
    let product = |a: &Tensor, b: &Tensor| (a * b).sum_dim_intlist([2i64, 3].as_slice(), true, None::<Kind>);
    let mut u = start.copy();
    let mut direction = residual.copy();
    let mut length = product(&residual, &residual);
    let first = length.clamp_min(f64::from(f32::MIN_POSITIVE));
    for step in 1..=steps {
        let image = operator(&direction);
        // A channel that is done moves no more: its direction is 0.
        let stride = &length / product(&direction, &image).clamp_min(f64::from(f32::MIN_POSITIVE));
        u += &direction * &stride;
        residual -= image * stride;
        let next = product(&residual, &residual);
        direction = &residual + direction * (&next / length.clamp_min(f64::from(f32::MIN_POSITIVE)));
        length = next;
        if step % CHECK_EVERY == 0 && (&length / &first).max().double_value(&[]) < tolerance * tolerance {
            break;
        }
    }
    u
}

fn pyramid(images: &Tensor, whole: &Tensor) -> Tensor {
    let lost = -whole + 1.0;
    let known = images * whole;
    let (height, width) = sides(images);
    if height == 1 && width == 1 {
        return known;
    }
    let smaller = |t: &Tensor| t.avg_pool2d([2, 2], [2, 2], [0, 0], true, true, None::<i64>);
    let weight = smaller(whole);
    let means = smaller(&known) / weight.clamp_min(f64::from(f32::EPSILON));
    let coarse = pyramid(&means, &weight.gt(0.0).to_kind(Kind::Float));
    let (rows, columns) = sides(&coarse);
    let guess = coarse.upsample_bilinear2d([2 * rows, 2 * columns], false, None::<f64>, None::<f64>);
    let mut filled = known + guess.narrow(2, 0, height).narrow(3, 0, width) * &lost;
    for _ in 0..HARMONIC_STEPS {
        filled += laplacian(&filled) * (&lost * 0.25);
    }
    filled
}

/// Each pixel's four neighbours less four times itself; the border repeats. `[B, C, H, W]` to the same.
fn laplacian(images: &Tensor) -> Tensor {
    let (height, width) = sides(images);
    let padded = images.replication_pad2d([1, 1, 1, 1]);
    let shifted = |row, column| padded.narrow(2, row, height).narrow(3, column, width);
    shifted(0, 1) + shifted(2, 1) + shifted(1, 0) + shifted(1, 2) - images * 4.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Device, Noise, tch};

    fn noise() -> Noise {
        Noise::new(0, 0, Device::Cpu)
    }

    fn greatest(difference: &Tensor) -> f64 {
        difference.abs().max().double_value(&[])
    }

    /// A plane `[1, 1, height, width]` with values between 0 and 1.
    fn plane(height: i64, width: i64) -> Tensor {
        let along = |n: i64| Tensor::arange(n, (Kind::Float, Device::Cpu)) / (2 * n) as f64;
        (along(height).view([-1, 1]) + along(width).view([1, -1])).view([1, 1, height, width])
    }

    #[test]
    fn what_is_whole_stays_and_what_was_in_the_holes_does_not_matter() {
        for (height, width) in [(1, 1), (1, 9), (5, 3), (16, 16), (33, 20)] {
            let images = noise().uniform("images", &[3, 2, height, width]);
            let whole = noise().mask("whole", &[3, 1, height, width], 0.6);
            let filled = fill(&images, &whole);
            assert_eq!(&filled * &whole, &images * &whole, "{height}x{width}");
            let other = &images * &whole + (-&whole + 1.0) * 7.0;
            assert_eq!(filled, fill(&other, &whole), "{height}x{width}");
        }
    }

    /// Every image is filled in as if it were alone, and one without a known pixel becomes black instead of NaN.
    #[test]
    fn an_image_with_nothing_left_harms_no_other() {
        let images = noise().uniform("images", &[2, 1, 12, 10]);
        let whole = noise().mask("whole", &[2, 1, 12, 10], 0.5);
        let _ = tch::no_grad(|| whole.select(0, 0).fill_(0.0));
        let filled = fill(&images, &whole);
        assert_eq!(greatest(&filled.select(0, 0)), 0.0);
        let alone = fill(&images.narrow(0, 1, 1), &whole.narrow(0, 1, 1));
        assert!(greatest(&(filled.narrow(0, 1, 1) - alone)) < 1e-6);
    }

    #[test]
    fn holes_in_a_slope_are_filled_with_the_slope() {
        for (height, width) in [(32, 32), (27, 41)] {
            let (images, whole) = (plane(height, width), plane(height, width).ones_like());
            let _ = tch::no_grad(|| whole.narrow(2, 10, 8).narrow(3, 9, 8).fill_(0.0));
            let off = greatest(&(fill(&(&images * &whole), &whole) - &images));
            // The mean of what is known, the simplest of guesses, is off by 0.15 somewhere in the hole.
            assert!(off < 0.01, "{height}x{width}: {off}");
        }
    }
}
