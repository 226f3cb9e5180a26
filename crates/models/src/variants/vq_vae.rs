//! The vector-quantised autoencoder, VQ-VAE (van den Oord, Vinyals & Kavukcuoglu, "Neural Discrete
//! Representation Learning", NeurIPS 2017).
//!
//! Each position of the code takes the nearest of `K` entries `e` of a codebook. Minimises
//! `d(x, g(e)) + β · mean (h(x) - sg[e])²`  (equation 3), `sg` stopping the gradient; the gradient at the
//! decoder's input is passed on to the encoder unchanged. Entries follow their codes by moving averages
//! (appendix A.1) instead of the second term of equation 3, and dead ones are restarted from codes of the
//! batch. The networks are the authors' with fewer channels.
//!
//! Use it for discrete codes: to compress, or as tokens for a second model. `perplexity` says how many
//! entries are in use. With `prior`, a second network learns how probable codes are, beside the others in the same run, and
//! the model generates (section 3.3); it has a group of parameters of its own, `prior`. Moving averages of weights (`training.ema`) do not change the
//! codebook.

use crate::blocks::code_prior::{CodePrior, PriorConfig};
use crate::blocks::codebook::{Codebook, Quantised, Settings, perplexity, shares, straight_through};
use crate::blocks::point::check_output;
use crate::blocks::{dense, strided};
use crate::model::{
    Autoencoder, Batch, Code, CodeForm, DataSummary, Generator, Group, Losses, Model, ModelError, Pass,
    numel_of_networks, of_networks, workspace_of_networks,
};
use crate::network::{Layer, Network, ResidualBlock};
use crate::registry::{Variant, at_least_one, layers, out_of_range, widths};
use ae_tensor::{Activate, Activation, Kind, Noise, ReconstructionLoss, Tensor};
use serde::{Deserialize, Serialize};

/// Settings of the vector-quantised autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Number of entries in the codebook, `K`.
    pub entries: i64,
    /// Width of an entry, `D`.
    pub width: i64,
    /// For images: channels of the encoder's convolutions, each of which halves the sides; the decoder uses
    /// them in reverse. A code has one position for each remaining pixel. Empty: dense layers as for other
    /// data.
    pub channels: Vec<i64>,
    /// For images: number of residual blocks between the convolutions and the codes, in both encoder and
    /// decoder.
    pub residual_blocks: usize,
    /// Channels within a residual block.
    pub residual_channels: i64,
    /// For vectors and sequences: widths of the encoder's dense layers; the decoder uses them in reverse.
    pub hidden: Vec<i64>,
    /// For vectors and sequences: number of positions in a code.
    pub places: i64,
    /// `β`: weight of the commitment term; at least 0.
    pub commitment: f64,
    /// `γ`: weight of the past in the codebook's moving averages; in [0, 1).
    pub decay: f64,
    /// An entry is restarted if it is used less than this share of an even use; at least 0 (never) and below 1.
    pub dead_below: f64,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// Activation of the reconstruction.
    pub output: Activation,
    /// Reconstruction loss: `mse`, `mae`, or `bce` (binary cross-entropy) for a sigmoid output.
    #[serde(alias = "distance")]
    pub loss: ReconstructionLoss,
    /// The prior over codes; absent: none is learned, and the model does not generate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior: Option<PriorConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            entries: 64,
            width: 16,
            channels: vec![32, 64],
            residual_blocks: 2,
            residual_channels: 32,
            hidden: vec![256],
            places: 16,
            commitment: 0.25,
            decay: 0.99,
            dead_below: 0.03,
            activation: Activation::Relu,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::MeanSquared,
            prior: None,
        }
    }
}

impl Config {
    fn check(&self) -> Result<(), ModelError> {
        for (setting, got) in [
            ("entries", self.entries),
            ("width", self.width),
            ("places", self.places),
            ("residual_channels", self.residual_channels),
        ] {
            at_least_one(Self::NAME, setting, got)?;
        }
        widths(Self::NAME, "channels", &self.channels)?;
        widths(Self::NAME, "hidden", &self.hidden)?;
        layers(Self::NAME, "residual_blocks", self.residual_blocks)?;
        let range = |setting, got: f64, holds: bool, legal| match holds {
            true => Ok(()),
            false => Err(out_of_range(Self::NAME, setting, &got.to_string(), legal)),
        };
        let Config { commitment, decay, dead_below, .. } = *self;
        let fine = commitment >= 0.0 && commitment.is_finite();
        range("commitment", commitment, fine, "a number of at least 0")?;
        range("decay", decay, (0.0..1.0).contains(&decay), "at least 0 and below 1")?;
        self.prior.map_or(Ok(()), |prior| prior.check(Self::NAME))?;
        range("dead_below", dead_below, (0.0..1.0).contains(&dead_below), "at least 0 and below 1")
    }

    /// Layers of the encoder to codes `[D, …]`, and of the decoder back.
    fn layers(&self, shape: &[i64]) -> (Vec<Layer>, Vec<Layer>) {
        let image = <[i64; 3]>::try_from(shape).ok().filter(|_| !self.channels.is_empty());
        if let Some(image) = image {
            let deepest = *self.channels.last().expect("there are channels");
            let block = Layer::ResidualBlock(ResidualBlock { hidden: self.residual_channels });
            let blocks = vec![block; self.residual_blocks];
            let mut down = strided::encoder(&self.channels, self.activation, false);
            down.extend(blocks.clone());
            down.push(Layer::Conv2d { channels: self.width, kernel: 1, stride: 1, padding: 0 });
            let first = Layer::Conv2d { channels: deepest, kernel: 3, stride: 1, padding: 1 };
            let mut up = vec![first, Layer::Activation(self.activation)];
            up.extend(blocks);
            up.extend(strided::decoder(&self.channels, self.activation, &image, image[0]));
            return (down, up);
        }
        let code = self.width * self.places;
        let narrowing: Vec<i64> = self.hidden.iter().copied().chain([code]).collect();
        let widening: Vec<i64> = self.hidden.iter().rev().copied().collect();
        let mut down = dense::encoder(&narrowing, self.activation, Activation::Identity);
        down.push(Layer::Reshape(vec![self.width, self.places]));
        let mut up = vec![Layer::Flatten];
        up.extend(dense::decoder(&widening, self.activation, shape));
        (down, up)
    }
}

impl Variant for Config {
    const NAME: &'static str = "vq_vae";
    const ABOUT: &'static str = "vector-quantised: codes are entries of a learned codebook";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        self.check()?;
        self.loss.check(self.output, data.low, data.high)?;
        check_output(self.output, data)?;
        let (down, up) = self.layers(&data.shape);
        let encoder = Network::new("encoder", down, &data.shape, noise)?;
        let mut decoder = Network::new("decoder", up, encoder.output_shape(), noise)?;
        decoder.set_output_bias(self.output.link(data.mean));
        let Config { entries, width, decay, dead_below, .. } = *self;
        let codebook = Codebook::new(Settings { entries, width, decay, dead_below }, noise);
        let grid = &encoder.output_shape()[1..];
        let prior = self.prior.map(|prior| CodePrior::new(&prior, grid, entries, noise)).transpose()?;
        Ok(Box::new(VqVae { encoder, decoder, codebook, prior, config: self.clone() }))
    }
}

#[derive(Debug)]
struct VqVae {
    encoder: Network,
    decoder: Network,
    codebook: Codebook,
    prior: Option<CodePrior>,
    config: Config,
}

impl VqVae {
    /// Positions in the code of one sample.
    fn positions(&self) -> i64 {
        self.encoder.output_shape()[1..].iter().fold(1i64, |n, &d| n.saturating_mul(d))
    }

    /// The networks without that of the prior.
    fn own_networks(&self) -> [(&'static str, &Network); 2] {
        [("encoder", &self.encoder), ("decoder", &self.decoder)]
    }

    /// The losses of the prior, which has none as long as it waits.
    fn prior_losses(&self, prior: &CodePrior, indices: &Tensor, pass: &Pass) -> Losses {
        let after = self.config.prior.map_or(0.0, |prior| prior.after);
        if pass.is_training() && pass.progress() < after {
            return Losses::new(vec![]);
        }
        Losses::new(vec![("prior", prior.negative_log_prob(indices).mean(None::<Kind>))])
    }
}

impl Model for VqVae {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        let mut networks = self.own_networks().to_vec();
        networks.extend(self.prior.iter().map(|prior| ("prior", &prior.network)));
        networks
    }

    /// With a prior, that is a second group.
    fn groups(&self) -> Vec<Group> {
        let parameters = of_networks(&self.own_networks(), Network::parameters);
        let own = Group { name: "autoencoder", parameters };
        let prior = self.prior.as_ref().map(|prior| Group::of_networks(&[("prior", &prior.network)]));
        std::iter::once(own).chain(prior.into_iter().flatten()).collect()
    }

    fn numel(&self) -> i64 {
        numel_of_networks(&self.networks()).saturating_add(self.codebook.numel())
    }

    /// The distance of each position's code from each entry, twice, as it is the difference of two terms; what the prior reads,
    /// twice; or the networks' workspace, if that is greater.
    fn workspace(&self) -> i64 {
        let distances = self.positions().saturating_mul(self.codebook.len()).saturating_mul(2);
        let read = self.prior.as_ref().map_or(0, |prior| prior.input_size().saturating_mul(2));
        distances.max(read).max(workspace_of_networks(&self.networks()))
    }

    fn buffers(&self) -> Vec<(String, Tensor)> {
        let mut buffers = of_networks(&self.networks(), Network::buffers);
        buffers.extend(self.codebook.buffers());
        buffers
    }

    fn objective(&self) -> &'static str {
        self.config.loss.name()
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let codes = self.encoder.forward_in(&batch.values, pass);
        if pass.is_training() {
            self.codebook.revive(&codes, &pass.noise, pass.part.as_ref());
        }
        let Quantised { indices, entries } = self.codebook.quantise(&codes);
        let output = self.decoder.forward_in(&straight_through(&codes, &entries), pass);
        let reconstruction = self.config.loss.mean(&output, self.config.output, &batch.values, None);
        let commitment = (&codes - &entries).square().mean(None::<Kind>) * self.config.commitment;
        if pass.is_training() {
            self.codebook.learn(&codes, &indices, pass.part.as_ref());
        }
        let measured = reconstruction.detach();
        let own = Losses::new(vec![("reconstruction", reconstruction), ("commitment", commitment)])
            .with_figure(self.objective(), &measured)
            .with_figure("perplexity", &perplexity(&pass.over_batch(shares(&indices, self.codebook.len()))));
        let prior = self.prior.as_ref().map(|prior| self.prior_losses(prior, &indices, pass));
        std::iter::once(own).chain(prior).collect()
    }

    fn as_generator(&self) -> Option<&dyn Generator> {
        self.prior.as_ref().map(|_| self as &dyn Generator)
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

impl VqVae {
    fn learned_prior(&self) -> &CodePrior {
        self.prior.as_ref().expect("it generates only with a prior")
    }
}

/// A latent vector has one number for each position of the code; each chooses an index.
impl Generator for VqVae {
    fn sample(&self, n: i64, noise: &Noise) -> Tensor {
        self.generate(&noise.normal("sample", &[n, self.latent_size()]))
    }

    fn latent_size(&self) -> i64 {
        self.learned_prior().positions()
    }

    fn generate(&self, latents: &Tensor) -> Tensor {
        self.decode(&self.codebook.look_up(&self.learned_prior().indices(latents)))
    }
}

impl Autoencoder for VqVae {
    fn encode(&self, x: &Tensor) -> Code {
        let Quantised { indices, entries } = self.codebook.quantise(&self.encoder.forward(x));
        Code::Discrete { indices, embedded: entries }
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.config.output.apply(&self.decoder.forward(code))
    }

    fn code_size(&self) -> i64 {
        self.encoder.output_shape().iter().product()
    }

    fn code_form(&self) -> CodeForm {
        CodeForm::Discrete { positions: self.positions(), choices: self.codebook.len() }
    }
}
