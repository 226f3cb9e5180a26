//! How layers treat the steps of a sequence: which take any number of them, and which carry a state from one to the next.

use crate::Layer;

impl Layer {
    /// Whether the layer takes any number of steps or tokens.
    pub fn takes_any_number_of_steps(&self) -> bool {
        match self {
            Layer::DensePerStep { .. } | Layer::LayerNorm | Layer::Activation(_) | Layer::Dropout { .. } => {
                true
            }
            Layer::AppendTokens { .. } | Layer::TransformerBlock(_) | Layer::ConvLstm(_) => true,
            Layer::Recurrent(recurrent) => recurrent.whole && !recurrent.both_ways,
            _ => false,
        }
    }

    /// Shapes of the tensors that one sample's state consists of after a step; the next step begins with them. Empty
    /// for a layer without a state.
    pub fn state_shapes(&self, input: &[i64]) -> Vec<Vec<i64>> {
        match self {
            Layer::Recurrent(recurrent) => recurrent.state_shapes(),
            Layer::ConvLstm(layer) => layer.state_shapes(input),
            _ => vec![],
        }
    }
}
