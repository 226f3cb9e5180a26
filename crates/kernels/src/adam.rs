//! Adam's step, for all parameters at once.

use crate::simd::{Kernel, Processor, Simd, dispatch};
use crate::slices::Slices;
use crate::threads::{Alone, Threads};

/// A step of Adam (Kingma & Ba, 2015, algorithm 1), or of AdamW (Loshchilov & Hutter, 2019, algorithm 2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// The learning rate, before it is corrected for the start.
    pub rate: f64,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Keeps the quotient finite.
    pub epsilon: f64,
    /// Factor of the L2 penalty, which is added to the gradient; or, if `decoupled`, the share of each weight that a step
    /// takes away, times the rate.
    pub weight_decay: f64,
    /// Whether this is AdamW.
    pub decoupled: bool,
}

/// A parameter and what its step needs; all arrays have as many values.
#[derive(Debug)]
pub struct Moments<'a> {
    /// Is changed.
    pub parameter: &'a mut [f32],
    /// The slope of the loss.
    pub gradient: &'a [f32],
    /// The mean of gradients.
    pub first: &'a mut [f32],
    /// The mean of squared gradients.
    pub second: &'a mut [f32],
    /// Steps that the parameter has taken, with this one; at least 1.
    pub steps: f64,
}

/// Values of a task.
const PART: usize = 1 << 14;
/// Values that are worth waking a thread.
const WORTH: usize = 1 << 15;

impl AdamStep {
    /// Takes the step. Each value is computed by itself, so that threads change no bit. Panics for arrays of different
    /// lengths.
    pub fn take(&self, all: &mut [Moments<'_>], processor: Processor, threads: &dyn Threads) {
        let mut tasks = Vec::new();
        for (index, one) in all.iter().enumerate() {
            let sizes = [one.gradient.len(), one.first.len(), one.second.len()];
            assert_eq!(sizes, [one.parameter.len(); 3], "as many values of each");
            tasks.extend((0..one.parameter.len().div_ceil(PART)).map(|part| (index, part)));
        }
        let values: usize = all.iter().map(|one| one.parameter.len()).sum();
        let threads = if values < WORTH { &Alone } else { threads };
        let parts: Vec<_> = all
            .iter_mut()
            .map(|one| {
                let arrays = [&mut *one.parameter, &mut *one.first, &mut *one.second];
                (arrays.map(|values| Slices::new(values, PART)), one.gradient, self.factors(one.steps))
            })
            .collect();
        threads.each(tasks.len(), &|task| {
            let (index, part) = tasks[task];
            let (arrays, gradient, factors) = &parts[index];
            let gradient = &gradient[part * PART..gradient.len().min((part + 1) * PART)];
            // SAFETY: each task has its own part; the kernel works on slices.
            unsafe {
                let [parameter, first, second] = arrays.each_ref().map(|slices| slices.get(part));
                dispatch(processor, Part { parameter, gradient, first, second, factors });
            }
        });
    }

    /// What is the same for all values of a parameter, rounded once.
    fn factors(&self, steps: f64) -> Factors {
        let AdamStep { rate, beta1, beta2, epsilon, weight_decay, decoupled } = *self;
        let (penalty, kept) = if decoupled { (0.0, 1.0 - rate * weight_decay) } else { (weight_decay, 1.0) };
        let factors = [
            penalty,
            kept,
            1.0 - beta1,
            beta2,
            1.0 - beta2,
            1.0 / (1.0 - beta2.powf(steps)).sqrt(),
            epsilon,
            rate / (1.0 - beta1.powf(steps)),
        ];
        let [penalty, kept, new, old_square, new_square, correction, epsilon, rate] =
            factors.map(|factor| factor as f32);
        Factors { penalty, kept, new, old_square, new_square, correction, epsilon, rate }
    }
}

struct Factors {
    penalty: f32,
    /// The share of a weight that is left before its step.
    kept: f32,
    new: f32,
    old_square: f32,
    new_square: f32,
    correction: f32,
    epsilon: f32,
    rate: f32,
}

struct Part<'a> {
    parameter: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    factors: &'a Factors,
}

impl Kernel for Part<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Part { parameter, gradient, first, second, factors } = self;
        let &Factors { penalty, kept, new, old_square, new_square, correction, epsilon, rate } = factors;
        let moments = first.iter_mut().zip(second);
        for ((x, gradient), (first, second)) in parameter.iter_mut().zip(gradient).zip(moments) {
            // Each is read and written once: reading what was just written takes longer than the arithmetic.
            let (before, mean) = (*x, *first);
            let gradient = gradient + penalty * before;
            let mean = mean + new * (gradient - mean);
            let square = old_square * *second + new_square * gradient * gradient;
            (*first, *second) = (mean, square);
            *x = kept * before - rate * mean / (square.sqrt() * correction + epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rayon;
    use crate::testing::values;

    const STEPS: [AdamStep; 3] = {
        let adam = AdamStep {
            rate: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
        };
        [
            adam,
            AdamStep { weight_decay: 0.1, epsilon: 1e-3, ..adam },
            AdamStep { weight_decay: 0.1, beta1: 0.5, decoupled: true, ..adam },
        ]
    };

    /// Parameters and both moments, after some steps with gradients that change.
    fn taken(
        how: &AdamStep,
        sizes: &[usize],
        processor: Processor,
        threads: &dyn Threads,
    ) -> Vec<[Vec<f32>; 3]> {
        let start = |(index, &n): (usize, &usize)| [values(n, index as u32), vec![0.0; n], vec![0.0; n]];
        let mut state: Vec<[Vec<f32>; 3]> = sizes.iter().enumerate().map(start).collect();
        for step in 1..=5 {
            let gradients: Vec<Vec<f32>> =
                sizes.iter().enumerate().map(|(index, &n)| values(n, step * 100 + index as u32)).collect();
            let mut all: Vec<Moments<'_>> = state
                .iter_mut()
                .zip(&gradients)
                .map(|([parameter, first, second], gradient)| Moments {
                    parameter,
                    gradient,
                    first,
                    second,
                    steps: f64::from(step),
                })
                .collect();
            how.take(&mut all, processor, threads);
        }
        state
    }

    #[test]
    fn it_does_what_the_papers_say_on_every_processor() {
        for processor in Processor::available() {
            for how in STEPS {
                let ours = &taken(&how, &[61], processor, &Alone)[0][0];
                for (place, ours) in ours.iter().enumerate() {
                    let (mut x, mut m, mut v) = (f64::from(values(61, 0)[place]), 0.0, 0.0);
                    for step in 1..=5 {
                        let gradient = f64::from(values(61, step * 100)[place]);
                        let g = if how.decoupled { gradient } else { gradient + how.weight_decay * x };
                        if how.decoupled {
                            x -= how.rate * how.weight_decay * x;
                        }
                        m = how.beta1 * m + (1.0 - how.beta1) * g;
                        v = how.beta2 * v + (1.0 - how.beta2) * g * g;
                        let m_hat = m / (1.0 - how.beta1.powi(step as i32));
                        let v_hat = v / (1.0 - how.beta2.powi(step as i32));
                        x -= how.rate * m_hat / (v_hat.sqrt() + how.epsilon);
                    }
                    assert!(
                        (f64::from(*ours) - x).abs() < 1e-6,
                        "{processor} {how:?}: {ours} instead of {x}"
                    );
                }
            }
        }
    }

    #[test]
    fn threads_and_other_parameters_change_no_bit() {
        let sizes: &[usize] = if cfg!(miri) { &[3, 20] } else { &[3, 50_000, 1, PART, 0] };
        for processor in Processor::available() {
            let all = taken(&STEPS[2], sizes, processor, &Alone);
            assert_eq!(all, taken(&STEPS[2], sizes, processor, &Rayon), "{processor}");
            assert_eq!(all[0], taken(&STEPS[2], &sizes[..1], processor, &Alone)[0], "{processor}");
        }
    }

    #[test]
    fn nan_is_noticed() {
        let mut arrays = [[1.0f32; 3], [0.0; 3], [0.0; 3]];
        let [parameter, first, second] = arrays.each_mut();
        let all = Moments { parameter, gradient: &[0.0, f32::NAN, 1.0], first, second, steps: 1.0 };
        STEPS[0].take(&mut [all], Processor::of_this_machine(), &Alone);
        assert!(arrays[0][0] == 1.0 && arrays[0][1].is_nan() && arrays[0][2] < 1.0, "{arrays:?}");
    }
}
