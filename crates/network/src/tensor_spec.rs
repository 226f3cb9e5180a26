//! What a layer keeps.

use crate::{Init, product};
use serde::Serialize;

/// A tensor that a layer learns or remembers: what it is called, how large it is, and how it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TensorSpec {
    /// Unique in the layer: `weight`, `bias`, …. The bias of a layer's output, if it has one, is called `bias`.
    pub name: &'static str,
    /// Its dimensions, row-major.
    pub shape: Vec<i64>,
    /// Its values before the first step.
    pub init: Init,
    /// Whether gradients reach it. If not, it is a buffer, such as a running mean, which is stored with the parameters.
    pub trained: bool,
}

impl TensorSpec {
    /// How many numbers it holds; `i64::MAX` where there are more.
    pub fn numel(&self) -> i64 {
        product(&self.shape)
    }

    /// One that gradients reach.
    pub(crate) fn trained(name: &'static str, shape: &[i64], init: Init) -> Self {
        TensorSpec { name, shape: shape.to_vec(), init, trained: true }
    }

    /// One that no gradient reaches.
    pub(crate) fn buffer(name: &'static str, shape: &[i64], init: Init) -> Self {
        TensorSpec { name, shape: shape.to_vec(), init, trained: false }
    }

    /// Glorot's weight of `[units, inputs, …]`, and a bias of zeros for each unit.
    pub(crate) fn weight_and_bias(weight: &[i64]) -> Vec<Self> {
        let bias = TensorSpec::trained("bias", &weight[..1], Init::Zeros);
        vec![TensorSpec::trained("weight", weight, Init::GlorotUniform), bias]
    }

    /// The scale and shift of a normalisation over `width` features.
    pub(crate) fn scale_and_shift(width: i64) -> Vec<Self> {
        let bias = TensorSpec::trained("bias", &[width], Init::Zeros);
        vec![TensorSpec::trained("weight", &[width], Init::Ones), bias]
    }
}
