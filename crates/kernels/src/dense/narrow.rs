//! Narrow layers: a thread takes some rows through all of them, so that threads meet once in a pass.

use super::activate::Gate;
use super::layers::{ColumnSums, Dense};
use super::pack::{Matrix, Multiply, Packed};
use super::product::Finish;
use crate::simd::{Processor, dispatch};
use crate::slices::Slices;
use crate::threads::{Alone, Pool, Threads};
use ae_network::Activation;
use std::ops::Range;

/// Weights of all layers of a run together up to which they are narrow: they stay in a thread's caches beside its rows.
const WEIGHTS: usize = 1 << 15;
/// Rows of a task: few, so that no thread waits for long until the last is done.
const ROWS: usize = 32;
/// Rows of a task of a backward pass, at least: enough to be worth gradients of their own.
const ROWS_BACK: usize = 64;
/// Tasks of a backward pass, at most: each has gradients of its own for all parameters, which are added up at the end.
const TASKS: usize = 16;
/// Values that are worth waking a thread to add them up.
const WORTH: usize = 1 << 15;

/// Layers of a chain that are computed in one way: narrow ones together, wide ones one after another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) layers: Range<usize>,
    pub(super) is_narrow: bool,
}

/// The runs of a chain, from its first layer to its last.
pub(super) fn runs(layers: &[Dense]) -> Vec<Run> {
    let (mut runs, mut weights): (Vec<Run>, usize) = (Vec::new(), 0);
    for (index, layer) in layers.iter().enumerate() {
        let own = layer.inputs * layer.outputs;
        let is_narrow = own <= WEIGHTS;
        weights += own;
        match runs.last_mut() {
            Some(run) if run.is_narrow == is_narrow && (!is_narrow || weights <= WEIGHTS) => {
                run.layers.end += 1
            }
            _ => {
                weights = own;
                runs.push(Run { layers: index..index + 1, is_narrow });
            }
        }
    }
    runs
}

/// Layers with their parameters, weight and bias of each, whose sizes are checked.
pub(super) struct Narrow<'a> {
    pub(super) layers: &'a [Dense],
    pub(super) parameters: &'a [&'a [f32]],
    pub(super) processor: Processor,
    pub(super) memory: &'a Pool<Vec<f32>>,
}

/// What a backward pass begins with.
pub(super) struct Behind<'a> {
    /// What the layers took.
    pub(super) rows: &'a [f32],
    /// What each of them gave; of the last, only where its activation is still to be passed.
    pub(super) results: &'a [&'a [f32]],
    /// The gradient of what the last gave.
    pub(super) gradient: &'a [f32],
    /// Whether that is the gradient before the last activation.
    pub(super) is_gated: bool,
}

/// What a backward pass gives.
pub(super) struct Wanted<'a, 'p> {
    /// The gradient of the rows; before this activation, if they are its results.
    pub(super) rows: Option<(&'a mut [f32], Option<Activation>)>,
    /// The gradient of each parameter.
    pub(super) parameters: Option<&'a mut [&'p mut [f32]]>,
}

impl Narrow<'_> {
    /// From `n` rows to the results of each layer.
    pub(super) fn forward(&self, rows: &[f32], results: &mut [&mut [f32]], threads: &dyn Threads) {
        let n = rows.len() / self.layers[0].inputs;
        let weights = |index: usize, inputs| Matrix::new(self.parameters[2 * index], inputs).transposed();
        let packed = self.packed(weights);
        let results: Vec<Slices<'_>> = results
            .iter_mut()
            .zip(self.layers)
            .map(|(to, layer)| Slices::new(to, ROWS * layer.outputs))
            .collect();
        threads.each(n.div_ceil(ROWS), &|task| {
            let inputs = self.layers[0].inputs;
            let mut from = &rows[task * ROWS * inputs..n.min((task + 1) * ROWS) * inputs];
            for (index, layer) in self.layers.iter().enumerate() {
                let finish =
                    Finish::Layer { bias: self.parameters[2 * index + 1], activation: layer.activation };
                let right = packed.of(index, layer.inputs, layer.outputs);
                // SAFETY: each task has its own part.
                let to = unsafe { results[index].get(task) };
                Multiply { left: Matrix::new(from, layer.inputs), right, finish, to }.run_on(self.processor);
                from = to;
            }
        });
        self.memory.give(packed.memory);
    }

    /// From the gradient of the results to those of rows and parameters.
    pub(super) fn backward(&self, behind: &Behind<'_>, wanted: Wanted<'_, '_>, threads: &dyn Threads) {
        let inputs = self.layers[0].inputs;
        let n = behind.rows.len() / inputs;
        let at_once = n.div_ceil(TASKS).next_multiple_of(ROWS_BACK);
        let tasks = n.div_ceil(at_once);
        let packed = self.packed(|index, inputs| Matrix::new(self.parameters[2 * index], inputs));
        let (rows, front) = wanted.rows.unzip();
        let rows = rows.map(|to| Slices::new(to, at_once * inputs));
        // The gradients of each parameter, task after task.
        let sizes = self.parameters.iter().map(|parameter| parameter.len());
        let len = if wanted.parameters.is_some() { sizes.sum::<usize>() * tasks } else { 0 };
        let mut added = self.memory.at_least(len);
        let mut rest = &mut added[..];
        let mut of_parameter = |parameter: &&[f32]| {
            let part = rest.split_off_mut(..parameter.len() * tasks).expect("room for each task");
            Slices::new(part, parameter.len())
        };
        let sums: Option<Vec<Slices<'_>>> =
            wanted.parameters.as_ref().map(|_| self.parameters.iter().map(&mut of_parameter).collect());
        threads.each(tasks, &|task| {
            // SAFETY: each task has its own part of all.
            let (rows, sums) = unsafe {
                let sums = sums.as_ref().map(|sums| sums.iter().map(|sums| sums.get(task)).collect());
                (rows.as_ref().map(|rows| rows.get(task)), sums)
            };
            let to = Part {
                rows: task * at_once..n.min((task + 1) * at_once),
                front: front.flatten(),
                to: rows,
                sums,
            };
            self.back(behind, &packed, to);
        });
        if let Some(wanted) = wanted.parameters {
            add_up(&added[..len], wanted, tasks, threads);
        }
        [added, packed.memory].into_iter().for_each(|used| self.memory.give(used));
    }

    /// Some rows on their way back through all layers.
    fn back(&self, from: &Behind<'_>, packed: &AllPacked, mut to: Part<'_>) {
        let part = |width: usize| to.rows.start * width..to.rows.end * width;
        let (n, last) = (to.rows.len(), self.layers[self.layers.len() - 1]);
        let widest = self.layers.iter().map(|layer| layer.outputs).max().unwrap_or(0);
        let [mut behind, mut before] = [(); 2].map(|()| self.memory.at_least(n * widest));
        let mut packed_inputs = self.memory.at_least(0);
        let gradient = &from.gradient[part(last.outputs)];
        behind[..gradient.len()].copy_from_slice(gradient);
        if !from.is_gated {
            let results = &from.results[self.layers.len() - 1][part(last.outputs)];
            let gradient = &mut behind[..results.len()];
            // SAFETY: it works on slices.
            unsafe { dispatch(self.processor, Gate { activation: last.activation, results, gradient }) };
        }
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let gradient = Matrix::new(&behind[..n * layer.outputs], layer.outputs);
            let inputs = if index == 0 { from.rows } else { from.results[index - 1] };
            let inputs = &inputs[part(layer.inputs)];
            if let Some(sums) = &mut to.sums {
                let [weight, bias] = &mut sums[2 * index..2 * index + 2] else { unreachable!("two each") };
                let right =
                    Packed::new(Matrix::new(inputs, layer.inputs), self.processor, &mut packed_inputs);
                let (left, finish) = (gradient.transposed(), Finish::Nothing);
                Multiply { left, right, finish, to: weight }.run_on(self.processor);
                // SAFETY: it works on slices.
                unsafe { dispatch(self.processor, ColumnSums { rows: gradient.values, to: bias }) };
            }
            let right = packed.of(index, layer.outputs, layer.inputs);
            let gate = |activation| Finish::Gate { results: inputs, activation };
            if index > 0 {
                let (finish, to) = (gate(self.layers[index - 1].activation), &mut before[..inputs.len()]);
                Multiply { left: gradient, right, finish, to }.run_on(self.processor);
                std::mem::swap(&mut behind, &mut before);
            } else if let Some(to_rows) = to.to.take() {
                let finish = to.front.map_or(Finish::Nothing, gate);
                Multiply { left: gradient, right, finish, to: to_rows }.run_on(self.processor);
            }
        }
        [behind, before, packed_inputs].into_iter().for_each(|used| self.memory.give(used));
    }

    /// All weights, packed as the right factors of a pass.
    fn packed<'w>(&self, weights: impl Fn(usize, usize) -> Matrix<'w>) -> AllPacked {
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
        AllPacked { memory, places }
    }
}

/// Right factors one behind another, and the place of each.
struct AllPacked {
    memory: Vec<f32>,
    places: Vec<usize>,
}

impl AllPacked {
    /// The factor of a layer, of so many rows and columns.
    fn of(&self, index: usize, terms: usize, columns: usize) -> Packed<'_> {
        Packed::of(&self.memory[self.places[index]..self.places[index + 1]], terms, columns)
    }
}

/// What a task of a backward pass computes.
struct Part<'a> {
    rows: Range<usize>,
    /// The activation whose results the rows are.
    front: Option<Activation>,
    /// Where the gradient of the rows goes.
    to: Option<&'a mut [f32]>,
    /// Where the gradients of parameters go.
    sums: Option<Vec<&'a mut [f32]>>,
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
