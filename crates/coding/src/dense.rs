//! Dense networks whose outputs are the same on every machine.

use ae_network::Activation;
use ae_network::LEAKY_SLOPE;

/// A dense layer and the activation after it.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseLayer {
    /// `[in, out]`, row by row: what each input adds to all outputs.
    pub weights: Vec<f64>,
    /// `[out]`.
    pub bias: Vec<f64>,
    /// After it.
    pub activation: Activation,
}

/// Dense layers, one after the other, computed in double precision, in a fixed order and with the functions of `libm`: what an
/// encoder computes on one machine, a decoder computes on another, to the last bit.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseNetwork {
    layers: Vec<DenseLayer>,
}

impl DenseNetwork {
    /// `None` if there is no layer, or the layers do not fit one another.
    pub fn new(layers: Vec<DenseLayer>) -> Option<Self> {
        let whole = |layer: &DenseLayer| {
            let (weights, outputs) = (layer.weights.len(), layer.bias.len());
            weights > 0 && outputs > 0 && weights.is_multiple_of(outputs)
        };
        let fits = layers.iter().all(whole)
            && layers.windows(2).all(|pair| pair[1].weights.len() / pair[1].bias.len() == pair[0].bias.len());
        (!layers.is_empty() && fits).then_some(DenseNetwork { layers })
    }

    /// The layers, from the first.
    pub fn layers(&self) -> &[DenseLayer] {
        &self.layers
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.layers[0].weights.len() / self.layers[0].bias.len()
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].bias.len()
    }

    /// The outputs for these inputs.
    ///
    /// # Panics
    /// If there are other than [`Self::inputs`] of them.
    pub fn forward(&self, inputs: &[f64]) -> Vec<f64> {
        assert_eq!(inputs.len(), self.inputs(), "the number of inputs");
        let mut values = inputs.to_vec();
        for layer in &self.layers {
            let mut outputs = layer.bias.clone();
            // Each output is summed in the order of the inputs; an input of zero adds nothing.
            for (input, row) in values.iter().zip(layer.weights.chunks_exact(outputs.len())) {
                if *input != 0.0 {
                    outputs.iter_mut().zip(row).for_each(|(output, weight)| *output += input * weight);
                }
            }
            outputs.iter_mut().for_each(|output| *output = activated(layer.activation, *output));
            values = outputs;
        }
        values
    }
}

fn activated(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::Sigmoid => sigmoid(x),
        Activation::Tanh => libm::tanh(x),
        Activation::Gelu => 0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
        Activation::Silu => x * sigmoid(x),
        Activation::LeakyRelu => {
            if x < 0.0 {
                LEAKY_SLOPE * x
            } else {
                x
            }
        }
    }
}

/// `1 / (1 + exp(-x))`.
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(weights: &[f64], bias: &[f64], activation: Activation) -> DenseLayer {
        DenseLayer { weights: weights.to_vec(), bias: bias.to_vec(), activation }
    }

    #[test]
    fn layers_follow_each_other() {
        let first = layer(&[1.0, -1.0, 2.0, 0.5], &[0.0, 1.0], Activation::Relu);
        let second = layer(&[1.0, 10.0], &[0.25], Activation::Identity);
        let network = DenseNetwork::new(vec![first.clone(), second]).unwrap();
        assert_eq!((network.inputs(), network.outputs()), (2, 1));
        // [3, 2] gives relu([3 + 4, -3 + 1 + 1]) = [7, 0].
        assert_eq!(network.forward(&[3.0, 2.0]), [7.25]);
        assert_eq!(network.forward(&[0.0, 2.0]), [4.0 + 20.0 + 0.25]);
        assert!(DenseNetwork::new(vec![first, layer(&[1.0; 3], &[0.0], Activation::Tanh)]).is_none());
        assert!(DenseNetwork::new(Vec::new()).is_none());
    }

    #[test]
    fn activations_are_those_of_the_networks() {
        let at = |activation, x| activated(activation, x);
        assert_eq!(at(Activation::LeakyRelu, -2.0), -0.4);
        assert!((at(Activation::Gelu, 1.0) - 0.841_344_746_068_543).abs() < 1e-12);
        assert!((at(Activation::Silu, 1.0) - 0.731_058_578_630_005).abs() < 1e-12);
        assert!((at(Activation::Sigmoid, -1e4)).abs() < 1e-300 && at(Activation::Sigmoid, 1e4) == 1.0);
    }
}
