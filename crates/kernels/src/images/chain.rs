//! Layers of images one after another.

use super::correlate::{Correlate, Finish};
use super::gradient::WeightGradient;
use super::layout::{Gather, Scatter};
use super::map::Map;
use super::memory::{Aligned, Blocks, block, places};
use super::plane::Plane;
use super::pooled;
use super::resize::{Backward, Forward};
use super::single::Single;
use super::steps::{Convolution, Step, steps};
use crate::operation::{Gradients, Operation};
use crate::simd::{Processor, dispatch};
use crate::slices::Slices;
use crate::threads::{Pool, Threads};
use ae_network::Layer;
use std::sync::Arc;

/// A chain of layers on images, forward and backward: convolutions of any kind, poolings, enlargements, crops, and the
/// activations behind convolutions.
///
/// A vector of the processor holds the same pixel of several images, so a batch of fewer images than [`Processor::lanes`]
/// costs as much as one of that many, unless nothing is kept of it: a vector then holds channels, where the images are few.
/// Nothing is allocated once two steps have been taken.
#[derive(Debug)]
pub struct ImageChain {
    processor: Processor,
    steps: Vec<Step>,
    /// Where the values lie, and their gradients, as [`steps`](super::steps::Planned) has planned them.
    values: Vec<Plane>,
    gradients: Vec<Plane>,
    parameters: Vec<usize>,
    /// Values of all weights and biases.
    n_parameters: usize,
    memory: Arc<Memory>,
    pub(super) single: Single,
}

/// Memory that is free at the moment. It keeps the zeros around its planes.
#[derive(Debug, Default)]
struct Memory {
    values: Pool<Aligned>,
    gradients: Pool<Aligned>,
    sums: Pool<Vec<f32>>,
}

/// What a forward pass leaves for the backward pass.
#[derive(Debug)]
pub struct Kept {
    n: usize,
    values: Option<Aligned>,
    memory: Arc<Memory>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.memory.values.give(self.values.take().expect("taken once"));
    }
}

impl ImageChain {
    /// The longest chain that starts with the first of `layers`, for images `[C, H, W]`, and how many layers it has.
    /// `None` if it would have no convolution.
    pub fn starting(layers: &[Layer], shape: [usize; 3], processor: Processor) -> Option<(Self, usize)> {
        let (planned, taken) = steps(layers, shape, processor.lanes());
        let is_useful = planned.steps.iter().any(|step| matches!(step, Step::Convolve(_)));
        let n_parameters = planned.parameters.iter().sum();
        let chain = || ImageChain {
            processor,
            single: Single::new(&planned),
            steps: planned.steps,
            values: planned.values,
            gradients: planned.gradients,
            parameters: planned.parameters,
            n_parameters,
            memory: Arc::default(),
        };
        is_useful.then(|| (chain(), taken))
    }

    /// Number of its convolutions, at least 1.
    pub fn convolutions(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Convolve(_))).count()
    }

    /// Number of values of each parameter: weight and bias of each convolution, as [`Layer`] describes them.
    pub fn parameters(&self) -> &[usize] {
        &self.parameters
    }

    /// `[C, H, W]` of the images.
    pub fn input_shape(&self) -> [usize; 3] {
        self.values[0].shape()
    }

    /// `[C, H, W]` of the result.
    pub fn output_shape(&self) -> [usize; 3] {
        self.values[self.steps.len()].shape()
    }

    /// Multiplications and additions of the convolutions, forward, of one image; those with a zero beyond an edge count.
    pub fn flops(&self) -> usize {
        let step = |step: &Step| if let Step::Convolve(c) = step { 2 * c.forward.cost() } else { 0 };
        self.steps.iter().map(step).sum()
    }

    fn sizes(&self) -> [usize; 2] {
        let size = |plane: &Plane| plane.channels * plane.height * plane.width;
        [size(&self.values[0]), size(&self.values[self.steps.len()])]
    }

    /// The sums of all groups, in their order.
    fn add_up(&self, sums: &[f32], wanted: Vec<&mut [f32]>) {
        assert_eq!(wanted.len(), self.parameters.len(), "a gradient for each parameter");
        let mut start = 0;
        for (to, &len) in wanted.into_iter().zip(&self.parameters) {
            to.fill(0.0);
            for group in sums.chunks_exact(self.n_parameters.max(1)) {
                to.iter_mut().zip(&group[start..start + len]).for_each(|(to, from)| *to += from);
            }
            start += len;
        }
    }

    fn groups(&self, n: usize) -> usize {
        n.div_ceil(self.processor.lanes())
    }

    /// The part of `[N, C, H, W]` that is a group's, of the values before a step.
    fn group_of<'v>(&self, values: &'v [f32], group: usize, step: usize) -> &'v [f32] {
        let [channels, height, width] = self.values[step].shape();
        let size = self.processor.lanes() * channels * height * width;
        &values[group * size..((group + 1) * size).min(values.len())]
    }

    fn check(&self, parameters: &[&[f32]], images: &[f32], to: &[f32]) -> usize {
        let [input, output] = self.sizes();
        let n = images.len() / input;
        assert!(images.len() == n * input && to.len() == n * output, "whole images");
        let sizes = parameters.iter().map(|parameter| parameter.len());
        assert!(sizes.eq(self.parameters.iter().copied()), "the parameters have the sizes of the layers");
        n
    }

    /// The weights of each step in the order of use, forward or backward.
    fn packed(&self, parameters: &[&[f32]], backward: bool) -> Vec<Vec<f32>> {
        let of = |step: &Step| {
            let mut packed = Vec::new();
            if let Step::Convolve(convolution) = step {
                let weights = parameters[convolution.parameter];
                match backward {
                    false => convolution.forward.pack(weights, convolution.strides, &mut packed),
                    true => convolution.backward.pack(weights, convolution.strides.transpose(), &mut packed),
                }
            }
            packed
        };
        self.steps.iter().map(of).collect()
    }

    fn forward_group(
        &self,
        parameters: &[&[f32]],
        packed: &[Vec<f32>],
        images: &[f32],
        memory: *mut f32,
        to: &mut [f32],
    ) {
        let places = places(&self.values, memory);
        let first = (places[0], &self.values[0]);
        let gather = Gather { images, to: first, finish: Finish::Nothing, result: None };
        // SAFETY: the planes were made for these steps, and `memory` for the planes.
        unsafe {
            dispatch(self.processor, gather);
            for (index, step) in self.steps.iter().enumerate() {
                let from = (places[index].cast_const(), &self.values[index]);
                let to = (places[index + 1], &self.values[index + 1]);
                match step {
                    Step::Convolve(Convolution { forward: map, parameter, finish, pools, .. }) => {
                        let (weights, bias, finish) =
                            (&packed[index][..], parameters[parameter + 1], *finish);
                        if *pools {
                            let own = |place: usize| (places[place], &self.values[place]);
                            let (winners, band) = (own(self.of_pooling(index)), own(self.values.len() - 1));
                            let kernel =
                                pooled::Correlate { map, weights, bias, from, to, winners, band, finish };
                            dispatch(self.processor, kernel);
                        } else {
                            let bias = Some(bias);
                            let kernel = Correlate { map, weights, bias, from, to, finish, result: None };
                            dispatch(self.processor, kernel);
                        }
                    }
                    Step::Resize(resize) => dispatch(self.processor, Forward { resize: *resize, from, to }),
                }
            }
            let last = self.steps.len();
            let from = (places[last].cast_const(), &self.values[last]);
            dispatch(self.processor, Scatter { from, images: to });
        }
    }

    fn backward_group(
        &self,
        packed: &[Vec<f32>],
        gradient: &[f32],
        values: *const f32,
        memory: *mut f32,
        mut sums: Option<&mut [f32]>,
        images: Option<&mut [f32]>,
    ) {
        let value_places = places(&self.values, values.cast_mut());
        let places = places(&self.gradients, memory);
        let last = self.steps.len();
        let value = |index: usize| (value_places[index].cast_const(), &self.values[index]);
        let to = (places[last], &self.gradients[last]);
        // SAFETY: the planes were made for these steps, and both memories for the planes.
        unsafe {
            let gather = Gather { images: gradient, to, finish: self.gate(last), result: Some(value(last)) };
            dispatch(self.processor, gather);
            for (index, step) in self.steps.iter().enumerate().rev() {
                let mut from = (places[index + 1].cast_const(), &self.gradients[index + 1]);
                let to = (places[index], &self.gradients[index]);
                if let Step::Convolve(Convolution { pools: true, .. }) = step {
                    let own = self.of_pooling(index);
                    let to = (places[own], &self.gradients[own]);
                    dispatch(self.processor, pooled::Spread { from, winners: value(own), to });
                    from = (to.0.cast_const(), to.1);
                }
                if let (Step::Convolve(convolution), Some(sums)) = (step, sums.as_deref_mut()) {
                    self.weight_gradient(convolution, value(index), from, sums);
                }
                if index == 0 && images.is_none() {
                    continue;
                }
                let (finish, result) = (self.gate(index), Some(value(index)));
                match step {
                    Step::Convolve(Convolution { backward: map, .. }) => {
                        let weights = &packed[index][..];
                        dispatch(
                            self.processor,
                            Correlate { map, weights, bias: None, from, to, finish, result },
                        );
                    }
                    Step::Resize(resize) => {
                        let (input, output) = (value(index), value(index + 1));
                        let backward = Backward { resize: *resize, input, output, from, to, finish };
                        dispatch(self.processor, backward);
                    }
                }
            }
            if let Some(images) = images {
                let from = (places[0].cast_const(), &self.gradients[0]);
                dispatch(self.processor, Scatter { from, images });
            }
        }
    }

    /// Where the planes of a step's pooling are, among the values and among the gradients.
    fn of_pooling(&self, step: usize) -> usize {
        self.steps.len() + 1 + step
    }

    /// What a gradient has to pass behind this many steps: the activation of the last of them.
    fn gate(&self, steps: usize) -> Finish {
        let before = steps.checked_sub(1).map(|index| &self.steps[index]);
        match before {
            Some(Step::Convolve(Convolution { finish: Finish::Relu, .. })) => Finish::Gradient { slope: 0.0 },
            Some(Step::Convolve(Convolution { finish: Finish::Leaky(slope), .. })) => {
                Finish::Gradient { slope: *slope }
            }
            _ => Finish::Nothing,
        }
    }

    /// # Safety
    /// The planes are those of the step.
    unsafe fn weight_gradient(
        &self,
        convolution: &Convolution,
        inputs: (*const f32, &Plane),
        outputs: (*const f32, &Plane),
        sums: &mut [f32],
    ) {
        let start: usize = self.parameters[..convolution.parameter].iter().sum();
        let n_weights = self.parameters[convolution.parameter];
        let n_biases = self.parameters[convolution.parameter + 1];
        let (weights, bias) = sums[start..start + n_weights + n_biases].split_at_mut(n_weights);
        let map: &Map = &convolution.forward;
        let mut taps = self.memory.sums.take().unwrap_or_default();
        taps.clear();
        taps.resize(map.packed_len(), 0.0);
        // SAFETY: the caller's guarantee; there is a sum for each tap.
        unsafe {
            dispatch(self.processor, WeightGradient { map, inputs, outputs, weights: &mut taps, bias });
        }
        map.unpack(&taps, convolution.strides, weights);
        self.memory.sums.give(taps);
    }
}

impl Operation for ImageChain {
    type Kept = Kept;

    const NEEDS_SAMPLES: bool = false;

    fn forward(&self, parameters: &[&[f32]], images: &[f32], to: &mut [f32], threads: &dyn Threads) {
        let n = self.check(parameters, images, to);
        if self.single.is_for(n) {
            return self.single.run(self.processor, &self.steps, parameters, images, to, threads);
        }
        let packed = self.packed(parameters, false);
        let results = Slices::new(to, self.processor.lanes() * self.sizes()[1]);
        threads.each(self.groups(n), &|group| {
            let len = block(&self.values);
            let mut values = self.memory.values.take().filter(|values| values.len() >= len);
            let memory = values.get_or_insert_with(|| Aligned::zeros(len));
            // SAFETY: each group has its own part of the results.
            let to = unsafe { results.get(group) };
            self.forward_group(parameters, &packed, self.group_of(images, group, 0), memory.as_mut_ptr(), to);
            self.memory.values.give(values.expect("it was made"));
        });
    }

    fn forward_kept(
        &self,
        parameters: &[&[f32]],
        images: &[f32],
        to: &mut [f32],
        threads: &dyn Threads,
    ) -> Kept {
        let n = self.check(parameters, images, to);
        let packed = self.packed(parameters, false);
        let len = block(&self.values);
        let all = len * self.groups(n);
        let values = self.memory.values.take().filter(|values| values.len() >= all);
        let mut values = values.unwrap_or_else(|| Aligned::zeros(all));
        let blocks = Blocks(values.as_mut_ptr());
        let results = Slices::new(to, self.processor.lanes() * self.sizes()[1]);
        threads.each(self.groups(n), &|group| {
            // SAFETY: each group has its own part of the values and of the results.
            let (memory, to) = unsafe { (blocks.get(group * len), results.get(group)) };
            self.forward_group(parameters, &packed, self.group_of(images, group, 0), memory, to);
        });
        Kept { n, values: Some(values), memory: Arc::clone(&self.memory) }
    }

    fn backward(
        &self,
        parameters: &[&[f32]],
        kept: &Kept,
        _images: Option<&[f32]>,
        gradient: &[f32],
        gradients: Gradients<'_>,
        threads: &dyn Threads,
    ) {
        let (lanes, [input, output]) = (self.processor.lanes(), self.sizes());
        let groups = self.groups(kept.n);
        assert_eq!(gradient.len(), kept.n * output, "a gradient for each value of the result");
        let Gradients { samples: images, parameters: wanted } = gradients;
        let packed = self.packed(parameters, true);
        let images = images.map(|images| {
            assert_eq!(images.len(), kept.n * input, "a gradient for each value of the images");
            Slices::new(images, lanes * input)
        });
        let mut sums = self.memory.sums.take().unwrap_or_default();
        let n_sums = if wanted.is_some() { self.n_parameters } else { 0 };
        sums.clear();
        sums.resize(groups * n_sums, 0.0);
        let group_sums = Slices::new(&mut sums, n_sums);
        let values = kept.values.as_ref().expect("it is there until it is dropped");
        let value_blocks = Blocks(values.as_ptr().cast_mut());
        threads.each(groups, &|group| {
            let len = block(&self.gradients);
            let mut memory = self.memory.gradients.take().unwrap_or_else(|| Aligned::zeros(len));
            // SAFETY: each group has its own part of all of these; the values are only read.
            let (values, sums, images) = unsafe {
                let images = images.as_ref().map(|images| images.get(group));
                (value_blocks.get(group * block(&self.values)), group_sums.get(group), images)
            };
            let gradient = self.group_of(gradient, group, self.steps.len());
            let sums = (n_sums > 0).then_some(sums);
            self.backward_group(&packed, gradient, values.cast_const(), memory.as_mut_ptr(), sums, images);
            self.memory.gradients.give(memory);
        });
        if let Some(wanted) = wanted {
            self.add_up(&sums, wanted);
        }
        self.memory.sums.give(sums);
    }
}
