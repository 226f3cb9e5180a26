//! The variational autoencoder (Kingma & Welling, ICLR 2014; Rezende, Mohamed & Wierstra, ICML 2014).
//!
//! Minimises the negative evidence lower bound  `-ELBO = E_q[-log p(x|z)] + KL(q(z|x) ‖ N(0, I))`, in nats
//! for each sample, with one reparameterised draw of `z` (2014, equation 10).
//!
//! Encoder and decoder are dense or convolutional: the presets `cvae-conv` and `vae-nll` are this variant
//! with other settings. [`Kl`] weights the divergence, warms it up, leaves bits free or sets a capacity.
//!
//! Use it to generate, to interpolate, and when an anomaly should be scored by probability. Reconstructions
//! are blurred compared with a plain autoencoder of the same width.

use crate::blocks::body::Body;
use crate::blocks::variational::{Kl, Targets, Variational, VariationalConfig};
use crate::model::{DataSummary, Model, ModelError};
use crate::registry::Variant;
use ae_tensor::{Activation, Likelihood, Noise};
use serde::{Deserialize, Serialize};

/// Settings of the variational autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Width of the latent space, `D`; at least 1.
    pub latent: i64,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// What represents a sample: grey values, or bits drawn from them.
    pub targets: Targets,
    /// `p(x|z)`.
    pub likelihood: Likelihood,
    /// The KL term; by default that of the bound.
    pub kl: Kl,
    /// From samples to the posterior.
    pub encoder: Body,
    /// From latents to the likelihood; absent: the encoder's mirror.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder: Option<Body>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            latent: 20,
            activation: Activation::Relu,
            targets: Targets::Grey,
            likelihood: Likelihood::Bernoulli,
            kl: Kl::default(),
            encoder: Body::dense([400]),
            decoder: None,
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "vae";
    const ABOUT: &'static str = "variational: a distribution over codes; generates new samples";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        let Config { latent, activation, targets, likelihood, kl, .. } = *self;
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
