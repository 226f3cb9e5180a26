//! A sequence of layers whose shapes are checked once.

use crate::size::sum;
use crate::{Layer, MAX_SIZE, TensorSpec, product};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A layer that does not fit its input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// Why it does not fit, and what would.
    pub reason: String,
}

/// A network as data: its name, the shape of one input sample, and layers that fit one another.
///
/// As JSON: `{"name": "encoder", "input": [784], "layers": [{"dense": {"units": 64}}, {"activation":
/// "relu"}]}`. Deserialising it checks the shapes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Architecture {
    name: String,
    /// Shape of one sample before each layer, and after the last.
    shapes: Vec<Vec<i64>>,
    layers: Vec<Layer>,
}

/// The serialised form of an [`Architecture`].
#[derive(Serialize, Deserialize)]
#[serde(rename = "Architecture", deny_unknown_fields)]
struct Unchecked {
    name: String,
    input: Vec<i64>,
    layers: Vec<Layer>,
}

impl TryFrom<Unchecked> for Architecture {
    type Error = ShapeError;

    fn try_from(Unchecked { name, input, layers }: Unchecked) -> Result<Self, ShapeError> {
        Architecture::new(name, layers, &input)
    }
}

impl From<Architecture> for Unchecked {
    fn from(architecture: Architecture) -> Self {
        let Architecture { name, mut shapes, layers } = architecture;
        Unchecked { name, input: shapes.swap_remove(0), layers }
    }
}

/// A layer with its position and its input and output shapes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node<'a> {
    /// Position, counted from 0; the first part of its tensors' names.
    pub index: usize,
    /// The layer.
    pub layer: &'a Layer,
    /// Shape of one sample before it.
    pub input: &'a [i64],
    /// Shape of one sample after it.
    pub output: &'a [i64],
}

impl Node<'_> {
    /// The layer's parameters and buffers, in the order given in the layer's documentation.
    pub fn tensors(&self) -> Vec<TensorSpec> {
        self.layer.tensors(self.input)
    }

    /// Number of trained parameters; saturates at `i64::MAX`.
    pub fn parameters(&self) -> i64 {
        sum(self.tensors().iter().filter(|tensor| tensor.trained).map(TensorSpec::numel))
    }

    /// Floating-point operations of one sample's forward pass. A multiply and an add count as two; biases,
    /// normalisations and elementwise functions are left out. Saturates at `i64::MAX`.
    pub fn flops(&self) -> i64 {
        self.layer.flops(self.input, self.output)
    }

    /// Values that one sample's forward pass makes in this layer and that a backward pass would need: the
    /// output, and what lies between input and output, such as the padding of a causal convolution. A layer
    /// that only views its input otherwise makes none. Saturates at `i64::MAX`.
    pub fn activations(&self) -> i64 {
        self.layer.activations(self.input, self.output)
    }

    /// Values that the layer holds only while it computes one sample, at most; which of them are really made
    /// depends on the library's kernels. Saturates at `i64::MAX`.
    pub fn workspace(&self) -> i64 {
        self.layer.workspace(self.input, self.output)
    }

    /// The layer's line in a summary.
    pub fn summary(&self) -> LayerSummary {
        LayerSummary {
            layer: self.layer.to_string(),
            output: self.output.to_vec(),
            parameters: self.parameters(),
            flops: self.flops(),
        }
    }
}

/// One line of a network's summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSummary {
    /// The layer, such as `dense 400`.
    pub layer: String,
    /// Shape of one sample after the layer.
    pub output: Vec<i64>,
    /// Number of trained parameters.
    pub parameters: i64,
    /// Floating-point operations of one sample's forward pass; a multiply and an add count as two.
    pub flops: i64,
}

impl Architecture {
    /// Checks that the layers fit one another for samples of shape `input`. `name` appears in errors and may
    /// seed the initial values, so give each network of a model its own name.
    ///
    /// # Errors
    /// If a layer does not fit (names the first, and what would fit), a size is above [`MAX_SIZE`], or a
    /// sample would hold more than `i64::MAX` values.
    pub fn new(name: impl Into<String>, layers: Vec<Layer>, input: &[i64]) -> Result<Self, ShapeError> {
        let name = name.into();
        let error = |position: usize, input: &[i64], reason: String| ShapeError {
            network: name.clone(),
            position: position + 1,
            layer: layers.get(position).map_or_else(|| "input".into(), Layer::to_string),
            input: input.to_vec(),
            reason,
        };
        check_sizes(input).map_err(|reason| error(0, input, reason))?;
        let mut shapes = vec![input.to_vec()];
        for (index, layer) in layers.iter().enumerate() {
            let before = &shapes[index];
            let output = layer.output_shape(before).and_then(|output| check_sizes(&output).map(|()| output));
            let output = output.map_err(|reason| error(index, before, reason))?;
            shapes.push(output);
        }
        Ok(Architecture { name, shapes, layers })
    }

    /// The network's name: `encoder`, `decoder`, ….
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Shape of one input sample.
    pub fn input_shape(&self) -> &[i64] {
        &self.shapes[0]
    }

    /// Shape of one output sample.
    pub fn output_shape(&self) -> &[i64] {
        &self.shapes[self.layers.len()]
    }

    /// The layers in the order of the forward pass.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The layers in the order of the forward pass, each with its shapes.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = Node<'_>> + ExactSizeIterator {
        self.layers.iter().enumerate().map(|(index, layer)| Node {
            index,
            layer,
            input: &self.shapes[index],
            output: &self.shapes[index + 1],
        })
    }

    /// All parameters and buffers, in the order of the layers, each named `index.tensor`, such as `0.weight`.
    pub fn tensors(&self) -> Vec<(String, TensorSpec)> {
        let mut all = Vec::new();
        for node in self.nodes() {
            for tensor in node.tensors() {
                all.push((format!("{}.{}", node.index, tensor.name), tensor));
            }
        }
        all
    }

    /// Number of trained parameters; saturates at `i64::MAX`.
    pub fn parameters(&self) -> i64 {
        sum(self.nodes().map(|node| node.parameters()))
    }

    /// Number of values in all tensors, trained or not; saturates at `i64::MAX`.
    pub fn numel(&self) -> i64 {
        sum(self.tensors().iter().map(|(_, tensor)| tensor.numel()))
    }

    /// Floating-point operations of one sample's forward pass, see [`Node::flops`].
    pub fn flops(&self) -> i64 {
        sum(self.nodes().map(|node| node.flops()))
    }

    /// Values that one sample's forward pass makes, see [`Node::activations`]; saturates at `i64::MAX`. With
    /// [`Architecture::workspace`] and the parameters, this bounds the memory that a description asks for,
    /// before anything is allocated.
    pub fn activations(&self) -> i64 {
        sum(self.nodes().map(|node| node.activations()))
    }

    /// The greatest workspace of a layer, see [`Node::workspace`]; saturates at `i64::MAX`.
    pub fn workspace(&self) -> i64 {
        self.nodes().map(|node| node.workspace()).max().unwrap_or(0)
    }

    /// Whether the network takes any number of steps or tokens.
    pub fn takes_any_number_of_steps(&self) -> bool {
        self.layers.iter().all(Layer::takes_any_number_of_steps)
    }

    /// Whether the network takes images of any height and width.
    pub fn takes_any_size_of_image(&self) -> bool {
        self.layers.iter().all(Layer::takes_any_size_of_image)
    }

    /// Shapes of the tensors that one sample's state consists of, those of the first recurrent layer first; see
    /// [`Layer::state_shapes`].
    pub fn state_shapes(&self) -> Vec<Vec<i64>> {
        self.nodes().flat_map(|node| node.layer.state_shapes(node.input)).collect()
    }

    /// One line for each layer.
    pub fn summary(&self) -> Vec<LayerSummary> {
        self.nodes().map(|node| node.summary()).collect()
    }
}

/// `encoder: [784] → dense 64 → relu → [64]`.
impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} → ", self.name, self.input_shape())?;
        for layer in &self.layers {
            write!(f, "{layer} → ")?;
        }
        write!(f, "{:?}", self.output_shape())
    }
}

fn check_sizes(shape: &[i64]) -> Result<(), String> {
    if shape.iter().any(|size| !(1..=MAX_SIZE).contains(size)) {
        return Err(format!("a size of {shape:?} is not between 1 and {MAX_SIZE}"));
    }
    if product(shape) == i64::MAX {
        return Err(format!("a sample of {shape:?} holds more values than can be counted"));
    }
    Ok(())
}
