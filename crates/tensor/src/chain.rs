//! Dense networks on a CPU without libtorch's cost per call. This serves single rows, where a call costs more
//! than the arithmetic, and millions of rows, where a block stays in the cache from the first layer to the
//! last.
//!
//! The outputs of a row are summed in one fixed order, whatever other rows are computed with it: alone or
//! among a million, a row gives the same bits on the same processor. The outputs differ from libtorch's by
//! rounding.

mod lanes;

use crate::array;
use crate::{Activation, Tensor};
use lanes::{Block, LANES, Processor};
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

/// Rows that a thread takes at once: few enough for its cache, many enough to be worth scheduling.
const ROWS: usize = 256;

/// Dense layers and their activations, packed for this processor.
#[derive(Clone, Debug)]
pub struct DenseChain {
    layers: Vec<Layer>,
    processor: Processor,
    /// Widest layer, rounded up to whole lanes.
    widest: usize,
}

#[derive(Clone, Debug)]
struct Layer {
    inputs: usize,
    outputs: usize,
    /// Panels of `LANES` outputs, each `[inputs, LANES]`; zeros after the last output.
    weights: Vec<f32>,
    /// `[panels · LANES]`.
    bias: Vec<f32>,
    activation: Activation,
}

/// Buffers for [`DenseChain::row`], so that scoring one row allocates nothing.
#[derive(Clone, Debug)]
pub struct Scratch {
    one: Vec<f32>,
    other: Vec<f32>,
}

impl DenseChain {
    /// Packs layers of weights `[out, in]`, biases `[out]` and the activation after each. `None` if they do
    /// not fit one another, or have an activation that is left to libtorch (`gelu`).
    pub fn new(layers: &[(&Tensor, &Tensor, Activation)]) -> Option<Self> {
        let layers: Vec<Layer> = layers.iter().map(pack).collect::<Option<_>>()?;
        let fits = layers.windows(2).all(|pair| pair[0].outputs == pair[1].inputs);
        let widest = layers.iter().map(|layer| layer.bias.len()).max()?;
        fits.then(|| DenseChain { layers, processor: Processor::of_this_machine(), widest })
    }

    /// Widths of an input row and an output row.
    pub fn widths(&self) -> (usize, usize) {
        (self.layers[0].inputs, self.layers[self.layers.len() - 1].outputs)
    }

    /// Buffers for [`Self::row`].
    pub fn scratch(&self) -> Scratch {
        Scratch { one: vec![0.0; self.widest], other: vec![0.0; self.widest] }
    }

    /// One row `[in]` to `[out]`. Panics for a row of another width.
    pub fn row<'s>(&self, row: &[f32], scratch: &'s mut Scratch) -> &'s [f32] {
        assert_eq!(row.len(), self.widths().0, "the width of the row");
        let (mut from, mut to) = (&mut scratch.one, &mut scratch.other);
        self.layer(0, Block { values: row, stride: row.len(), rows: 1 }, to);
        for index in 1..self.layers.len() {
            (from, to) = (to, from);
            self.layer(index, Block { values: from, stride: self.widest, rows: 1 }, to);
        }
        &to[..self.widths().1]
    }

    /// Rows `[N, in]` to `[N, out]`, on all cores. Panics for rows of another width.
    pub fn rows(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let (inputs, outputs) = self.widths();
        assert_eq!(rows.ncols(), inputs, "the width of the rows");
        let mut out = vec![0.0; rows.nrows() * outputs];
        out.par_chunks_mut(ROWS * outputs).enumerate().for_each_init(
            || [vec![0.0; ROWS * self.widest], vec![0.0; ROWS * self.widest]],
            |[one, other], (block, out)| {
                let rows = rows.slice(s![block * ROWS..block * ROWS + out.len() / outputs, ..]);
                let rows = rows.as_standard_layout();
                let values = rows.as_slice().expect("the standard layout is one slice");
                let (mut from, mut to) = (one, other);
                self.layer(0, Block { values, stride: inputs, rows: rows.nrows() }, to);
                for index in 1..self.layers.len() {
                    (from, to) = (to, from);
                    self.layer(index, Block { values: from, stride: self.widest, rows: rows.nrows() }, to);
                }
                for (out, computed) in out.chunks_exact_mut(outputs).zip(to.chunks_exact(self.widest)) {
                    out.copy_from_slice(&computed[..outputs]);
                }
            },
        );
        Array2::from_shape_vec((rows.nrows(), outputs), out).expect("a row of outputs for each row")
    }

    /// Computes a layer for a block of rows into `to`, whose rows hold `widest` values.
    fn layer(&self, index: usize, from: Block<'_>, to: &mut [f32]) {
        let layer = &self.layers[index];
        self.processor.layer(from, &layer.weights, &layer.bias, layer.inputs, to, self.widest);
        for row in to.chunks_exact_mut(self.widest).take(from.rows) {
            self.processor.activate(layer.activation, &mut row[..layer.bias.len()]);
        }
    }
}

fn pack((weight, bias, activation): &(&Tensor, &Tensor, Activation)) -> Option<Layer> {
    let [outputs, inputs] = weight.size()[..] else { return None };
    let (outputs, inputs) = (outputs as usize, inputs as usize);
    let fits = bias.size() == [outputs as i64] && inputs > 0 && outputs > 0;
    if !fits || *activation == Activation::Gelu {
        return None;
    }
    let values = |tensor: &Tensor| array::to_array(&tensor.detach().to_device(crate::Device::Cpu));
    let (weight, biases) = (values(weight), values(bias));
    let panels = outputs.div_ceil(LANES);
    let mut weights = vec![0.0; panels * inputs * LANES];
    for output in 0..outputs {
        let panel = &mut weights[output / LANES * inputs * LANES..];
        for input in 0..inputs {
            panel[input * LANES + output % LANES] = weight[[output, input]];
        }
    }
    let mut bias = vec![0.0; panels * LANES];
    bias.iter_mut().zip(biases.iter()).for_each(|(to, from)| *to = *from);
    Some(Layer { inputs, outputs, weights, bias, activation: *activation })
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
