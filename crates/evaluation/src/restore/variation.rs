//! Least total variation (Rudin, Osher & Fatemi, 1992): minimises `½ |A u - y|² + weight · Σ √(|∇u|² + ε²)`, where `y` are the
//! damaged images and `A` does to `u` what was done to them.
//!
//! The same lines serve inpainting, deconvolution and enlargement; the gradient is libtorch's.

use ae_models::damage::{Damaged, slopes};
use ae_tensor::{Kind, Optimizer, OptimizerConfig, Tensor, tch};
use std::f64::consts::PI;

const STEPS: usize = 120;
/// Learning rate of Adam at the start; it falls to 0 along a cosine.
const RATE: f64 = 0.05;
/// Rounds the corner of the absolute value.
const EPSILON: f64 = 1e-3;

/// Restored images `[B, C, H, W]`; `operator` is `A`.
pub(super) fn restore(damaged: &Damaged, operator: impl Fn(&Tensor) -> Tensor, weight: f64) -> Tensor {
    let seen = match &damaged.whole {
        Some(whole) => &damaged.images * whole,
        None => damaged.images.shallow_clone(),
    };
    let images = damaged.images.detach().copy().set_requires_grad(true);
    let parameters = [images.shallow_clone()];
    let mut optimizer =
        Optimizer::new(OptimizerConfig::default(), &parameters).expect("Adam takes any tensor");
    tch::with_grad(|| {
        for step in 0..STEPS {
            let misfit = (operator(&images) - &seen).square().sum(Kind::Float) * 0.5;
            let loss = misfit + variation(&images) * weight;
            optimizer.zero_gradients().expect("gradients can be set to zero");
            optimizer.backward(&loss, false).expect("the loss has a gradient");
            let rate = RATE * 0.5 * (1.0 + (PI * step as f64 / STEPS as f64).cos());
            optimizer.step(rate).expect("Adam can step");
        }
    });
    let restored = images.detach();
    match &damaged.whole {
        // What is whole is kept.
        Some(whole) => seen + restored * (-whole + 1.0),
        None => restored,
    }
}

/// The sum over all pixels of the length of the gradient over both directions and all channels: a scalar.
fn variation(images: &Tensor) -> Tensor {
    let [down, right] = slopes(images);
    let squared = (down.square() + right.square()).sum_dim_intlist([1i64].as_slice(), false, None::<Kind>);
    (squared + EPSILON * EPSILON).sqrt().sum(Kind::Float)
}
