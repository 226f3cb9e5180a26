//! Dense layers one after another.

use super::activate::has_slope_from_result;
use super::narrow::{Behind, Narrow, Run, Wanted, runs};
use super::pack::Matrix;
use super::product::{Finish, Product};
use crate::operation::{Gradients, Operation};
use crate::simd::{Kernel, Processor, Simd, dispatch};
use crate::threads::{Pool, Threads};
use ae_network::{Activation, Layer};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Dense layers with their activations, forward and backward on a batch of rows.
///
/// A layer's bias and activation, and the slope of an activation on the way back, are computed while a part of the
/// product is in the nearest cache. Nothing is allocated once two steps have been taken.
#[derive(Debug)]
pub struct DenseLayers {
    processor: Processor,
    layers: Vec<Dense>,
    pub(super) runs: Vec<Run>,
    parameters: Vec<usize>,
    memory: Arc<Pool<Vec<f32>>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Dense {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) activation: Activation,
}

/// What a forward pass leaves for the backward pass.
#[derive(Debug)]
pub struct KeptRows {
    /// The results of each layer, except those of the last if the backward pass does not need them; perhaps more behind them.
    results: Vec<f32>,
    memory: Arc<Pool<Vec<f32>>>,
}

impl Drop for KeptRows {
    fn drop(&mut self) {
        self.memory.give(std::mem::take(&mut self.results));
    }
}

impl DenseLayers {
    /// The longest chain that starts with the first of `layers`, for rows of `inputs` values, and how many layers it has.
    /// `None` if the first is not dense. An activation whose slope does not follow from its result ends the chain before it.
    pub fn starting(layers: &[Layer], inputs: usize, processor: Processor) -> Option<(Self, usize)> {
        let (mut chain, mut width, mut taken): (Vec<Dense>, _, _) = (Vec::new(), inputs, 0);
        while let Some(Layer::Dense { units }) = layers.get(taken) {
            let outputs = *units as usize;
            let activation = match layers.get(taken + 1) {
                Some(Layer::Activation(activation)) if has_slope_from_result(*activation) => {
                    Some(*activation)
                }
                _ => None,
            };
            taken += 1 + usize::from(activation.is_some());
            chain.push(Dense {
                inputs: width,
                outputs,
                activation: activation.unwrap_or(Activation::Identity),
            });
            width = outputs;
        }
        let parameters =
            chain.iter().flat_map(|layer| [layer.inputs * layer.outputs, layer.outputs]).collect();
        let (found, runs) = (!chain.is_empty(), runs(&chain));
        let memory = Arc::default();
        found.then_some((DenseLayers { processor, layers: chain, runs, parameters, memory }, taken))
    }

    /// Number of values of each parameter: weight `[out, in]` and bias of each layer.
    pub fn parameters(&self) -> &[usize] {
        &self.parameters
    }

    /// Widths of a row before and after.
    pub fn widths(&self) -> [usize; 2] {
        [self.layers[0].inputs, self.layers[self.layers.len() - 1].outputs]
    }

    fn check(&self, parameters: &[&[f32]], rows: &[f32], to: &[f32]) -> usize {
        let [inputs, outputs] = self.widths();
        let n = rows.len() / inputs;
        assert!(rows.len() == n * inputs && to.len() == n * outputs, "whole rows");
        self.check_parameters(parameters);
        n
    }

    fn check_parameters(&self, parameters: &[&[f32]]) {
        let sizes = parameters.iter().map(|parameter| parameter.len());
        assert!(sizes.eq(self.parameters.iter().copied()), "the parameters have the sizes of the layers");
    }

    fn layer(
        &self,
        index: usize,
        parameters: &[&[f32]],
        rows: &[f32],
        to: &mut [f32],
        threads: &dyn Threads,
    ) {
        let Dense { inputs, activation, .. } = self.layers[index];
        let left = Matrix::new(rows, inputs);
        let right = Matrix::new(parameters[2 * index], inputs).transposed();
        let finish = Finish::Layer { bias: parameters[2 * index + 1], activation };
        Product { left, right, finish }.write(self.processor, to, &self.memory, threads);
    }

    /// The layers of a run as narrow ones.
    fn narrow<'a>(&'a self, run: &Run, parameters: &'a [&'a [f32]]) -> Narrow<'a> {
        let Range { start, end } = run.layers;
        let parameters = &parameters[2 * start..2 * end];
        Narrow {
            layers: &self.layers[start..end],
            parameters,
            processor: self.processor,
            memory: &self.memory,
        }
    }

    /// From rows to the results of each layer of a run.
    fn through(
        &self,
        run: &Run,
        parameters: &[&[f32]],
        rows: &[f32],
        to: &mut [&mut [f32]],
        threads: &dyn Threads,
    ) {
        if run.is_narrow {
            return self.narrow(run, parameters).forward(rows, to, threads);
        }
        let mut from = rows;
        for (index, to) in run.layers.clone().zip(to) {
            self.layer(index, parameters, from, to, threads);
            from = to;
        }
    }

    /// Wide layers on their way back, one after another. The gradient is that before the last activation.
    fn back(
        &self,
        run: &Run,
        parameters: &[&[f32]],
        from: &Behind<'_>,
        to: Wanted<'_, '_>,
        threads: &dyn Threads,
    ) {
        let Wanted { rows: mut wanted_rows, parameters: mut wanted } = to;
        let n = from.rows.len() / self.layers[run.layers.start].inputs;
        let mut behind: Option<Vec<f32>> = None;
        for index in run.layers.clone().rev() {
            let (layer, place) = (self.layers[index], index - run.layers.start);
            let gradient = behind.as_ref().map_or(from.gradient, |behind| &behind[..n * layer.outputs]);
            let gradient = Matrix::new(gradient, layer.outputs);
            let inputs = place.checked_sub(1).map_or(from.rows, |front| from.results[front]);
            if let Some(wanted) = &mut wanted {
                let [weight, bias] = &mut wanted[2 * place..2 * place + 2] else { unreachable!("two each") };
                let inputs = Matrix::new(inputs, layer.inputs);
                of_parameters(gradient, inputs, [weight, bias], self.processor, &self.memory, threads);
            }
            let right = Matrix::new(parameters[2 * index], layer.inputs);
            let of = |finish| Product { left: gradient, right, finish };
            let gate = |activation| Finish::Gate { results: inputs, activation };
            if place > 0 {
                let mut before = self.memory.at_least(inputs.len());
                let product = of(gate(self.layers[index - 1].activation));
                product.write(self.processor, &mut before[..inputs.len()], &self.memory, threads);
                behind.replace(before).into_iter().for_each(|used| self.memory.give(used));
            } else if let Some((wanted, activation)) = wanted_rows.take() {
                let finish = activation.map_or(Finish::Nothing, gate);
                of(finish).write(self.processor, wanted, &self.memory, threads);
            }
        }
        behind.into_iter().for_each(|used| self.memory.give(used));
    }

    fn gate(&self, activation: Activation, results: &[f32], gradient: &mut [f32]) {
        // SAFETY: it works on slices.
        unsafe { dispatch(self.processor, super::activate::Gate { activation, results, gradient }) };
    }
}

impl Operation for DenseLayers {
    type Kept = KeptRows;

    const NEEDS_SAMPLES: bool = true;

    fn forward(&self, parameters: &[&[f32]], rows: &[f32], to: &mut [f32], threads: &dyn Threads) {
        let n = self.check(parameters, rows, to);
        // The results of the run before, the last layer's behind the others.
        let mut from: Option<(Vec<f32>, Range<usize>)> = None;
        for run in &self.runs {
            let layers = &self.layers[run.layers.clone()];
            let is_last = run.layers.end == self.layers.len();
            let sizes: Vec<usize> = layers.iter().map(|layer| n * layer.outputs).collect();
            let (inner, last) = (&sizes[..sizes.len() - 1], sizes[sizes.len() - 1]);
            let before: usize = inner.iter().sum();
            let mut memory = self.memory.at_least(before + if is_last { 0 } else { last });
            let mut rest = &mut memory[..];
            let mut results: Vec<&mut [f32]> =
                inner.iter().map(|&size| rest.split_off_mut(..size).expect("room for each layer")).collect();
            results.push(if is_last { &mut *to } else { &mut rest[..last] });
            let rows = from.as_ref().map_or(rows, |(memory, place)| &memory[place.clone()]);
            self.through(run, parameters, rows, &mut results, threads);
            let used = from.replace((memory, before..before + last));
            used.into_iter().for_each(|(used, _)| self.memory.give(used));
        }
        from.into_iter().for_each(|(used, _)| self.memory.give(used));
    }

    fn forward_kept(
        &self,
        parameters: &[&[f32]],
        rows: &[f32],
        to: &mut [f32],
        threads: &dyn Threads,
    ) -> KeptRows {
        let n = self.check(parameters, rows, to);
        let (last, inner) = self.layers.split_last().expect("a layer");
        let (of_inner, of_last) = (inner.iter().map(|layer| n * layer.outputs).sum(), n * last.outputs);
        let keeps_last = last.activation != Activation::Identity;
        let mut kept = self.memory.at_least(of_inner + if keeps_last { of_last } else { 0 });
        let mut rest = &mut kept[..];
        let part = |layer: &Dense| rest.split_off_mut(..n * layer.outputs).expect("room for each layer");
        let mut results: Vec<&mut [f32]> = inner.iter().map(part).chain([&mut *to]).collect();
        for run in &self.runs {
            let (before, of_run) = results[..run.layers.end].split_at_mut(run.layers.start);
            let rows = before.last().map_or(rows, |before| &**before);
            self.through(run, parameters, rows, of_run, threads);
        }
        if keeps_last {
            kept[of_inner..of_inner + of_last].copy_from_slice(to);
        }
        KeptRows { results: kept, memory: Arc::clone(&self.memory) }
    }

    fn backward(
        &self,
        parameters: &[&[f32]],
        kept: &KeptRows,
        rows: Option<&[f32]>,
        gradient: &[f32],
        gradients: Gradients<'_>,
        threads: &dyn Threads,
    ) {
        self.check_parameters(parameters);
        let rows = rows.expect("the rows of the forward pass");
        let n = rows.len() / self.widths()[0];
        assert_eq!(gradient.len(), n * self.widths()[1], "a gradient for each value of the result");
        let last = self.layers.len() - 1;
        let mut rest = &kept.results[..];
        let keeps_last = self.layers[last].activation != Activation::Identity;
        let part = |layer: &Dense| rest.split_off(..n * layer.outputs).expect("results of each layer");
        let results: Vec<&[f32]> = self.layers[..last + usize::from(keeps_last)].iter().map(part).collect();
        let Gradients { samples: mut wanted_rows, parameters: mut wanted } = gradients;
        // The gradient before the last activation of the run at hand; at first the one given, if there is no activation or if
        // narrow layers are still to pass it.
        let mut behind: Option<Vec<f32>> = None;
        let mut is_gated = !keeps_last;
        if keeps_last && !self.runs[self.runs.len() - 1].is_narrow {
            let mut gated = self.memory.at_least(gradient.len());
            gated[..gradient.len()].copy_from_slice(gradient);
            self.gate(self.layers[last].activation, results[last], &mut gated[..gradient.len()]);
            (behind, is_gated) = (Some(gated), true);
        }
        for run in self.runs.iter().rev() {
            let Range { start, end } = run.layers;
            let given =
                behind.as_ref().map_or(gradient, |behind| &behind[..n * self.layers[end - 1].outputs]);
            let front = start.checked_sub(1).map(|front| (results[front], self.layers[front].activation));
            let mut before = front.map(|(inputs, _)| self.memory.at_least(inputs.len()));
            let to = match (front, &mut before) {
                (Some((inputs, activation)), Some(before)) => {
                    Some((&mut before[..inputs.len()], Some(activation)))
                }
                _ => wanted_rows.take().map(|to| (to, None)),
            };
            let from = Behind {
                rows: front.map_or(rows, |(inputs, _)| inputs),
                results: &results[start..end.min(results.len())],
                gradient: given,
                is_gated,
            };
            let parameters_to = wanted.as_mut().map(|wanted| &mut wanted[2 * start..2 * end]);
            let to = Wanted { rows: to, parameters: parameters_to };
            if run.is_narrow {
                self.narrow(run, parameters).backward(&from, to, threads);
            } else {
                self.back(run, parameters, &from, to, threads);
            }
            is_gated = true;
            if let Some(before) = before {
                behind.replace(before).into_iter().for_each(|used| self.memory.give(used));
            }
        }
        behind.into_iter().for_each(|used| self.memory.give(used));
    }
}

/// The gradients of a weight `[out, in]` and its bias, from the gradients of what a layer gave and from what it took.
pub(crate) fn of_parameters(
    gradient: Matrix<'_>,
    inputs: Matrix<'_>,
    [weight, bias]: [&mut [f32]; 2],
    processor: Processor,
    memory: &Pool<Vec<f32>>,
    threads: &dyn Threads,
) {
    let bias = Mutex::new(bias);
    let sums = || {
        let mut to = bias.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: it works on slices.
        unsafe { dispatch(processor, ColumnSums { rows: gradient.values, to: &mut to }) };
    };
    let product = Product { left: gradient.transposed(), right: inputs, finish: Finish::Nothing };
    product.write_beside(processor, weight, memory, threads, &sums);
}

/// The sum of each column, row after row.
pub(crate) struct ColumnSums<'a> {
    pub(crate) rows: &'a [f32],
    pub(crate) to: &'a mut [f32],
}

impl Kernel for ColumnSums<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        self.to.fill(0.0);
        for row in self.rows.chunks_exact(self.to.len()) {
            self.to.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    }
}
