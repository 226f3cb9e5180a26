//! Which of a network's layers our own kernels compute.

use super::Architecture;
use ae_kernels::{ImageChain, Processor};
use ae_tensor::kernels::Kernels;
use ae_tensor::{Device, Kind, Tensor, operation};
use std::sync::Arc;

/// Layers one after another that a kernel computes together.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// Position of its first layer.
    pub(super) first: usize,
    /// Number of its layers.
    pub(super) len: usize,
    images: Arc<ImageChain>,
}

/// The chains of an architecture, in the order of its layers.
pub(super) fn chains(architecture: &Architecture) -> Vec<Chain> {
    let processor = Processor::of_this_machine();
    let (layers, mut found, mut first) = (architecture.layers(), Vec::new(), 0);
    let mut shapes = vec![architecture.input_shape().to_vec()];
    shapes.extend(architecture.nodes().map(|node| node.output.to_vec()));
    while first < layers.len() {
        let shape = <[i64; 3]>::try_from(shapes[first].as_slice()).ok();
        let chain = shape.and_then(|shape| {
            ImageChain::starting(&layers[first..], shape.map(|side| side as usize), processor)
        });
        let len = chain.as_ref().map_or(1, |(_, len)| *len);
        found.extend(chain.map(|(images, len)| Chain { first, len, images: Arc::new(images) }));
        first += len;
    }
    found
}

impl Chain {
    /// The layers' output, if this is a batch that kernels are there for; `tensors` are those of each layer.
    pub(super) fn forward(&self, x: &Tensor, tensors: &[Vec<Tensor>]) -> Option<Tensor> {
        let shape = self.images.input_shape().map(|side| side as i64);
        let is_ours = x.device() == Device::Cpu && x.kind() == Kind::Float && x.size()[1..] == shape;
        if !is_ours || x.size()[0] == 0 || Kernels::chosen().processor().is_none() {
            return None;
        }
        let parameters: Vec<&Tensor> = tensors.iter().flatten().collect();
        if parameters.iter().any(|parameter| parameter.kind() != Kind::Float) {
            return None;
        }
        Some(operation::through_images(&self.images, x, &parameters).expect("tensors of the layers' sizes"))
    }
}

#[cfg(test)]
mod tests {
    use crate::network::Network;
    use ae_network::{Activation, Layer};
    use ae_tensor::{Device, Kind, Noise, Tensor, tch};

    /// Convolutions around a layer that only libtorch has.
    fn network() -> Network {
        let conv = |channels, stride| Layer::Conv2d { channels, kernel: 3, stride, padding: 1 };
        let layers = vec![
            conv(5, 1),
            Layer::Activation(Activation::Relu),
            Layer::MaxPool2d { kernel: 2, ceil: true },
            Layer::BatchNorm,
            Layer::ConvTranspose2d { channels: 3, kernel: 4, stride: 2, padding: 1, output_padding: [0, 0] },
            Layer::Activation(Activation::LeakyRelu),
            Layer::Upsample2d { factor: 2 },
            conv(2, 1),
        ];
        Network::new("both", layers, &[2, 7, 6], &Noise::new(5, 0, Device::Cpu)).unwrap()
    }

    /// Output and all gradients. Doubles are computed by libtorch.
    fn pass(network: &Network, x: &Tensor, kind: Kind) -> Vec<Tensor> {
        let leaf = |tensor: &Tensor| tensor.detach().to_kind(kind).set_requires_grad(true);
        let x = leaf(x);
        let tensors: Vec<Vec<Tensor>> = network
            .tensors()
            .iter()
            .map(|tensors| {
                tensors.iter().map(|t| if t.requires_grad() { leaf(t) } else { t.to_kind(kind) }).collect()
            })
            .collect();
        let same = Network::initialised(network.architecture().clone(), &Noise::new(5, 0, Device::Cpu));
        same.tensors.set(tensors).unwrap();
        let y = same.forward_training(&x);
        let weights = Tensor::arange(y.numel() as i64, (kind, Device::Cpu)).sin().view_as(&y);
        let mut inputs = vec![x];
        inputs.extend(same.parameters().into_iter().map(|(_, parameter)| parameter));
        let gradients = Tensor::run_backward(&[(&y * weights).sum(kind)], &inputs, true, false);
        std::iter::once(y).chain(gradients).collect()
    }

    #[test]
    fn kernels_compute_what_libtorch_computes_in_double_precision() {
        let (network, noise) = (network(), Noise::new(6, 0, Device::Cpu));
        assert_eq!(super::chains(network.architecture()).len(), 2);
        for n in [1, 3, 40] {
            let x = noise.normal("images", &[n, 2, 7, 6]);
            let (ours, exact) = (pass(&network, &x, Kind::Float), pass(&network, &x, Kind::Double));
            assert_eq!(ours.len(), exact.len());
            for (ours, exact) in ours.iter().zip(exact) {
                let error = (ours.to_kind(Kind::Double) - &exact).abs().max().double_value(&[]);
                let size = exact.abs().max().double_value(&[]);
                assert!(error <= 1e-5 * (1.0 + size), "{n}: {error} of {size}");
            }
        }
    }

    #[test]
    fn one_forward_pass_serves_several_backward_passes() {
        let (network, noise) = (network(), Noise::new(6, 0, Device::Cpu));
        let x = noise.normal("images", &[3, 2, 7, 6]).set_requires_grad(true);
        let loss = network.forward(&x).square().sum(Kind::Float);
        let (_, weight) = network.parameters().remove(0);
        let gradient = |of: &Tensor| Tensor::run_backward(&[&loss], &[of], true, false).remove(0);
        let first = (gradient(&x), gradient(&weight));
        assert_eq!((gradient(&x), gradient(&weight)), first);
    }

    #[test]
    fn a_second_derivative_is_refused() {
        let x = Tensor::ones([1, 2, 7, 6], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let y = network().forward(&x).sum(Kind::Float);
        let twice = Tensor::f_run_backward(&[y], &[x], true, true);
        let error = twice.unwrap_err().to_string();
        assert!(error.contains("cannot be differentiated twice"), "{error}");
    }

    #[test]
    fn nothing_is_kept_where_no_gradient_is_wanted() {
        let x = Tensor::ones([2, 2, 7, 6], (Kind::Float, Device::Cpu));
        let network = network();
        let y = tch::no_grad(|| network.forward(&x));
        assert!(!y.requires_grad());
        assert_eq!(y, network.forward(&x));
    }
}
