//! Conversion of dense networks to a [`DenseChain`].

use super::{Layer, Network};
use ae_tensor::{Activation, DenseChain, Tensor};

/// The networks in sequence, then `output`, without libtorch. `None` if a layer is anything but dense, an
/// activation or a change of shape. The weights are copied, so later training does not change the chain.
pub fn dense_chain(networks: &[&Network], output: Activation) -> Option<DenseChain> {
    let mut layers: Vec<(Tensor, &Tensor, Activation)> = Vec::new();
    let follow = |layers: &mut Vec<(Tensor, &Tensor, Activation)>, activation| {
        // A chain has no two activations in a row, and none before the first layer.
        let last = layers.last_mut().filter(|last| last.2 == Activation::Identity);
        last.map(|last| last.2 = activation)
    };
    for (layer, tensors) in networks.iter().flat_map(|network| network.layers()) {
        match (layer, tensors) {
            (Layer::Dense { .. }, [weight, bias]) => {
                layers.push((weight.shallow_clone(), bias, Activation::Identity));
            }
            (Layer::TiedDense { network, layer, .. }, [bias]) => {
                let owner = networks.iter().find(|owner| owner.architecture().name() == network)?;
                layers.push((owner.transposed_weight(*layer), bias, Activation::Identity));
            }
            (Layer::Activation(Activation::Identity) | Layer::Reshape(_) | Layer::Flatten, _) => {}
            (Layer::Activation(activation), _) => follow(&mut layers, *activation)?,
            _ => return None,
        }
    }
    if output != Activation::Identity {
        follow(&mut layers, output)?;
    }
    let layers: Vec<(&Tensor, &Tensor, Activation)> =
        layers.iter().map(|(weight, bias, activation)| (weight, *bias, *activation)).collect();
    DenseChain::new(&layers)
}
