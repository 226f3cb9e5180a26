//! Narrow layers: a thread takes some rows through all of them, so that threads meet once in a pass.

use super::activate::Gate;
use super::layers::{ColumnSums, Dense};
use super::pack::{Matrix, Multiply, Packed};
use super::product::Finish;
use crate::operation::Gradients;
use crate::simd::{Processor, dispatch};
use crate::slices::Slices;
use crate::threads::{Alone, Pool, Threads};
use ae_network::Activation;

/// Weights of all layers together up to which they are narrow: they stay in a thread's caches beside its rows.
const WEIGHTS: usize = 1 << 15;
/// Rows of a task: few, so that no thread waits for long until the last is done.
const ROWS: usize = 32;
/// Rows of a task of a backward pass, at least: enough to be worth gradients of their own.
const ROWS_BACK: usize = 64;
/// Tasks of a backward pass, at most: each has gradients of its own for all parameters, which are added up at the end.
const TASKS: usize = 16;
/// Values that are worth waking a thread to add them up.
const WORTH: usize = 1 << 15;

/// Layers with their parameters, weight and bias of each, whose sizes are checked.
pub(super) struct Narrow<'a> {
    pub(super) layers: &'a [Dense],
    pub(super) parameters: &'a [&'a [f32]],
    pub(super) processor: Processor,
    pub(super) memory: &'a Pool<Vec<f32>>,
}

/// Whether layers are so narrow.
pub(super) fn are_narrow(layers: &[Dense]) -> bool {
    layers.iter().map(|layer| layer.inputs * layer.outputs).sum::<usize>() <= WEIGHTS
}

impl Narrow<'_> {
    /// From `n` rows to the results of each layer.
    pub(super) fn forward(&self, rows: &[f32], results: Vec<&mut [f32]>, threads: &dyn Threads) {
        let n = rows.len() / self.layers[0].inputs;
        let weights = |index: usize, inputs| Matrix::new(self.parameters[2 * index], inputs).transposed();
        let (memory, places) = self.packed(weights);
        let results: Vec<Slices<'_>> = results
            .into_iter()
            .zip(self.layers)
            .map(|(to, layer)| Slices::new(to, ROWS * layer.outputs))
            .collect();
        threads.each(n.div_ceil(ROWS), &|task| {
            let inputs = self.layers[0].inputs;
            let mut from = &rows[task * ROWS * inputs..n.min((task + 1) * ROWS) * inputs];
            for (index, layer) in self.layers.iter().enumerate() {
                let finish =
                    Finish::Layer { bias: self.parameters[2 * index + 1], activation: layer.activation };
                let right =
                    Packed::of(&memory[places[index]..places[index + 1]], layer.inputs, layer.outputs);
                // SAFETY: each task has its own part.
                let to = unsafe { results[index].get(task) };
                Multiply { left: Matrix::new(from, layer.inputs), right, finish, to }.run_on(self.processor);
                from = to;
            }
        });
        self.memory.give(memory);
    }

    /// [`crate::Operation::backward`], from the results of each layer.
    pub(super) fn backward(
        &self,
        results: &[&[f32]],
        rows: &[f32],
        gradient: &[f32],
        gradients: Gradients<'_>,
        threads: &dyn Threads,
    ) {
        let Gradients { samples: wanted_rows, parameters: mut wanted } = gradients;
        let (first, last) = (self.layers[0], self.layers[self.layers.len() - 1]);
        let n = rows.len() / first.inputs;
        let at_once = n.div_ceil(TASKS).next_multiple_of(ROWS_BACK);
        let tasks = n.div_ceil(at_once);
        let weights = |index: usize, inputs| Matrix::new(self.parameters[2 * index], inputs);
        let (packed, places) = self.packed(weights);
        let wanted_rows = wanted_rows.map(|to| Slices::new(to, at_once * first.inputs));
        // The gradients of each parameter, task after task.
        let sizes = self.parameters.iter().map(|parameter| parameter.len());
        let len = if wanted.is_some() { sizes.sum::<usize>() * tasks } else { 0 };
        let mut added = self.memory.at_least(len);
        {
            let mut rest = &mut added[..];
            let mut of_parameter = |parameter: &&[f32]| {
                let (part, behind) = std::mem::take(&mut rest).split_at_mut(parameter.len() * tasks);
                rest = behind;
                Slices::new(part, parameter.len())
            };
            let sums: Option<Vec<Slices<'_>>> =
                wanted.as_ref().map(|_| self.parameters.iter().map(&mut of_parameter).collect());
            threads.each(tasks, &|task| {
                let part = |width: usize| task * at_once * width..n.min((task + 1) * at_once) * width;
                let here = part(1).len();
                let widest = self.layers.iter().map(|layer| layer.outputs).max().unwrap_or(0);
                let [mut behind, mut before] = [(); 2].map(|()| self.memory.at_least(here * widest));
                let mut packed_inputs = self.memory.at_least(0);
                let gradient = &gradient[part(last.outputs)];
                behind[..gradient.len()].copy_from_slice(gradient);
                if last.activation != Activation::Identity {
                    let results = &results[self.layers.len() - 1][part(last.outputs)];
                    let gate =
                        Gate { activation: last.activation, results, gradient: &mut behind[..results.len()] };
                    // SAFETY: it works on slices.
                    unsafe { dispatch(self.processor, gate) };
                }
                for (index, layer) in self.layers.iter().enumerate().rev() {
                    let gradient = Matrix::new(&behind[..here * layer.outputs], layer.outputs);
                    let inputs = if index == 0 { rows } else { results[index - 1] };
                    let inputs = &inputs[part(layer.inputs)];
                    if let Some(sums) = &sums {
                        // SAFETY: each task has its own part of both.
                        let [weight, bias] =
                            [2 * index, 2 * index + 1].map(|slot| unsafe { sums[slot].get(task) });
                        let right = Packed::new(
                            Matrix::new(inputs, layer.inputs),
                            self.processor,
                            &mut packed_inputs,
                        );
                        let (left, finish) = (gradient.transposed(), Finish::Nothing);
                        Multiply { left, right, finish, to: weight }.run_on(self.processor);
                        // SAFETY: it works on slices.
                        unsafe { dispatch(self.processor, ColumnSums { rows: gradient.values, to: bias }) };
                    }
                    let right =
                        Packed::of(&packed[places[index]..places[index + 1]], layer.outputs, layer.inputs);
                    if index > 0 {
                        let activation = self.layers[index - 1].activation;
                        let (finish, to) =
                            (Finish::Gate { results: inputs, activation }, &mut before[..inputs.len()]);
                        Multiply { left: gradient, right, finish, to }.run_on(self.processor);
                        std::mem::swap(&mut behind, &mut before);
                    } else if let Some(wanted) = &wanted_rows {
                        // SAFETY: each task has its own part.
                        let to = unsafe { wanted.get(task) };
                        Multiply { left: gradient, right, finish: Finish::Nothing, to }
                            .run_on(self.processor);
                    }
                }
                [behind, before, packed_inputs].into_iter().for_each(|used| self.memory.give(used));
            });
        }
        if let Some(wanted) = &mut wanted {
            add_up(&added[..len], wanted, tasks, threads);
        }
        [added, packed].into_iter().for_each(|used| self.memory.give(used));
    }

    /// All weights, packed as the right factors of a pass, and the place of each.
    fn packed<'w>(&self, weights: impl Fn(usize, usize) -> Matrix<'w>) -> (Vec<f32>, Vec<usize>) {
        let matrices: Vec<_> =
            self.layers.iter().enumerate().map(|(index, layer)| weights(index, layer.inputs)).collect();
        let mut places = vec![0];
        for matrix in &matrices {
            let len = Packed::len(matrix.rows, matrix.columns, self.processor.lanes());
            places.push(places[places.len() - 1] + len);
        }
        let mut memory = self.memory.at_least(places[places.len() - 1]);
        for (matrix, place) in matrices.into_iter().zip(places.windows(2)) {
            Packed::to(matrix, self.processor, &mut memory[place[0]..place[1]]);
        }
        (memory, places)
    }
}

/// The sum of the gradients of all tasks, in the order of the tasks.
fn add_up(added: &[f32], wanted: &mut [&mut [f32]], tasks: usize, threads: &dyn Threads) {
    let mut rest = added;
    let mut of_parameter = |to: &mut &mut [f32]| {
        let (part, behind) = rest.split_at(to.len() * tasks);
        rest = behind;
        part
    };
    let parts: Vec<&[f32]> = wanted.iter_mut().map(&mut of_parameter).collect();
    let to: Vec<Slices<'_>> = wanted.iter_mut().map(|to| Slices::new(to, to.len())).collect();
    let threads = if added.len() < WORTH { &Alone } else { threads };
    threads.each(parts.len(), &|index| {
        // SAFETY: each task has its own parameter.
        let to = unsafe { to[index].get(0) };
        let mut parts = parts[index].chunks_exact(to.len());
        to.copy_from_slice(parts.next().expect("a task"));
        for part in parts {
            to.iter_mut().zip(part).for_each(|(to, value)| *to += value);
        }
    });
}
