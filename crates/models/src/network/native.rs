//! Which of a network's layers our own kernels compute.

use super::Architecture;
use ae_kernels::{DenseLayers, ImageChain, Processor, Recurrence, Transformer};
use ae_network::Layer;
use ae_tensor::kernels::Kernels;
use ae_tensor::{Device, Kind, Tape, Tensor, operation};
use std::sync::Arc;

/// Layers one after another that a kernel computes together.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// Position of its first layer.
    pub(super) first: usize,
    /// Number of its layers.
    pub(super) len: usize,
    kernel: Kernel,
}

#[derive(Clone, Debug)]
enum Kernel {
    Images(Arc<ImageChain>),
    Dense(Arc<DenseLayers>),
    Recurrent(Arc<Recurrence>),
    Transformer(Arc<Transformer>),
}

/// Weights of a dense layer up to which our kernels are as fast as libtorch's with vectors of 8 values. Those of larger ones
/// come from memory, and there MKL's are faster (see benches/LOG.md); with vectors of 16, ours are.
const MAX_WEIGHTS: usize = 1 << 19;

/// Convolutions of a chain from which our kernels pay: one alone takes as long to bring its images into the kernels' layout
/// and back as it gains (see benches/LOG.md).
const CONVOLUTIONS: usize = 2;

/// The chains of an architecture, in the order of its layers.
pub(super) fn chains(architecture: &Architecture) -> Vec<Chain> {
    let (layers, mut found, mut first) = (architecture.layers(), Vec::new(), 0);
    let mut shapes = vec![architecture.input_shape().to_vec()];
    shapes.extend(architecture.nodes().map(|node| node.output.to_vec()));
    while first < layers.len() {
        let chain = Kernel::starting(&layers[first..], &shapes[first]);
        let len = chain.as_ref().map_or(1, |(_, len)| *len);
        found.extend(chain.map(|(kernel, len)| Chain { first, len, kernel }));
        first += len;
    }
    found
}

impl Kernel {
    /// The longest chain that starts with the first of `layers`, for samples of this shape, and how many layers it has.
    fn starting(layers: &[Layer], shape: &[i64]) -> Option<(Self, usize)> {
        let processor = Processor::of_this_machine();
        if let Some((layer, len)) = Recurrence::starting(layers, shape, processor) {
            return Some((Kernel::Recurrent(Arc::new(layer)), len));
        }
        match *shape {
            [width] => {
                let (chain, len) = DenseLayers::starting(layers, width as usize, processor)?;
                let most = if processor.lanes() < 16 { MAX_WEIGHTS } else { usize::MAX };
                let fits = chain.parameters().iter().all(|&values| values <= most);
                fits.then(|| (Kernel::Dense(Arc::new(chain)), len))
            }
            [channels, height, width] => {
                let shape = [channels, height, width].map(|side| side as usize);
                let (chain, len) = ImageChain::starting(layers, shape, processor)?;
                (chain.convolutions() >= CONVOLUTIONS).then(|| (Kernel::Images(Arc::new(chain)), len))
            }
            _ => {
                let block = Transformer::of(layers.first()?, shape, processor)?;
                Some((Kernel::Transformer(Arc::new(block)), 1))
            }
        }
    }

    /// Whether samples have the shape that the kernel was made for.
    fn takes(&self, sample: &[i64]) -> bool {
        match self {
            Kernel::Images(images) => images.input_shape().map(|side| side as i64) == *sample,
            Kernel::Dense(layers) => [layers.widths()[0] as i64] == *sample,
            Kernel::Recurrent(layer) => {
                layer.input_shape().iter().map(|&n| n as i64).eq(sample.iter().copied())
            }
            // Any number of tokens.
            Kernel::Transformer(block) => {
                matches!(*sample, [n, width] if n > 0 && width == block.shape()[1] as i64)
            }
        }
    }
}

impl Chain {
    /// The layers' output, if this is a batch that kernels are there for; `tensors` are those of each layer. With a tape it is
    /// in no graph.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        tensors: &[Vec<Tensor>],
        tape: Option<&mut Tape>,
    ) -> Option<Tensor> {
        let size = x.size();
        let is_ours = x.device() == Device::Cpu && x.kind() == Kind::Float && self.kernel.takes(&size[1..]);
        if !is_ours || size[0] == 0 || Kernels::chosen().processor().is_none() {
            return None;
        }
        let parameters: Vec<&Tensor> = tensors.iter().flatten().collect();
        let fits = |parameter: &&Tensor| parameter.kind() == Kind::Float && parameter.is_contiguous();
        if !parameters.iter().all(fits) {
            return None;
        }
        let output = match &self.kernel {
            Kernel::Images(images) => operation::through_images(images, x, &parameters, tape),
            Kernel::Dense(layers) => operation::through_dense(layers, x, &parameters, tape),
            Kernel::Transformer(block) => {
                let block = Arc::new(block.for_tokens(size[1] as usize));
                operation::through_tokens(&block, x, &parameters, tape)
            }
            Kernel::Recurrent(layer) => operation::through_recurrence(layer, x, &parameters, tape),
        };
        Some(output.expect("tensors of the layers' sizes"))
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Pass;
    use crate::network::Network;
    use ae_network::{Activation, Cell, Layer, Recurrent, TransformerBlock};
    use ae_tensor::{Device, Kind, Noise, Tensor, tch};

    fn made(layers: Vec<Layer>, input: &[i64]) -> Network {
        Network::new("both", layers, input, &Noise::new(5, 0, Device::Cpu)).unwrap()
    }

    /// Convolutions around a layer that only libtorch has, and one that is alone.
    fn images() -> Network {
        let conv = |channels, stride| Layer::Conv2d { channels, kernel: 3, stride, padding: 1 };
        let layers = vec![
            conv(5, 1),
            Layer::Activation(Activation::Relu),
            conv(4, 1),
            Layer::MaxPool2d { kernel: 2, ceil: true },
            Layer::BatchNorm,
            Layer::ConvTranspose2d { channels: 3, kernel: 4, stride: 2, padding: 1, output_padding: [0, 0] },
            Layer::Activation(Activation::LeakyRelu),
            Layer::Upsample2d { factor: 2 },
            conv(2, 1),
            Layer::Activation(Activation::Gelu),
            conv(3, 2),
        ];
        made(layers, &[2, 7, 6])
    }

    /// Dense layers before and behind an activation that only libtorch has.
    fn rows() -> Network {
        let (dense, activation) = (|units| Layer::Dense { units }, Layer::Activation);
        let layers = vec![
            Layer::Flatten,
            dense(19),
            activation(Activation::Tanh),
            dense(33),
            activation(Activation::Gelu),
            dense(5),
            activation(Activation::Sigmoid),
            dense(7),
        ];
        made(layers, &[3, 4])
    }

    /// A recurrent autoencoder.
    fn steps() -> Network {
        let lstm =
            |units, whole| Layer::Recurrent(Recurrent { cell: Cell::Lstm, units, whole, both_ways: false });
        made(vec![lstm(9, false), Layer::Repeat { times: 6 }, lstm(5, true)], &[6, 2])
    }

    /// Transformer blocks behind a layer that only libtorch has.
    fn tokens() -> Network {
        let block = |heads| Layer::TransformerBlock(TransformerBlock { heads });
        made(vec![Layer::DensePerStep { units: 12 }, block(3), block(4), Layer::LayerNorm], &[5, 4])
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
        let y = same.forward_in(&x, &Pass::training(Noise::new(5, 0, Device::Cpu), 0, 1));
        let weights = Tensor::arange(y.numel() as i64, (kind, Device::Cpu)).sin().view_as(&y);
        let mut inputs = vec![x];
        inputs.extend(same.parameters().into_iter().map(|(_, parameter)| parameter));
        let gradients = Tensor::run_backward(&[(&y * weights).sum(kind)], &inputs, true, false);
        std::iter::once(y).chain(gradients).collect()
    }

    #[test]
    fn kernels_compute_what_libtorch_computes_in_double_precision() {
        for (network, chains) in [(images(), 2), (rows(), 2), (steps(), 2), (tokens(), 2)] {
            assert_eq!(super::chains(network.architecture()).len(), chains);
            for n in [1, 3, 40] {
                let size = [&[n], network.input_shape()].concat();
                let x = Noise::new(6, 0, Device::Cpu).normal("samples", &size);
                let (ours, exact) = (pass(&network, &x, Kind::Float), pass(&network, &x, Kind::Double));
                assert_eq!(ours.len(), exact.len());
                for (ours, exact) in ours.iter().zip(exact) {
                    let error = (ours.to_kind(Kind::Double) - &exact).abs().max().double_value(&[]);
                    let size = exact.abs().max().double_value(&[]);
                    assert!(error <= 1e-5 * (1.0 + size), "{size:?}: {error}");
                }
            }
        }
    }

    #[test]
    fn one_forward_pass_serves_several_backward_passes() {
        let (network, noise) = (images(), Noise::new(6, 0, Device::Cpu));
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
        let y = images().forward(&x).sum(Kind::Float);
        let twice = Tensor::f_run_backward(&[y], &[x], true, true);
        let error = twice.unwrap_err().to_string();
        assert!(error.contains("cannot be differentiated twice"), "{error}");
    }

    #[test]
    fn nothing_is_kept_where_no_gradient_is_wanted() {
        let x = Tensor::ones([2, 2, 7, 6], (Kind::Float, Device::Cpu));
        let network = images();
        let y = tch::no_grad(|| network.forward(&x));
        assert!(!y.requires_grad());
        assert_eq!(y, network.forward(&x));
    }
}
