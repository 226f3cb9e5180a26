//! Dense networks whose weights are fixed: to score single rows, where a call costs more than the arithmetic, and millions,
//! where a block stays in the cache from the first layer to the last.

use super::pack::{Matrix, Multiply, Packed};
use super::product::Finish;
use crate::simd::Processor;
use crate::slices::Slices;
use crate::threads::Threads;
use ae_network::Activation;

/// Rows that a thread takes at once: few enough for its cache, many enough to be worth scheduling.
const ROWS: usize = 256;

/// Dense layers and their activations, with their weights packed for this processor.
///
/// The results of a row are summed in one fixed order, whatever other rows are computed with it: alone or among a million, a
/// row gives the same bits on the same processor.
#[derive(Clone, Debug)]
pub struct DenseChain {
    layers: Vec<Fixed>,
    processor: Processor,
    /// The most values of a row between two layers.
    widest: usize,
}

#[derive(Clone, Debug)]
struct Fixed {
    inputs: usize,
    outputs: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
    activation: Activation,
}

/// A layer of a [`DenseChain`]: weights `[out, in]`, biases `[out]`, and the activation behind them.
#[derive(Clone, Copy, Debug)]
pub struct DenseLayer<'a> {
    /// Row by row.
    pub weights: &'a [f32],
    /// One for each output.
    pub bias: &'a [f32],
    /// Any but GELU.
    pub activation: Activation,
}

/// Memory for [`DenseChain::row`], so that scoring one row allocates nothing.
#[derive(Clone, Debug)]
pub struct Scratch([Vec<f32>; 2]);

impl DenseChain {
    /// Packs the layers. `None` if they do not fit one another, or have an activation that these kernels do not have.
    pub fn new(layers: &[DenseLayer<'_>], processor: Processor) -> Option<Self> {
        let fixed = |layer: &DenseLayer<'_>| {
            let outputs = layer.bias.len();
            let inputs = layer.weights.len().checked_div(outputs)?;
            if inputs * outputs != layer.weights.len() || inputs == 0 || layer.activation == Activation::Gelu
            {
                return None;
            }
            let mut weights = Vec::new();
            Packed::new(Matrix::new(layer.weights, inputs).transposed(), processor, &mut weights);
            Some(Fixed { inputs, outputs, weights, bias: layer.bias.to_vec(), activation: layer.activation })
        };
        let layers: Vec<Fixed> = layers.iter().map(fixed).collect::<Option<_>>()?;
        let fits = layers.windows(2).all(|pair| pair[0].outputs == pair[1].inputs);
        let widest = layers.iter().map(|layer| layer.outputs).max()?;
        fits.then_some(DenseChain { layers, processor, widest })
    }

    /// Widths of a row before and after.
    pub fn widths(&self) -> (usize, usize) {
        (self.layers[0].inputs, self.layers[self.layers.len() - 1].outputs)
    }

    /// Memory for [`Self::row`].
    pub fn scratch(&self) -> Scratch {
        Scratch([vec![0.0; self.widest], vec![0.0; self.widest]])
    }

    /// One row `[in]` to `[out]`. Panics for a row of another width, and for the memory of a narrower chain.
    pub fn row<'s>(&self, row: &[f32], scratch: &'s mut Scratch) -> &'s [f32] {
        self.layers_of(row, 1, &mut scratch.0)
    }

    /// Rows `[N, in]` to `[N, out]`. Panics for rows of another width.
    pub fn rows(&self, rows: &[f32], threads: &dyn Threads) -> Vec<f32> {
        let (inputs, outputs) = self.widths();
        let n = rows.len() / inputs;
        assert_eq!(rows.len(), n * inputs, "whole rows");
        let mut results = vec![0.0; n * outputs];
        let parts = Slices::new(&mut results, ROWS * outputs);
        threads.each(n.div_ceil(ROWS), &|block| {
            let rows = &rows[block * ROWS * inputs..((block + 1) * ROWS * inputs).min(rows.len())];
            let n = rows.len() / inputs;
            let mut scratch = [(); 2].map(|()| vec![0.0; n * self.widest]);
            // SAFETY: each block has its own part.
            unsafe { parts.get(block) }.copy_from_slice(self.layers_of(rows, n, &mut scratch));
        });
        results
    }

    /// `n` rows through all layers, which take turns with the memory.
    fn layers_of<'s>(&self, rows: &[f32], n: usize, scratch: &'s mut [Vec<f32>; 2]) -> &'s [f32] {
        assert_eq!(rows.len(), n * self.widths().0, "the width of the rows");
        let [mut from, mut to] = scratch.each_mut().map(Vec::as_mut_slice);
        for (index, layer) in self.layers.iter().enumerate() {
            let rows = if index == 0 { rows } else { &from[..n * layer.inputs] };
            let Fixed { inputs, outputs, weights, bias, activation } = layer;
            let finish = Finish::Layer { bias, activation: *activation };
            let (left, right) = (Matrix::new(rows, *inputs), Packed::of(weights, *inputs, *outputs));
            Multiply { left, right, finish, to: &mut to[..n * outputs] }.run_on(self.processor);
            (from, to) = (to, from);
        }
        &from[..n * self.widths().1]
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
