//! The conditional variational autoencoder (Sohn, Lee & Yan, NeurIPS 2015; Kingma et al., NeurIPS 2014, model
//! M2 with all labels known).
//!
//! Minimises  `E_q[-log p(x|z, y)] + KL(q(z|x, y) ‖ N(0, I))`, in nats for each sample: a bound on
//! `-log p(x|y)`. The one-hot label `y` is appended to the input of the encoder (as further values, as
//! constant planes of an image or at every step of a sequence) and to the latents that go into the decoder.
//! The prior does not depend on it.
//!
//! Use it to generate samples of a given class, and to keep what the label says out of the latents, which are
//! left with the style. It needs labels in training. Without a label in use, all labels get the same weight;
//! the model was not trained on such input, so reconstructions are worse.

use crate::blocks::body::Body;
use crate::blocks::variational::{Kl, Targets, Variational, VariationalConfig};
use crate::model::{
    Autoencoder, Batch, Code, DataSummary, Generator, LatentVariable, Losses, Model, ModelError, Pass,
};
use crate::network::Network;
use crate::registry::Variant;
use ae_coding::DenseNetwork;
use ae_tensor::divergence::DiagonalGaussian;
use ae_tensor::{Activation, Kind, Likelihood, Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Settings of the conditional variational autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Width of the latent space, `D`; at least 1.
    pub latent: i64,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// What represents a sample: grey values, or bits drawn from them.
    pub targets: Targets,
    /// `p(x|z, y)`.
    pub likelihood: Likelihood,
    /// The KL term; by default that of the bound.
    pub kl: Kl,
    /// From samples and labels to the posterior.
    pub encoder: Body,
    /// From latents and labels to the likelihood; absent: the encoder's mirror.
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
    const NAME: &'static str = "cvae";
    const ABOUT: &'static str = "variational, given the label: generates samples of a given class";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        let classes = data.classes;
        if classes < 1 {
            return Err(ModelError::NoLabels { variant: Self::NAME });
        }
        let Config { latent, activation, targets, likelihood, kl, .. } = *self;
        let (encoder, decoder) = (self.encoder.clone(), self.decoder.clone());
        let input = match (&encoder, data.shape.as_slice()) {
            (Body::Dense(_), _) => vec![data.numel() + classes],
            (Body::Conv(_), [channels, height, width]) => vec![channels + classes, *height, *width],
            (Body::Recurrent(_), [steps]) => vec![*steps, 1 + classes],
            (Body::Recurrent(_), [steps, features]) => vec![*steps, features + classes],
            (_, other) => other.to_vec(), // the body refuses it
        };
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
        let inner = Variational::conditional(&config, &input, classes, data, noise)?;
        Ok(Box::new(Cvae { inner, classes }))
    }
}

#[derive(Debug)]
struct Cvae {
    inner: Variational,
    classes: i64,
}

impl Cvae {
    /// Labels one-hot, `[B, K]`; without labels all get the same weight.
    fn condition(&self, labels: Option<&Tensor>, like: &Tensor) -> Tensor {
        match labels {
            Some(labels) => labels.one_hot(self.classes).to_kind(like.kind()),
            None => {
                let share = 1.0 / self.classes as f64;
                Tensor::full([like.size()[0], self.classes], share, (like.kind(), like.device()))
            }
        }
    }

    /// `q(z|x, y)`; `condition` is `[B, K]`.
    fn posterior_of(&self, x: &Tensor, condition: &Tensor, pass: Option<&Pass>) -> DiagonalGaussian {
        let [rows, classes] = [condition.size()[0], condition.size()[1]];
        let input = match *self.inner.encoder.input_shape() {
            [steps, _] => {
                let at_every_step = condition.unsqueeze(1).expand([rows, steps, classes], false);
                Tensor::cat(&[x.view([rows, steps, -1]), at_every_step], 2)
            }
            [_, height, width] => {
                let planes =
                    condition.view([rows, classes, 1, 1]).expand([rows, classes, height, width], false);
                Tensor::cat(&[x, &planes], 1)
            }
            _ => Tensor::cat(&[&x.flatten(1, -1), condition], 1),
        };
        let encoder = &self.inner.encoder;
        DiagonalGaussian::from_output(
            &pass.map_or_else(|| encoder.forward(&input), |pass| encoder.forward_in(&input, pass)),
        )
    }

    /// Labels in turn, if none are given.
    fn labels_in_turn(&self, latents: &Tensor) -> Tensor {
        Tensor::arange(latents.size()[0], (Kind::Int64, latents.device())).remainder(self.classes)
    }

    fn mean(&self, latents: &Tensor, condition: &Tensor) -> Tensor {
        self.inner.mean(&Tensor::cat(&[latents, condition], 1))
    }

    fn losses_from(
        &self,
        targets: &Tensor,
        observed: Option<&Tensor>,
        condition: &Tensor,
        noise: &Tensor,
        pass: &Pass,
    ) -> Vec<Losses> {
        let posterior = self.posterior_of(targets, condition, Some(pass));
        let input = Tensor::cat(&[&posterior.reparameterise(noise), condition], 1);
        let output = self.inner.decoder.forward_in(&input, pass);
        self.inner.elbo_losses(&output, targets, observed, &posterior, pass)
    }
}

impl Model for Cvae {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        self.inner.networks()
    }

    fn objective(&self) -> &'static str {
        self.inner.objective()
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let targets = self.inner.targets.draw(&batch.values, &pass.noise);
        let condition = self.condition(batch.labels.as_ref(), &targets);
        let noise = pass.noise.normal("reparameterise", &[batch.len(), self.inner.latent]);
        self.losses_from(&targets, batch.observed.as_ref(), &condition, &noise, pass)
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

impl Autoencoder for Cvae {
    fn encode(&self, x: &Tensor) -> Code {
        Code::Gaussian(self.posterior_of(x, &self.condition(None, x), None))
    }

    fn encode_batch(&self, batch: &Batch) -> Code {
        let condition = self.condition(batch.labels.as_ref(), &batch.values);
        Code::Gaussian(self.posterior_of(&batch.values, &condition, None))
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.mean(code, &self.condition(None, code))
    }

    fn dense_decoder(&self) -> Option<DenseNetwork> {
        self.inner.dense_decoder()
    }

    fn reconstruct_batch(&self, batch: &Batch) -> Tensor {
        let condition = self.condition(batch.labels.as_ref(), &batch.values);
        self.mean(self.encode_batch(batch).point(), &condition)
    }

    fn code_size(&self) -> i64 {
        self.inner.latent
    }
}

impl Generator for Cvae {
    fn sample(&self, n: i64, noise: &Noise) -> Tensor {
        self.generate(&noise.normal("sample", &[n, self.inner.latent]))
    }

    fn latent_size(&self) -> i64 {
        self.inner.latent
    }

    /// Labels take turns: sample `i` has label `i mod K`.
    fn generate(&self, latents: &Tensor) -> Tensor {
        self.generate_labelled(latents, &self.labels_in_turn(latents))
    }

    fn classes(&self) -> i64 {
        self.classes
    }

    fn generate_labelled(&self, latents: &Tensor, labels: &Tensor) -> Tensor {
        self.mean(latents, &self.condition(Some(labels), latents))
    }
}

/// The density is `p(x|y)`.
impl LatentVariable for Cvae {
    fn targets(&self) -> Targets {
        self.inner.targets
    }

    fn likelihood(&self) -> Likelihood {
        self.inner.likelihood
    }

    fn posterior(&self, batch: &Batch) -> DiagonalGaussian {
        self.posterior_of(&batch.values, &self.condition(batch.labels.as_ref(), &batch.values), None)
    }

    fn negative_log_likelihood_per_value(&self, latents: &Tensor, batch: &Batch) -> Tensor {
        let condition = self.condition(batch.labels.as_ref(), &batch.values);
        let output = self.inner.decoder.forward(&Tensor::cat(&[latents, &condition], 1));
        self.inner.likelihood.negative_log_prob_per_value(&output, &batch.values)
    }
}

#[cfg(test)]
#[path = "cvae_tests.rs"]
mod tests;
