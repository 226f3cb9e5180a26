//! The generative adversarial network (Goodfellow et al., NeurIPS 2014) with the networks of DCGAN (Radford,
//! Metz & Chintala, ICLR 2016).
//!
//! Two players: the discriminator minimises `E[-log D(x)] + E[-log(1 - D(G(z)))]`, the generator the
//! non-saturating `E[-log D(G(z))]` (2014, section 3), with `z` drawn from N(0, I). Both gradients come from
//! one pass over the fakes and are applied at the same time, where the paper takes turns. Real samples and
//! fakes pass the discriminator's batch normalisation in separate batches.
//!
//! Use it for sharp samples when no code of a given sample is needed: there is no encoder, no reconstruction
//! and no likelihood. Its losses do not fall as it learns; look at the samples, or at the Fréchet distance of
//! `ae eval generate`. On held-out data it is judged by `jensen_shannon`, the lower bound that its
//! discriminator gives on the divergence between data and model: 0 if it cannot tell them apart, at most
//! ln 2. If every class must be covered, or training must be stable, a variational autoencoder is the safer
//! choice.

use crate::blocks::adversarial;
use crate::blocks::point::check_output;
use crate::model::{Batch, DataSummary, Generator, Group, Losses, Model, ModelError, Pass};
use crate::network::Network;
use crate::registry::{Variant, at_least_one, widths};
use ae_tensor::adversarial::{Accuracy, discriminator, generator, jensen_shannon_bound};
use ae_tensor::{Activate, Activation, Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Settings of the adversarial network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Width of the latent space, `D`.
    pub latent: i64,
    /// For images: channels of the discriminator's convolutions; the generator has them in reverse. Each
    /// halves the sides. Empty: dense layers as for other data.
    pub channels: Vec<i64>,
    /// For vectors and sequences: widths of the generator's dense layers; the discriminator has them in
    /// reverse.
    pub hidden: Vec<i64>,
    /// Activation of the samples.
    pub output: Activation,
}

impl Default for Config {
    fn default() -> Self {
        Config { latent: 100, channels: vec![64, 128], hidden: vec![128, 256], output: Activation::Sigmoid }
    }
}

impl Variant for Config {
    const NAME: &'static str = "gan";
    const ABOUT: &'static str = "adversarial: a generator against a discriminator; generates sharp samples";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        at_least_one(Self::NAME, "latent", self.latent)?;
        widths(Self::NAME, "channels", &self.channels)?;
        widths(Self::NAME, "hidden", &self.hidden)?;
        check_output(self.output, data)?;
        let image = <[i64; 3]>::try_from(data.shape.as_slice()).ok().filter(|_| !self.channels.is_empty());
        let reversed: Vec<i64> = self.hidden.iter().rev().copied().collect();
        // The discriminator comes first: its error says which image is too small.
        let judge = image.map_or_else(
            || adversarial::dense_discriminator(&reversed),
            |_| adversarial::image_discriminator(&self.channels),
        );
        let mut judge = Network::new("discriminator", judge, &data.shape, noise)?;
        let maker = image.map_or_else(
            || adversarial::dense_generator(&self.hidden, &data.shape),
            |shape| adversarial::image_generator(&self.channels, &shape),
        );
        let mut maker = Network::new("generator", maker, &[self.latent], noise)?;
        if image.is_some() {
            maker.start_as_dcgan();
            judge.start_as_dcgan();
        }
        maker.set_output_bias(self.output.link(data.mean));
        Ok(Box::new(Gan { generator: maker, discriminator: judge, output: self.output, latent: self.latent }))
    }
}

#[derive(Debug)]
struct Gan {
    generator: Network,
    discriminator: Network,
    output: Activation,
    latent: i64,
}

impl Model for Gan {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        vec![("generator", &self.generator), ("discriminator", &self.discriminator)]
    }

    fn objective(&self) -> &'static str {
        "jensen_shannon"
    }

    fn groups(&self) -> Vec<Group> {
        Group::of_networks(&self.networks())
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let latents = pass.noise.normal("latents", &[batch.len(), self.latent]);
        let fakes = self.output.apply(&self.generator.forward_in(&latents, pass));
        let real = self.discriminator.forward_in(&batch.values, pass);
        // One pass: each group's gradient is taken for its own parameters only.
        let fake = self.discriminator.forward_in(&fakes, pass);
        let accuracy = Accuracy::of(&real, &fake);
        vec![
            Losses::single("adversarial", generator(&fake)),
            Losses::single("adversarial", discriminator(&real, &fake))
                .with_figure("jensen_shannon", &jensen_shannon_bound(&real, &fake))
                .with_figure("accuracy_real", &accuracy.real)
                .with_figure("accuracy_fake", &accuracy.fake),
        ]
    }

    fn as_generator(&self) -> Option<&dyn Generator> {
        Some(self)
    }
}

impl Generator for Gan {
    fn sample(&self, n: i64, noise: &Noise) -> Tensor {
        self.generate(&noise.normal("sample", &[n, self.latent]))
    }

    fn latent_size(&self) -> i64 {
        self.latent
    }

    fn generate(&self, latents: &Tensor) -> Tensor {
        self.output.apply(&self.generator.forward(latents))
    }
}
