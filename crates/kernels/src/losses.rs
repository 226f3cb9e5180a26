//! Losses: the output's activation, the loss of each value and its slope, in one walk.

use crate::dense::{activate, exp, gate};
use crate::operation::{Gradients, Operation};
use crate::simd::{Kernel, Processor, Simd, dispatch};
use crate::slices::Slices;
use crate::threads::{Alone, Pool, Threads};
use ae_network::Activation;

/// The loss of one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueLoss {
    /// `(x̂ - x)²`, `x̂` the activation of the output.
    Squared(Activation),
    /// `|x̂ - x|`, whose slope is 0 at 0.
    Absolute(Activation),
    /// `-x ln p - (1 - x) ln (1 - p)`, `p` the sigmoid of the output.
    CrossEntropy,
}

/// What becomes of the losses of all values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reduction {
    /// Their mean: one value.
    Mean,
    /// The sum of each row of so many values.
    RowSums(usize),
    /// The mean of these sums: one value.
    MeanOfRows(usize),
}

/// The losses of outputs against targets.
///
/// The samples are the outputs before their activation; the only parameter is the target, of the same size, for which there
/// is no gradient.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    loss: ValueLoss,
    reduction: Reduction,
    processor: Processor,
}

/// The slope of the result by each value, or of the sum of the value's row, for the backward pass.
#[derive(Debug)]
pub struct KeptSlopes(Vec<f32>);

impl Drop for KeptSlopes {
    fn drop(&mut self) {
        MEMORY.give(std::mem::take(&mut self.0));
    }
}

/// A loss is made anew for each step, so its memory is that of all.
static MEMORY: Pool<Vec<f32>> = Pool::new();

/// Values of a task.
const PART: usize = 1 << 12;
/// Values that are worth waking a thread.
const WORTH: usize = 1 << 14;
/// Values that are added in single precision.
const RUN: usize = 1 << 10;
/// Sums side by side, whatever the processor: its vectors must not change a result.
const LANES: usize = 16;

impl Loss {
    /// The loss on this processor. `None` for an activation that these kernels do not have.
    pub fn new(loss: ValueLoss, reduction: Reduction, processor: Processor) -> Option<Self> {
        let activation = match loss {
            ValueLoss::Squared(activation) | ValueLoss::Absolute(activation) => activation,
            ValueLoss::CrossEntropy => Activation::Identity,
        };
        let is_ours = crate::dense::has_slope_from_result(activation);
        is_ours.then_some(Loss { loss, reduction, processor })
    }

    /// Losses and slopes of all values; the losses are added up by rows of `width` values, the last perhaps of fewer, and the
    /// slopes multiplied by `factor`.
    fn rows(
        &self,
        (width, factor): (usize, f32),
        output: &[f32],
        target: &[f32],
        slopes: &mut [f32],
        sums: &mut [f32],
        threads: &dyn Threads,
    ) {
        let sizes = [target.len(), slopes.len(), sums.len()];
        assert_eq!(sizes, [output.len(), output.len(), output.len().div_ceil(width)], "as many of each");
        let rows = (PART / width).max(1);
        let part = rows * width;
        let (slopes, sums) = (Slices::new(slopes, part), Slices::new(sums, rows));
        let threads = if output.len() < WORTH { &Alone } else { threads };
        threads.each(output.len().div_ceil(part), &|index| {
            let values = index * part..((index + 1) * part).min(output.len());
            // SAFETY: each task has its own part of both.
            let (slopes, sums) = unsafe { (slopes.get(index), sums.get(index)) };
            let (output, target) = (&output[values.clone()], &target[values]);
            // SAFETY: it works on slices.
            unsafe {
                dispatch(
                    self.processor,
                    Rows { loss: self.loss, width, factor, output, target, slopes, sums },
                )
            };
        });
    }
}

impl Operation for Loss {
    type Kept = KeptSlopes;

    const NEEDS_SAMPLES: bool = false;

    fn forward(&self, parameters: &[&[f32]], output: &[f32], to: &mut [f32], threads: &dyn Threads) {
        drop(self.forward_kept(parameters, output, to, threads));
    }

    fn forward_kept(
        &self,
        parameters: &[&[f32]],
        output: &[f32],
        to: &mut [f32],
        threads: &dyn Threads,
    ) -> KeptSlopes {
        let [target] = parameters else { panic!("a loss takes one target") };
        let mut slopes = MEMORY.take().unwrap_or_default();
        slopes.resize(output.len(), 0.0);
        let (width, count) = match self.reduction {
            Reduction::RowSums(width) => {
                self.rows((width, 1.0), output, target, &mut slopes, to, threads);
                return KeptSlopes(slopes);
            }
            Reduction::Mean => (PART, output.len()),
            Reduction::MeanOfRows(width) => (width, output.len() / width),
        };
        let mut sums = vec![0.0; output.len().div_ceil(width)];
        self.rows((width, 1.0 / count as f32), output, target, &mut slopes, &mut sums, threads);
        let sum: f64 = sums.iter().map(|&sum| f64::from(sum)).sum();
        to.copy_from_slice(&[(sum / count as f64) as f32]);
        KeptSlopes(slopes)
    }

    fn gradient_in<'k>(
        &self,
        KeptSlopes(slopes): &'k mut KeptSlopes,
        gradient: &[f32],
    ) -> Option<&'k mut [f32]> {
        let is_one_value = !matches!(self.reduction, Reduction::RowSums(_));
        (is_one_value && gradient == [1.0]).then_some(slopes)
    }

    fn backward(
        &self,
        _target: &[&[f32]],
        KeptSlopes(slopes): &KeptSlopes,
        _output: Option<&[f32]>,
        gradient: &[f32],
        gradients: Gradients<'_>,
        threads: &dyn Threads,
    ) {
        assert!(gradients.parameters.is_none(), "a target has no gradient");
        let Some(to) = gradients.samples else { return };
        let width = match self.reduction {
            Reduction::RowSums(width) => width,
            Reduction::Mean | Reduction::MeanOfRows(_) => PART,
        };
        let rows = (PART / width).max(1);
        let to = Slices::new(to, rows * width);
        let threads = if slopes.len() < WORTH { &Alone } else { threads };
        threads.each(slopes.len().div_ceil(rows * width), &|index| {
            // SAFETY: each task has its own part.
            let to = unsafe { to.get(index) };
            let slopes = &slopes[index * rows * width..];
            for (row, (to, slopes)) in to.chunks_mut(width).zip(slopes.chunks(width)).enumerate() {
                let of_row = if gradient.len() == 1 { 0 } else { index * rows + row };
                let factor = gradient[of_row];
                to.iter_mut().zip(slopes).for_each(|(to, slope)| *to = factor * slope);
            }
        });
    }
}

/// Some rows: the slope of each value, and the sum of each row's losses.
struct Rows<'a> {
    loss: ValueLoss,
    width: usize,
    factor: f32,
    output: &'a [f32],
    target: &'a [f32],
    slopes: &'a mut [f32],
    sums: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Rows { loss, width, factor, output, target, slopes, sums } = self;
        let rows = output.chunks(width).zip(target.chunks(width)).zip(slopes.chunks_mut(width));
        for (((output, target), slopes), sum) in rows.zip(sums) {
            let runs = output.chunks(RUN).zip(target.chunks(RUN)).zip(slopes.chunks_mut(RUN));
            *sum = runs
                .map(|((output, target), slopes)| {
                    let sum = run::<S>(loss, output, target, slopes);
                    slopes.iter_mut().for_each(|slope| *slope *= factor);
                    f64::from(sum)
                })
                .sum::<f64>() as f32;
        }
    }
}

/// At most [`RUN`] values: their slopes, and the sum of their losses.
#[inline(always)]
fn run<S: Simd>(loss: ValueLoss, output: &[f32], target: &[f32], slopes: &mut [f32]) -> f32 {
    let mut memory = [0.0; RUN];
    let losses = &mut memory[..output.len()];
    match loss {
        ValueLoss::Squared(activation) | ValueLoss::Absolute(activation) => {
            // The reconstruction, for now.
            losses.copy_from_slice(output);
            activate::<S>(activation, losses);
            let is_squared = matches!(loss, ValueLoss::Squared(_));
            for ((slope, x), target) in slopes.iter_mut().zip(&*losses).zip(target) {
                let error = x - target;
                // The product with 0 keeps NaN.
                let sign = if error > 0.0 {
                    1.0
                } else if error < 0.0 {
                    -1.0
                } else {
                    0.0 * error
                };
                *slope = if is_squared { 2.0 * error } else { sign };
            }
            gate(activation, losses, slopes);
            for (loss, target) in losses.iter_mut().zip(target) {
                let error = *loss - target;
                *loss = if is_squared { error * error } else { error.abs() };
            }
        }
        ValueLoss::CrossEntropy => {
            for (((loss, slope), &x), target) in losses.iter_mut().zip(&mut *slopes).zip(output).zip(target) {
                let (small, positive) = (exp::<S>(-x.abs()), if x < 0.0 { 0.0 } else { x });
                let p = if x < 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) };
                *loss = positive - x * target + log_of_one_and(small);
                *slope = p - target;
            }
        }
    }
    let (whole, rest) = losses.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for values in whole {
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    sums.iter().chain(rest).sum()
}

/// `ln(1 + x)` for 0 ≤ x ≤ 1, within 2 units in the last place: twice the inverse hyperbolic tangent of `x / (2 + x)`, by its
/// series.
#[inline(always)]
fn log_of_one_and(x: f32) -> f32 {
    let s = x / (2.0 + x);
    let square = s * s;
    let mut series = 1.0 / 15.0;
    for divisor in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        series = series * square + 1.0 / divisor;
    }
    2.0 * s * series
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rayon;
    use crate::testing::values;

    const LOSSES: [ValueLoss; 6] = [
        ValueLoss::Squared(Activation::Sigmoid),
        ValueLoss::Squared(Activation::Identity),
        ValueLoss::Squared(Activation::Tanh),
        ValueLoss::Absolute(Activation::Identity),
        ValueLoss::Absolute(Activation::Sigmoid),
        ValueLoss::CrossEntropy,
    ];

    fn exact(loss: ValueLoss, output: f64, target: f64) -> f64 {
        let of = |activation| match activation {
            Activation::Sigmoid => 1.0 / (1.0 + (-output).exp()),
            Activation::Tanh => output.tanh(),
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
                        assert!(
                            error <= 2e-6 * (1.0 + exact),
                            "{processor} {loss:?} {row}: {sum}, not {exact}"
                        );
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
                    assert_eq!(
                        (sums, slopes),
                        computed(ours, &output, &target, &Rayon),
                        "on several threads"
                    );
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
}
