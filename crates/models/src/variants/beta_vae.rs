//! The β-VAE (Higgins et al., ICLR 2017; with a capacity: Burgess et al., 2018).
//!
//! Minimises  `E_q[-log p(x|z)] + β · KL(q(z|x) ‖ N(0, I))`  (2017, equation 4), or with a capacity
//! `E_q[-log p(x|z)] + β · |KL(q(z|x) ‖ N(0, I)) - C|`, `C` rising during training (2018, equation 8). It is
//! judged by `-ELBO`, the same with `β = 1` and no capacity, so that every β is measured by the same
//! yardstick.
//!
//! Use it to trade reconstruction against few, more independent latents, and to draw the rate-distortion
//! curve of a model: each β is a point on it. For densities and for the best bound use `vae`: above `β = 1`
//! latents are given up, and without a capacity few remain active.

use crate::blocks::body::Body;
use crate::blocks::variational::{Capacity, Kl, Span, Targets, Variational, VariationalConfig};
use crate::model::{DataSummary, Model, ModelError};
use crate::registry::{Variant, out_of_range};
use ae_tensor::{Activation, Likelihood, Noise};
use serde::{Deserialize, Serialize};

/// Settings of the β-VAE; the networks are those of `vae`, for comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// β, the weight of the divergence; the paper's is 4. With a capacity it is the paper's γ, in the
    /// hundreds.
    pub beta: f64,
    /// How long the weight rises from 0; absent: full weight from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<Span>,
    /// The amount of information to ask for; absent: as little as β leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// Width of the latent space, `D`; at least 1.
    pub latent: i64,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// What represents a sample: grey values, or bits drawn from them.
    pub targets: Targets,
    /// `p(x|z)`.
    pub likelihood: Likelihood,
    /// From samples to the posterior.
    pub encoder: Body,
    /// From latents to the likelihood; absent: the encoder's mirror.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder: Option<Body>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            beta: 4.0,
            warm_up: None,
            capacity: None,
            latent: 20,
            activation: Activation::Relu,
            targets: Targets::Grey,
            likelihood: Likelihood::Bernoulli,
            encoder: Body::dense([400]),
            decoder: None,
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "beta_vae";
    const ABOUT: &'static str = "variational, with a weighted KL term: few, more independent latents";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        let Config { beta, warm_up, capacity, latent, activation, targets, likelihood, .. } = *self;
        if !(beta >= 0.0 && beta.is_finite()) {
            return Err(out_of_range(Self::NAME, "beta", &beta.to_string(), "0 or more"));
        }
        let kl = Kl { weight: beta, warm_up, capacity, ..Kl::default() };
        let (encoder, decoder) = (self.encoder.clone(), self.decoder.clone());
        let config = VariationalConfig {
            variant: Self::NAME,
            encoder,
            decoder,
            latent,
            activation,
            likelihood,
            targets,
            kl,
        };
        Ok(Box::new(Variational::new(&config, data, noise)?))
    }
}
