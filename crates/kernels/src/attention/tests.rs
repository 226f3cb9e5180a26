//! The block against plain loops in 64 bits that follow its equations, and its gradients against differences of those loops.

use super::Transformer;
use super::norm::gelu;
use crate::simd::{Kernel, Simd, dispatch};
use crate::testing::{Results, values};
use crate::{Alone, Operation, Processor, Rayon, Threads};
use ae_network::{Layer, TransformerBlock};

/// Samples, tokens, width, heads.
const CASES: [(usize, usize, usize, usize); 6] =
    [(1, 1, 1, 1), (3, 5, 6, 3), (1, 49, 8, 2), (6, 12, 20, 1), (1, 70, 4, 4), (2, 33, 16, 2)];

struct Case {
    block: Transformer,
    parameters: Vec<Vec<f32>>,
    samples: Vec<f32>,
    gradient: Vec<f32>,
}

impl Case {
    fn new((n, tokens, width, heads): (usize, usize, usize, usize), processor: Processor) -> Self {
        let layer = Layer::TransformerBlock(TransformerBlock { heads: heads as i64 });
        // What it was made for does not bind it.
        let block = Transformer::of(&layer, &[7, width as i64], processor).unwrap().for_tokens(tokens);
        let sizes = block.parameters().iter().zip(5..);
        let parameters = sizes.map(|(&len, seed)| values(len, seed)).collect();
        let len = n * tokens * width;
        Case { block, parameters, samples: values(len, 1), gradient: values(len, 2) }
    }

    fn run(&self, threads: &dyn Threads) -> Results {
        let parameters: Vec<&[f32]> = self.parameters.iter().map(Vec::as_slice).collect();
        Results::of(&self.block, &parameters, &self.samples, &self.gradient, threads)
    }

    /// The result in 64 bits, with other values in place of one array: the samples, then the parameters.
    fn reference(&self, changed: usize, to: &[f64]) -> Vec<f64> {
        let array = |index: usize, values: &[f32]| match index == changed {
            true => to.to_vec(),
            false => values.iter().map(|&x| f64::from(x)).collect(),
        };
        let samples = array(0, &self.samples);
        let p: Vec<Vec<f64>> =
            self.parameters.iter().enumerate().map(|(index, values)| array(1 + index, values)).collect();
        let [tokens, width] = self.block.shape();
        let each = |x: &[f64], f: &dyn Fn(&[f64]) -> Vec<f64>| -> Vec<f64> {
            x.chunks_exact(width).flat_map(f).collect()
        };
        let mut results = Vec::new();
        for x in samples.chunks_exact(tokens * width) {
            let qkv = each(x, &|row| dense(&norm(row, &p[0], &p[1]), &p[2], &p[3]));
            let gathered = attend(&qkv, tokens, width, self.block.shape.heads);
            let mixed = each(&gathered, &|row| dense(row, &p[4], &p[5]));
            let sum: Vec<f64> = x.iter().zip(mixed).map(|(x, mixed)| x + mixed).collect();
            results.extend(each(&sum, &|row| {
                let hidden = dense(&norm(row, &p[6], &p[7]), &p[8], &p[9]);
                let activated: Vec<f64> = hidden.into_iter().map(|x| x * normal(x)).collect();
                dense(&activated, &p[10], &p[11]).into_iter().zip(row).map(|(y, sum)| y + sum).collect()
            }));
        }
        results
    }
}

fn norm(row: &[f64], scale: &[f64], shift: &[f64]) -> Vec<f64> {
    let n = row.len() as f64;
    let mean = row.iter().sum::<f64>() / n;
    let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let rate = (variance + Layer::NORM_EPSILON).sqrt().recip();
    row.iter().zip(scale).zip(shift).map(|((x, scale), shift)| (x - mean) * rate * scale + shift).collect()
}

fn dense(row: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let rows = weight.chunks_exact(row.len()).zip(bias);
    rows.map(|(weights, bias)| bias + weights.iter().zip(row).map(|(w, x)| w * x).sum::<f64>()).collect()
}

fn attend(qkv: &[f64], tokens: usize, width: usize, heads: usize) -> Vec<f64> {
    let mut gathered = vec![0.0; tokens * width];
    let size = width / heads;
    for head in 0..heads {
        let at = |part: usize, token: usize| &qkv[token * 3 * width + part * width + head * size..][..size];
        for token in 0..tokens {
            let dot = |other| at(0, token).iter().zip(at(1, other)).map(|(q, k)| q * k).sum::<f64>();
            let powers: Vec<f64> =
                (0..tokens).map(|other| (dot(other) / (size as f64).sqrt()).exp()).collect();
            let total: f64 = powers.iter().sum();
            for (other, power) in powers.iter().enumerate() {
                for (to, value) in gathered[token * width + head * size..].iter_mut().zip(at(2, other)) {
                    *to += power / total * value;
                }
            }
        }
    }
    gathered
}

/// The standard normal distribution function, by Simpson's rule.
fn normal(x: f64) -> f64 {
    let (n, bell) = (2 * (20.0 * x.abs()).ceil() as i32 + 2, |z: f64| {
        (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
    });
    let h = x / f64::from(n);
    let inner = (1..n).map(|i| if i % 2 == 1 { 4.0 } else { 2.0 } * bell(f64::from(i) * h)).sum::<f64>();
    0.5 + h / 3.0 * (bell(0.0) + inner + bell(x))
}

#[test]
fn results_are_those_of_plain_loops() {
    for processor in Processor::available() {
        for shape in CASES {
            let case = Case::new(shape, processor);
            let (ours, exact) = (case.run(&Alone).to, case.reference(usize::MAX, &[]));
            assert_eq!(ours.len(), exact.len());
            for (ours, exact) in ours.iter().zip(&exact) {
                let error = (f64::from(*ours) - exact).abs();
                assert!(
                    error <= 2e-5 * (1.0 + exact.abs()),
                    "{processor} {shape:?}: {ours} instead of {exact}"
                );
            }
        }
    }
}

#[test]
fn gradients_are_those_of_differences() {
    for processor in Processor::available() {
        for shape in CASES {
            let case = Case::new(shape, processor);
            let ours = case.run(&Rayon);
            let loss = |changed: usize, to: &[f64]| -> f64 {
                let results = case.reference(changed, to);
                results.iter().zip(&case.gradient).map(|(y, &g)| y * f64::from(g)).sum()
            };
            let arrays = std::iter::once((&case.samples, &ours.samples));
            let arrays = arrays.chain(case.parameters.iter().zip(&ours.parameters)).enumerate();
            for (index, (values, gradients)) in arrays {
                let exact: Vec<f64> = values.iter().map(|&x| f64::from(x)).collect();
                let largest = gradients.iter().fold(0.0_f64, |most, &g| most.max(f64::from(g).abs()));
                for place in (0..values.len()).step_by(values.len().div_ceil(4)) {
                    let [more, less] = [1e-5, -1e-5].map(|step| {
                        let mut changed = exact.clone();
                        changed[place] += step;
                        loss(index, &changed)
                    });
                    let (made, expected) = (f64::from(gradients[place]), (more - less) / 2e-5);
                    let error = (made - expected).abs();
                    let what = format!(
                        "{processor} {shape:?}, array {index}, {place}: {made} instead of {expected}"
                    );
                    assert!(error <= 1e-4 * (1.0 + largest), "{what}");
                }
            }
        }
    }
}

/// Neither the threads nor the company of a sample change a bit, nor does memory that was used before.
#[test]
fn the_same_bits_come_every_time() {
    for processor in Processor::available() {
        let case = Case::new((9, 12, 20, 2), processor);
        let first = case.run(&Alone);
        assert_eq!(first, case.run(&Rayon));
        let alone =
            Case { samples: case.samples[..240].to_vec(), gradient: case.gradient[..240].to_vec(), ..case };
        let one = alone.run(&Alone);
        assert_eq!((&first.to[..240], &first.samples[..240]), (&one.to[..], &one.samples[..]));
    }
}

#[test]
fn nan_reaches_the_result() {
    for processor in Processor::available() {
        let mut case = Case::new((2, 5, 6, 3), processor);
        case.samples[7] = f32::NAN;
        let mut to = vec![0.0; case.samples.len()];
        let parameters: Vec<&[f32]> = case.parameters.iter().map(Vec::as_slice).collect();
        case.block.forward(&parameters, &case.samples, &mut to, &Alone);
        assert!(to[..30].iter().all(|y| y.is_nan()), "all tokens attend to it");
        assert!(to[30..].iter().all(|y| y.is_finite()));
    }
}

#[test]
fn the_activation_and_its_slope_are_right_far_out() {
    struct Gelu<'a>(&'a mut [f32], &'a mut [f32]);
    impl Kernel for Gelu<'_> {
        #[inline(always)]
        unsafe fn run<S: Simd>(self) {
            gelu::<S>(self.0, self.1);
        }
    }
    let points: Vec<f32> = (-400..=400).map(|i| i as f32 / 40.0).chain([-1e30, 1e30]).collect();
    for processor in Processor::available() {
        let (mut slopes, mut results) = (points.clone(), vec![f32::NAN; points.len()]);
        // SAFETY: it works on slices.
        unsafe { dispatch(processor, Gelu(&mut slopes, &mut results)) };
        for ((&x, y), slope) in points.iter().zip(results).zip(slopes) {
            let (exact, share) = if x.abs() > 20.0 {
                (x.max(0.0), 0.0)
            } else {
                let (x, bell) = (f64::from(x), (-f64::from(x).powi(2) / 2.0).exp() * 0.398_942_280_401_432_7);
                ((x * normal(x)) as f32, (normal(x) + x * bell) as f32)
            };
            assert!((y - exact).abs() <= 1e-6 * (1.0 + exact.abs()), "{x}: {y} instead of {exact}");
            let share = if x.abs() > 20.0 { f32::from(u8::from(x > 0.0)) } else { share };
            assert!((slope - share).abs() <= 1e-6, "{x}: slope {slope} instead of {share}");
        }
    }
}
