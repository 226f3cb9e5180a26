//! A network is data: a list of layers with its parameters held beside it. From the one description come shape
//! inference (with errors before the first step), the forward pass, and the summary of parameters and FLOPs.

mod attention;
mod chain;
mod convolution;
mod display;
mod layer;
pub mod positions;
mod recurrent;
mod residual;
mod sequence;
mod slot;
mod unpool;

pub use attention::TransformerBlock;
pub use chain::dense_chain;
pub use layer::Layer;
pub use recurrent::{Cell, Recurrent};
pub use residual::ResidualBlock;
pub use sequence::{CausalConv1d, TemporalBlock};
pub use unpool::MaxUnpool2d;

use crate::model::Pass;
use ae_tensor::{Noise, Tensor};

/// A layer that cannot take what comes before it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("layer {position} of the {network} ({layer}) cannot take {input:?}: {reason}")]
pub struct ShapeError {
    /// Name of the network.
    pub network: String,
    /// Counted from 1.
    pub position: usize,
    /// The layer, as the summary writes it.
    pub layer: String,
    /// Shape of one sample before the layer.
    pub input: Vec<i64>,
    /// What would be right.
    pub reason: String,
}

/// One line of a network's summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSummary {
    /// Such as `dense 400`.
    pub layer: String,
    /// Shape of one sample behind the layer.
    pub output: Vec<i64>,
    /// Trained numbers.
    pub parameters: i64,
    /// Floating-point operations of one sample's forward pass; a multiply and an add are two.
    pub flops: i64,
}

#[derive(Debug)]
struct Built {
    layer: Layer,
    output: Vec<i64>,
    flops: i64,
    /// What the layer learns or remembers, in the order of [`Layer::slots`].
    tensors: Vec<Tensor>,
    slots: Vec<slot::Slot>,
}

impl Built {
    fn named(&self, trained: bool) -> impl Iterator<Item = (&'static str, &Tensor)> {
        let both = self.slots.iter().zip(&self.tensors);
        both.filter(move |(slot, _)| slot.trained == trained).map(|(slot, tensor)| (slot.name, tensor))
    }
}

/// Layers with their shapes and parameters.
#[derive(Debug)]
pub struct Network {
    input: Vec<i64>,
    layers: Vec<Built>,
}

impl Network {
    /// Checks that the layers fit one another for samples of shape `input`, and makes their parameters: Glorot
    /// weights, zero biases. `name` goes into errors and into the draws, so two networks of a model differ.
    pub fn new(name: &str, layers: Vec<Layer>, input: &[i64], noise: &Noise) -> Result<Self, ShapeError> {
        let mut shape = input.to_vec();
        let mut built = Vec::with_capacity(layers.len());
        let mut numbers = 0i64;
        for (index, layer) in layers.into_iter().enumerate() {
            let output = layer.output_shape(&shape).map_err(|reason| ShapeError {
                network: name.into(),
                position: index + 1,
                layer: layer.to_string(),
                input: shape.clone(),
                reason,
            })?;
            let slots = layer.slots(&shape);
            let size = |shape: &[i64]| shape.iter().try_fold(1i64, |n, &d| n.checked_mul(d));
            let sizes =
                slots.iter().map(|slot| size(&slot.shape)).try_fold(numbers, |n, size| n.checked_add(size?));
            numbers = sizes.filter(|&n| n <= noise.most()).ok_or_else(|| ShapeError {
                network: name.into(),
                position: index + 1,
                layer: layer.to_string(),
                input: shape.clone(),
                reason: "with it the network has more parameters than were allowed".into(),
            })?;
            let tensor = |slot: &slot::Slot| {
                let purpose = format!("{name}.{index}.{}", slot.name);
                slot.init.parameter(noise, &purpose, &slot.shape).set_requires_grad(slot.trained)
            };
            let tensors = slots.iter().map(tensor).collect();
            let flops = layer.flops(&shape, &output);
            built.push(Built { layer, output: output.clone(), flops, tensors, slots });
            shape = output;
        }
        Ok(Network { input: input.to_vec(), layers: built })
    }

    /// Shape of one sample that the network takes.
    pub fn input_shape(&self) -> &[i64] {
        &self.input
    }

    /// Shape of one sample that the network gives.
    pub fn output_shape(&self) -> &[i64] {
        self.layers.last().map_or(&self.input, |last| &last.output)
    }

    /// The forward pass of a model in use: `[B, input…]` to `[B, output…]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.run(x, false)
    }

    /// The forward pass of a model in training: normalisation goes by the batch, and its running statistics move.
    pub fn forward_training(&self, x: &Tensor) -> Tensor {
        self.run(x, true)
    }

    /// [`Self::forward`] or [`Self::forward_training`], as `pass` says.
    pub fn forward_in(&self, x: &Tensor, pass: &Pass) -> Tensor {
        self.run(x, pass.is_training())
    }

    /// The forward pass for another number of tokens than the network was made for: `[B, T, F]` with any `T`. It is
    /// for networks whose layers take any: dense per step, layer norm, transformer blocks and what is added to them.
    pub fn forward_tokens(&self, x: &Tensor) -> Tensor {
        let any = |built: &Built| built.layer.takes_any_number_of_steps();
        assert!(self.layers.iter().all(any), "a layer is bound to its number of tokens");
        assert_eq!(x.size()[2..], self.input[1..], "a network got tokens of another width");
        self.fold(x, false)
    }

    fn run(&self, x: &Tensor, training: bool) -> Tensor {
        assert_eq!(x.size()[1..], self.input[..], "a network got samples of another shape");
        self.fold(x, training)
    }

    fn fold(&self, x: &Tensor, training: bool) -> Tensor {
        self.layers
            .iter()
            .fold(x.shallow_clone(), |x, built| built.layer.forward(&x, &built.tensors, training))
    }

    /// Named parameters, such as `index.weight` and `index.bias`, in the order of the layers; they share memory with
    /// the network.
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        self.named(true)
    }

    /// Named tensors that no gradient reaches, such as running means; they share memory with the network.
    pub fn buffers(&self) -> Vec<(String, Tensor)> {
        self.named(false)
    }

    fn named(&self, trained: bool) -> Vec<(String, Tensor)> {
        let layers = self.layers.iter().enumerate();
        let of = |(index, built): (usize, &Built)| {
            let name = |(leaf, tensor): (&str, &Tensor)| (format!("{index}.{leaf}"), tensor.shallow_clone());
            built.named(trained).map(name).collect::<Vec<_>>()
        };
        layers.flat_map(of).collect()
    }

    /// Sets every bias of the last layer that has one: where the output starts.
    pub fn set_output_bias(&mut self, value: f64) {
        let biases = self.layers.iter().rev();
        let last = biases.filter_map(|built| built.named(true).find(|(name, _)| *name == "bias")).next();
        if let Some((_, bias)) = last {
            ae_tensor::tch::no_grad(|| {
                let _ = bias.shallow_clone().fill_(value);
            });
        }
    }

    /// Layer by layer.
    pub fn summary(&self) -> Vec<LayerSummary> {
        let line = |built: &Built| LayerSummary {
            layer: built.layer.to_string(),
            output: built.output.clone(),
            parameters: built.named(true).map(|(_, p)| p.numel() as i64).sum(),
            flops: built.flops,
        };
        self.layers.iter().map(line).collect()
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
        assert_eq!(network.forward_training(&x), network.forward(&x));
        let moments = network.buffers().into_iter().flat_map(|(_, t)| ae_tensor::array::to_vec(&t));
        assert_eq!(moments.collect::<Vec<_>>(), [0.0, 0.0, 1.0, 1.0]);
        let two = Tensor::cat(&[&x, &(&x + 2.0)], 0);
        assert_ne!(network.forward_training(&two), network.forward(&two));
    }

    #[test]
    fn misfits_are_errors_before_the_first_step() {
        let bad = |layers: Vec<Layer>, input: &[i64], expected: &str| {
            let error = network(layers, input).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        bad(vec![Layer::Dense { units: 7 }], &[1, 28, 28], "put a flatten before it");
        bad(
            vec![Layer::Conv2d { channels: 4, kernel: 3, stride: 1, padding: 1 }],
            &[784],
            "an image [C, H, W]",
        );
        bad(vec![Layer::Conv2d { channels: 4, kernel: 9, stride: 1, padding: 0 }], &[1, 5, 5], "larger than");
        bad(vec![Layer::Flatten, Layer::Reshape(vec![3, 5])], &[16], "15 values");
        bad(vec![Layer::Flatten, Layer::Dense { units: 0 }], &[16], "at least 1");
        bad(vec![Layer::Crop2d { size: [5, 7] }], &[3, 7, 6], "5×7 cannot be cut out of 7×6");
        let unpool = Layer::MaxUnpool2d(MaxUnpool2d { kernel: 2, size: [7, 6] });
        bad(vec![unpool], &[3, 3, 3], "takes 7×6 to 4×3");
        bad(vec![Layer::MaxPool2d { kernel: 0, ceil: true }], &[1, 4, 4], "at least 1");
    }

    #[test]
    fn parameters_and_operations_are_counted() {
        let layers = vec![
            Layer::Conv2d { channels: 16, kernel: 3, stride: 2, padding: 1 },
            Layer::ConvTranspose2d { channels: 8, kernel: 3, stride: 2, padding: 1, output_padding: [1, 1] },
            Layer::Flatten,
            Layer::Dense { units: 10 },
        ];
        let summary = network(layers, &[1, 28, 28]).unwrap().summary();
        let counts: Vec<_> = summary.iter().map(|l| (l.parameters, l.flops)).collect();
        assert_eq!(
            counts,
            [
                (16 * 9 + 16, 2 * 9 * 16 * 14 * 14),
                (16 * 8 * 9 + 8, 2 * 9 * 16 * 8 * 14 * 14),
                (0, 0),
                (8 * 28 * 28 * 10 + 10, 2 * 8 * 28 * 28 * 10),
            ]
        );
    }
}
