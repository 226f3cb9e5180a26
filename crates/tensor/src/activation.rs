//! The arithmetic of activations.

use ae_network::{Activation, LEAKY_SLOPE};
use tch::Tensor;

/// Computes an [`Activation`].
pub trait Activate {
    /// The function, elementwise, on any shape.
    fn apply(self, x: &Tensor) -> Tensor;
}

impl Activate for Activation {
    fn apply(self, x: &Tensor) -> Tensor {
        match self {
            Activation::Identity => x.shallow_clone(),
            Activation::Relu => x.relu(),
            Activation::Sigmoid => x.sigmoid(),
            Activation::Tanh => x.tanh(),
            Activation::Gelu => x.gelu("none"),
            Activation::Silu => x.silu(),
            Activation::LeakyRelu => leaky_relu(x),
        }
    }
}

/// `x` times 1 above zero and times 0.2 elsewhere, computed as the gradient of a leaky ReLU. libtorch's own
/// forward function computes the same, but `tch` does not expose its slope. A maximum of two tensors takes
/// twenty times as long with its gradient.
fn leaky_relu(x: &Tensor) -> Tensor {
    x.detach().leaky_relu_backward(x, LEAKY_SLOPE, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaky_relu_and_its_gradients_are_the_definition() {
        let x = Tensor::from_slice(&[-3.0, -0.5, 0.0, 0.5, 3.0]).set_requires_grad(true);
        let y = Activation::LeakyRelu.apply(&x);
        assert_eq!(
            Vec::<f64>::try_from(&y.detach()).unwrap(),
            [-3.0 * LEAKY_SLOPE, -0.5 * LEAKY_SLOPE, 0.0, 0.5, 3.0]
        );
        let slopes = |y: &Tensor| Tensor::run_backward(&[y.sum(y.kind())], &[&x], true, true).remove(0);
        let first = slopes(&y);
        assert_eq!(
            Vec::<f64>::try_from(&first.detach()).unwrap(),
            [LEAKY_SLOPE, LEAKY_SLOPE, LEAKY_SLOPE, 1.0, 1.0]
        );
        // (y y')' = y'^2, as the slope is constant on both sides: a penalty on gradients can be trained.
        let second = slopes(&(&y * &first));
        assert_eq!(
            Vec::<f64>::try_from(&second).unwrap(),
            [LEAKY_SLOPE * LEAKY_SLOPE, LEAKY_SLOPE * LEAKY_SLOPE, LEAKY_SLOPE * LEAKY_SLOPE, 1.0, 1.0]
        );
    }

    #[test]
    fn the_link_is_the_inverse() {
        for (activation, mean) in [
            (Activation::Sigmoid, 0.1307),
            (Activation::Tanh, -0.4),
            (Activation::Identity, -3.0),
            (Activation::Relu, 2.0),
            (Activation::LeakyRelu, -0.3),
        ] {
            let x = Tensor::from(activation.link(mean));
            assert!((activation.apply(&x).double_value(&[]) - mean).abs() < 1e-9, "{activation:?}");
        }
    }
}
