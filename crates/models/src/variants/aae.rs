//! The adversarial autoencoder (Makhzani et al., "Adversarial Autoencoders", 2016; section 2, deterministic
//! encoder).
//!
//! Two players share the encoder's codes `h(x)`. The autoencoder minimises
//! `d(x, g(h(x))) + λ · E[-log D(h(x))]`, the discriminator `E[-log D(z)] + E[-log(1 - D(h(x)))]` with `z`
//! drawn from the prior N(0, I): the codes of all data together, the aggregated posterior, come to follow the
//! prior. The paper alternates reconstruction and adversarial steps, each with its own learning rate; here
//! both terms form one step, and `λ` balances them.
//!
//! Use it to generate from a plain autoencoder's sharp code space, or when codes should follow a given
//! distribution and no likelihood is needed. For a probability of each sample, or a distribution over codes,
//! use `vae`.

use crate::blocks::adversarial;
use crate::blocks::body::Body;
use crate::blocks::point::PointAutoencoder;
use crate::model::{
    Autoencoder, Batch, Code, DataSummary, Generator, Group, Losses, Model, ModelError, Pass,
};
use crate::network::Network;
use crate::registry::{Variant, at_least_one, out_of_range, widths};
use ae_coding::DenseNetwork;
use ae_tensor::adversarial::{Accuracy, discriminator, generator};
use ae_tensor::{Activation, DenseChain, Noise, ReconstructionLoss, Tensor};
use serde::{Deserialize, Serialize};

/// Settings of the adversarial autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Layers from the data to the code.
    pub encoder: Body,
    /// Layers from the code to the data; absent: the mirror of `encoder`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder: Option<Body>,
    /// Width of the code, `D`.
    pub latent: i64,
    /// Widths of the discriminator.
    pub discriminator: Vec<i64>,
    /// `λ`: weight of the adversarial term relative to the loss, which is a mean over a sample's values; at
    /// least 0.
    pub adversarial: f64,
    /// Activation of the hidden layers of encoder and decoder.
    pub activation: Activation,
    /// Activation of the reconstruction.
    pub output: Activation,
    /// Reconstruction loss: `mse`, `mae`, or `bce` (binary cross-entropy) for a sigmoid output.
    #[serde(alias = "distance")]
    pub loss: ReconstructionLoss,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            encoder: Body::dense([1000, 1000]),
            decoder: None,
            latent: 8,
            discriminator: vec![1000, 1000],
            adversarial: 3e-3,
            activation: Activation::Relu,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::MeanSquared,
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "aae";
    const ABOUT: &'static str = "adversarial autoencoder: codes that follow a prior; generates new samples";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        at_least_one(Self::NAME, "latent", self.latent)?;
        let decoder = self.decoder.clone().unwrap_or_else(|| self.encoder.mirror());
        self.encoder.check(Self::NAME, "encoder")?;
        decoder.check(Self::NAME, "decoder")?;
        widths(Self::NAME, "discriminator", &self.discriminator)?;
        // Written so that NaN is refused as well.
        if !(self.adversarial >= 0.0 && self.adversarial.is_finite()) {
            let got = self.adversarial.to_string();
            return Err(out_of_range(Self::NAME, "adversarial", &got, "a number of at least 0"));
        }
        let encoder = self.encoder.encoder(&data.shape, self.latent, self.activation)?;
        let decoder = decoder.decoder(&data.shape, self.activation)?;
        let inner = PointAutoencoder::new(encoder, decoder, self.output, self.loss, data, noise)?;
        let judge = adversarial::dense_discriminator(&self.discriminator);
        let judge = Network::new("discriminator", judge, &[self.latent], noise)?;
        Ok(Box::new(Aae { inner, discriminator: judge, adversarial: self.adversarial, latent: self.latent }))
    }
}

#[derive(Debug)]
struct Aae {
    inner: PointAutoencoder,
    discriminator: Network,
    adversarial: f64,
    latent: i64,
}

impl Model for Aae {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        let mut networks = self.inner.networks();
        networks.push(("discriminator", &self.discriminator));
        networks
    }

    fn objective(&self) -> &'static str {
        self.inner.objective()
    }

    fn groups(&self) -> Vec<Group> {
        let judge = [("discriminator", &self.discriminator)];
        self.inner.groups().into_iter().chain(Group::of_networks(&judge)).collect()
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let codes = self.inner.encoder.forward_in(&batch.values, pass);
        let output = self.inner.decoder.forward_in(&codes, pass);
        let reconstruction = self.inner.loss.mean(&output, self.inner.output, &batch.values, None);
        let prior = pass.noise.normal("prior", &[batch.len(), self.latent]);
        let real = self.discriminator.forward_in(&prior, pass);
        let fake = self.discriminator.forward_in(&codes, pass);
        let accuracy = Accuracy::of(&real, &fake);
        let measured = reconstruction.detach();
        vec![
            Losses::new(vec![
                ("reconstruction", reconstruction),
                ("adversarial", generator(&fake) * self.adversarial),
            ])
            .with_figure(self.objective(), &measured),
            Losses::single("adversarial", discriminator(&real, &fake))
                .with_figure("accuracy_prior", &accuracy.real)
                .with_figure("accuracy_codes", &accuracy.fake),
        ]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }

    fn as_generator(&self) -> Option<&dyn Generator> {
        Some(self)
    }
}

impl Autoencoder for Aae {
    fn encode(&self, x: &Tensor) -> Code {
        self.inner.encode(x)
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.inner.decode(code)
    }

    fn dense_chain(&self) -> Option<DenseChain> {
        self.inner.dense_chain()
    }

    fn dense_decoder(&self) -> Option<DenseNetwork> {
        self.inner.dense_decoder()
    }

    fn code_size(&self) -> i64 {
        self.latent
    }
}

impl Generator for Aae {
    fn sample(&self, n: i64, noise: &Noise) -> Tensor {
        self.generate(&noise.normal("sample", &[n, self.latent]))
    }

    fn latent_size(&self) -> i64 {
        self.latent
    }

    fn generate(&self, latents: &Tensor) -> Tensor {
        self.inner.decode(latents)
    }
}
