//! Recurrent layers.

mod block;
#[cfg(test)]
mod tests;

use crate::dense::{Matrix, Packed};
use crate::operation::{Gradients, Operation};
use crate::simd::{Processor, dispatch};
use crate::slices::Slices;
use crate::threads::{Pool, Threads};
use ae_network::{Cell, Layer};
use block::{Backward, Forward, Shape, Weights};
use std::sync::Arc;

/// A layer of long short-term memory, forward and backward, from a state of zeros.
///
/// A thread takes some rows of the batch through all steps, so that threads meet once in a pass, and gates are computed
/// where their sums are still in the nearest cache.
#[derive(Debug)]
pub struct Recurrence {
    processor: Processor,
    shape: Shape,
    parameters: [usize; 4],
    memory: Arc<Pool<Vec<f32>>>,
}

/// What a forward pass leaves for the backward pass.
#[derive(Debug)]
pub struct KeptSteps {
    n: usize,
    /// For each block of rows and each step: gates `[rows, 4 · units]`, memories and states `[rows, units]`.
    steps: Vec<f32>,
    memory: Arc<Pool<Vec<f32>>>,
}

impl Drop for KeptSteps {
    fn drop(&mut self) {
        self.memory.give(std::mem::take(&mut self.steps));
    }
}

/// Rows that a thread takes at once.
const ROWS: usize = 16;

impl Recurrence {
    /// The layer, if the first of `layers` is one for sequences `[T, F]`, or the first two are one whose input is the same
    /// `[F]` at each step; and how many layers that is. `None` for gated recurrent units, and for both directions.
    pub fn starting(layers: &[Layer], sample: &[i64], processor: Processor) -> Option<(Self, usize)> {
        let (steps, features, repeats, rest) = match (layers, sample) {
            ([Layer::Repeat { times }, rest @ ..], [features]) => (*times, *features, true, rest),
            (_, [steps, features]) => (*steps, *features, false, layers),
            _ => return None,
        };
        let Some(Layer::Recurrent(layer)) = rest.first() else { return None };
        if layer.cell != Cell::Lstm || layer.both_ways {
            return None;
        }
        let [steps, features, units] = [steps, features, layer.units].map(|n| n as usize);
        let shape = Shape { steps, features, units, repeats, whole: layer.whole };
        let gates = 4 * units;
        let parameters = [gates * features, gates * units, gates, gates];
        let layer = Recurrence { processor, shape, parameters, memory: Arc::default() };
        Some((layer, 1 + usize::from(repeats)))
    }

    /// Number of values of each parameter: input weight, recurrent weight, and the two biases, as
    /// [`ae_network::Recurrent`] describes them.
    pub fn parameters(&self) -> &[usize] {
        &self.parameters
    }

    /// Shape of a sample: `[T, F]`, or `[F]` if it is the same at each step.
    pub fn input_shape(&self) -> Vec<usize> {
        let Shape { steps, features, repeats, .. } = self.shape;
        if repeats { vec![features] } else { vec![steps, features] }
    }

    /// Shape of a result: `[T, units]`, or `[units]` if only the last state is asked for.
    pub fn output_shape(&self) -> Vec<usize> {
        let Shape { steps, units, whole, .. } = self.shape;
        if whole { vec![steps, units] } else { vec![units] }
    }

    /// Computes all blocks of rows. `kept` has room for each, or `room` for one gives each task its own.
    fn run(
        &self,
        parameters: &[&[f32]],
        samples: &[f32],
        to: &mut [f32],
        kept: Option<&mut [f32]>,
        threads: &dyn Threads,
    ) {
        let n = self.check(parameters, samples);
        let shape = &self.shape;
        assert_eq!(to.len(), n * shape.result(), "room for the results");
        let (mut input, mut recurrent, mut bias) = (self.room(0), self.room(0), self.room(0));
        bias.clear();
        bias.extend(parameters[2].iter().zip(parameters[3]).map(|(one, other)| one + other));
        let of = |values, columns| Matrix::new(values, columns).transposed();
        let weights = Weights {
            input: Packed::new(of(parameters[0], shape.features), self.processor, &mut input),
            recurrent: Packed::new(of(parameters[1], shape.units), self.processor, &mut recurrent),
        };
        {
            let to = Slices::new(to, ROWS * shape.result());
            let kept = kept.map(|kept| Slices::new(kept, ROWS * shape.kept()));
            threads.each(n.div_ceil(ROWS), &|block| {
                let rows = ROWS.min(n - block * ROWS);
                let samples = &samples[block * ROWS * shape.sample()..][..rows * shape.sample()];
                let mut room = self.room(if kept.is_some() { 0 } else { 2 * rows * shape.kept_of_step() });
                // SAFETY: each task has its own part of both.
                let (to, kept) = unsafe { (to.get(block), kept.as_ref().map(|kept| kept.get(block))) };
                let mut fixed = self.room(rows * 4 * shape.units);
                let steps = kept.unwrap_or(&mut room);
                let forward = Forward {
                    shape,
                    weights: &weights,
                    bias: &bias,
                    rows,
                    samples,
                    to,
                    steps,
                    fixed: &mut fixed,
                };
                // SAFETY: the weights were packed for this processor.
                unsafe { dispatch(self.processor, forward) };
                [room, fixed].into_iter().for_each(|used| self.memory.give(used));
            });
        }
        [input, recurrent, bias].into_iter().for_each(|used| self.memory.give(used));
    }

    fn check(&self, parameters: &[&[f32]], samples: &[f32]) -> usize {
        let sizes = parameters.iter().map(|parameter| parameter.len());
        assert!(sizes.eq(self.parameters), "the parameters have the sizes of the layer");
        let n = samples.len() / self.shape.sample();
        assert_eq!(samples.len(), n * self.shape.sample(), "whole samples");
        n
    }

    /// Memory for `len` values, whatever they are now.
    fn room(&self, len: usize) -> Vec<f32> {
        let mut room = self.memory.take().unwrap_or_default();
        room.resize(len, 0.0);
        room
    }
}

impl Operation for Recurrence {
    type Kept = KeptSteps;

    const NEEDS_SAMPLES: bool = true;

    fn forward(&self, parameters: &[&[f32]], samples: &[f32], to: &mut [f32], threads: &dyn Threads) {
        self.run(parameters, samples, to, None, threads);
    }

    fn forward_kept(
        &self,
        parameters: &[&[f32]],
        samples: &[f32],
        to: &mut [f32],
        threads: &dyn Threads,
    ) -> KeptSteps {
        let n = samples.len() / self.shape.sample();
        let mut steps = self.room(n * self.shape.kept());
        self.run(parameters, samples, to, Some(&mut steps), threads);
        KeptSteps { n, steps, memory: Arc::clone(&self.memory) }
    }

    fn backward(
        &self,
        parameters: &[&[f32]],
        kept: &KeptSteps,
        samples: Option<&[f32]>,
        gradient: &[f32],
        gradients: Gradients<'_>,
        threads: &dyn Threads,
    ) {
        let samples = samples.expect("the samples of the forward pass");
        let (n, shape) = (self.check(parameters, samples), &self.shape);
        assert_eq!((n, gradient.len()), (kept.n, n * shape.result()), "gradients of that pass");
        let (mut input, mut recurrent) = (self.room(0), self.room(0));
        let weights = Weights {
            input: Packed::new(Matrix::new(parameters[0], shape.features), self.processor, &mut input),
            recurrent: Packed::new(Matrix::new(parameters[1], shape.units), self.processor, &mut recurrent),
        };
        let blocks = n.div_ceil(ROWS);
        let n_sums = shape.sums();
        let mut sums = self.room(0);
        sums.clear();
        sums.resize(blocks * n_sums, 0.0);
        {
            let all_sums = Slices::new(&mut sums, n_sums);
            let to = gradients.samples.map(|to| Slices::new(to, ROWS * shape.sample()));
            threads.each(blocks, &|block| {
                let rows = ROWS.min(n - block * ROWS);
                let part = |values: usize| block * ROWS * values..(block * ROWS + rows) * values;
                // SAFETY: each task has its own part of both.
                let (sums, to) = unsafe { (all_sums.get(block), to.as_ref().map(|to| to.get(block))) };
                let backward = Backward {
                    shape,
                    weights: &weights,
                    processor: self.processor,
                    rows,
                    samples: &samples[part(shape.sample())],
                    steps: &kept.steps[part(shape.kept())],
                    gradient: &gradient[part(shape.result())],
                    sums,
                    to,
                    memory: &self.memory,
                };
                // SAFETY: the weights were packed for this processor.
                unsafe { dispatch(self.processor, backward) };
            });
        }
        if let Some(mut wanted) = gradients.parameters {
            for part in sums.chunks_exact(n_sums).enumerate() {
                add_to(&mut wanted, part);
            }
            let [.., input_bias, recurrent_bias] = &mut wanted[..] else { panic!("four parameters") };
            recurrent_bias.copy_from_slice(input_bias);
        }
        [input, recurrent, sums].into_iter().for_each(|used| self.memory.give(used));
    }
}

/// Adds the sums of a block of rows to the gradients; the first are written over what is there. Both biases have the same.
fn add_to(wanted: &mut [&mut [f32]], (block, mut sums): (usize, &[f32])) {
    for to in &mut wanted[..3] {
        let (values, rest) = sums.split_at(to.len());
        sums = rest;
        match block {
            0 => to.copy_from_slice(values),
            _ => to.iter_mut().zip(values).for_each(|(to, value)| *to += value),
        }
    }
}
