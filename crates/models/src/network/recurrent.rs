//! Recurrent layers, with libtorch's fused operations, from any state.

use ae_network::{Cell, ConvLstm, Recurrent};
use ae_tensor::Tensor;

/// The output of a layer, and its state after the last step, in the order of
/// [`ae_network::Layer::state_shapes`].
pub(super) struct Stepped {
    pub output: Tensor,
    pub state: Vec<Tensor>,
}

/// [`Recurrent`] on `[B, T, F]`, from a state of tensors `[B, units]` or else from zeros: `[B, T, units]`, or
/// `[B, units]`; in both directions, always from zeros, and twice as wide.
pub(super) fn recurrent(
    layer: Recurrent,
    x: &Tensor,
    parameters: &[Tensor],
    start: Option<&[Tensor]>,
) -> Stepped {
    let both = layer.both_ways;
    let start: Vec<Tensor> = match start {
        Some(start) => start.iter().map(|tensor| tensor.unsqueeze(0).contiguous()).collect(),
        None => {
            let ways = if both { 2 } else { 1 };
            let zeros = Tensor::zeros([ways, x.size()[0], layer.units], (x.kind(), x.device()));
            vec![zeros.shallow_clone(), zeros]
        }
    };
    // `train` is always set: without dropout it changes no value, and cuDNN refuses to go backward otherwise.
    let (states, last) = match layer.cell {
        Cell::Lstm => {
            let (states, last, memory) = x.lstm(&start, parameters, true, 1, 0.0, true, both, true);
            (states, vec![last, memory])
        }
        Cell::Gru => {
            let (states, last) = x.gru(&start[0], parameters, true, 1, 0.0, true, both, true);
            (states, vec![last])
        }
    };
    if both {
        // [2, B, units]: each direction at the end of its way.
        let ends = last[0].transpose(0, 1).flatten(1, 2);
        return Stepped { output: if layer.whole { states } else { ends }, state: vec![] };
    }
    let state: Vec<Tensor> = last.into_iter().map(|tensor| tensor.squeeze_dim(0)).collect();
    Stepped { output: if layer.whole { states } else { state[0].shallow_clone() }, state }
}

/// [`ConvLstm`] on `[B, T, H, W, F]`, from a state of tensors `[B, channels, H, W]` or else from zeros:
/// `[B, T, H, W, channels]`.
pub(super) fn conv_lstm(
    layer: ConvLstm,
    x: &Tensor,
    parameters: &[Tensor],
    start: Option<&[Tensor]>,
) -> Stepped {
    let [n, steps, height, width, features] = x.size()[..] else { panic!("maps of a sequence, got {x:?}") };
    let [input_weight, recurrent_weight, bias] = parameters else { panic!("three tensors") };
    let convolve = |x: &Tensor, weight: &Tensor, bias: Option<&Tensor>| {
        let pad = layer.kernel / 2;
        x.conv2d(weight, bias, [1, 1], [pad, pad], [1, 1], 1)
    };
    let maps = x.reshape([n * steps, height, width, features]).permute([0, 3, 1, 2]);
    let inputs = convolve(&maps, input_weight, Some(bias)).view([n, steps, -1, height, width]);
    let (mut state, mut memory) = match start {
        Some([state, memory]) => (state.shallow_clone(), memory.shallow_clone()),
        _ => {
            let zeros = Tensor::zeros([n, layer.channels, height, width], (x.kind(), x.device()));
            (zeros.shallow_clone(), zeros)
        }
    };
    let mut states = Vec::new();
    for step in 0..steps {
        let gates = inputs.select(1, step) + convolve(&state, recurrent_weight, None);
        let gates = gates.chunk(4, 1);
        memory = gates[1].sigmoid() * memory + gates[0].sigmoid() * gates[2].tanh();
        state = gates[3].sigmoid() * memory.tanh();
        states.push(state.shallow_clone());
    }
    Stepped { output: Tensor::stack(&states, 1).permute([0, 1, 3, 4, 2]), state: vec![state, memory] }
}
