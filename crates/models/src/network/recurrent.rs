//! Recurrent layers: LSTM (Hochreiter & Schmidhuber, 1997, with the forget gate of Gers et al., 2000) and GRU (Cho et
//! al., 2014), by libtorch's fused operations. Equations and the order of the gates are PyTorch's:
//!
//! - LSTM: `i, f, g, o = W x_t + b + U h_{t-1} + d`; `c_t = σ(f) c_{t-1} + σ(i) tanh(g)`; `h_t = σ(o) tanh(c_t)`;
//! - GRU: `r, z` likewise; `n = tanh(W x_t + b + σ(r) (U h_{t-1} + d))`; `h_t = (1 - σ(z)) n + σ(z) h_{t-1}`.

use super::layer::{at_least_one, sequence};
use super::slot::Slot;
use ae_tensor::Tensor;
use ae_tensor::init::Init;
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
}

/// One recurrent layer, forward in time, starting from a state of zeros: `[T, F]` to `[T, units]`, or to the last
/// state `[units]`.
///
/// Input weights start as Glorot's, recurrent ones orthogonal (Saxe et al., 2014), biases at zero but the LSTM's
/// forget gate at 1, so that it remembers until it learns to forget (Jozefowicz et al., 2015).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrent {
    /// What is computed at each step.
    pub cell: Cell,
    /// Width of the state.
    pub units: i64,
    /// Whether the states of all steps are given, or the last one alone.
    pub whole: bool,
}

impl fmt::Display for Recurrent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = format!("{:?}", self.cell).to_lowercase();
        write!(f, "{cell} {}{}", self.units, if self.whole { "" } else { ", last state" })
    }
}

impl Recurrent {
    pub(super) fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        at_least_one("units", self.units)?;
        let [steps, _] = sequence(input)?;
        Ok(if self.whole { vec![steps, self.units] } else { vec![self.units] })
    }

    pub(super) fn slots(&self, input: &[i64]) -> Vec<Slot> {
        let rows = self.cell.gates() * self.units;
        let forget = match self.cell {
            Cell::Lstm => Init::ForgetGate,
            Cell::Gru => Init::Zeros,
        };
        vec![
            Slot::trained("input_weight", &[rows, input[1]], Init::GlorotUniform),
            Slot::trained("recurrent_weight", &[rows, self.units], Init::Orthogonal),
            Slot::trained("input_bias", &[rows], forget),
            Slot::trained("recurrent_bias", &[rows], Init::Zeros),
        ]
    }

    pub(super) fn flops(&self, input: &[i64]) -> i64 {
        2 * input[0] * self.cell.gates() * self.units * (input[1] + self.units)
    }

    pub(super) fn forward(&self, x: &Tensor, parameters: &[Tensor]) -> Tensor {
        let start = Tensor::zeros([1, x.size()[0], self.units], (x.kind(), x.device()));
        // `train` is always set: without dropout it changes no value, and cuDNN refuses to go backward otherwise.
        let (states, last) = match self.cell {
            Cell::Lstm => {
                let start = [start.shallow_clone(), start];
                let (states, last, _memory) = x.lstm(&start, parameters, true, 1, 0.0, true, false, true);
                (states, last)
            }
            Cell::Gru => x.gru(&start, parameters, true, 1, 0.0, true, false, true),
        };
        if self.whole { states } else { last.squeeze_dim(0) } // [B, T, units] or [B, units]
    }
}
