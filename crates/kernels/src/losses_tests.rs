//! Losses against their formulas, and slopes against differences of them.

use super::*;
use crate::Rayon;
use crate::testing::values;

const LOSSES: [ValueLoss; 8] = [
    ValueLoss::Squared(Activation::Sigmoid),
    ValueLoss::Squared(Activation::Identity),
    ValueLoss::Squared(Activation::Tanh),
    ValueLoss::Squared(Activation::Relu),
    ValueLoss::Absolute(Activation::LeakyRelu),
    ValueLoss::Absolute(Activation::Identity),
    ValueLoss::Absolute(Activation::Sigmoid),
    ValueLoss::CrossEntropy,
];

fn exact(loss: ValueLoss, output: f64, target: f64) -> f64 {
    let of = |activation| match activation {
        Activation::Sigmoid => 1.0 / (1.0 + (-output).exp()),
        Activation::Tanh => output.tanh(),
        Activation::Relu => output.max(0.0),
        Activation::LeakyRelu => output.max(ae_network::LEAKY_SLOPE * output),
        _ => output,
    };
    match loss {
        ValueLoss::Squared(activation) => (of(activation) - target).powi(2),
        ValueLoss::Absolute(activation) => (of(activation) - target).abs(),
        ValueLoss::CrossEntropy => output.max(0.0) - output * target + (-output.abs()).exp().ln_1p(),
    }
}

/// Losses, and the gradient of their sum, or of their sum with the weights 1, 2, 3 … of the rows.
fn computed(loss: Loss, output: &[f32], target: &[f32], threads: &dyn Threads) -> (Vec<f32>, Vec<f32>) {
    let rows = if let Reduction::RowSums(width) = loss.reduction { output.len() / width } else { 1 };
    let (mut to, mut samples) = (vec![f32::NAN; rows], vec![f32::NAN; output.len()]);
    let kept = loss.forward_kept(&[target], output, &mut to, threads);
    let weights: Vec<f32> = (1..=rows).map(|row| row as f32).collect();
    let gradients = Gradients { samples: Some(&mut samples), parameters: None };
    loss.backward(&[target], &kept, None, &weights, gradients, threads);
    (to, samples)
}

#[test]
fn losses_are_their_formulas_and_slopes_their_differences() {
    const STEP: f64 = 1e-5;
    for processor in Processor::available() {
        for loss in LOSSES {
            for (n, reduction) in [
                (1, Reduction::Mean),
                (35_000, Reduction::Mean),
                (3_003, Reduction::RowSums(1_001)),
                (3_003, Reduction::MeanOfRows(1_001)),
            ] {
                let n = if cfg!(miri) { n.min(1_001) } else { n };
                let output: Vec<f32> = values(n, 1).iter().map(|x| 20.0 * x).collect();
                let target: Vec<f32> = values(n, 2).iter().map(|x| 0.5 + 0.5 * x).collect();
                let ours = Loss::new(loss, reduction, processor).unwrap();
                let (sums, slopes) = computed(ours, &output, &target, &Alone);
                let width = n / sums.len();
                for (row, sum) in sums.iter().enumerate() {
                    let of = |i: usize| exact(loss, f64::from(output[i]), f64::from(target[i]));
                    let divisor = match reduction {
                        Reduction::Mean => n,
                        Reduction::RowSums(_) => 1,
                        Reduction::MeanOfRows(width) => n / width,
                    } as f64;
                    let exact = (row * width..(row + 1) * width).map(of).sum::<f64>() / divisor;
                    let error = (f64::from(*sum) - exact).abs();
                    assert!(error <= 2e-6 * (1.0 + exact), "{processor} {loss:?} {row}: {sum}, not {exact}");
                }
                let factor = |i: usize| match reduction {
                    Reduction::Mean => 1.0 / n as f64,
                    Reduction::RowSums(width) => (i / width + 1) as f64,
                    Reduction::MeanOfRows(width) => width as f64 / n as f64,
                };
                for i in (0..n).step_by(n.div_ceil(100)) {
                    let at = |step: f64| exact(loss, f64::from(output[i]) + step, f64::from(target[i]));
                    let exact = factor(i) * (at(STEP) - at(-STEP)) / (2.0 * STEP);
                    let error = (f64::from(slopes[i]) - exact).abs();
                    assert!(error <= 2e-5 * factor(i), "{processor} {loss:?}: {} not {exact}", slopes[i]);
                }
                assert_eq!((sums, slopes), computed(ours, &output, &target, &Rayon), "on several threads");
            }
        }
    }
}

#[test]
fn what_was_kept_is_the_gradient_of_a_loss_that_is_not_weighted() {
    let (output, target) = (values(6, 1), values(6, 2));
    for reduction in [Reduction::Mean, Reduction::MeanOfRows(3), Reduction::RowSums(6)] {
        let loss = Loss::new(LOSSES[0], reduction, Processor::of_this_machine()).unwrap();
        let mut kept = loss.forward_kept(&[&target], &output, &mut [0.0], &Alone);
        assert_eq!(loss.gradient_in(&mut kept, &[0.5]), None);
        let (_, slopes) = computed(loss, &output, &target, &Alone);
        let is_kept = !matches!(reduction, Reduction::RowSums(_));
        assert_eq!(loss.gradient_in(&mut kept, &[1.0]).is_some_and(|kept| *kept == slopes), is_kept);
    }
}

#[test]
fn extreme_outputs_give_finite_losses_and_nan_is_noticed() {
    for processor in Processor::available() {
        for loss in LOSSES {
            let loss = Loss::new(loss, Reduction::RowSums(1), processor).unwrap();
            let (sums, slopes) = computed(loss, &[-1e4, 1e4, f32::NAN], &[0.0, 1.0, 0.5], &Alone);
            let is_finite = |values: &[f32]| values[..2].iter().all(|value| value.is_finite());
            assert!(
                is_finite(&sums) && is_finite(&slopes) && sums[2].is_nan(),
                "{loss:?}: {sums:?} {slopes:?}"
            );
        }
    }
}

#[test]
fn the_logarithm_is_exact_to_the_last_places() {
    for x in (0..=1000).map(|i| i as f32 / 1000.0).chain([1e-30, 1e-8]) {
        let exact = f64::from(x).ln_1p();
        let error = (f64::from(log_of_one_and(x)) - exact).abs();
        assert!(error <= 2.0 * f64::from(f32::EPSILON) * exact, "{x}");
    }
}
