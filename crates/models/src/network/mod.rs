//! Networks on libtorch: a description ([`Architecture`], from `ae-network`) with its tensors, and the
//! forward pass.

mod attention;
mod chain;
mod convolution;
mod custom;
mod density;
mod dropout;
mod forward;
mod native;
mod parts;
pub mod positions;
mod recurrent;
mod residual;
mod sequence;
mod states;
mod unpool;

pub use ae_network::{
    Architecture, CausalConv1d, Cell, ConvLstm, Layer, LayerRule, LayerSummary, MaxUnpool2d, Recurrent,
    ResidualBlock, ShapeError, TemporalBlock, TransformerBlock,
};
pub use chain::{dense_chain, dense_chain_of_means, dense_network};
pub use custom::CustomLayer;
pub use states::{Continued, States};

use crate::model::Pass;
use ae_network::{TensorSpec, channel_axis};
use ae_tensor::{Noise, Tape, Tensor, init, tch};
use forward::Place;
use std::cell::OnceCell;

/// Standard deviation of the weights in [`Network::start_as_dcgan`].
const DCGAN_WEIGHT_STD: f64 = 0.02;

/// An [`Architecture`] and its tensors.
///
/// The tensors are made on first use, so that a model can be built and its size checked before anything is
/// allocated. Their values do not depend on when that is, because every draw is a function of seed and name.
#[derive(Debug)]
pub struct Network {
    architecture: Architecture,
    noise: Noise,
    /// Initial values of the output, see [`Network::start_output_at`]; empty for zero.
    output_start: Vec<f64>,
    /// See [`Network::start_as_dcgan`].
    starts_as_dcgan: bool,
    /// Parameters and buffers of each layer, in the order of [`ae_network::Node::tensors`].
    tensors: OnceCell<Vec<Vec<Tensor>>>,
    /// The layers that our own kernels can compute.
    chains: OnceCell<Vec<native::Chain>>,
}

impl Network {
    /// Checks that the layers fit one another for samples of shape `input`. `name` appears in errors and
    /// seeds the initial values, so that two networks of a model differ.
    ///
    /// # Errors
    /// Names the first layer that does not fit, and what would.
    pub fn new(name: &str, layers: Vec<Layer>, input: &[i64], noise: &Noise) -> Result<Self, ShapeError> {
        Ok(Network::initialised(Architecture::new(name, layers, input)?, noise))
    }

    /// A network of this architecture, with initial values drawn from `noise`, on its device.
    pub fn initialised(architecture: Architecture, noise: &Noise) -> Self {
        Network {
            architecture,
            noise: *noise,
            output_start: Vec::new(),
            starts_as_dcgan: false,
            tensors: OnceCell::new(),
            chains: OnceCell::new(),
        }
    }

    /// The architecture.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Shape of one input sample.
    pub fn input_shape(&self) -> &[i64] {
        self.architecture.input_shape()
    }

    /// Shape of one output sample.
    pub fn output_shape(&self) -> &[i64] {
        self.architecture.output_shape()
    }

    /// The forward pass of a model in use: `[B, input…]` to `[B, output…]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.checked(x, None)
    }

    /// The forward pass of a model in training, or of an evaluation, as `pass` says. In training, normalisation uses the
    /// batch's statistics and updates the running ones, and dropout drops values.
    pub fn forward_in(&self, x: &Tensor, pass: &Pass) -> Tensor {
        self.checked(x, Some(pass))
    }

    /// [`Self::forward`] for a network with dense layers that are tied to those of `owner`: each uses the
    /// transpose of the other's weight, which gets gradients from both.
    pub fn forward_tied(&self, x: &Tensor, owner: &Network) -> Tensor {
        self.tied(x, owner, None)
    }

    /// [`Self::forward_in`] for such a network.
    pub fn forward_tied_in(&self, x: &Tensor, owner: &Network, pass: &Pass) -> Tensor {
        self.tied(x, owner, Some(pass))
    }

    fn tied(&self, x: &Tensor, owner: &Network, pass: Option<&Pass>) -> Tensor {
        assert_eq!(x.size()[1..], *self.input_shape(), "a network got samples of another shape");
        self.fold_with(x, pass, |layer, x, tensors, place| match layer {
            Layer::TiedDense { network, layer, .. } => {
                assert_eq!(network, owner.architecture.name(), "a layer is tied to another network");
                x.linear(&owner.transposed_weight(*layer), Some(&tensors[0]))
            }
            layer => forward::forward(layer, x, tensors, place),
        })
    }

    /// The transposed weight `[D, units]` of the dense layer at this position, as used by a layer that is
    /// tied to it.
    pub(crate) fn transposed_weight(&self, layer: usize) -> Tensor {
        let is_dense = matches!(self.architecture.layers().get(layer), Some(Layer::Dense { .. }));
        assert!(is_dense, "layer {layer} of the {} is not dense", self.architecture.name());
        self.tensors()[layer][0].tr()
    }

    /// The forward pass for a number of tokens other than the network was made for: `[B, T, F]` with any `T`.
    /// All layers must take any number: dense per step, layer norm, transformer blocks and what is added to
    /// them.
    pub fn forward_tokens(&self, x: &Tensor) -> Tensor {
        assert!(self.architecture.takes_any_number_of_steps(), "a layer is bound to its number of tokens");
        assert_eq!(x.size()[2..], self.input_shape()[1..], "a network got tokens of another width");
        self.fold(x, None)
    }

    /// The forward pass for images of another size than the network was made for: `[B, C, H, W]` with any `H` and `W`
    /// that every layer can take. All layers must look at every place of an image in the same way: convolutions,
    /// poolings, enlargements and what is added to them.
    pub fn forward_image(&self, x: &Tensor) -> Tensor {
        assert!(self.architecture.takes_any_size_of_image(), "a layer is bound to its size of image");
        assert_eq!(x.size()[1], self.input_shape()[0], "a network got images of other channels");
        self.fold(x, None)
    }

    fn checked(&self, x: &Tensor, pass: Option<&Pass>) -> Tensor {
        assert_eq!(x.size()[1..], *self.input_shape(), "a network got samples of another shape");
        self.fold(x, pass)
    }

    /// The forward pass.
    fn fold(&self, x: &Tensor, pass: Option<&Pass>) -> Tensor {
        self.fold_with(x, pass, forward::forward)
    }

    /// One layer after another: those that our own kernels can take by them, the others by `forward`.
    fn fold_with(
        &self,
        x: &Tensor,
        pass: Option<&Pass>,
        forward: impl Fn(&Layer, &Tensor, &[Tensor], Place<'_>) -> Tensor,
    ) -> Tensor {
        let (layers, tensors) = (self.architecture.layers(), self.tensors());
        let chains = self.chains.get_or_init(|| native::chains(&self.architecture));
        let (mut x, mut index, mut chains) = (x.shallow_clone(), 0, chains.iter().peekable());
        while index < layers.len() {
            let chain = chains.next_if(|chain| chain.first == index);
            let computed = chain.and_then(|chain| {
                Some((chain.len, chain.forward(&x, &tensors[index..index + chain.len], None)?))
            });
            // Where a chain is not taken, its layers are computed one by one.
            let place = self.place(index, pass);
            let (len, output) =
                computed.unwrap_or_else(|| (1, forward(&layers[index], &x, &tensors[index], place)));
            (x, index) = (output, index + len);
        }
        x
    }

    /// Whether our own kernels have all layers, so that [`Self::forward_recorded`] gives a result for batches that they take.
    pub fn is_recordable(&self) -> bool {
        let layers = self.architecture.layers();
        let chains = self.chains.get_or_init(|| native::chains(&self.architecture));
        let views = layers.iter().filter(|layer| matches!(layer, Layer::Flatten | Layer::Reshape(_))).count();
        views + chains.iter().map(|chain| chain.len).sum::<usize>() == layers.len()
    }

    /// The forward pass of a model in training without a graph: `tape` keeps the way back. `None` if a layer needs a graph,
    /// because our own kernels do not have it, or not for this batch.
    pub fn forward_recorded(&self, x: &Tensor, tape: &mut Tape) -> Option<Tensor> {
        assert_eq!(x.size()[1..], *self.input_shape(), "a network got samples of another shape");
        let (layers, tensors) = (self.architecture.layers(), self.tensors());
        let chains = self.chains.get_or_init(|| native::chains(&self.architecture));
        let (mut x, mut index, mut chains) = (x.shallow_clone(), 0, chains.iter().peekable());
        while let Some(layer) = layers.get(index) {
            let chain = chains.next_if(|chain| chain.first == index);
            (x, index) = match (chain, layer) {
                (Some(chain), _) => {
                    let end = index + chain.len;
                    (chain.forward(&x, &tensors[index..end], Some(tape))?, end)
                }
                (None, Layer::Flatten) => (tape.reshape(&x, &[x.size()[1..].iter().product()]), index + 1),
                (None, Layer::Reshape(shape)) => (tape.reshape(&x, shape), index + 1),
                _ => return None,
            };
        }
        Some(x)
    }

    fn place<'p>(&'p self, index: usize, pass: Option<&'p Pass>) -> Place<'p> {
        Place { network: self.architecture.name(), index, pass }
    }

    /// Each layer with its tensors.
    fn layers(&self) -> impl Iterator<Item = (&Layer, &[Tensor])> {
        self.architecture.layers().iter().zip(self.tensors().iter().map(Vec::as_slice))
    }

    fn tensors(&self) -> &[Vec<Tensor>] {
        self.tensors.get_or_init(|| {
            let mut all = Vec::new();
            for node in self.architecture.nodes() {
                let name = format!("{}.{}", self.architecture.name(), node.index);
                let specs = node.tensors();
                let made = specs.iter().map(|spec| self.start(spec, &format!("{name}.{}", spec.name)));
                all.push(made.collect());
            }
            self.fill_output_bias(&all);
            all
        })
    }

    /// The initial values of a tensor.
    fn start(&self, spec: &TensorSpec, purpose: &str) -> Tensor {
        let mut tensor = init::tensor(spec, &self.noise, purpose);
        // Batch normalisation has weights as well: one for each channel.
        if self.starts_as_dcgan && spec.name == "weight" && spec.shape.len() > 1 {
            let start = self.noise.normal(&format!("{purpose} as in DCGAN"), &spec.shape) * DCGAN_WEIGHT_STD;
            tch::no_grad(|| tensor.copy_(&start));
        }
        tensor
    }

    /// Lets the weights of all dense and convolutional layers start from N(0, 0.02²) (Radford, Metz &
    /// Chintala, ICLR 2016, section 4). Call it before the tensors are used.
    pub fn start_as_dcgan(&mut self) {
        assert!(self.tensors.get().is_none(), "the weights have been drawn already");
        self.starts_as_dcgan = true;
    }

    /// Named parameters, such as `index.weight` and `index.bias`, in the order of the layers; they share
    /// memory with the network.
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        self.named(true)
    }

    /// Named tensors without gradients, such as running means; they share memory with the network.
    pub fn buffers(&self) -> Vec<(String, Tensor)> {
        self.named(false)
    }

    fn named(&self, trained: bool) -> Vec<(String, Tensor)> {
        let specs = self.architecture.tensors();
        let both = specs.into_iter().zip(self.tensors().iter().flatten());
        both.filter(|((_, spec), _)| spec.trained == trained)
            .map(|((name, _), tensor)| (name, tensor.shallow_clone()))
            .collect()
    }

    /// Sets every bias of the last layer that has one, and so the initial output.
    pub fn set_output_bias(&mut self, value: f64) {
        self.start_output_at(&[value]);
    }

    /// Sets the initial output through the biases of the last layer that has some: one value for each of as
    /// many equal parts of the output's channels (or features, or values; see [`channel_axis`]).
    pub fn start_output_at(&mut self, parts: &[f64]) {
        self.output_start = parts.to_vec();
        if let Some(tensors) = self.tensors.get() {
            self.fill_output_bias(tensors);
        }
    }

    fn fill_output_bias(&self, tensors: &[Vec<Tensor>]) {
        let last = self.architecture.nodes().rev().find_map(|node| {
            let slot = node.tensors().iter().position(|spec| spec.trained && spec.name == "bias")?;
            Some(tensors[node.index][slot].shallow_clone())
        });
        let Some(mut bias) = last else { return };
        let values = match self.output_start.as_slice() {
            [] => return,
            &[value] => Tensor::full_like(&bias.detach(), value),
            parts => self.output_by_parts(parts, bias.numel()),
        };
        tch::no_grad(|| bias.copy_(&values));
    }

    /// The parts' values for each of `n` biases: one for each channel, or one for each value of a sample.
    fn output_by_parts(&self, parts: &[f64], n: usize) -> Tensor {
        let (shape, axis) = (self.output_shape(), channel_axis(self.output_shape()));
        let channels = shape[axis];
        assert_eq!(channels % parts.len() as i64, 0, "{parts:?} are not equal parts of {shape:?}");
        let each = channels / parts.len() as i64;
        let values = Tensor::from_slice(parts).repeat_interleave_self_int(each, 0, channels);
        if n as i64 == channels {
            return values;
        }
        let mut alone = vec![1; shape.len()];
        alone[axis] = channels;
        values.view(alone.as_slice()).expand(shape, false).reshape([-1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Activation, Device, Kind};

    fn network(layers: Vec<Layer>, input: &[i64]) -> Result<Network, ShapeError> {
        Network::new("encoder", layers, input, &Noise::new(0, 0, Device::Cpu))
    }

    /// What libtorch computes has the shape that was inferred.
    fn check(layers: Vec<Layer>, input: &[i64], expected: &[i64]) {
        let network = network(layers, input).unwrap();
        assert_eq!(network.output_shape(), expected);
        let x = Tensor::zeros([&[3], input].concat(), (Kind::Float, Device::Cpu));
        assert_eq!(network.forward(&x).size(), [&[3], expected].concat());
    }

    #[test]
    fn inferred_shapes_are_what_libtorch_gives() {
        let conv = |kernel, stride, padding| Layer::Conv2d { channels: 5, kernel, stride, padding };
        let up = |output_padding| Layer::ConvTranspose2d {
            channels: 4,
            kernel: 3,
            stride: 2,
            padding: 1,
            output_padding,
        };
        check(vec![Layer::Flatten, Layer::Dense { units: 7 }], &[2, 4, 4], &[7]);
        check(vec![conv(3, 2, 1)], &[1, 28, 27], &[5, 14, 14]);
        check(vec![conv(5, 1, 0), Layer::Activation(Activation::Relu)], &[3, 9, 6], &[5, 5, 2]);
        check(vec![up([1, 0])], &[8, 7, 7], &[4, 14, 13]);
        check(vec![Layer::MaxPool2d { kernel: 2, ceil: true }], &[3, 7, 6], &[3, 4, 3]);
        check(vec![Layer::MaxPool2d { kernel: 2, ceil: false }], &[3, 7, 6], &[3, 3, 3]);
        check(vec![Layer::Upsample2d { factor: 2 }], &[3, 7, 6], &[3, 14, 12]);
        check(vec![Layer::Crop2d { size: [5, 6] }], &[3, 7, 6], &[3, 5, 6]);
        let unpool = Layer::MaxUnpool2d(MaxUnpool2d { kernel: 3, size: [7, 6] });
        check(vec![unpool], &[3, 3, 2], &[3, 7, 6]);
        check(vec![Layer::Reshape(vec![2, 6])], &[12], &[2, 6]);
        check(vec![], &[12], &[12]);
    }

    #[test]
    fn a_batch_with_one_value_a_channel_is_normalised_as_in_use() {
        let network = network(vec![Layer::BatchNorm], &[2]).unwrap();
        let x = Tensor::from_slice(&[3.0f32, -1.0]).view([1, 2]);
        let training = Pass::training(Noise::new(0, 0, Device::Cpu), 0, 1);
        assert_eq!(network.forward_in(&x, &training), network.forward(&x));
        let moments = network.buffers().into_iter().flat_map(|(_, t)| ae_tensor::array::to_vec(&t));
        assert_eq!(moments.collect::<Vec<_>>(), [0.0, 0.0, 1.0, 1.0]);
        let two = Tensor::cat(&[&x, &(&x + 2.0)], 0);
        assert_ne!(network.forward_in(&two, &training), network.forward(&two));
    }
}
