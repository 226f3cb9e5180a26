//! Some rows of a batch through all steps of a layer, and back.

use crate::dense::{Finish, Matrix, Packed, activate, tanh};
use crate::simd::{Kernel, Processor, Simd};
use crate::threads::Pool;
use ae_network::Activation;

/// Sizes of a layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) steps: usize,
    pub(super) features: usize,
    pub(super) units: usize,
    /// Whether the input is the same at each step.
    pub(super) repeats: bool,
    /// Whether the result is the states of all steps, or only the last.
    pub(super) whole: bool,
}

/// Steps whose gradients of weights are computed together.
const TOGETHER: usize = 8;

impl Shape {
    /// Values of a sample.
    pub(super) fn sample(&self) -> usize {
        self.features * if self.repeats { 1 } else { self.steps }
    }

    /// Values of a result.
    pub(super) fn result(&self) -> usize {
        self.units * if self.whole { self.steps } else { 1 }
    }

    /// Values that are kept of a row and a step: gates, memory, state.
    pub(super) fn kept_of_step(&self) -> usize {
        6 * self.units
    }

    /// Values that are kept of a row.
    pub(super) fn kept(&self) -> usize {
        self.steps * self.kept_of_step()
    }

    /// Values of the gradients of input weight, recurrent weight and bias.
    pub(super) fn sums(&self) -> usize {
        4 * self.units * (self.features + self.units + 1)
    }
}

/// The weights, packed as the pass needs them.
pub(super) struct Weights<'a> {
    pub(super) input: Packed<'a>,
    pub(super) recurrent: Packed<'a>,
}

/// What is kept of a step: gates after their activation in PyTorch's order (in, forget, candidate, out), memory, state.
fn parts(step: &mut [f32], values: usize) -> [&mut [f32]; 3] {
    let (gates, rest) = step.split_at_mut(4 * values);
    let (memory, state) = rest.split_at_mut(values);
    [gates, memory, state]
}

fn parts_of(step: &[f32], values: usize) -> [&[f32]; 3] {
    let (gates, rest) = step.split_at(4 * values);
    let (memory, state) = rest.split_at(values);
    [gates, memory, state]
}

/// All steps of some rows.
pub(super) struct Forward<'a> {
    pub(super) shape: &'a Shape,
    pub(super) weights: &'a Weights<'a>,
    /// The sum of both.
    pub(super) bias: &'a [f32],
    pub(super) rows: usize,
    pub(super) samples: &'a [f32],
    pub(super) to: &'a mut [f32],
    /// Room for what is kept of all steps, or else of two.
    pub(super) steps: &'a mut [f32],
    /// Room for the input's part of the gates.
    pub(super) fixed: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Forward { shape, weights, bias, rows, samples, to, steps, fixed } = self;
        let Shape { units, features, repeats, whole, .. } = *shape;
        let values = rows * units;
        let kept = rows * shape.kept_of_step();
        let room = steps.len() / kept;
        let layer = Finish::Layer { bias, activation: Activation::Identity };
        let input = |step: usize, to: &mut [f32]| {
            let samples = &samples[if repeats { 0 } else { step * features }..];
            let left = Matrix::strided(samples, rows, features, shape.sample());
            // SAFETY: the caller's guarantee.
            unsafe { weights.input.multiply::<S>(left, layer, to) }
        };
        if repeats {
            input(0, fixed);
        }
        for step in 0..shape.steps {
            let (before, this) = two(steps, kept, step, room);
            let [gates, memory, state] = parts(this, values);
            if repeats {
                gates.copy_from_slice(fixed)
            } else {
                input(step, gates)
            }
            let before = before.map(|before| parts_of(before, values));
            if let Some([.., state]) = before {
                let left = Matrix::new(state, units);
                // SAFETY: the caller's guarantee.
                unsafe { weights.recurrent.multiply::<S>(left, Finish::Add, gates) }
            }
            for row in 0..rows {
                let of_row = row * units..(row + 1) * units;
                let gates = &mut gates[4 * row * units..][..4 * units];
                let memory_before = before.map(|[_, memory, _]| &memory[of_row.clone()]);
                cell::<S>(gates, memory_before, &mut memory[of_row.clone()], &mut state[of_row.clone()]);
                if whole || step + 1 == shape.steps {
                    let start = row * shape.result() + if whole { step * units } else { 0 };
                    to[start..start + units].copy_from_slice(&state[of_row]);
                }
            }
        }
    }
}

/// What is kept of the step before, if there is one, and of this one, where `room` steps take turns.
#[inline(always)]
fn two(steps: &mut [f32], kept: usize, step: usize, room: usize) -> (Option<&[f32]>, &mut [f32]) {
    let place = step % room;
    let Some(before) = step.checked_sub(1) else { return (None, &mut steps[..kept]) };
    match place {
        0 => {
            let (this, rest) = steps.split_at_mut(kept);
            (Some(&rest[(before % room - 1) * kept..][..kept]), this)
        }
        _ => {
            let (before, rest) = steps.split_at_mut(place * kept);
            (Some(&before[before.len() - kept..]), &mut rest[..kept])
        }
    }
}

/// From the sums of the gates `[4 · units]` of a row to memory and state.
#[inline(always)]
fn cell<S: Simd>(gates: &mut [f32], before: Option<&[f32]>, memory: &mut [f32], state: &mut [f32]) {
    let units = memory.len();
    let (first, rest) = gates.split_at_mut(2 * units);
    let (candidate, out) = rest.split_at_mut(units);
    activate::<S>(Activation::Sigmoid, first);
    activate::<S>(Activation::Tanh, candidate);
    activate::<S>(Activation::Sigmoid, out);
    let (enter, forget) = first.split_at(units);
    let entered = memory.iter_mut().zip(enter).zip(&*candidate);
    match before {
        None => entered.for_each(|((memory, enter), candidate)| *memory = enter * candidate),
        Some(before) => {
            for (((memory, enter), candidate), (forget, before)) in entered.zip(forget.iter().zip(before)) {
                *memory = forget * before + enter * candidate;
            }
        }
    }
    for ((state, out), memory) in state.iter_mut().zip(&*out).zip(&*memory) {
        *state = out * tanh::<S>(*memory);
    }
}

/// All steps of some rows, from the last to the first.
pub(super) struct Backward<'a> {
    pub(super) shape: &'a Shape,
    pub(super) weights: &'a Weights<'a>,
    pub(super) processor: Processor,
    pub(super) rows: usize,
    pub(super) samples: &'a [f32],
    pub(super) steps: &'a [f32],
    pub(super) gradient: &'a [f32],
    /// Gradients of input weight, recurrent weight and bias; zero at first.
    pub(super) sums: &'a mut [f32],
    /// Gradients of the samples.
    pub(super) to: Option<&'a mut [f32]>,
    pub(super) memory: &'a Pool<Vec<f32>>,
}

/// Gradients of gates at a few steps, and what they are multiplied with for those of the weights.
struct Batch {
    gates: Vec<f32>,
    /// The states before.
    states: Vec<f32>,
    inputs: Vec<f32>,
    /// For the right factors.
    packed: Vec<f32>,
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Backward { shape, weights, processor, rows, samples, steps, gradient, sums, mut to, memory } =
            self;
        let Shape { units, features, repeats, whole, steps: n } = *shape;
        let (values, kept) = (rows * units, rows * shape.kept_of_step());
        let zeros = |len: usize| {
            let mut zeros = memory.take().unwrap_or_default();
            zeros.clear();
            zeros.resize(len, 0.0);
            zeros
        };
        let (mut of_state, mut of_memory) = (zeros(values), zeros(values));
        // The sum over all steps, for an input that is the same at each; else room for the gradient of a step's input.
        let mut total = zeros(if repeats { 4 * values } else { rows * features });
        // The memory before the first step.
        let at_first = zeros(units);
        let mut batch = Batch { gates: zeros(0), states: zeros(0), inputs: zeros(0), packed: zeros(0) };
        for step in (0..n).rev() {
            let [gates, memories, _] = parts_of(&steps[step * kept..][..kept], values);
            let before = step.checked_sub(1).map(|step| parts_of(&steps[step * kept..][..kept], values));
            let start = batch.gates.len();
            batch.gates.resize(start + 4 * values, 0.0);
            let of_gates = &mut batch.gates[start..];
            for row in 0..rows {
                let of_row = row * units..(row + 1) * units;
                let (gradient_of_state, wide) =
                    (&mut of_state[of_row.clone()], 4 * row * units..4 * (row + 1) * units);
                if whole || step + 1 == n {
                    let start = row * shape.result() + if whole { step * units } else { 0 };
                    let given = &gradient[start..start + units];
                    gradient_of_state.iter_mut().zip(given).for_each(|(sum, value)| *sum += value);
                }
                let memory_before = before.map_or(&at_first[..], |[_, memory, _]| &memory[of_row.clone()]);
                cell_back::<S>(
                    &gates[wide.clone()],
                    (memory_before, &memories[of_row.clone()]),
                    (gradient_of_state, &mut of_memory[of_row]),
                    &mut of_gates[wide],
                );
            }
            let left = Matrix::new(of_gates, 4 * units);
            // SAFETY: the caller's guarantee.
            unsafe { weights.recurrent.multiply::<S>(left, Finish::Nothing, &mut of_state) };
            match before {
                Some([.., states]) => batch.states.extend_from_slice(states),
                None => batch.states.resize(batch.states.len() + values, 0.0),
            }
            if repeats {
                total.iter_mut().zip(&*of_gates).for_each(|(sum, value)| *sum += value);
            } else {
                for row in 0..rows {
                    let start = row * shape.sample() + step * features;
                    batch.inputs.extend_from_slice(&samples[start..start + features]);
                }
                if let Some(to) = &mut to {
                    // SAFETY: the caller's guarantee.
                    unsafe { weights.input.multiply::<S>(left, Finish::Nothing, &mut total) };
                    for (row, values) in total.chunks_exact(features).enumerate() {
                        to[row * shape.sample() + step * features..][..features].copy_from_slice(values);
                    }
                }
            }
            if step == 0 || batch.gates.len() == TOGETHER * 4 * values {
                // SAFETY: the caller's guarantee.
                unsafe { batch.add_to::<S>(shape, processor, sums) };
            }
        }
        if repeats {
            let left = Matrix::new(&total, 4 * units);
            let right = Packed::new(Matrix::new(samples, features), processor, &mut batch.packed);
            // SAFETY: the caller's guarantee.
            unsafe {
                right.multiply::<S>(left.transposed(), Finish::Nothing, &mut sums[..4 * units * features]);
                if let Some(to) = to {
                    weights.input.multiply::<S>(left, Finish::Nothing, to);
                }
            }
        }
        let Batch { gates, states, inputs, packed } = batch;
        for used in [of_state, of_memory, total, at_first, gates, states, inputs, packed] {
            memory.give(used);
        }
    }
}

impl Batch {
    /// Adds the gradients of weights and bias, and begins anew.
    #[inline(always)]
    unsafe fn add_to<S: Simd>(&mut self, shape: &Shape, processor: Processor, sums: &mut [f32]) {
        let gates = Matrix::new(&self.gates, 4 * shape.units);
        let (input, rest) = sums.split_at_mut(4 * shape.units * shape.features);
        let (recurrent, bias) = rest.split_at_mut(4 * shape.units * shape.units);
        let pairs = [(&self.states, shape.units, recurrent), (&self.inputs, shape.features, input)];
        for (values, columns, to) in pairs {
            if values.is_empty() {
                continue; // the input is the same at each step
            }
            let right = Packed::new(Matrix::new(values, columns), processor, &mut self.packed);
            // SAFETY: the caller's guarantee.
            unsafe { right.multiply::<S>(gates.transposed(), Finish::Add, to) };
        }
        for row in self.gates.chunks_exact(bias.len()) {
            bias.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        self.gates.clear();
        self.states.clear();
        self.inputs.clear();
    }
}

/// From the gradients of a row's state and memory to those of the gates' sums `[4 · units]`; that of the memory becomes that
/// of the memory before.
#[inline(always)]
fn cell_back<S: Simd>(
    gates: &[f32],
    (before, memory): (&[f32], &[f32]),
    (of_state, of_memory): (&[f32], &mut [f32]),
    to: &mut [f32],
) {
    // A walk for each result: one over all these slices would not become one of vectors.
    let units = memory.len();
    let gate = |index: usize| &gates[index * units..][..units];
    let (enter, forget, candidate, out) = (gate(0), gate(1), gate(2), gate(3));
    let (of_enter, rest) = to.split_at_mut(units);
    let (of_forget, rest) = rest.split_at_mut(units);
    let (of_candidate, of_out) = rest.split_at_mut(units);
    for (seen, memory) in of_out.iter_mut().zip(memory) {
        *seen = tanh::<S>(*memory);
    }
    for (((through, of_state), out), seen) in of_memory.iter_mut().zip(of_state).zip(out).zip(&*of_out) {
        *through += of_state * out * (1.0 - seen * seen);
    }
    for ((of_out, of_state), out) in of_out.iter_mut().zip(of_state).zip(out) {
        *of_out *= of_state * out * (1.0 - out);
    }
    for (((of_enter, through), enter), candidate) in
        of_enter.iter_mut().zip(&*of_memory).zip(enter).zip(candidate)
    {
        *of_enter = through * candidate * enter * (1.0 - enter);
    }
    for (((of_candidate, through), enter), candidate) in
        of_candidate.iter_mut().zip(&*of_memory).zip(enter).zip(candidate)
    {
        *of_candidate = through * enter * (1.0 - candidate * candidate);
    }
    for (((of_forget, through), forget), before) in
        of_forget.iter_mut().zip(&*of_memory).zip(forget).zip(before)
    {
        *of_forget = through * before * forget * (1.0 - forget);
    }
    of_memory.iter_mut().zip(forget).for_each(|(through, forget)| *through *= forget);
}
