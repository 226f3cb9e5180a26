//! The variational autoencoder (Kingma & Welling, ICLR 2014; Rezende, Mohamed & Wierstra, ICML 2014).
//!
//! Minimises the negative evidence lower bound  `-ELBO = E_q[-log p(x|z)] + KL(q(z|x) ‖ N(0, I))`, in nats for
//! each sample, with one reparameterised draw of `z` (2014, equation 10).
//!
//! Use it to generate, to interpolate, and where an anomaly should be scored by probability. Reconstructions are
//! blurred compared with a plain autoencoder of the same width.

use crate::blocks::dense;
use crate::model::{Autoencoder, Batch, Code, DataSummary, Generator, Losses, Model, ModelError, Pass};
use crate::network::Network;
use crate::registry::{Variant, at_least_one, widths};
use ae_tensor::divergence::DiagonalGaussian;
use ae_tensor::{Activation, Kind, Likelihood, Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Settings of the variational autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Widths between data and latents; the decoder has them in reverse.
    pub hidden: Vec<i64>,
    /// Width of the latent space, `D`.
    pub latent: i64,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// `p(x|z)`.
    pub likelihood: Likelihood,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            hidden: vec![400],
            latent: 20,
            activation: Activation::Relu,
            likelihood: Likelihood::Bernoulli,
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "vae";
    const ABOUT: &'static str = "variational: a distribution over codes; generates new samples";

    fn build(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        at_least_one(Self::NAME, "latent", self.latent)?;
        widths(Self::NAME, "hidden", &self.hidden)?;
        self.likelihood.check(data.low, data.high)?;
        let down: Vec<i64> = self.hidden.iter().copied().chain([2 * self.latent]).collect();
        let up: Vec<i64> = self.hidden.iter().rev().copied().collect();
        let encoder = dense::encoder(&down, self.activation, Activation::Identity);
        let encoder = Network::new("encoder", encoder, &data.shape, noise)?;

        let mut outputs = data.shape.clone();
        outputs[0] *= self.likelihood.outputs_per_value();
        let decoder = dense::decoder(&up, self.activation, &outputs);
        let mut decoder = Network::new("decoder", decoder, &[self.latent], noise)?;
        decoder.set_output_bias(self.likelihood.activation().link(data.mean));
        Ok(Box::new(Vae { encoder, decoder, likelihood: self.likelihood, latent: self.latent }))
    }
}

#[derive(Debug)]
struct Vae {
    encoder: Network,
    decoder: Network,
    likelihood: Likelihood,
    latent: i64,
}

impl Vae {
    /// `q(z|x)`.
    fn posterior(&self, x: &Tensor) -> DiagonalGaussian {
        DiagonalGaussian::from_output(&self.encoder.forward(x))
    }
}

impl Model for Vae {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        vec![("encoder", &self.encoder), ("decoder", &self.decoder)]
    }

    fn objective(&self) -> &'static str {
        "negative_elbo"
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let posterior = self.posterior(&batch.values);
        let z = posterior.reparameterise(&pass.noise.normal("reparameterise", &[batch.len(), self.latent]));
        let output = self.decoder.forward(&z);
        let reconstruction = self.likelihood.negative_log_prob(&output, &batch.values).mean(None::<Kind>);
        let kl = posterior.kl_to_standard().mean(None::<Kind>);
        vec![Losses::new(vec![("reconstruction", reconstruction), ("kl", kl)])]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }

    fn as_generator(&self) -> Option<&dyn Generator> {
        Some(self)
    }
}

impl Autoencoder for Vae {
    fn encode(&self, x: &Tensor) -> Code {
        Code::Gaussian(self.posterior(x))
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.likelihood.mean(&self.decoder.forward(code))
    }

    fn code_size(&self) -> i64 {
        self.latent
    }
}

impl Generator for Vae {
    fn sample(&self, n: i64, noise: &Noise) -> Tensor {
        self.generate(&noise.normal("sample", &[n, self.latent]))
    }

    fn latent_size(&self) -> i64 {
        self.latent
    }

    fn generate(&self, latents: &Tensor) -> Tensor {
        self.decode(latents)
    }
}
