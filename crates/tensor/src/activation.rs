//! Elementwise activations.

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// An elementwise function after a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x`.
    Identity,
    /// `max(x, 0)`.
    #[default]
    Relu,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `x · Φ(x)`, Φ the normal distribution function (Hendrycks & Gimpel, 2016); exact, not the tanh form.
    Gelu,
    /// `x · sigmoid(x)` (Elfwing et al., 2017).
    Silu,
    /// `x` above zero, `0.2 · x` below, as in DCGAN's discriminator (Radford et al., 2016).
    LeakyRelu,
}

/// What a leaky ReLU leaves of values below zero.
pub(crate) const SLOPE: f64 = 0.2;

/// Values a source of data may hold; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Least legal value.
    pub low: f64,
    /// Greatest legal value.
    pub high: f64,
}

impl Range {
    /// All real numbers.
    pub const REALS: Range = Range { low: f64::NEG_INFINITY, high: f64::INFINITY };
    /// Probabilities, grey values.
    pub const UNIT: Range = Range { low: 0.0, high: 1.0 };

    /// Whether all of `low..=high` lies in the range.
    pub fn holds(&self, low: f64, high: f64) -> bool {
        low >= self.low && high <= self.high
    }
}

impl Activation {
    /// The function, on any shape.
    pub fn apply(self, x: &Tensor) -> Tensor {
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

    /// Values that the function can give: what an output layer with it can reproduce.
    pub fn range(self) -> Range {
        match self {
            Activation::Sigmoid => Range::UNIT,
            Activation::Tanh => Range { low: -1.0, high: 1.0 },
            Activation::Relu => Range { low: 0.0, high: f64::INFINITY },
            _ => Range::REALS,
        }
    }

    /// The pre-activation whose activation is `mean`: where the bias of an output layer starts, so that an
    /// untrained network gives the data's mean. Small convolutional nets collapse to a blank picture without it.
    /// `mean` is moved inside the range by 1e-6 first.
    pub fn link(self, mean: f64) -> f64 {
        let inside = |low: f64, high: f64| mean.clamp(low + 1e-6, high - 1e-6);
        match self {
            Activation::Sigmoid => {
                let p = inside(0.0, 1.0);
                (p / (1.0 - p)).ln()
            }
            Activation::Tanh => inside(-1.0, 1.0).atanh(),
            Activation::Relu => mean.max(0.0),
            Activation::LeakyRelu if mean < 0.0 => mean / SLOPE,
            _ => mean,
        }
    }
}

/// `x` times 1 above zero and times 0.2 elsewhere: what the gradient of a leaky ReLU does with the gradient that it is
/// given. libtorch's own forward function, whose slope `tch` does not pass on, computes the same; a maximum of two
/// tensors takes twenty times as long with its gradient.
fn leaky_relu(x: &Tensor) -> Tensor {
    x.detach().leaky_relu_backward(x, SLOPE, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaky_relu_and_its_gradients_are_the_definition() {
        let x = Tensor::from_slice(&[-3.0, -0.5, 0.0, 0.5, 3.0]).set_requires_grad(true);
        let y = Activation::LeakyRelu.apply(&x);
        assert_eq!(Vec::<f64>::try_from(&y.detach()).unwrap(), [-3.0 * SLOPE, -0.5 * SLOPE, 0.0, 0.5, 3.0]);
        let slopes = |y: &Tensor| Tensor::run_backward(&[y.sum(y.kind())], &[&x], true, true).remove(0);
        let first = slopes(&y);
        assert_eq!(Vec::<f64>::try_from(&first.detach()).unwrap(), [SLOPE, SLOPE, SLOPE, 1.0, 1.0]);
        // (y y')' = y'^2, as the slope is constant on both sides: a penalty on gradients can be trained.
        let second = slopes(&(&y * &first));
        assert_eq!(
            Vec::<f64>::try_from(&second).unwrap(),
            [SLOPE * SLOPE, SLOPE * SLOPE, SLOPE * SLOPE, 1.0, 1.0]
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
        assert!(Activation::Sigmoid.link(0.0).is_finite() && Activation::Sigmoid.link(1.0).is_finite());
    }
}
