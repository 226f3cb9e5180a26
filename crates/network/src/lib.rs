//! A neural network as data: its layers, their shape rules, their parameters and the cost of a forward pass.
//! No tensor library is needed: whatever computes with a network (a training library, an exporter, a scorer,
//! a report) reads this one description and brings its own arithmetic.
//!
//! ```
//! use ae_network::{Activation, Architecture, Layer};
//!
//! let layers = vec![
//!     Layer::Conv2d { channels: 16, kernel: 3, stride: 2, padding: 1 },
//!     Layer::Activation(Activation::Relu),
//!     Layer::Flatten,
//!     Layer::Dense { units: 32 },
//! ];
//! let encoder = Architecture::new("encoder", layers, &[1, 28, 28])?;
//! assert_eq!(encoder.output_shape(), [32]);
//! assert_eq!(encoder.parameters(), (16 * 9 + 16) + (16 * 14 * 14 * 32 + 32));
//! let names: Vec<String> = encoder.tensors().into_iter().map(|(name, _)| name).collect();
//! assert_eq!(names, ["0.weight", "0.bias", "3.weight", "3.bias"]);
//!
//! // Layers that do not fit are refused before anything is computed, with the reason.
//! let error = Architecture::new("encoder", vec![Layer::Dense { units: 32 }], &[1, 28, 28]).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "layer 1 of the encoder (dense 32) cannot take [1, 28, 28]: a dense layer takes a vector [D]; put a flatten before it",
//! );
//! # Ok::<(), ae_network::ShapeError>(())
//! ```
//!
//! # From a description to a forward pass
//!
//! An [`Architecture`] and its named tensors determine the forward pass. Samples go through the layers in
//! order. [`Layer`] and the layers' own types document what a layer computes, and the shape and meaning of
//! each of its tensors. Tensors are row-major, single precision. Tensor `t` of layer `i` (counted from 0) is
//! named `i.t`, such as `0.weight`; a model of several networks puts the network's name before it,
//! `encoder.0.weight`, and a model file the word `model`: `model.encoder.0.weight`.
//!
//! Letters in shapes: `C H W` image, `T F` sequence or tokens, `D` features. Shapes are those of one sample;
//! in computations the batch dimension comes first.

mod activation;
mod architecture;
mod attention;
mod conv_lstm;
mod cost;
mod custom;
pub mod density;
mod display;
mod init;
mod layer;
mod recurrent;
mod residual;
mod sequence;
mod size;
mod steps;
mod tensor_spec;
mod unpool;

pub use activation::{Activation, LEAKY_SLOPE, Range};
pub use architecture::{Architecture, LayerSummary, Node, ShapeError};
pub use attention::TransformerBlock;
pub use conv_lstm::ConvLstm;
pub use custom::{Custom, LayerRule};
pub use init::Init;
pub use layer::Layer;
pub use recurrent::{Cell, Recurrent};
pub use residual::ResidualBlock;
pub use sequence::{CausalConv1d, TemporalBlock};
pub use size::{MAX_SIZE, channel_axis};
pub use tensor_spec::TensorSpec;
pub use unpool::MaxUnpool2d;

use size::product;
