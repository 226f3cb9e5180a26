//! Interpolations and grids in a latent space.

use crate::pictures;
use ae_models::Generator;
use ae_tensor::{Kind, Noise, Tensor, tch};
use ae_training::experiment::Run;

/// `n` images `[n, …]` on the way from one draw of the prior to another, along a sphere. A conditional model
/// gets one fixed label.
pub(super) fn interpolation(generator: &dyn Generator, n: i64, run: &Run) -> Tensor {
    let noise = draws(run);
    let ends = noise.normal("interpolation", &[2, generator.latent_size()]);
    let latents = between(&ends.get(0), &ends.get(1), n);
    tch::no_grad(|| match generator.classes() {
        0 => generator.generate(&latents),
        classes => {
            let label = Tensor::full([n], classes / 2, (Kind::Int64, noise.device()));
            generator.generate_labelled(&latents, &label)
        }
    })
}

/// The whole latent space as images row by row, if it has two dimensions.
pub(super) fn manifold(generator: &dyn Generator, run: &Run) -> Option<Tensor> {
    let latent = generator.latent_size();
    (latent == 2).then(|| tch::no_grad(|| generator.generate(&pictures::plane(latent, &draws(run)))))
}

fn draws(run: &Run) -> Noise {
    let device = run.splits.train.rows(0, 1).values.device();
    Noise::new(run.record.seed, 0, device).fork("generated")
}

/// `n` points `[n, D]` from `a` to `b`, each `[D]`, at equal angles (Shoemake, 1985): draws of N(0, I) in
/// many dimensions lie near a sphere, and the straight line between two of them leaves it. Linear if both
/// point in the same direction.
fn between(a: &Tensor, b: &Tensor, n: i64) -> Tensor {
    let cosine = (a.dot(b) / (a.norm() * b.norm())).double_value(&[]).clamp(-1.0, 1.0);
    let angle = cosine.acos();
    let weights = |t: f64| match angle.sin() {
        sine if sine < 1e-3 => (1.0 - t, t),
        sine => (((1.0 - t) * angle).sin() / sine, (t * angle).sin() / sine),
    };
    let point = |step: i64| {
        let (from, to) = weights(step as f64 / (n - 1).max(1) as f64);
        a * from + b * to
    };
    Tensor::stack(&(0..n).map(point).collect::<Vec<_>>(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &[f64], b: &[f64], middle: &[f64]) {
        let [a, b, middle] = [a, b, middle].map(Tensor::from_slice);
        let points = between(&a, &b, 5);
        for (row, expected) in [(0, &a), (4, &b), (2, &middle)] {
            let difference = (points.get(row) - expected).abs().max().double_value(&[]);
            assert!(difference < 1e-9, "row {row} is off by {difference}");
        }
    }

    #[test]
    fn the_interpolation_follows_the_sphere() {
        check(&[3.0, 0.0], &[0.0, 3.0], &[3.0 / 2f64.sqrt(), 3.0 / 2f64.sqrt()]);
        check(&[1.0, 1.0], &[2.0, 2.0], &[1.5, 1.5]);
    }
}
