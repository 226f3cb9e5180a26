//! Transformer blocks.

mod block;
mod norm;
#[cfg(test)]
mod tests;

use crate::dense::{Matrix, Packed, of_parameters};
use crate::operation::{Gradients, Operation};
use crate::simd::{Processor, dispatch};
use crate::slices::Slices;
use crate::threads::{Pool, Threads};
use ae_network::Layer;
use block::{Backward, Forward, Parts, Shape, Weights};
use std::sync::Arc;

/// A transformer block as [`ae_network::TransformerBlock`] describes it, forward and backward, on samples `[T, D]`.
///
/// A thread takes some samples through the whole block, so that threads meet once in a pass, and what a matrix product gives
/// is normalised, attended to or activated where it is still in the nearest caches.
#[derive(Clone, Debug)]
pub struct Transformer {
    processor: Processor,
    shape: Shape,
    parameters: [usize; 12],
    memory: Arc<Memory>,
}

/// Memory that is free at the moment.
#[derive(Debug, Default)]
struct Memory {
    /// For whole batches.
    batches: Pool<Vec<f32>>,
    /// For what a thread does.
    tasks: Pool<Vec<f32>>,
}

/// What a forward pass leaves for the backward pass, of the whole batch.
#[derive(Debug)]
pub struct KeptTokens {
    n: usize,
    values: Vec<f32>,
    memory: Arc<Memory>,
}

impl Drop for KeptTokens {
    fn drop(&mut self) {
        self.memory.batches.give(std::mem::take(&mut self.values));
    }
}

/// Tokens that a thread takes at once, at least: enough to use each value of a weight often.
const TOKENS: usize = 48;
/// Rows of the tallest tile of a product.
const TILE: usize = 12;

impl Transformer {
    /// The block, if `layer` is one, on samples `[T, D]`.
    pub fn of(layer: &Layer, sample: &[i64], processor: Processor) -> Option<Self> {
        let (Layer::TransformerBlock(block), &[tokens, width]) = (layer, sample) else { return None };
        let [tokens, width, heads] = [tokens, width, block.heads].map(|n| n as usize);
        let dense = |outputs: usize, inputs: usize| [outputs * inputs, outputs];
        let parts = [[width; 2], dense(3 * width, width), dense(width, width)];
        let rest = [[width; 2], dense(4 * width, width), dense(width, 4 * width)];
        let mut parameters = [0; 12];
        parameters.iter_mut().zip(parts.iter().chain(&rest).flatten()).for_each(|(to, from)| *to = *from);
        Some(Transformer {
            processor,
            shape: Shape { tokens, width, heads },
            parameters,
            memory: Arc::default(),
        })
    }

    /// The same block for another number of tokens.
    pub fn for_tokens(&self, tokens: usize) -> Self {
        Transformer { shape: Shape { tokens, ..self.shape }, ..self.clone() }
    }

    /// Number of values of each parameter, as [`ae_network::TransformerBlock`] describes them.
    pub fn parameters(&self) -> &[usize] {
        &self.parameters
    }

    /// `[T, D]`, of samples and results.
    pub fn shape(&self) -> [usize; 2] {
        [self.shape.tokens, self.shape.width]
    }

    fn check(&self, parameters: &[&[f32]], samples: &[f32]) -> usize {
        let sizes = parameters.iter().map(|parameter| parameter.len());
        assert!(sizes.eq(self.parameters), "the parameters have the sizes of the block");
        let n = samples.len() / self.shape.sample();
        assert_eq!(samples.len(), n * self.shape.sample(), "whole samples");
        n
    }

    /// Samples of a task, whatever the number of threads.
    fn at_once(&self) -> usize {
        // A few more may spare a narrow tile of rows at the end, in which sums wait for one another.
        let least = TOKENS.div_ceil(self.shape.tokens);
        let is_even = |samples: &usize| (samples * self.shape.tokens % TILE).is_multiple_of(4);
        (least..=4 * least).find(is_even).unwrap_or(least)
    }

    /// Memory for `len` values, whatever they are now.
    fn room(&self, len: usize) -> Vec<f32> {
        let mut room = self.memory.tasks.take().unwrap_or_default();
        room.resize(len, 0.0);
        room
    }

    /// Packs the four weights; each is a matrix `[out, in]`, or turned.
    fn packed<'m>(&self, parameters: &[&[f32]], turned: bool, memory: &'m mut [Vec<f32>; 4]) -> Weights<'m> {
        let width = self.shape.width;
        let [qkv, projection, expand, contract] = memory;
        let pack = |slot: usize, inputs: usize, memory: &'m mut Vec<f32>| {
            let matrix = Matrix::new(parameters[slot], inputs);
            Packed::new(if turned { matrix.transposed() } else { matrix }, self.processor, memory)
        };
        Weights {
            qkv: pack(2, width, qkv),
            projection: pack(4, width, projection),
            expand: pack(8, width, expand),
            contract: pack(10, 4 * width, contract),
        }
    }

    fn run(
        &self,
        parameters: &[&[f32]],
        samples: &[f32],
        to: &mut [f32],
        kept: Option<&mut [f32]>,
        threads: &dyn Threads,
    ) {
        let (n, shape) = (self.check(parameters, samples), &self.shape);
        assert_eq!(to.len(), samples.len(), "room for the results");
        let mut memory = std::array::from_fn(|_| self.room(0));
        {
            let weights = self.packed(parameters, true, &mut memory);
            let (at_once, size) = (self.at_once(), shape.sample());
            let to = Slices::new(to, at_once * size);
            let kept = kept
                .map(|kept| Parts::of(kept, shape, n).map(|(part, each)| Slices::new(part, at_once * each)));
            threads.each(n.div_ceil(at_once), &|task| {
                let here = at_once.min(n - task * at_once);
                let samples = &samples[task * at_once * size..][..here * size];
                let mut room = self.room(if kept.is_some() { 0 } else { here * shape.kept() });
                // SAFETY: each task has its own part of all of these.
                let (to, parts) = unsafe {
                    let parts = kept.as_ref().map(|kept| kept.each_ref().map(|slices| slices.get(task)));
                    (to.get(task), parts)
                };
                let parts = parts.unwrap_or_else(|| Parts::of(&mut room, shape, here).map(|(part, _)| part));
                let (mut one, mut other, mut packed) =
                    (self.room(here * size), self.room(here * size), self.room(0));
                let forward = Forward {
                    shape,
                    processor: self.processor,
                    weights: &weights,
                    parameters,
                    samples,
                    to,
                    parts,
                    room: [&mut one, &mut other],
                    packed: &mut packed,
                };
                // SAFETY: the weights were packed for this processor.
                unsafe { dispatch(self.processor, forward) };
                [room, one, other, packed].into_iter().for_each(|used| self.memory.tasks.give(used));
            });
        }
        memory.into_iter().for_each(|used| self.memory.tasks.give(used));
    }

    /// The gradients of a weight `[out, in]` and its bias, from the gradients of what the layer gave and from what it took:
    /// `inputs · scale + shift` if there is a `norm` between.
    fn dense_gradients(
        &self,
        gradient: &[f32],
        inputs: &[f32],
        norm: Option<[&[f32]; 2]>,
        [weight, bias]: [&mut [f32]; 2],
        threads: &dyn Threads,
    ) {
        let inputs = Matrix::new(inputs, weight.len() / bias.len());
        let (gradient, memory) = (Matrix::new(gradient, bias.len()), &self.memory.tasks);
        of_parameters(gradient, inputs, [&mut *weight, &mut *bias], self.processor, memory, threads);
        if let Some([scale, shift]) = norm {
            for (row, sum) in weight.chunks_exact_mut(scale.len()).zip(bias.iter()) {
                let of_column = scale.iter().zip(shift);
                row.iter_mut()
                    .zip(of_column)
                    .for_each(|(to, (scale, shift))| *to = *to * scale + sum * shift);
            }
        }
    }
}

impl Operation for Transformer {
    type Kept = KeptTokens;

    const NEEDS_SAMPLES: bool = false;

    fn forward(&self, parameters: &[&[f32]], samples: &[f32], to: &mut [f32], threads: &dyn Threads) {
        self.run(parameters, samples, to, None, threads);
    }

    fn forward_kept(
        &self,
        parameters: &[&[f32]],
        samples: &[f32],
        to: &mut [f32],
        threads: &dyn Threads,
    ) -> KeptTokens {
        let n = samples.len() / self.shape.sample();
        let mut values = self.memory.batches.take().unwrap_or_default();
        values.resize(n * self.shape.kept(), 0.0);
        self.run(parameters, samples, to, Some(&mut values), threads);
        KeptTokens { n, values, memory: Arc::clone(&self.memory) }
    }

    fn backward(
        &self,
        parameters: &[&[f32]],
        kept: &KeptTokens,
        _samples: Option<&[f32]>,
        gradient: &[f32],
        gradients: Gradients<'_>,
        threads: &dyn Threads,
    ) {
        let (n, shape) = (self.check(parameters, gradient), &self.shape);
        assert_eq!(n, kept.n, "a gradient for each value of the result");
        let (at_once, size) = (self.at_once(), shape.sample());
        let tasks = n.div_ceil(at_once);
        let parts = Parts::of_kept(&kept.values, shape, n);
        let mut memory = std::array::from_fn(|_| self.room(0));
        let mut values = self.memory.batches.take().unwrap_or_default();
        values.resize(n * 8 * size + tasks * 4 * shape.width, 0.0);
        let (of_qkv, rest) = values.split_at_mut(n * 3 * size);
        let (of_sum, rest) = rest.split_at_mut(n * size);
        let (of_hidden, norms) = rest.split_at_mut(n * 4 * size);
        {
            let weights = self.packed(parameters, false, &mut memory);
            let slices = |values, each: usize| Slices::new(values, at_once * each);
            let to = gradients.samples.map(|to| slices(to, size));
            let (of_qkv, of_sum) = (slices(of_qkv, 3 * size), slices(of_sum, size));
            let (of_hidden, norms) = (slices(of_hidden, 4 * size), Slices::new(norms, 4 * shape.width));
            threads.each(tasks, &|task| {
                let here = at_once.min(n - task * at_once);
                let (mut one, mut other, mut packed) =
                    (self.room(here * size), self.room(here * size), self.room(0));
                let part = |values: usize| task * at_once * values..(task * at_once + here) * values;
                // SAFETY: each task has its own part of all of these.
                let backward = unsafe {
                    Backward {
                        shape,
                        processor: self.processor,
                        weights: &weights,
                        parameters,
                        parts: parts.map(|(values, each)| &values[part(each)]),
                        gradient: &gradient[part(size)],
                        of_qkv: of_qkv.get(task),
                        of_sum: of_sum.get(task),
                        of_hidden: of_hidden.get(task),
                        norms: norms.get(task),
                        to: to.as_ref().map(|to| to.get(task)),
                        room: [&mut one, &mut other],
                        packed: &mut packed,
                    }
                };
                // SAFETY: the weights were packed for this processor.
                unsafe { dispatch(self.processor, backward) };
                [one, other, packed].into_iter().for_each(|used| self.memory.tasks.give(used));
            });
        }
        if let Some(mut wanted) = gradients.parameters {
            let [first_weight, first_bias, qkv, qkv_bias, projection, projection_bias, rest @ ..] =
                &mut wanted[..]
            else {
                panic!("twelve parameters")
            };
            let [second_weight, second_bias, expand, expand_bias, contract, contract_bias] = rest else {
                panic!("twelve parameters")
            };
            let of = |index: usize| parts[index].0;
            let norm = |slot: usize| Some([parameters[slot], parameters[slot + 1]]);
            let dense =
                |gradient, inputs, norm, to| self.dense_gradients(gradient, inputs, norm, to, threads);
            dense(gradient, of(Parts::ACTIVATED), None, [contract, contract_bias]);
            dense(of_hidden, of(Parts::SECOND_NORM), norm(6), [expand, expand_bias]);
            dense(of_sum, of(Parts::GATHERED), None, [projection, projection_bias]);
            dense(of_qkv, of(Parts::FIRST_NORM), norm(0), [qkv, qkv_bias]);
            let of_norms = [first_weight, first_bias, second_weight, second_bias];
            for (index, to) in of_norms.into_iter().enumerate() {
                to.fill(0.0);
                for task in norms.chunks_exact(4 * shape.width) {
                    let sums = &task[index * shape.width..][..shape.width];
                    to.iter_mut().zip(sums).for_each(|(to, sum)| *to += sum);
                }
            }
        }
        self.memory.batches.give(values);
        memory.into_iter().for_each(|used| self.memory.tasks.give(used));
    }
}
