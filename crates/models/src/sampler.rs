//! New samples from any autoencoder, after training: its decoder on codes that are drawn from a density of the
//! codes of training rows (Ghosh et al., ICLR 2020, "From Variational to Deterministic Autoencoders", section
//! 4, "ex-post density estimation").
//!
//! An autoencoder without a prior does not say where its codes lie, so its decoder turns draws of N(0, I) into
//! noise. A mixture of Gaussians that is fitted to the codes says it. Even the prior of a variational
//! autoencoder is only an approximation of where its codes lie.

use crate::error::SamplerError;
use crate::limits::{MAX_BATCH_VALUES, rows_per_batch};
use crate::model::{Autoencoder, Code, CodeForm, Generator, Model};
use ae_tensor::{GaussianMixture, Kind, MixtureConfig, Noise, Tensor, tch};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// Most rows whose codes a density is fitted to; of more, as many evenly spaced ones are taken.
pub const MAX_FITTED_ROWS: i64 = 20_000;
/// Rows that are encoded at once.
const ENCODED_AT_ONCE: usize = 1000;

/// Where the codes of new samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampler {
    /// The model's own prior; N(0, I) for a model that has none, to show what it is worth there.
    Prior,
    /// One Gaussian with a full covariance.
    Gaussian,
    /// A mixture of ten Gaussians with full covariances, the default of [`MixtureConfig`].
    Gmm,
    /// A second variational autoencoder, trained on the codes (Dai & Wipf, ICLR 2019, section 4); see
    /// [`FittedSampler::of_second_stage`].
    TwoStage,
    /// For codes of indices: each position is drawn independently, with its frequencies in the training rows.
    Positions,
}

impl Sampler {
    /// All of them.
    pub const ALL: [Sampler; 5] =
        [Sampler::Prior, Sampler::Gaussian, Sampler::Gmm, Sampler::TwoStage, Sampler::Positions];

    /// The best one for a model without further training: its own prior if it has one, otherwise a mixture
    /// for codes of numbers, and independent positions for codes of indices. `None` if it makes no samples.
    pub fn of(model: &dyn Model) -> Option<Sampler> {
        if model.as_generator().is_some() {
            return Some(Sampler::Prior);
        }
        Some(match model.as_autoencoder()?.code_form() {
            CodeForm::Numbers(_) => Sampler::Gmm,
            CodeForm::Discrete { .. } => Sampler::Positions,
        })
    }

    /// Its name in settings and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Sampler::Prior => "prior",
            Sampler::Gaussian => "gaussian",
            Sampler::Gmm => "gmm",
            Sampler::TwoStage => "two-stage",
            Sampler::Positions => "positions",
        }
    }

    /// Fits it to a model; `rows` are training rows `[N, …]`, of which at most [`MAX_FITTED_ROWS`] are encoded.
    /// A code that is a distribution is represented by a draw, because the decoder learned from draws. Needs
    /// no rows for the prior of a model that has one.
    ///
    /// # Errors
    /// A model without the codes that it needs, codes that give no density, or [`Sampler::TwoStage`], which has to be trained.
    pub fn fit(self, model: &dyn Model, rows: &Tensor, noise: &Noise) -> Result<FittedSampler, SamplerError> {
        if self == Sampler::Prior && model.as_generator().is_some() {
            return Ok(FittedSampler { shape: Vec::new(), source: Source::Prior });
        }
        let autoencoder = model.as_autoencoder().ok_or(SamplerError::NoCodes(self))?;
        match (self, autoencoder.code_form()) {
            (Sampler::Positions, CodeForm::Numbers(_)) => return Err(SamplerError::NotDiscrete),
            (Sampler::Positions, CodeForm::Discrete { .. }) | (_, CodeForm::Numbers(_)) => (),
            (_, CodeForm::Discrete { .. }) => return Err(SamplerError::Discrete(self)),
        }
        if rows.size().first().is_none_or(|&n| n < 1) {
            return Err(SamplerError::NoRows);
        }
        let noise = noise.fork("sampler");
        let components = if self == Sampler::Gaussian { 1 } else { MixtureConfig::default().components };
        let config = MixtureConfig { components, ..MixtureConfig::default() };
        let fitted = if self == Sampler::Prior { rows.narrow(0, 0, 1) } else { spaced(rows) };
        if matches!(self, Sampler::Gaussian | Sampler::Gmm) {
            config.check(fitted.size()[0], autoencoder.code_size())?;
        }
        let codes = tch::no_grad(|| encode(model, autoencoder, &fitted, &noise));
        let shape = codes.size().split_off(1);
        let source = match self {
            Sampler::Prior => Source::Standard,
            Sampler::Positions => Source::Positions(codes),
            Sampler::TwoStage => return Err(SamplerError::Untrained),
            Sampler::Gaussian | Sampler::Gmm => {
                Source::Mixture(tch::no_grad(|| GaussianMixture::fit(&codes, &config, &noise))?)
            }
        };
        Ok(FittedSampler { shape, source })
    }
}

/// Its name.
impl Display for Sampler {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A sampler that knows the codes of a model.
#[derive(Debug)]
pub struct FittedSampler {
    /// Shape of the code of one sample.
    shape: Vec<i64>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// The model draws by itself.
    Prior,
    /// N(0, I).
    Standard,
    Mixture(GaussianMixture),
    /// Codes of training rows, `[N, D, …]`, to draw each position from.
    Positions(Tensor),
    /// A model of codes less their mean, divided by their standard deviation: both `[1, D]`.
    Second {
        model: Second,
        mean: Tensor,
        deviation: Tensor,
    },
}

struct Second(Box<dyn Model>);

impl fmt::Debug for Second {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a variational autoencoder")
    }
}

/// Codes of numbers that a second model can be trained on.
#[derive(Debug)]
pub struct Codes {
    /// Standardised, `[N, D]`, whatever their shape in the model.
    pub rows: Tensor,
    shape: Vec<i64>,
    mean: Tensor,
    deviation: Tensor,
}

impl Codes {
    /// The codes of rows `[N, …]` by a model. A code that is a distribution is represented by a draw.
    ///
    /// # Errors
    /// A model without codes of numbers, or no rows.
    pub fn of(model: &dyn Model, rows: &Tensor, noise: &Noise) -> Result<Self, SamplerError> {
        let autoencoder = model.as_autoencoder().ok_or(SamplerError::NoCodes(Sampler::TwoStage))?;
        if matches!(autoencoder.code_form(), CodeForm::Discrete { .. }) {
            return Err(SamplerError::Discrete(Sampler::TwoStage));
        }
        if rows.size().first().is_none_or(|&n| n < 1) {
            return Err(SamplerError::NoRows);
        }
        tch::no_grad(|| {
            let codes = encode(model, autoencoder, rows, &noise.fork("sampler"));
            let shape = codes.size().split_off(1);
            let flat = codes.flatten(1, -1);
            let mean = flat.mean_dim([0i64].as_slice(), true, None::<Kind>);
            // A number that is the same in all codes stays what it is.
            let deviation = (&flat - &mean).square().mean_dim([0i64].as_slice(), true, None::<Kind>).sqrt();
            let deviation = deviation.clamp_min(MIN_DEVIATION);
            Ok(Codes { rows: (flat - &mean) / &deviation, shape, mean, deviation })
        })
    }
}

/// Standard deviation that a number of a code is divided by, at least.
const MIN_DEVIATION: f64 = 1e-6;

impl FittedSampler {
    /// The sampler [`Sampler::TwoStage`], from codes and a variational autoencoder that was trained on [`Codes::rows`]. It draws its
    /// latents, and then a code given them.
    pub fn of_second_stage(codes: Codes, model: Box<dyn Model>) -> Self {
        let Codes { shape, mean, deviation, .. } = codes;
        FittedSampler { shape, source: Source::Second { model: Second(model), mean, deviation } }
    }

    /// `n` new samples `[n, …]`, in the unit of the data, of the model that it was fitted to.
    ///
    /// # Errors
    /// A model of another kind than that.
    pub fn sample(&self, model: &dyn Model, n: i64, noise: &Noise) -> Result<Tensor, SamplerError> {
        self.sample_labelled(model, n, None, noise)
    }

    /// The same, all of one label, for a model that generates with labels; others ignore it.
    ///
    /// # Errors
    /// As [`Self::sample`].
    pub fn sample_labelled(
        &self,
        model: &dyn Model,
        n: i64,
        label: Option<i64>,
        noise: &Noise,
    ) -> Result<Tensor, SamplerError> {
        let generated = |generator: &dyn Generator, latents: &Tensor| match label {
            None => generator.generate(latents),
            Some(label) => {
                let labels = Tensor::full([n], label, (Kind::Int64, latents.device()));
                generator.generate_labelled(latents, &labels)
            }
        };
        tch::no_grad(|| {
            let Some(codes) = self.codes(n, noise) else {
                let generator = model.as_generator().ok_or(SamplerError::NoCodes(Sampler::Prior))?;
                if label.is_none() {
                    return Ok(generator.sample(n, noise));
                }
                let latents = noise.normal("sample", &[n, generator.latent_size()]);
                return Ok(generated(generator, &latents));
            };
            // A conditional model generates with labels, but decodes without.
            let generator = model.as_generator().filter(|it| [it.latent_size()] == self.shape[..]);
            if let Some(generator) = generator {
                return Ok(generated(generator, &codes));
            }
            Ok(model.as_autoencoder().ok_or(SamplerError::NoCodes(Sampler::Prior))?.decode(&codes))
        })
    }

    /// `n` codes `[n, D, …]`; `None` if the model draws them itself.
    pub fn codes(&self, n: i64, noise: &Noise) -> Option<Tensor> {
        let shape = [&[n], self.shape.as_slice()].concat();
        match &self.source {
            Source::Prior => None,
            Source::Standard => Some(noise.normal("sample", &shape)),
            Source::Mixture(mixture) => Some(mixture.sample(n, noise).view(shape.as_slice())),
            Source::Positions(codes) => Some(independent(codes, n, noise)),
            Source::Second { model, mean, deviation } => {
                let second = model.0.as_latent_variable().zip(model.0.as_generator());
                let (second, generator) = second.expect("the second model is a variational autoencoder");
                let latents = noise.normal("sample", &[n, generator.latent_size()]);
                let drawn = second.draw(&latents, noise).expect("its likelihood is Gaussian");
                Some((drawn * deviation + mean).view(shape.as_slice()))
            }
        }
    }

    /// The density of codes, if one was fitted.
    pub fn mixture(&self) -> Option<&GaussianMixture> {
        match &self.source {
            Source::Mixture(mixture) => Some(mixture),
            _ => None,
        }
    }
}

/// At most [`MAX_FITTED_ROWS`] evenly spaced rows.
fn spaced(rows: &Tensor) -> Tensor {
    let n = rows.size()[0];
    if n <= MAX_FITTED_ROWS {
        return rows.shallow_clone();
    }
    let places: Vec<i64> = (0..MAX_FITTED_ROWS).map(|place| place * n / MAX_FITTED_ROWS).collect();
    rows.index_select(0, &Tensor::from_slice(&places).to_device(rows.device()))
}

/// The codes of rows, `[N, D, …]`, on the device of `noise`.
fn encode(model: &dyn Model, autoencoder: &dyn Autoencoder, rows: &Tensor, noise: &Noise) -> Tensor {
    let size = rows_per_batch(model, ENCODED_AT_ONCE, MAX_BATCH_VALUES) as i64;
    let of_batch = |(index, batch): (usize, &Tensor)| {
        let code = autoencoder.encode(&batch.to_device(noise.device()));
        let Code::Gaussian(posterior) = &code else { return code.point().shallow_clone() };
        let draws = noise.fork(&format!("posterior {index}")).normal("draw", &posterior.mean.size());
        posterior.reparameterise(&draws)
    };
    let parts: Vec<Tensor> = rows.split(size, 0).iter().enumerate().map(of_batch).collect();
    Tensor::cat(&parts, 0)
}

/// `n` codes `[n, D, …]`; each position is taken from a random one of the codes `[M, D, …]`, independently of
/// the others.
fn independent(codes: &Tensor, n: i64, noise: &Noise) -> Tensor {
    let shape = codes.size();
    let flat = codes.flatten(2, -1); // [M, D, places]
    let (m, places) = (flat.size()[0], flat.size()[2]);
    let rows = (noise.uniform("places", &[n, places]) * m as f64).floor().clamp_max((m - 1) as f64);
    let rows = rows.to_kind(Kind::Int64).unsqueeze(1).expand([n, shape[1], places], false);
    flat.gather(0, &rows, false).view([&[n], &shape[1..]].concat().as_slice())
}

#[cfg(test)]
#[path = "sampler_tests.rs"]
mod tests;
