//! Layers of a program's own.

use super::forward::Place;
use crate::model::Pass;
use ae_network::{Custom, Layer, LayerRule, TensorSpec};
use ae_tensor::Tensor;
use std::any::Any;

/// A layer of a program's own: its shape rule ([`LayerRule`]) with the forward pass on libtorch. It goes into a network
/// like any other, is differentiated by libtorch and stored with the model's weights.
///
/// Only the program that defines it can compute it: where a model is exported, or scored without libtorch, a network
/// that holds it is left out or refused by the layer's name.
///
/// ```
/// use ae_models::network::{CustomLayer, Layer, LayerRule, Network};
/// use ae_models::Pass;
/// use ae_network::{Init, TensorSpec};
/// use ae_tensor::{Device, Noise, Tensor};
///
/// /// `y = gain · x`, with a learned gain for each feature.
/// #[derive(Debug)]
/// struct Gain;
///
/// impl LayerRule for Gain {
///     fn name(&self) -> String {
///         "gain".into()
///     }
///
///     fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
///         if input.len() == 1 { Ok(input.to_vec()) } else { Err("a gain takes a vector [D]".into()) }
///     }
///
///     fn tensors(&self, input: &[i64]) -> Vec<TensorSpec> {
///         vec![TensorSpec::trained("weight", input, Init::Ones)]
///     }
/// }
///
/// impl CustomLayer for Gain {
///     fn forward(&self, x: &Tensor, tensors: &[Tensor], _training: Option<&Pass>) -> Tensor {
///         x * &tensors[0]
///     }
/// }
///
/// let layers = vec![Layer::Dense { units: 4 }, Gain.into_layer()];
/// let network = Network::new("encoder", layers, &[7], &Noise::new(0, 0, Device::Cpu))?;
/// assert_eq!(network.architecture().to_string(), "encoder: [7] → dense 4 → gain → [4]");
/// # Ok::<(), ae_models::ShapeError>(())
/// ```
pub trait CustomLayer: LayerRule {
    /// `[B, input…]` to `[B, output…]`, differentiable in `x` and in the trained tensors; `tensors` are in the order of
    /// [`LayerRule::tensors`]. In training, `training` is the step's context: draw from its noise only, and never from
    /// libtorch's generator, so that a resumed run has the same bytes. The values may be in single or double precision.
    fn forward(&self, x: &Tensor, tensors: &[Tensor], training: Option<&Pass>) -> Tensor;

    /// The layer, for a network.
    fn into_layer(self) -> Layer
    where
        Self: Sized,
    {
        Layer::custom(WithForward(Box::new(self)))
    }
}

/// A rule whose forward pass is known.
struct WithForward(Box<dyn CustomLayer>);

impl std::fmt::Debug for WithForward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl LayerRule for WithForward {
    fn name(&self) -> String {
        self.0.name()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        self.0.output_shape(input)
    }

    fn tensors(&self, input: &[i64]) -> Vec<TensorSpec> {
        self.0.tensors(input)
    }

    fn flops(&self, input: &[i64], output: &[i64]) -> i64 {
        self.0.flops(input, output)
    }

    fn activations(&self, input: &[i64], output: &[i64]) -> i64 {
        self.0.activations(input, output)
    }
}

/// The forward pass of a custom layer.
pub(super) fn forward(layer: &Custom, x: &Tensor, tensors: &[Tensor], place: Place<'_>) -> Tensor {
    let rule: &dyn Any = layer.rule();
    let Some(WithForward(own)) = rule.downcast_ref() else {
        let name = layer.rule().name();
        panic!("the layer `{name}` has no forward pass; make it with CustomLayer::into_layer")
    };
    own.forward(x, tensors, place.training())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Network, dense_chain};
    use ae_network::Init;
    use ae_tensor::{Activation, Device, Noise, tch};

    /// `y = x · wᵀ` once more in each place of a ring.
    #[derive(Debug)]
    struct Turned {
        by: i64,
    }

    impl LayerRule for Turned {
        fn name(&self) -> String {
            format!("turned by {}", self.by)
        }

        fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
            match input {
                [_] => Ok(input.to_vec()),
                _ => Err("it turns a vector [D]".into()),
            }
        }

        fn tensors(&self, input: &[i64]) -> Vec<TensorSpec> {
            vec![TensorSpec::trained("weight", input, Init::Ones)]
        }
    }

    impl CustomLayer for Turned {
        fn forward(&self, x: &Tensor, tensors: &[Tensor], training: Option<&Pass>) -> Tensor {
            let turned = x.roll([self.by].as_slice(), [1i64].as_slice()) * &tensors[0];
            training.map_or_else(
                || turned.shallow_clone(),
                |pass| &turned + pass.noise.normal("turned", &turned.size()),
            )
        }
    }

    fn network(layers: Vec<Layer>) -> Network {
        Network::new("encoder", layers, &[3], &Noise::new(0, 0, Device::Cpu)).unwrap()
    }

    #[test]
    fn a_layer_of_ones_own_is_computed_and_trained() {
        let network = network(vec![Turned { by: 1 }.into_layer(), Layer::Dense { units: 2 }]);
        let x = Tensor::from_slice(&[1f32, 2.0, 3.0]).view([1, 3]);
        let parameters = network.parameters();
        assert_eq!((parameters[0].0.as_str(), parameters[0].1.size()), ("0.weight", vec![3]));
        let turned = Tensor::from_slice(&[3f32, 1.0, 2.0]).view([1, 3]);
        let (weight, bias) = (&parameters[1].1, &parameters[2].1);
        let off = network.forward(&x) - turned.linear(weight, Some(bias));
        assert!(off.abs().max().double_value(&[]) < 1e-6);
        let y = network.forward(&x).sum(None::<tch::Kind>);
        let gradients = Tensor::run_backward(&[y], &[&parameters[0].1], false, false);
        assert!(gradients[0].abs().max().double_value(&[]) > 0.0);
        let pass = |step| Pass::training(Noise::new(0, step, Device::Cpu), step, 2);
        assert_eq!(network.forward_in(&x, &pass(0)), network.forward_in(&x, &pass(0)));
        assert_ne!(network.forward_in(&x, &pass(0)), network.forward_in(&x, &pass(1)));
    }

    #[test]
    fn what_cannot_compute_it_leaves_it_to_libtorch() {
        let network = network(vec![Layer::Dense { units: 3 }, Turned { by: 2 }.into_layer()]);
        assert!(dense_chain(&[&network], Activation::Identity).is_none());
        assert_eq!(network.architecture().layers()[1], Turned { by: 2 }.into_layer());
        assert_ne!(network.architecture().layers()[1], Turned { by: 1 }.into_layer());
    }

    #[test]
    #[should_panic(
        expected = "the layer `turned by 1` has no forward pass; make it with CustomLayer::into_layer"
    )]
    fn a_rule_alone_cannot_be_computed() {
        let network = network(vec![Layer::custom(Turned { by: 1 })]);
        let _ = network.forward(&Tensor::zeros([1, 3], (tch::Kind::Float, Device::Cpu)));
    }
}
