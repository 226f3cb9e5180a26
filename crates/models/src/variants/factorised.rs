//! Learned image compression with a factorised prior (Ballé, Laparra & Simoncelli, "End-to-end optimized image
//! compression", ICLR 2017; the density is that of Ballé et al., ICLR 2018, appendix 6.1).
//!
//! An encoder gives latents `y`, which are rounded to multiples of a step `Δ`, `k = round(y / Δ)`; an entropy coder stores
//! `k` in `R = -Σ log₂ P(k)` bits, with `P(k) = c((k + ½) Δ) - c((k - ½) Δ)` and a learned distribution `c` of each channel.
//! Minimises `R / pixels + λ(Δ) · 255² · mean (x - g(k Δ))²` (2017, equation 3), in bits a pixel, with
//! `λ(Δ) = λ · (Δ_fine / Δ)²`.
//!
//! One model serves all qualities. The papers train a model for each λ; here the step is drawn for each image, and
//! λ is what a uniform quantiser of that step trades: its squared error grows as `Δ²` while it saves a bit for each doubling
//! (2017, section 2). The distribution does not depend on the step, so the probabilities of any step follow from it.
//!
//! In training, the rate is that of latents with uniform noise instead of rounding (2017, section 3.1), and the decoder gets
//! rounded ones with the gradient passed on (Minnen & Singh, ICIP 2020, section 3.3). The networks are convolutions of
//! overlapping patches with residual blocks instead of generalised divisive normalisation; but for these blocks they are
//! linear, which trains in minutes.
//!
//! With `hyperprior`, a latent's probability depends on side latents and on the latents next to it (Minnen, Ballé & Toderici,
//! NeurIPS 2018; without the neighbours, a scale hyperprior as in Ballé et al., ICLR 2018): it is rounded to a mean that they
//! give, plus multiples of the step. It takes fewer bits where pictures differ among themselves, as photographs do.
//!
//! Use it to compress images of one kind: `ae compress`. To learn features, `conv` is simpler; to generate, use `vae`.

use crate::blocks::hyperprior::{Hyper, HyperConfig, noisy_or_rounded, rounded};
use crate::blocks::point::check_output;
use crate::model::{
    Autoencoder, BEST_QUALITY, Batch, Code, Compressor, DataSummary, Losses, Model, ModelError, Pass,
};
use crate::network::{Layer, Network, ResidualBlock, ShapeError};
use crate::registry::{Variant, at_least_one, layers, out_of_range};
use ae_coding::{Density, DensityLayer, Prior};
use ae_tensor::{Activation, Kind, Noise, Tensor, array};
use serde::{Deserialize, Serialize};

/// Kernels are this many times as wide as their stride, so that neighbouring patches overlap.
const OVERLAP: i64 = 2;
/// `Δ_fine`, the step of the highest quality, and the coarsest, that of quality 0.
const FINEST: f64 = 1.0 / 16.0;
const COARSEST: f64 = 1.0;
/// Squared levels of a byte, which distortions are measured in.
const LEVELS_SQUARED: f64 = 255.0 * 255.0;
/// Probabilities below this cost no more bits: where the density is flat to a float, a gradient is lost anyway.
const FLOOR: f64 = 1e-9;
/// Steps that an evaluation spreads its images over, evenly in their logarithms.
const EVALUATED: i64 = 4;

/// Settings of the compressor with a factorised prior.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Side of the patches that a position of the latents stands for, in pixels; even.
    pub patch: i64,
    /// Channels of the networks.
    pub channels: i64,
    /// Number of residual blocks, in both encoder and decoder.
    pub residual_blocks: usize,
    /// Channels of the latents, `M`.
    pub latent: i64,
    /// `λ` at the highest quality, in bits a pixel for each squared level of 255.
    pub lambda: f64,
    /// A prior that depends on what is stored before; without it, each latent is stored by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hyperprior: Option<HyperConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Config { patch: 4, channels: 64, residual_blocks: 3, latent: 16, lambda: 0.1, hyperprior: None }
    }
}

impl Config {
    fn check(&self) -> Result<(), ModelError> {
        if self.patch < 2 || self.patch % 2 != 0 || self.patch > 64 {
            let got = self.patch.to_string();
            return Err(out_of_range(Self::NAME, "patch", &got, "an even number from 2 to 64"));
        }
        at_least_one(Self::NAME, "channels", self.channels)?;
        layers(Self::NAME, "residual_blocks", self.residual_blocks)?;
        at_least_one(Self::NAME, "latent", self.latent)?;
        match self.lambda > 0.0 && self.lambda.is_finite() {
            true => Ok(()),
            false => Err(out_of_range(Self::NAME, "lambda", &self.lambda.to_string(), "a number above 0")),
        }
    }

    /// The side of the latents of images with this side.
    fn latent_side(&self, side: i64) -> i64 {
        (side + self.patch - 1) / self.patch
    }

    /// The side to which images with this side are padded.
    fn padded(&self, side: i64) -> i64 {
        self.latent_side(side) * self.patch
    }

    /// Layers of the encoder and of the decoder, for images of so many channels.
    fn layers(&self, channels: i64) -> [Vec<Layer>; 2] {
        let (kernel, stride, padding) = (OVERLAP * self.patch, self.patch, self.patch / 2);
        let pointwise = |channels| Layer::Conv2d { channels, kernel: 1, stride: 1, padding: 0 };
        let block = Layer::ResidualBlock(ResidualBlock { hidden: self.channels });
        let blocks = vec![block; self.residual_blocks];
        let mut down = vec![Layer::Conv2d { channels: self.channels, kernel, stride, padding }];
        down.extend(blocks.clone());
        down.push(pointwise(self.latent));
        let mut up = vec![pointwise(self.channels)];
        up.extend(blocks);
        up.push(Layer::ConvTranspose2d { channels, kernel, stride, padding, output_padding: [0, 0] });
        [down, up]
    }
}

impl Variant for Config {
    const NAME: &'static str = "factorised";
    const ABOUT: &'static str = "learned image compression: quantised latents and their probabilities";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        self.check()?;
        check_output(Activation::Sigmoid, data)?;
        let shape: [i64; 3] = data.shape.as_slice().try_into().map_err(|_| ShapeError {
            network: "encoder".into(),
            position: 1,
            layer: "conv".into(),
            input: data.shape.clone(),
            reason: "the factorised variant compresses images [C, H, W]".into(),
        })?;
        let [channels, height, width] = shape;
        let padded = [height, width].map(|side| self.padded(side));
        let [down, up] = self.layers(channels);
        let encoder = Network::new("encoder", down, &[channels, padded[0], padded[1]], noise)?;
        let mut decoder = Network::new("decoder", up, encoder.output_shape(), noise)?;
        decoder.set_output_bias(data.mean);
        let hyper = self.hyperprior.map(|it| Hyper::new(Self::NAME, it, encoder.output_shape(), noise));
        let hyper = hyper.transpose()?;
        let coded = hyper.as_ref().map_or(encoder.output_shape(), |hyper| hyper.side.output_shape());
        let density = Network::new("density", vec![Layer::ChannelDensity], coded, noise)?;
        Ok(Box::new(Factorised {
            encoder,
            decoder,
            density,
            hyper,
            size: [height, width],
            config: self.clone(),
        }))
    }
}

#[derive(Debug)]
struct Factorised {
    encoder: Network,
    decoder: Network,
    /// Of the latents; of the side latents, if there are some.
    density: Network,
    hyper: Option<Hyper>,
    /// Height and width of the images that it is trained on.
    size: [i64; 2],
    config: Config,
}

impl Factorised {
    /// The probability of the interval of width `step` around `values`, `[B, M, h, w]`; `step` is `[B, 1, 1, 1]`.
    fn probability(&self, values: &Tensor, step: &Tensor) -> Tensor {
        let half = step * 0.5;
        between([values - &half, values + &half].map(|values| self.density.forward_image(&values)))
    }

    /// The latents as the decoder gets them, and the probabilities of all that is stored.
    fn stored(&self, latents: &Tensor, step: &Tensor, pass: &Pass) -> (Tensor, Vec<Tensor>) {
        let coded = noisy_or_rounded(latents, step, "rounding", pass);
        let Some(hyper) = &self.hyper else {
            return (rounded(latents, step), vec![self.probability(&coded, step)]);
        };
        let one = step.ones_like();
        let side = noisy_or_rounded(&hyper.side_latents(latents), &one, "side rounding", pass);
        let [mean, log_scale] = hyper.parameters(&coded, &side, step);
        let apart = &coded - &mean;
        let scale = log_scale.exp();
        let half = step * 0.5;
        let probability = between([(&apart - &half) / &scale, (apart + half) / scale]);
        (rounded(&(latents - &mean), step) + mean, vec![probability, self.probability(&side, &one)])
    }

    fn decoded(&self, latents: &Tensor, size: [i64; 2]) -> Tensor {
        self.decoder.forward_image(latents).narrow(2, 0, size[0]).narrow(3, 0, size[1])
    }

    /// The step of each image, `[B, 1, 1, 1]`: drawn in training; in an evaluation, one after the other.
    fn steps(&self, images: i64, pass: &Pass) -> Tensor {
        let place = match pass.is_training() {
            true => pass.noise.uniform("step", &[images]),
            false => {
                let index = Tensor::arange(images, (Kind::Float, pass.noise.device()));
                (index.remainder(EVALUATED) + 0.5) / EVALUATED as f64
            }
        };
        ((place * (COARSEST / FINEST).ln()).exp() * FINEST).view([-1, 1, 1, 1])
    }
}

/// `σ(upper) - σ(lower)`.
fn between([lower, upper]: [Tensor; 2]) -> Tensor {
    // Above the median, the difference of the complements: near 1 a float has no room.
    let sign = -(&lower + &upper).sign().detach();
    ((&sign * upper).sigmoid() - (sign * lower).sigmoid()).abs()
}

impl Model for Factorised {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        let mut networks =
            vec![("encoder", &self.encoder), ("decoder", &self.decoder), ("density", &self.density)];
        if let Some(hyper) = &self.hyper {
            networks.extend([("side", &hyper.side), ("prior", &hyper.prior)]);
        }
        networks
    }

    fn objective(&self) -> &'static str {
        "rate_distortion"
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let images = &batch.values;
        let step = self.steps(images.size()[0], pass);
        let latents = self.latents(images);
        let (exact, probabilities) = self.stored(&latents, &step, pass);
        let decoded = self.decoded(&(&latents + (exact - &latents).detach()), self.size);
        let pixels = (self.size[0] * self.size[1]) as f64;
        let bits = |probability: &Tensor| probability.clamp_min(FLOOR).log2().sum(Kind::Float) / -pixels;
        let bits = probabilities.iter().map(bits).reduce(|a, b| a + b).expect("something is stored");
        let rate = bits / images.size()[0] as f64;
        let errors = (decoded - images).square();
        let weights = (&step / FINEST).square().reciprocal() * (self.config.lambda * LEVELS_SQUARED);
        let distortion = (&errors * weights).mean(Kind::Float);
        let [bits, error] = [rate.detach(), errors.mean(Kind::Float).detach()];
        vec![
            Losses::new(vec![("rate", rate), ("distortion", distortion)])
                .with_figure("bits_per_pixel", &bits)
                .with_figure("mse", &error),
        ]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }

    fn as_compressor(&self) -> Option<&dyn Compressor> {
        Some(self)
    }
}

/// The code is what is stored at a middle quality, as numbers: its size in bits depends on the image.
impl Autoencoder for Factorised {
    fn encode(&self, x: &Tensor) -> Code {
        let step = Tensor::from(self.step(BEST_QUALITY / 2) as f32).to_device(x.device());
        Code::Point(rounded(&self.latents(x), &step))
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.images(code, self.size)
    }

    fn code_size(&self) -> i64 {
        self.encoder.output_shape().iter().product()
    }
}

impl Compressor for Factorised {
    fn latents(&self, images: &Tensor) -> Tensor {
        let [_, _, height, width] = images.size()[..] else {
            panic!("images have four dimensions, got {images:?}")
        };
        let missing = [height, width].map(|side| self.config.padded(side) - side);
        let padded = match missing {
            [0, 0] => images.shallow_clone(),
            [rows, columns] => images.replication_pad2d([0, columns, 0, rows]),
        };
        self.encoder.forward_image(&padded)
    }

    fn images(&self, latents: &Tensor, size: [i64; 2]) -> Tensor {
        self.decoded(latents, size).clamp(0.0, 1.0)
    }

    fn latent_shape(&self, size: [i64; 2]) -> [i64; 3] {
        let [height, width] = size.map(|side| self.config.latent_side(side));
        [self.config.latent, height, width]
    }

    fn step(&self, quality: u8) -> f64 {
        let place = f64::from(quality.min(BEST_QUALITY)) / f64::from(BEST_QUALITY);
        // The same bits on every machine.
        COARSEST * libm::pow(FINEST / COARSEST, place)
    }

    fn stride(&self) -> i64 {
        self.config.patch
    }

    /// Each residual block sees one row further, and each patch overlaps its neighbours.
    fn reach(&self) -> i64 {
        self.config.residual_blocks as i64 + 1
    }

    fn side_latents(&self, latents: &Tensor) -> Option<Tensor> {
        self.hyper.as_ref().map(|hyper| hyper.side_latents(latents))
    }

    fn side_reach(&self) -> i64 {
        Hyper::REACH
    }

    fn prior(&self) -> Prior {
        let densities = self.densities();
        match &self.hyper {
            None => Prior::Factorised(densities),
            Some(hyper) => Prior::Hyper(Box::new(hyper.coder(densities))),
        }
    }
}

impl Factorised {
    /// One for each channel of what the network of densities is for.
    fn densities(&self) -> Vec<Density> {
        let channels = self.density.input_shape()[0] as usize;
        let tensors: Vec<Vec<f64>> =
            self.density.parameters().iter().map(|(_, tensor)| array::to_vec(tensor)).collect();
        let functions = tensors.chunks(3);
        let of_channel = |channel: usize| {
            let part = |values: &Vec<f64>| {
                let size = values.len() / channels;
                values[channel * size..][..size].to_vec()
            };
            let function = |function: &[Vec<f64>]| DensityLayer {
                matrix: part(&function[0]),
                bias: part(&function[1]),
                factor: function.get(2).map_or_else(Vec::new, part),
            };
            Density::new(functions.clone().map(function).collect())
        };
        (0..channels).map(of_channel).collect()
    }
}
