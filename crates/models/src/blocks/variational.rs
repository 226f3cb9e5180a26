//! The core of every variational autoencoder: a posterior from the encoder, a likelihood from the decoder,
//! and a KL term between posterior and prior. By itself it minimises `-ELBO`; a variant with another
//! objective wraps it.

mod kl;
mod targets;

pub use kl::{Capacity, Kl, Span};
pub use targets::Targets;

use super::body::Body;
use crate::model::{
    Autoencoder, Batch, Code, DataSummary, Generator, LatentVariable, Losses, Model, ModelError, Pass,
};
use crate::network::{Network, dense_chain_of_means, dense_network};
use crate::registry::at_least_one;
use ae_coding::{BitsBack, DenseNetwork, Values};
use ae_tensor::divergence::DiagonalGaussian;
use ae_tensor::likelihood::LOG_SHAPE;
use ae_tensor::{Activation, DenseChain, Kind, Likelihood, Noise, Tape, Tensor, operation};

/// Settings that variational variants have in common; each variant exposes some of them.
#[derive(Clone, Debug)]
pub struct VariationalConfig {
    /// The name of the variant in errors.
    pub variant: &'static str,
    /// From samples to the posterior.
    pub encoder: Body,
    /// From latents to the likelihood; absent: the encoder's mirror.
    pub decoder: Option<Body>,
    /// Width of the latent space, `D`.
    pub latent: i64,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// `p(x|z)`.
    pub likelihood: Likelihood,
    /// What is reconstructed.
    pub targets: Targets,
    /// The KL term.
    pub kl: Kl,
}

/// Encoder, decoder, likelihood, and what is minimised.
#[derive(Debug)]
pub struct Variational {
    /// `[B, …]` to means and log-variances `[B, 2·D]`.
    pub encoder: Network,
    /// Latents to what the likelihood takes, `[B, …]`.
    pub decoder: Network,
    /// `p(x|z)`.
    pub likelihood: Likelihood,
    /// What is reconstructed.
    pub targets: Targets,
    /// The KL term.
    pub kl: Kl,
    /// Width of the latent space, `D`.
    pub latent: i64,
    /// Shape of one sample.
    pub shape: Vec<i64>,
}

impl Variational {
    /// Checks settings, shapes and the data's range, and sets the output's initial bias so that the mean of
    /// `p(x|z)` is the data's.
    ///
    /// # Errors
    /// Names the first that does not fit, and what would.
    pub fn new(config: &VariationalConfig, data: &DataSummary, noise: &Noise) -> Result<Self, ModelError> {
        Self::conditional(config, &data.shape, 0, data, noise)
    }

    /// As [`Self::new`], with an encoder for samples of shape `input`, and `extra` values besides the latents
    /// as input of the decoder.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn conditional(
        config: &VariationalConfig,
        input: &[i64],
        extra: i64,
        data: &DataSummary,
        noise: &Noise,
    ) -> Result<Self, ModelError> {
        let VariationalConfig { variant, latent, activation, likelihood, targets, kl, .. } = *config;
        let bodies = (&config.encoder, config.decoder.clone().unwrap_or_else(|| config.encoder.mirror()));
        at_least_one(variant, "latent", latent)?;
        bodies.0.check(variant, "encoder")?;
        bodies.1.check(variant, "decoder")?;
        likelihood.check(data.low, data.high)?;
        targets.check(variant, likelihood)?;
        kl.check(variant)?;
        let layers = bodies.0.encoder(input, 2 * latent, activation)?;
        let encoder = Network::new("encoder", layers, input, noise)?;

        // A sequence doubles its features for the log-variances; a vector `[steps]` has no feature axis, so
        // it gets one.
        let sample = match (&bodies.1, data.shape.as_slice()) {
            (Body::Recurrent(_), &[steps]) => vec![steps, 1],
            (_, shape) => shape.to_vec(),
        };
        let layers = bodies.1.decoder(&likelihood.output_shape(&sample), activation)?;
        let mut decoder = Network::new("decoder", layers, &[latent + extra], noise)?;
        decoder.start_output_at(&likelihood.output_start(data.mean, data.low, data.high));
        Ok(Variational { encoder, decoder, likelihood, targets, kl, latent, shape: data.shape.clone() })
    }

    /// One draw from each posterior: `[B, D]`.
    pub fn draw(&self, posterior: &DiagonalGaussian, noise: &Noise) -> Tensor {
        posterior.reparameterise(&Self::unit_noise(&posterior.mean.size(), noise))
    }

    /// The losses, from the decoder's `output`, the target values, which of them were observed (the others do
    /// not count: Nazábal et al., 2020, equation 5), and the posterior.
    pub fn elbo_losses(
        &self,
        output: &Tensor,
        targets: &Tensor,
        observed: Option<&Tensor>,
        posterior: &DiagonalGaussian,
        pass: &Pass,
    ) -> Vec<Losses> {
        let missed = self.likelihood.negative_log_prob_of_observed(output, targets, observed);
        let reconstruction = missed.mean(None::<Kind>);
        let kl = posterior.kl_to_standard().mean(None::<Kind>);
        vec![self.bound(reconstruction, kl, || self.kl.price(posterior, pass))]
    }

    /// The terms of the bound, or of what is minimised instead, and the bound as a figure.
    fn bound(&self, reconstruction: Tensor, kl: Tensor, price: impl FnOnce() -> Tensor) -> Losses {
        if self.kl.is_plain() {
            return Losses::new(vec![("reconstruction", reconstruction), ("kl", kl)]);
        }
        let bound = &reconstruction + &kl;
        let losses = Losses::new(vec![("reconstruction", reconstruction), ("weighted_kl", price())]);
        losses.with_figure("kl", &kl).with_figure("negative_elbo", &bound)
    }

    /// The losses without a graph, where our own kernels have everything that is minimised.
    fn recorded(&self, targets: &Tensor, pass: &Pass) -> Option<Losses> {
        // Before anything is computed that would be of no use.
        let is_recordable = self.encoder.is_recordable() && self.decoder.is_recordable();
        if !is_recordable || !self.likelihood.is_recordable() {
            return None;
        }
        let (weight, mut tape) = (self.kl.multiple(pass)?, Tape::default());
        let posterior = self.encoder.forward_recorded(targets, &mut tape)?;
        let noise = Self::unit_noise(&[targets.size()[0], self.latent], &pass.noise);
        let (latents, kl) = operation::recorded_draw(&posterior, &noise, weight, &mut tape)?;
        let output = self.decoder.forward_recorded(&latents, &mut tape)?;
        let reconstruction = self.likelihood.recorded_mean(&output, targets, &mut tape)?;
        let price = &kl * weight;
        Some(self.bound(reconstruction, kl, || price).recorded(tape))
    }

    /// The noise of a draw: N(0, 1).
    fn unit_noise(size: &[i64], noise: &Noise) -> Tensor {
        noise.normal("reparameterise", size)
    }

    /// The mean of `p(x|z)`, in the unit of the data, for this input of the decoder.
    pub fn mean(&self, input: &Tensor) -> Tensor {
        let mean = self.likelihood.mean(&self.decoder.forward(input));
        mean.reshape([&[-1], self.shape.as_slice()].concat())
    }
}

impl Model for Variational {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        vec![("encoder", &self.encoder), ("decoder", &self.decoder)]
    }

    fn objective(&self) -> &'static str {
        "negative_elbo"
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let targets = self.targets.draw(&batch.values, &pass.noise);
        if let Some(losses) = pass.may_record(batch).then(|| self.recorded(&targets, pass)).flatten() {
            return vec![losses];
        }
        let posterior = DiagonalGaussian::from_output(&self.encoder.forward_in(&targets, pass));
        let output = self.decoder.forward_in(&self.draw(&posterior, &pass.noise), pass);
        self.elbo_losses(&output, &targets, batch.observed.as_ref(), &posterior, pass)
    }

    fn masks_missing(&self) -> bool {
        true
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }

    fn as_generator(&self) -> Option<&dyn Generator> {
        Some(self)
    }

    fn as_latent_variable(&self) -> Option<&dyn LatentVariable> {
        Some(self)
    }
}

impl Autoencoder for Variational {
    fn encode(&self, x: &Tensor) -> Code {
        Code::Gaussian(DiagonalGaussian::from_output(&self.encoder.forward(x)))
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.mean(code)
    }

    fn dense_chain(&self) -> Option<DenseChain> {
        dense_chain_of_means(&self.encoder, &self.decoder, self.likelihood.mean_activation()?)
    }

    fn dense_decoder(&self) -> Option<DenseNetwork> {
        let output = self.likelihood.mean_activation()?;
        dense_network(&self.decoder, &[], output)
    }

    fn code_size(&self) -> i64 {
        self.latent
    }
}

impl Generator for Variational {
    fn sample(&self, n: i64, noise: &Noise) -> Tensor {
        self.generate(&noise.normal("sample", &[n, self.latent]))
    }

    fn latent_size(&self) -> i64 {
        self.latent
    }

    fn generate(&self, latents: &Tensor) -> Tensor {
        self.mean(latents)
    }
}

impl LatentVariable for Variational {
    fn targets(&self) -> Targets {
        self.targets
    }

    fn likelihood(&self) -> Likelihood {
        self.likelihood
    }

    fn posterior(&self, batch: &Batch) -> DiagonalGaussian {
        DiagonalGaussian::from_output(&self.encoder.forward(&batch.values))
    }

    fn negative_log_likelihood_per_value(&self, latents: &Tensor, batch: &Batch) -> Tensor {
        self.likelihood.negative_log_prob_per_value(&self.decoder.forward(latents), &batch.values)
    }

    fn draw(&self, latents: &Tensor, noise: &Noise) -> Option<Tensor> {
        let shape = [&[latents.size()[0]], self.shape.as_slice()].concat();
        let normal = noise.normal("observation", &shape);
        self.likelihood.draw(&self.decoder.forward(latents), &normal)
    }

    fn bits_back(&self) -> Option<BitsBack> {
        let values = match self.targets {
            Targets::Stochastic => Values::Bits,
            Targets::Grey if self.likelihood.is_of_levels() => Values::Levels { log_shape: LOG_SHAPE },
            Targets::Grey => return None,
        };
        let of = |network: &Network| dense_network(network, &[], Activation::Identity);
        BitsBack::new(of(&self.encoder)?, of(&self.decoder)?, values)
    }
}

#[cfg(test)]
mod tests;
