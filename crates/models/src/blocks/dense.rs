//! Stacks of dense layers.

use crate::network::Layer;
use ae_tensor::Activation;

/// Any sample, flattened, through dense layers of these widths; `activation` stands after each but the last,
/// `last` after that one.
pub fn encoder(widths: &[i64], activation: Activation, last: Activation) -> Vec<Layer> {
    let mut layers = vec![Layer::Flatten];
    stack(&mut layers, widths, activation, last);
    layers
}

/// A code through dense layers of these widths and one more that gives a sample of `shape`, without an
/// activation of its own.
pub fn decoder(widths: &[i64], activation: Activation, shape: &[i64]) -> Vec<Layer> {
    let mut layers = Vec::new();
    stack(&mut layers, widths, activation, activation);
    layers.push(Layer::Dense { units: shape.iter().product() });
    if shape.len() != 1 {
        layers.push(Layer::Reshape(shape.to_vec()));
    }
    layers
}

fn stack(layers: &mut Vec<Layer>, widths: &[i64], activation: Activation, last: Activation) {
    for (index, &units) in widths.iter().enumerate() {
        layers.push(Layer::Dense { units });
        let activation = if index + 1 == widths.len() { last } else { activation };
        if activation != Activation::Identity {
            layers.push(Layer::Activation(activation));
        }
    }
}
