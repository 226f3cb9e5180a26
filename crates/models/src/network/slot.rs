//! What a layer keeps.

use ae_tensor::init::Init;

/// A tensor that a layer learns or remembers.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// Unique in the layer: `weight`, `bias`, …. The layer's output bias, if any, is called `bias`.
    pub(super) name: &'static str,
    pub(super) shape: Vec<i64>,
    pub(super) init: Init,
    /// Whether gradients reach it; otherwise it is a buffer, saved with the model.
    pub(super) trained: bool,
}

impl Slot {
    /// One that gradients reach.
    pub(super) fn trained(name: &'static str, shape: &[i64], init: Init) -> Self {
        Slot { name, shape: shape.to_vec(), init, trained: true }
    }

    /// Glorot's weight of `[units, inputs, …]`, and a bias of zeros for each unit.
    pub(super) fn weight_and_bias(weight: &[i64]) -> Vec<Self> {
        let bias = Slot::trained("bias", &weight[..1], Init::Zeros);
        vec![Slot::trained("weight", weight, Init::GlorotUniform), bias]
    }
}
