//! The targets that a variational autoencoder reconstructs for grey values in [0, 1]. Likelihoods of
//! different targets cannot be compared, so results name the targets.

use crate::model::ModelError;
use crate::registry::out_of_range;
use ae_tensor::{Kind, Likelihood, Noise, Tensor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What represents a sample, as the encoder's input and as the target of the reconstruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// The values as they are.
    #[default]
    Grey,
    /// Bits: each value is the probability of a one, drawn anew at every step, and once for each seed in an
    /// evaluation (Salakhutdinov & Murray, 2008; dynamic binarization of Burda et al., 2016).
    Stochastic,
}

impl fmt::Display for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Targets::Grey => "grey values",
            Targets::Stochastic => "stochastic binarization",
        })
    }
}

impl Targets {
    /// The targets for `values` in this step, in their shape.
    pub fn draw(self, values: &Tensor, noise: &Noise) -> Tensor {
        match self {
            Targets::Grey => values.shallow_clone(),
            Targets::Stochastic => {
                noise.uniform("targets", &values.size()).lt_tensor(values).to_kind(Kind::Float)
            }
        }
    }

    pub(crate) fn check(self, variant: &'static str, likelihood: Likelihood) -> Result<(), ModelError> {
        if self == Targets::Grey || likelihood == Likelihood::Bernoulli {
            return Ok(());
        }
        let legal = "\"grey\" unless the likelihood is \"bernoulli\", the only one for bits";
        Err(out_of_range(variant, "targets", "\"stochastic\"", legal))
    }
}
