//! The draw of a variational autoencoder: from means and log-variances to a latent, and its divergence from the prior.

use crate::dense::exp;
use crate::operation::{Gradients, Operation};
use crate::simd::{Kernel, Processor, Simd, dispatch};
use crate::threads::Threads;

/// A draw from each diagonal Gaussian, `z = μ + exp(log σ² / 2) ε`, and the mean of `KL(N(μ, σ²) ‖ N(0, I))` over the rows
/// (Kingma & Welling, 2014, section 2.4 and appendix B).
///
/// The samples are `[N, 2·D]`: `D` means and then `D` log-variances in each row. The only parameter is the noise `ε`, `[N, D]`,
/// for which there is no gradient. The result is `z`, `[N, D]`, and behind it one value: the divergence, in nats.
#[derive(Clone, Copy, Debug)]
pub struct Posterior {
    latents: usize,
    processor: Processor,
}

/// The standard deviations, for the backward pass.
#[derive(Debug)]
pub struct KeptDeviations(Vec<f32>);

impl Posterior {
    /// Posteriors of so many latents, at least 1, on this processor.
    pub fn new(latents: usize, processor: Processor) -> Self {
        assert!(latents > 0, "a posterior has at least one latent");
        Posterior { latents, processor }
    }

    fn noise<'a>(&self, parameters: &[&'a [f32]], samples: &[f32]) -> &'a [f32] {
        let [noise] = *parameters else { panic!("a draw takes the noise and nothing else") };
        assert!(samples.len().is_multiple_of(2 * self.latents), "rows of means and log-variances");
        assert_eq!(2 * noise.len(), samples.len(), "noise for each latent");
        noise
    }
}

impl Operation for Posterior {
    type Kept = KeptDeviations;

    const NEEDS_SAMPLES: bool = true;

    fn forward(&self, parameters: &[&[f32]], samples: &[f32], to: &mut [f32], threads: &dyn Threads) {
        drop(self.forward_kept(parameters, samples, to, threads));
    }

    fn forward_kept(
        &self,
        parameters: &[&[f32]],
        samples: &[f32],
        to: &mut [f32],
        _threads: &dyn Threads,
    ) -> KeptDeviations {
        let noise = self.noise(parameters, samples);
        let (divergence, z) = to.split_last_mut().expect("room for the draws and the divergence");
        assert_eq!(z.len(), noise.len(), "room for the draws");
        let mut deviations = vec![0.0; noise.len()];
        let latents = self.latents;
        // SAFETY: it works on slices.
        unsafe {
            let deviations = &mut deviations;
            dispatch(self.processor, Draw { latents, samples, noise, z, deviations, divergence });
        }
        KeptDeviations(deviations)
    }

    fn backward(
        &self,
        parameters: &[&[f32]],
        KeptDeviations(deviations): &KeptDeviations,
        samples: Option<&[f32]>,
        gradient: &[f32],
        gradients: Gradients<'_>,
        _threads: &dyn Threads,
    ) {
        assert!(gradients.parameters.is_none(), "noise has no gradient");
        let Some(to) = gradients.samples else { return };
        let samples = samples.expect("the way back needs the samples");
        let (noise, d) = (self.noise(parameters, samples), self.latents);
        let (of_divergence, gradient) = gradient.split_last().expect("a gradient of the divergence");
        assert_eq!([gradient.len(), to.len()], [noise.len(), samples.len()], "as many of each");
        let weight = of_divergence / (noise.len() / d) as f32;
        let rows = to.chunks_exact_mut(2 * d).zip(samples.chunks_exact(2 * d));
        let given = gradient.chunks_exact(d).zip(noise.chunks_exact(d)).zip(deviations.chunks_exact(d));
        for ((to, sample), ((gradient, noise), deviations)) in rows.zip(given) {
            let (to_mean, to_log_variance) = to.split_at_mut(d);
            for i in 0..d {
                to_mean[i] = gradient[i] + weight * sample[i];
                let by_draw = gradient[i] * deviations[i] * noise[i];
                to_log_variance[i] = 0.5 * (by_draw + weight * (deviations[i] * deviations[i] - 1.0));
            }
        }
    }
}

struct Draw<'a> {
    latents: usize,
    samples: &'a [f32],
    noise: &'a [f32],
    z: &'a mut [f32],
    deviations: &'a mut [f32],
    divergence: &'a mut f32,
}

impl Kernel for Draw<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let d = self.latents;
        let rows = self.samples.chunks_exact(2 * d).zip(self.noise.chunks_exact(d));
        let results = self.z.chunks_exact_mut(d).zip(self.deviations.chunks_exact_mut(d));
        let mut sum = 0.0;
        for ((sample, noise), (z, deviations)) in rows.zip(results) {
            let (means, log_variances) = sample.split_at(d);
            for i in 0..d {
                deviations[i] = exp::<S>(0.5 * log_variances[i]);
                z[i] = means[i] + deviations[i] * noise[i];
            }
            // In double precision and in the order of the values, whatever the processor.
            for i in 0..d {
                let (mean, variance) = (means[i], deviations[i] * deviations[i]);
                sum += f64::from(mean * mean + variance - log_variances[i] - 1.0);
            }
        }
        let rows = self.noise.len() / d;
        *self.divergence = (0.5 * sum / rows as f64) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::values;
    use crate::threads::Alone;

    /// Draws and divergence in double precision.
    fn exact(samples: &[f64], noise: &[f64], d: usize) -> Vec<f64> {
        let rows = noise.len() / d;
        let mut z = Vec::new();
        let mut divergence = 0.0;
        for (row, noise) in samples.chunks(2 * d).zip(noise.chunks(d)) {
            let (means, log_variances) = row.split_at(d);
            for i in 0..d {
                z.push(means[i] + (0.5 * log_variances[i]).exp() * noise[i]);
                divergence +=
                    0.5 * (means[i].powi(2) + log_variances[i].exp() - log_variances[i] - 1.0) / rows as f64;
            }
        }
        z.push(divergence);
        z
    }

    fn double(values: &[f32]) -> Vec<f64> {
        values.iter().map(|&value| f64::from(value)).collect()
    }

    #[test]
    fn draws_are_their_formulas_and_gradients_their_differences() {
        const STEP: f64 = 1e-5;
        for processor in Processor::available() {
            for (rows, d) in [(1, 1), (3, 20), (7, 5), (2, 33)] {
                let samples: Vec<f32> = values(rows * 2 * d, 1).iter().map(|x| 3.0 * x).collect();
                let noise = values(rows * d, 2);
                let weights = values(rows * d + 1, 3); // the gradient of each result
                let posterior = Posterior::new(d, processor);
                let mut result = vec![f32::NAN; rows * d + 1];
                let kept = posterior.forward_kept(&[&noise], &samples, &mut result, &Alone);
                for (ours, exact) in result.iter().zip(exact(&double(&samples), &double(&noise), d)) {
                    assert!((f64::from(*ours) - exact).abs() <= 1e-5 * (1.0 + exact.abs()), "{processor}");
                }
                let mut found = vec![f32::NAN; samples.len()];
                let gradients = Gradients { samples: Some(&mut found), parameters: None };
                posterior.backward(&[&noise], &kept, Some(&samples), &weights, gradients, &Alone);
                for i in 0..samples.len() {
                    let at = |step: f64| {
                        let mut moved = double(&samples);
                        moved[i] += step;
                        let results = exact(&moved, &double(&noise), d);
                        results.iter().zip(&weights).map(|(x, &w)| x * f64::from(w)).sum::<f64>()
                    };
                    let exact = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                    assert!((f64::from(found[i]) - exact).abs() <= 2e-5 * (1.0 + exact.abs()), "{processor}");
                }
            }
        }
    }

    #[test]
    fn a_posterior_that_is_the_prior_has_no_divergence_and_nan_is_noticed() {
        for processor in Processor::available() {
            let posterior = Posterior::new(2, processor);
            let mut result = [f32::NAN; 5];
            posterior.forward(&[&[0.5, -1.0, 0.0, 2.0]], &[0.0; 8], &mut result, &Alone);
            assert_eq!(result, [0.5, -1.0, 0.0, 2.0, 0.0]);
            let samples = [0.0, 0.0, 0.0, 0.0, f32::NAN, 0.0, 0.0, 0.0];
            posterior.forward(&[&[0.0; 4]], &samples, &mut result, &Alone);
            assert!(result[2].is_nan() && result[4].is_nan() && result[0] == 0.0);
        }
    }
}
