//! Specifications of the parameters and buffers of layers.

use crate::{Init, product};
use serde::Serialize;

/// A parameter or buffer of a layer: its name, shape and initial values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TensorSpec {
    /// Unique within the layer: `weight`, `bias`, …. The bias of a layer's output, if it has one, is called
    /// `bias`.
    pub name: &'static str,
    /// Its dimensions, row-major.
    pub shape: Vec<i64>,
    /// Its values before the first step.
    pub init: Init,
    /// Whether gradients reach it. If not, it is a buffer, such as a running mean, which is stored with the
    /// parameters.
    pub trained: bool,
}

impl TensorSpec {
    /// Number of values; saturates at `i64::MAX`.
    pub fn numel(&self) -> i64 {
        product(&self.shape)
    }

    /// A parameter with its initial values.
    pub fn trained(name: &'static str, shape: &[i64], init: Init) -> Self {
        TensorSpec { name, shape: shape.to_vec(), init, trained: true }
    }

    /// A buffer with its initial values.
    pub fn buffer(name: &'static str, shape: &[i64], init: Init) -> Self {
        TensorSpec { name, shape: shape.to_vec(), init, trained: false }
    }

    /// A Glorot-initialised weight `[units, inputs, …]`, and a zero bias for each unit.
    pub fn weight_and_bias(weight: &[i64]) -> Vec<Self> {
        let bias = TensorSpec::trained("bias", &weight[..1], Init::Zeros);
        vec![TensorSpec::trained("weight", weight, Init::GlorotUniform), bias]
    }

    /// The scale and shift of a normalisation over `width` features.
    pub fn scale_and_shift(width: i64) -> Vec<Self> {
        let bias = TensorSpec::trained("bias", &[width], Init::Zeros);
        vec![TensorSpec::trained("weight", &[width], Init::Ones), bias]
    }
}
