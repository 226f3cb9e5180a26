//! Dense networks of fixed weights on a CPU without libtorch's cost per call: [`ae_kernels::DenseChain`] for tensors.
//!
//! The outputs of a row are summed in one fixed order, whatever other rows are computed with it: alone or
//! among a million, a row gives the same bits on the same processor. The outputs differ from libtorch's by
//! rounding.

use crate::array;
use crate::{Activation, Tensor};
use ae_kernels::{DenseLayer, Processor, Rayon, Scratch};
use ndarray::{Array2, ArrayView2};

/// Dense layers and their activations, packed for this processor.
#[derive(Clone, Debug)]
pub struct DenseChain(ae_kernels::DenseChain);

impl DenseChain {
    /// Packs layers of weights `[out, in]`, biases `[out]` and the activation after each. `None` if they do not
    /// fit one another, or have an activation that is left to libtorch (`gelu`).
    pub fn new(layers: &[(&Tensor, &Tensor, Activation)]) -> Option<Self> {
        let values = |tensor: &Tensor| {
            array::to_array(&tensor.detach().to_device(crate::Device::Cpu)).into_raw_vec_and_offset().0
        };
        let fits = |(weight, bias, _): &&(&Tensor, &Tensor, Activation)| matches!(weight.size()[..], [outputs, _] if bias.size() == [outputs]);
        if !layers.iter().all(|layer| fits(&layer)) {
            return None;
        }
        let arrays: Vec<(Vec<f32>, Vec<f32>, Activation)> = layers
            .iter()
            .map(|(weight, bias, activation)| (values(weight), values(bias), *activation))
            .collect();
        let layers: Vec<DenseLayer<'_>> = arrays
            .iter()
            .map(|(weights, bias, activation)| DenseLayer { weights, bias, activation: *activation })
            .collect();
        ae_kernels::DenseChain::new(&layers, Processor::of_this_machine()).map(DenseChain)
    }

    /// Widths of an input row and an output row.
    pub fn widths(&self) -> (usize, usize) {
        self.0.widths()
    }

    /// Memory for [`Self::row`], so that scoring one row allocates nothing.
    pub fn scratch(&self) -> Scratch {
        self.0.scratch()
    }

    /// One row `[in]` to `[out]`. Panics for a row of another width.
    pub fn row<'s>(&self, row: &[f32], scratch: &'s mut Scratch) -> &'s [f32] {
        self.0.row(row, scratch)
    }

    /// Rows `[N, in]` to `[N, out]`, on all cores. Panics for rows of another width.
    pub fn rows(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let (inputs, outputs) = self.widths();
        assert_eq!(rows.ncols(), inputs, "the width of the rows");
        let n = rows.nrows();
        let rows = rows.as_standard_layout();
        let values = rows.as_slice().expect("the standard layout is one slice");
        Array2::from_shape_vec((n, outputs), self.0.rows(values, &Rayon))
            .expect("a row of outputs for each row")
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
