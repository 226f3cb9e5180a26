//! Recurrent layers, with libtorch's fused operations.

use ae_network::{Cell, Recurrent};
use ae_tensor::Tensor;

/// [`Recurrent`] on `[B, T, F]`: `[B, T, units]`, or `[B, units]`.
pub(super) fn recurrent(layer: Recurrent, x: &Tensor, parameters: &[Tensor]) -> Tensor {
    let start = Tensor::zeros([1, x.size()[0], layer.units], (x.kind(), x.device()));
    // `train` is always set: without dropout it changes no value, and cuDNN refuses to go backward otherwise.
    let (states, last) = match layer.cell {
        Cell::Lstm => {
            let start = [start.shallow_clone(), start];
            let (states, last, _memory) = x.lstm(&start, parameters, true, 1, 0.0, true, false, true);
            (states, last)
        }
        Cell::Gru => x.gru(&start, parameters, true, 1, 0.0, true, false, true),
    };
    if layer.whole { states } else { last.squeeze_dim(0) }
}
