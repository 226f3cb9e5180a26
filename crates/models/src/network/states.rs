//! Running a recurrent network from a given state: what an encoder hands to a decoder.

use super::Network;
use super::forward;
use super::recurrent::{Stepped, conv_lstm, recurrent};
use ae_network::Layer;
use ae_tensor::Tensor;

/// The states of all recurrent layers of a network for a batch: tensors of the shapes that
/// [`Architecture::state_shapes`](super::Architecture::state_shapes) gives, each with the batch dimension first.
#[derive(Debug)]
pub struct States(Vec<Tensor>);

/// What a network gives for some steps, and the states to go on from.
#[derive(Debug)]
pub struct Continued {
    /// `[B, T, …]`.
    pub output: Tensor,
    /// After the last step.
    pub states: States,
}

impl States {
    /// All values of each sample's states in one row: `[B, D]`.
    pub fn to_rows(&self) -> Tensor {
        Tensor::cat(&self.0.iter().map(|state| state.flatten(1, -1)).collect::<Vec<_>>(), 1)
    }

    /// Undoes [`Self::to_rows`] for states of these shapes, which hold as many values as a row.
    pub fn from_rows(rows: &Tensor, shapes: &[Vec<i64>]) -> Self {
        let sizes: Vec<i64> = shapes.iter().map(|shape| shape.iter().product()).collect();
        let parts = rows.split_with_sizes(sizes, 1);
        let shaped = |(part, shape): (&Tensor, &Vec<i64>)| part.reshape([&[-1], shape.as_slice()].concat());
        States(parts.iter().zip(shapes).map(shaped).collect())
    }
}

impl Network {
    /// The forward pass for any number of steps, `[B, T, …]`, from these states or else from zeros. All layers must
    /// be recurrent ones that give every step, or take any number of steps.
    pub fn forward_from(&self, x: &Tensor, start: Option<&States>) -> Continued {
        assert!(self.architecture().takes_any_number_of_steps(), "a layer is bound to its number of steps");
        assert_eq!(x.size()[2..], self.input_shape()[1..], "a network got steps of another shape");
        let mut given = start.map(|states| states.0.as_slice());
        let (mut x, mut states) = (x.shallow_clone(), Vec::new());
        for (node, tensors) in self.architecture().nodes().zip(self.tensors()) {
            let count = node.layer.state_shapes(node.input).len();
            let own = given.map(|rest| rest.split_at(count));
            given = own.map(|(_, rest)| rest);
            let own = own.map(|(own, _)| own);
            let Stepped { output, state } = match *node.layer {
                Layer::Recurrent(layer) => recurrent(layer, &x, tensors, own),
                Layer::ConvLstm(layer) => conv_lstm(layer, &x, tensors, own),
                ref layer => {
                    let place = self.place(node.index, None);
                    Stepped { output: forward::forward(layer, &x, tensors, place), state: vec![] }
                }
            };
            x = output;
            states.extend(state);
        }
        Continued { output: x, states: States(states) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_network::{Cell, ConvLstm, Recurrent};
    use ae_tensor::{Device, Noise, tch};

    fn noise() -> Noise {
        Noise::new(0, 0, Device::Cpu)
    }

    fn far(a: &Tensor, b: &Tensor) -> f64 {
        (a - b).abs().max().double_value(&[])
    }

    /// Going on from a state is the same as never having stopped, also if the state was a row of numbers meanwhile.
    fn check(layers: Vec<Layer>, input: &[i64]) {
        let network = Network::new("encoder", layers, input, &noise()).unwrap();
        let x = noise().normal("x", &[&[3], input].concat());
        let whole = network.forward(&x);
        let (first, second) = (x.narrow(1, 0, 4), x.narrow(1, 4, input[0] - 4));
        let first = network.forward_from(&first, None);
        let shapes = network.architecture().state_shapes();
        let kept = States::from_rows(&first.states.to_rows(), &shapes);
        let second = network.forward_from(&second, Some(&kept));
        assert!(far(&Tensor::cat(&[&first.output, &second.output], 1), &whole) < 1e-5);
        let restart = network.forward_from(&x.narrow(1, 4, input[0] - 4), None);
        assert!(far(&restart.output, &second.output) > 1e-3, "the state matters");
    }

    #[test]
    fn a_network_goes_on_from_its_states() {
        let recurrent =
            |cell, units| Layer::Recurrent(Recurrent { cell, units, whole: true, both_ways: false });
        check(vec![recurrent(Cell::Lstm, 5), Layer::DensePerStep { units: 2 }], &[7, 3]);
        check(vec![recurrent(Cell::Gru, 5), recurrent(Cell::Lstm, 4), recurrent(Cell::Gru, 3)], &[7, 3]);
        let conv = |channels| Layer::ConvLstm(ConvLstm { channels, kernel: 3 });
        check(vec![conv(4), conv(2), Layer::DensePerStep { units: 3 }], &[7, 5, 4, 3]);
    }

    /// On maps of one place a convolutional LSTM is libtorch's LSTM.
    #[test]
    fn on_a_single_place_it_is_an_lstm() {
        let conv = Layer::ConvLstm(ConvLstm { channels: 4, kernel: 1 });
        let conv = Network::new("encoder", vec![conv], &[6, 1, 1, 3], &noise()).unwrap();
        let lstm = Layer::Recurrent(Recurrent { cell: Cell::Lstm, units: 4, whole: true, both_ways: false });
        let lstm = Network::new("encoder", vec![lstm], &[6, 3], &noise()).unwrap();
        tch::no_grad(|| {
            for ((_, mut to), (_, from)) in lstm.parameters().into_iter().zip(conv.parameters()) {
                to.copy_(&(from.view(to.size().as_slice()) + 0.1));
                from.shallow_clone().copy_(&(to.view(from.size().as_slice())));
            }
        });
        let x = noise().normal("x", &[2, 6, 3]);
        let maps = x.view([2, 6, 1, 1, 3]);
        assert!(far(&conv.forward(&maps).flatten(2, -1), &lstm.forward(&x)) < 1e-6);
    }
}
