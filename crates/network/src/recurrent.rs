//! Recurrent layers.

use crate::size::{at_least_one, product, sequence};
use crate::{Init, TensorSpec};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a recurrent layer computes at each step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Long short-term memory: four gates, a state and a memory.
    #[default]
    Lstm,
    /// Gated recurrent unit: three gates, one state.
    Gru,
}

impl Cell {
    fn gates(self) -> i64 {
        match self {
            Cell::Lstm => 4,
            Cell::Gru => 3,
        }
    }

    /// The name used in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Cell::Lstm => "lstm",
            Cell::Gru => "gru",
        }
    }
}

/// One recurrent layer, forward in time, starting from a state of zeros: `[T, F]` to `[T, units]`, or to the
/// last state `[units]`. In both directions (Schuster & Paliwal, 1997), a second one goes from the last step to the
/// first, and each output is followed by its own: `[T, 2 · units]`, or `[2 · units]`, each at the end of its way.
///
/// LSTM (Hochreiter & Schmidhuber, 1997, with the forget gate of Gers et al., 2000) or GRU (Cho et al., 2014);
/// equations and the order of the gates are PyTorch's:
///
/// - LSTM: `i, f, g, o = W x_t + b + U h_{t-1} + d`; `c_t = σ(f) c_{t-1} + σ(i) tanh(g)`;
///   `h_t = σ(o) tanh(c_t)`;
/// - GRU: `r, z` likewise; `n = tanh(W x_t + b + σ(r) (U h_{t-1} + d))`; `h_t = (1 - σ(z)) n + σ(z) h_{t-1}`,
///   with the rows of `W` and `U` in the order `r, z, n`.
///
/// Tensors, for `G` gates (4 or 3), in this order: `input_weight` (W) `[G · units, F]`, `recurrent_weight`
/// (U) `[G · units, units]`, `input_bias` (b) and `recurrent_bias` (d) `[G · units]`; then the same of the way back, as
/// `back_input_weight` and so on.
///
/// Input weights start as Glorot's, recurrent ones orthogonal (Saxe et al., 2014), biases at zero, except the
/// LSTM's forget gate at 1, so that it remembers until it learns to forget (Jozefowicz et al., 2015).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrent {
    /// What is computed at each step.
    pub cell: Cell,
    /// Width of the state.
    pub units: i64,
    /// Whether the output holds the states of all steps, or only the last.
    pub whole: bool,
    /// Whether the sequence is read from its end, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub both_ways: bool,
}

impl fmt::Display for Recurrent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.whole { "" } else { ", last state" };
        let both_ways = if self.both_ways { ", both ways" } else { "" };
        write!(f, "{} {}{both_ways}{whole}", self.cell.name(), self.units)
    }
}

impl Recurrent {
    pub(crate) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        at_least_one("units", self.units)?;
        let [steps, _] = sequence(input)?;
        let width = product(&[self.ways(), self.units]);
        Ok(if self.whole { vec![steps, width] } else { vec![width] })
    }

    fn ways(&self) -> i64 {
        if self.both_ways { 2 } else { 1 }
    }

    pub(crate) fn tensors(&self, input: &[i64]) -> Vec<TensorSpec> {
        let (rows, input_width) = (self.cell.gates() * self.units, input[1]);
        let forget = match self.cell {
            Cell::Lstm => Init::ForgetGate,
            Cell::Gru => Init::Zeros,
        };
        let way = |[input, recurrent, input_bias, recurrent_bias]: [&'static str; 4]| {
            [
                TensorSpec::trained(input, &[rows, input_width], Init::GlorotUniform),
                TensorSpec::trained(recurrent, &[rows, self.units], Init::Orthogonal),
                TensorSpec::trained(input_bias, &[rows], forget),
                TensorSpec::trained(recurrent_bias, &[rows], Init::Zeros),
            ]
        };
        let mut tensors =
            Vec::from(way(["input_weight", "recurrent_weight", "input_bias", "recurrent_bias"]));
        if self.both_ways {
            let names =
                ["back_input_weight", "back_recurrent_weight", "back_input_bias", "back_recurrent_bias"];
            tensors.extend(way(names));
        }
        tensors
    }

    /// Shapes of what one sample's state consists of: the output, and an LSTM's memory. None in both directions: no later step
    /// could go on from there.
    pub(crate) fn state_shapes(&self) -> Vec<Vec<i64>> {
        if self.both_ways {
            return vec![];
        }
        let tensors = match self.cell {
            Cell::Lstm => 2,
            Cell::Gru => 1,
        };
        vec![vec![self.units]; tensors]
    }

    pub(crate) fn flops(&self, input: &[i64]) -> i64 {
        product(&[2, self.ways(), input[0], self.cell.gates(), self.units, input[1] + self.units])
    }

    /// The gates and the state of every step, whether or not the output holds all states.
    pub(crate) fn activations(&self, input: &[i64]) -> i64 {
        product(&[self.ways(), input[0], self.cell.gates() + 1, self.units])
    }
}
