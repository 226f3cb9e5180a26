//! Dense networks without libtorch: to score fast ([`DenseChain`]), or with the same bits on every machine ([`DenseNetwork`]).

use super::{Layer, Network};
use ae_coding::{DenseLayer, DenseNetwork};
use ae_tensor::{Activation, DenseChain, Tensor, array};

/// The networks in sequence, then `output`, without libtorch. `None` if a layer is anything but dense, an
/// activation, dropout or a change of shape. The weights are copied, so later training does not change the chain.
pub fn dense_chain(networks: &[&Network], output: Activation) -> Option<DenseChain> {
    chain(&dense_layers(networks, networks, output)?)
}

/// [`dense_chain`] of an encoder to means and log-variances and a decoder of the means: reconstructions of a variational
/// autoencoder.
pub fn dense_chain_of_means(encoder: &Network, decoder: &Network, output: Activation) -> Option<DenseChain> {
    let mut layers = dense_layers(&[encoder], &[encoder], Activation::Identity)?;
    let (weight, bias, _) = layers.last_mut()?;
    let means = decoder.input_shape().iter().product();
    if weight.size()[0] != 2 * means {
        return None;
    }
    *weight = weight.narrow(0, 0, means);
    *bias = bias.narrow(0, 0, means);
    layers.extend(dense_layers(&[decoder], &[decoder], output)?);
    chain(&layers)
}

fn chain(layers: &[(Tensor, Tensor, Activation)]) -> Option<DenseChain> {
    let layers: Vec<(&Tensor, &Tensor, Activation)> =
        layers.iter().map(|(weight, bias, activation)| (weight, bias, *activation)).collect();
    DenseChain::new(&layers)
}

/// The network without libtorch, the same on every machine, then `output`. Layers may be tied to those of `owners`. `None`
/// as for [`dense_chain`].
pub fn dense_network(network: &Network, owners: &[&Network], output: Activation) -> Option<DenseNetwork> {
    let layer = |(weight, bias, activation): (Tensor, Tensor, Activation)| DenseLayer {
        weights: array::to_vec(&weight.tr().contiguous()),
        bias: array::to_vec(&bias),
        activation,
    };
    DenseNetwork::new(dense_layers(&[network], owners, output)?.into_iter().map(layer).collect())
}

/// Weights `[out, in]`, biases and the activation after each layer; then `output`. Tied layers have the weights of `owners`.
fn dense_layers(
    networks: &[&Network],
    owners: &[&Network],
    output: Activation,
) -> Option<Vec<(Tensor, Tensor, Activation)>> {
    let mut layers: Vec<(Tensor, Tensor, Activation)> = Vec::new();
    let follow = |layers: &mut Vec<(Tensor, Tensor, Activation)>, activation| {
        // A chain has no two activations in a row, and none before the first layer.
        let last = layers.last_mut().filter(|last| last.2 == Activation::Identity);
        last.map(|last| last.2 = activation)
    };
    for (layer, tensors) in networks.iter().flat_map(|network| network.layers()) {
        match (layer, tensors) {
            (Layer::Dense { .. }, [weight, bias]) => {
                layers.push((weight.shallow_clone(), bias.shallow_clone(), Activation::Identity));
            }
            (Layer::TiedDense { network, layer, .. }, [bias]) => {
                let owner = owners.iter().find(|owner| owner.architecture().name() == network)?;
                layers.push((owner.transposed_weight(*layer), bias.shallow_clone(), Activation::Identity));
            }
            (
                Layer::Activation(Activation::Identity)
                | Layer::Reshape(_)
                | Layer::Flatten
                | Layer::Dropout { .. },
                _,
            ) => {}
            (Layer::Activation(activation), _) => follow(&mut layers, *activation)?,
            _ => return None,
        }
    }
    if output != Activation::Identity {
        follow(&mut layers, output)?;
    }
    Some(layers)
}
