//! Losses: the output's activation, the loss of each value and its slope, in one walk.

use crate::dense::activate::{
    exp, leaky_relu, relu, sigmoid, tanh, through_leaky_relu, through_relu, through_sigmoid, through_tanh,
};
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
                .map(|((output, target), slopes)| f64::from(run::<S>(loss, factor, output, target, slopes)))
                .sum::<f64>() as f32;
        }
    }
}

/// Outputs and targets, and where the loss of each and its slope, times a factor, go.
struct Values<'a> {
    output: &'a [f32],
    target: &'a [f32],
    slopes: &'a mut [f32],
    losses: &'a mut [f32],
    factor: f32,
}

impl Values<'_> {
    /// `of` gives loss and slope by the output.
    #[inline(always)]
    fn each(self, of: impl Fn(f32, f32) -> (f32, f32)) {
        let Values { output, target, slopes, losses, factor } = self;
        for (((loss, slope), x), target) in losses.iter_mut().zip(slopes).zip(output).zip(target) {
            let (value, by_output) = of(*x, *target);
            (*loss, *slope) = (value, factor * by_output);
        }
    }

    /// `of` gives the loss of an error of the output's activation, and its slope by that.
    #[inline(always)]
    fn between<S: Simd>(self, activation: Activation, of: impl Fn(f32) -> (f32, f32)) {
        let through = |y: f32, target: f32, back: fn(f32, f32) -> f32| {
            let (loss, slope) = of(y - target);
            (loss, back(y, slope))
        };
        match activation {
            Activation::Identity => self.each(|x, target| of(x - target)),
            Activation::Relu => self.each(|x, target| through(relu(x), target, through_relu)),
            Activation::LeakyRelu => {
                self.each(|x, target| through(leaky_relu(x), target, through_leaky_relu))
            }
            Activation::Sigmoid => self.each(|x, target| through(sigmoid::<S>(x), target, through_sigmoid)),
            Activation::Tanh => self.each(|x, target| through(tanh::<S>(x), target, through_tanh)),
            Activation::Gelu | Activation::Silu => unreachable!("a loss is not made for them"),
        }
    }
}

/// At most [`RUN`] values: their slopes times a factor, and the sum of their losses.
#[inline(always)]
fn run<S: Simd>(loss: ValueLoss, factor: f32, output: &[f32], target: &[f32], slopes: &mut [f32]) -> f32 {
    let mut memory = [0.0; RUN];
    let losses = &mut memory[..output.len()];
    let values = Values { output, target, slopes, losses, factor };
    match loss {
        ValueLoss::Squared(activation) => {
            values.between::<S>(activation, |error| (error * error, 2.0 * error))
        }
        ValueLoss::Absolute(activation) => values.between::<S>(activation, |error| {
            // The product with 0 keeps NaN.
            let sign = if error > 0.0 {
                1.0
            } else if error < 0.0 {
                -1.0
            } else {
                0.0 * error
            };
            (error.abs(), sign)
        }),
        ValueLoss::CrossEntropy => values.each(|x, target| {
            let (small, positive) = (exp::<S>(-x.abs()), if x < 0.0 { 0.0 } else { x });
            let p = if x < 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) };
            (positive - x * target + log_of_one_and(small), p - target)
        }),
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
#[path = "losses_tests.rs"]
mod tests;
