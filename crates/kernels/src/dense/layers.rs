//! Dense layers one after another.

use super::activate::has_slope_from_result;
use super::narrow::{Narrow, are_narrow};
use super::pack::Matrix;
use super::product::{Finish, Product};
use crate::operation::{Gradients, Operation};
use crate::simd::{Kernel, Processor, Simd, dispatch};
use crate::threads::{Pool, Threads};
use ae_network::{Activation, Layer};
use std::sync::{Arc, Mutex, PoisonError};

/// Dense layers with their activations, forward and backward on a batch of rows.
///
/// A layer's bias and activation, and the slope of an activation on the way back, are computed while a part of the
/// product is in the nearest cache. Nothing is allocated once two steps have been taken.
#[derive(Debug)]
pub struct DenseLayers {
    processor: Processor,
    layers: Vec<Dense>,
    pub(super) is_narrow: bool,
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
        let (found, is_narrow) = (!chain.is_empty(), are_narrow(&chain));
        let memory = Arc::default();
        found.then_some((DenseLayers { processor, layers: chain, is_narrow, parameters, memory }, taken))
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

    /// The layers as narrow ones, if they are.
    fn narrow<'a>(&'a self, parameters: &'a [&'a [f32]]) -> Option<Narrow<'a>> {
        let DenseLayers { layers, processor, memory, .. } = self;
        self.is_narrow.then(|| Narrow { layers, parameters, processor: *processor, memory })
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
        if self.is_narrow {
            return drop(self.forward_kept(parameters, rows, to, threads));
        }
        let mut from: Option<Vec<f32>> = None;
        for (index, layer) in self.layers.iter().enumerate() {
            let rows = from.as_ref().map_or(rows, |from| &from[..n * layer.inputs]);
            if index + 1 == self.layers.len() {
                self.layer(index, parameters, rows, to, threads);
            } else {
                let len = n * layer.outputs;
                let mut results = self.memory.at_least(len);
                self.layer(index, parameters, rows, &mut results[..len], threads);
                from.replace(results).into_iter().for_each(|used| self.memory.give(used));
            }
        }
        from.into_iter().for_each(|used| self.memory.give(used));
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
        let results: Vec<&mut [f32]> = inner.iter().map(part).chain([&mut *to]).collect();
        if let Some(narrow) = self.narrow(parameters) {
            narrow.forward(rows, results, threads);
        } else {
            let mut from = rows;
            for (index, results) in results.into_iter().enumerate() {
                self.layer(index, parameters, from, results, threads);
                from = results;
            }
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
        if let Some(narrow) = self.narrow(parameters) {
            return narrow.backward(&results, rows, gradient, gradients, threads);
        }
        let Gradients { samples: mut wanted_rows, parameters: mut wanted } = gradients;
        // The gradient before the activation of the layer at hand; at first the one given, if there is no activation.
        let mut behind: Option<Vec<f32>> = None;
        if keeps_last {
            let mut gated = self.memory.at_least(gradient.len());
            gated[..gradient.len()].copy_from_slice(gradient);
            self.gate(self.layers[last].activation, results[last], &mut gated[..gradient.len()]);
            behind = Some(gated);
        }
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let gradient = behind.as_ref().map_or(gradient, |behind| &behind[..n * layer.outputs]);
            let gradient = Matrix::new(gradient, layer.outputs);
            let inputs = if index == 0 { rows } else { results[index - 1] };
            if let Some(wanted) = &mut wanted {
                let [weight, bias] = &mut wanted[2 * index..2 * index + 2] else { unreachable!("two each") };
                let inputs = Matrix::new(inputs, layer.inputs);
                of_parameters(gradient, inputs, [weight, bias], self.processor, &self.memory, threads);
            }
            let right = Matrix::new(parameters[2 * index], layer.inputs);
            let of = |finish| Product { left: gradient, right, finish };
            if index > 0 {
                let mut before = self.memory.at_least(inputs.len());
                let activation = self.layers[index - 1].activation;
                let finish = Finish::Gate { results: inputs, activation };
                of(finish).write(self.processor, &mut before[..inputs.len()], &self.memory, threads);
                behind.replace(before).into_iter().for_each(|used| self.memory.give(used));
            } else if let Some(wanted) = wanted_rows.take() {
                of(Finish::Nothing).write(self.processor, wanted, &self.memory, threads);
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
