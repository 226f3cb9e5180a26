//! Stacks of dense layers.

use crate::network::Layer;
use ae_tensor::Activation;

/// Any sample, flattened, through dense layers of these widths; `activation` follows each but the last,
/// `last` the last.
pub fn encoder(widths: &[i64], activation: Activation, last: Activation) -> Vec<Layer> {
    let mut layers = vec![Layer::Flatten];
    stack(&mut layers, widths, activation, last);
    layers
}

/// A code through dense layers of these widths and one more that gives a sample of `shape`, without a final
/// activation.
pub fn decoder(widths: &[i64], activation: Activation, shape: &[i64]) -> Vec<Layer> {
    let mut layers = Vec::new();
    stack(&mut layers, widths, activation, activation);
    layers.push(Layer::Dense { units: shape.iter().product() });
    if shape.len() != 1 {
        layers.push(Layer::Reshape(shape.to_vec()));
    }
    layers
}

/// Ties each dense layer of a decoder to the one of `encoder` that it mirrors (the decoder's last to the
/// encoder's first): its weight is the transpose of the other's.
pub fn tie(encoder: &[Layer], decoder: &mut [Layer]) {
    let dense = encoder.iter().enumerate().filter(|(_, layer)| matches!(layer, Layer::Dense { .. }));
    let mut mirrored = dense.map(|(place, _)| place).rev();
    for layer in decoder {
        if let Layer::Dense { units } = *layer {
            let place = mirrored.next().expect("a mirrored decoder has as many dense layers as its encoder");
            *layer = Layer::TiedDense { units, network: "encoder".into(), layer: place };
        }
    }
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
