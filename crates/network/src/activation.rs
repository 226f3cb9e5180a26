//! Elementwise activations.

use serde::{Deserialize, Serialize};
use std::fmt;

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

/// Slope of [`Activation::LeakyRelu`] below zero.
pub const LEAKY_SLOPE: f64 = 0.2;

/// A closed range of legal values.
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
    /// The name used in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Identity => "identity",
            Activation::Relu => "relu",
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
            Activation::LeakyRelu => "leaky_relu",
        }
    }

    /// The range of the function, and so of the data that an output layer with it can reproduce.
    pub fn range(self) -> Range {
        match self {
            Activation::Sigmoid => Range::UNIT,
            Activation::Tanh => Range { low: -1.0, high: 1.0 },
            Activation::Relu => Range { low: 0.0, high: f64::INFINITY },
            _ => Range::REALS,
        }
    }

    /// The pre-activation whose activation is `mean`: the initial bias of an output layer, so that an
    /// untrained network outputs the data's mean. Without it, small convolutional networks collapse to a
    /// blank picture. `mean` is first moved inside the range by 1e-6.
    pub fn link(self, mean: f64) -> f64 {
        let inside = |low: f64, high: f64| mean.clamp(low + 1e-6, high - 1e-6);
        match self {
            Activation::Sigmoid => {
                let p = inside(0.0, 1.0);
                (p / (1.0 - p)).ln()
            }
            Activation::Tanh => inside(-1.0, 1.0).atanh(),
            Activation::Relu => mean.max(0.0),
            Activation::LeakyRelu if mean < 0.0 => mean / LEAKY_SLOPE,
            _ => mean,
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_a_configuration_writes() {
        use Activation::{Gelu, Identity, LeakyRelu, Relu, Sigmoid, Silu, Tanh};
        for activation in [Identity, Relu, Sigmoid, Tanh, Gelu, Silu, LeakyRelu] {
            assert_eq!(serde_json::to_value(activation).unwrap(), activation.to_string());
        }
    }

    #[test]
    fn the_link_of_a_mean_at_the_edge_of_the_range_is_finite() {
        for activation in [Activation::Sigmoid, Activation::Tanh] {
            let range = activation.range();
            assert!(activation.link(range.low).is_finite() && activation.link(range.high).is_finite());
        }
        assert_eq!(Activation::Sigmoid.link(0.5), 0.0);
        assert!((Activation::LeakyRelu.link(-0.3) + 1.5).abs() < 1e-12);
    }
}
