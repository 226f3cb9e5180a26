//! A variational autoencoder whose reconstructions are compared by what a discriminator sees in them (Larsen, Sønderby,
//! Larochelle & Winther, "Autoencoding beyond pixels using a learned similarity metric", ICML 2016), with the networks of DCGAN
//! (Radford, Metz & Chintala, ICLR 2016).
//!
//! Three players (algorithm 1). With `S = E[½ ‖f(x) - f(g(z))‖²]`, where `f` are the features of the discriminator's last
//! convolution and `z` is drawn from the posterior: the encoder minimises `KL + S`; the decoder
//! `γ S + E[-log D(g(z))] + E[-log D(g(z'))]`, with `z'` drawn from N(0, I); the discriminator
//! `E[-log D(x)]` plus the mean of `E[-log(1 - D(·))]` over reconstructions and samples, where the paper has their sum. All
//! gradients come from one pass and are applied at the same time.
//!
//! Use it for images in colour that should look sharp, with codes that can be interpolated; pixels match less well than with
//! `vae`, and there is no likelihood. On held-out data it is judged by the `mse` of its reconstructions, which it does not
//! minimise: look at the samples, or at the Fréchet distance of the measure `fid`.

use crate::blocks::adversarial;
use crate::blocks::point::check_output;
use crate::model::{
    Autoencoder, Batch, Code, DataSummary, Generator, Group, Losses, Model, ModelError, Pass, of_networks,
};
use crate::network::{Layer, Network, ShapeError};
use crate::registry::{Variant, at_least_one, out_of_range, widths};
use ae_tensor::adversarial::{Accuracy, discriminator, generator};
use ae_tensor::divergence::DiagonalGaussian;
use ae_tensor::{Activate, Activation, Kind, Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Settings of the adversarial variational autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Width of the latent space, `D`.
    pub latent: i64,
    /// Channels of the convolutions of encoder and discriminator; the decoder has them in reverse. Each halves the sides.
    pub channels: Vec<i64>,
    /// `γ`: what the decoder gives for a reconstruction that resembles the sample, relative to fooling the discriminator; at
    /// least 0.
    pub similarity: f64,
    /// Activation of the images.
    pub output: Activation,
}

impl Default for Config {
    fn default() -> Self {
        Config { latent: 64, channels: vec![64, 128], similarity: 1e-3, output: Activation::Sigmoid }
    }
}

impl Variant for Config {
    const NAME: &'static str = "vae_gan";
    const ABOUT: &'static str =
        "variational and adversarial: similarity learned by a discriminator; sharp images";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        at_least_one(Self::NAME, "latent", self.latent)?;
        widths(Self::NAME, "channels", &self.channels)?;
        // Written so that NaN is refused as well.
        if !(self.similarity >= 0.0 && self.similarity.is_finite()) {
            let got = self.similarity.to_string();
            return Err(out_of_range(Self::NAME, "similarity", &got, "a number of at least 0"));
        }
        check_output(self.output, data)?;
        let refused = |reason: &str| ShapeError {
            network: "encoder".into(),
            position: 1,
            layer: "conv".into(),
            input: data.shape.clone(),
            reason: reason.into(),
        };
        let shape: [i64; 3] = data.shape.as_slice().try_into().map_err(|_| {
            refused("the vae_gan variant takes images [C, H, W]; for other data, choose `aae`")
        })?;
        if self.channels.is_empty() {
            return Err(out_of_range(Self::NAME, "channels", "[]", "at least one number"));
        }
        let mut convolutions = adversarial::image_discriminator(&self.channels);
        let head = convolutions.split_off(convolutions.len() - 2);
        let mut features = Network::new("features", convolutions.clone(), &data.shape, noise)?;
        let mut judge = Network::new("discriminator", head, features.output_shape(), noise)?;
        convolutions.extend([Layer::Flatten, Layer::Dense { units: 2 * self.latent }]);
        let mut encoder = Network::new("encoder", convolutions, &data.shape, noise)?;
        let layers = adversarial::image_generator(&self.channels, &shape);
        let mut decoder = Network::new("decoder", layers, &[self.latent], noise)?;
        [&mut encoder, &mut decoder, &mut features, &mut judge].into_iter().for_each(Network::start_as_dcgan);
        decoder.set_output_bias(self.output.link(data.mean));
        let Config { latent, similarity, output, .. } = *self;
        Ok(Box::new(VaeGan { encoder, decoder, features, judge, latent, similarity, output }))
    }
}

#[derive(Debug)]
struct VaeGan {
    encoder: Network,
    decoder: Network,
    /// The discriminator's convolutions, and what follows them.
    features: Network,
    judge: Network,
    latent: i64,
    similarity: f64,
    output: Activation,
}

impl VaeGan {
    fn judged(&self, images: &Tensor, pass: &Pass) -> (Tensor, Tensor) {
        let features = self.features.forward_in(images, pass);
        let logits = self.judge.forward_in(&features, pass);
        (features, logits)
    }
}

impl Model for VaeGan {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        vec![
            ("encoder", &self.encoder),
            ("decoder", &self.decoder),
            ("features", &self.features),
            ("discriminator", &self.judge),
        ]
    }

    fn objective(&self) -> &'static str {
        "mse"
    }

    fn groups(&self) -> Vec<Group> {
        let networks = self.networks();
        let mut groups = Group::of_networks(&networks[..2]);
        let parameters = of_networks(&networks[2..], Network::parameters);
        groups.push(Group { name: "discriminator", parameters });
        groups
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let decoded = |latents: &Tensor| self.output.apply(&self.decoder.forward_in(latents, pass));
        let posterior = DiagonalGaussian::from_output(&self.encoder.forward_in(&batch.values, pass));
        let latents = posterior.reparameterise(&pass.noise.normal("reparameterise", &posterior.mean.size()));
        let reconstructions = decoded(&latents);
        let samples = decoded(&pass.noise.normal("latents", &posterior.mean.size()));
        let (real_features, real) = self.judged(&batch.values, pass);
        let (features, reconstructed) = self.judged(&reconstructions, pass);
        let (_, sampled) = self.judged(&samples, pass);

        let apart = (features - real_features.detach()).square().sum(Kind::Float) / (2 * batch.len().max(1));
        let kl = posterior.kl_to_standard().mean(None::<Kind>);
        let mse = (&reconstructions - &batch.values).square().mean(Kind::Float).detach();
        let fakes = Tensor::cat(&[&reconstructed, &sampled], 0);
        let accuracy = Accuracy::of(&real, &fakes);
        vec![
            Losses::new(vec![("kl", kl), ("features", apart.shallow_clone())]).with_figure("mse", &mse),
            Losses::new(vec![
                ("features", apart * self.similarity),
                ("adversarial", generator(&reconstructed) + generator(&sampled)),
            ]),
            Losses::single("adversarial", discriminator(&real, &fakes))
                .with_figure("accuracy_real", &accuracy.real)
                .with_figure("accuracy_fake", &accuracy.fake),
        ]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }

    fn as_generator(&self) -> Option<&dyn Generator> {
        Some(self)
    }
}

impl Autoencoder for VaeGan {
    fn encode(&self, x: &Tensor) -> Code {
        Code::Gaussian(DiagonalGaussian::from_output(&self.encoder.forward(x)))
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.generate(code)
    }

    fn code_size(&self) -> i64 {
        self.latent
    }
}

impl Generator for VaeGan {
    fn sample(&self, n: i64, noise: &Noise) -> Tensor {
        self.generate(&noise.normal("sample", &[n, self.latent]))
    }

    fn latent_size(&self) -> i64 {
        self.latent
    }

    fn generate(&self, latents: &Tensor) -> Tensor {
        self.output.apply(&self.decoder.forward(latents))
    }
}
