//! New samples of a model, by its own prior or by a density that is fitted to the codes of its training rows.

use crate::apply::output::{Chunk, Form, Sheet, Values};
use crate::apply::pixels::Raw;
use crate::apply::trained::Trained;
use crate::context::Context;
use crate::error::EvaluationError;
use ae_datasets::Dataset;
use ae_models::blocks::body::Body;
use ae_models::sampler::{Codes, FittedSampler};
use ae_models::variants::vae;
use ae_models::{Model, ModelConfig, Sampler};
use ae_report::gallery::{Entry, Gallery};
use ae_report::{html, picture};
use ae_tensor::{Device, Kind, Likelihood, Noise, Tensor, array, tch};
use ae_training::evaluate::BATCH;
use ae_training::experiment::{Run, RunError};
use ae_training::{BatchSize, Build, Schedule, TrainingConfig, TrainingData, train};
use std::path::{Path, PathBuf};

/// Most samples in one picture.
pub const MAX_SAMPLES: usize = 10_000;
/// Images in a row of the picture.
const COLUMNS: usize = 10;

/// What to draw, and from what.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The folder of a run, the `model.safetensors` in it, or a model file alone.
    pub model: PathBuf,
    /// Where codes come from; `None`: the best for the model, see [`Sampler::of`].
    pub sampler: Option<Sampler>,
    /// For a model that generates with labels: the label of all samples; `None`: labels take turns.
    pub label: Option<String>,
    /// Number of samples, from 1 to [`MAX_SAMPLES`].
    pub n: usize,
    /// Seed of the fit and of the draws.
    pub seed: u64,
    /// A picture, a `.csv` or `.npy` file, or a folder; `None`: a picture among those of the run's report, or beside a model file
    /// that is alone.
    pub out: Option<PathBuf>,
}

/// What was drawn.
#[derive(Debug)]
pub struct Drawn {
    /// The samples, `[n, …]`, in the unit of the model's input.
    pub samples: Tensor,
    /// Where their codes came from.
    pub sampler: Sampler,
    /// The files that were written, that of the samples first.
    pub files: Vec<PathBuf>,
}

/// Draws samples of a model, and writes them. By default a picture of them becomes part of the run's report.
///
/// # Errors
/// A file that holds no model, data that are no longer there or have changed, a sampler that does not suit the
/// model or needs data where there is only a model file, a label that the model does not know, or samples that are no images
/// for a picture.
pub fn draw(context: &mut Context<'_>, wish: &Wish) -> Result<Drawn, EvaluationError> {
    if !(1..=MAX_SAMPLES).contains(&wish.n) {
        return Err(EvaluationError::SampleCount { got: wish.n });
    }
    let device = context.device.resolve().map_err(RunError::from)?;
    let trained = Trained::load(&wish.model, device)?;
    let label = wish.label.as_deref().map(|label| trained.label(label)).transpose()?;
    let form = match &wish.out {
        Some(out) => Form::of(out, true)?,
        None if trained.shape().len() == 3 => Form::Picture,
        None => {
            let remedy = "write the samples to a file, with --out samples.csv";
            let set = trained.model.metadata.data.clone();
            return Err(EvaluationError::Data { set, missing: "images", remedy });
        }
    };
    let model = trained.model.as_ref();
    let unsuited = || EvaluationError::Unsuited {
        measure: "sample",
        variant: trained.variant(),
        missing: "codes to decode and no prior",
    };
    let sampler = match wish.sampler {
        Some(sampler) => sampler,
        None => Sampler::of(model).ok_or_else(unsuited)?,
    };
    let rows = match sampler != Sampler::Prior || model.as_generator().is_none() {
        true => rows_to_fit(context, wish, &trained, sampler)?,
        false => Tensor::zeros([0], (Kind::Float, device)),
    };
    let samples = samples_of(model, &rows, sampler, label, wish.n, wish.seed, device)?;
    let files = save(wish, sampler, &samples, &trained, form)?;
    Ok(Drawn { samples, sampler, files })
}

/// The training rows of the model's run.
fn rows_to_fit(
    context: &mut Context<'_>,
    wish: &Wish,
    trained: &Trained,
    sampler: Sampler,
) -> Result<Tensor, EvaluationError> {
    let Some(run) = &trained.run else {
        return Err(EvaluationError::NoRowsToFit { path: wish.model.clone(), sampler });
    };
    let run = context.open(&run.dir)?;
    match run.splits.is_dense() {
        true => Ok(run.splits.train.values().shallow_clone()),
        false => {
            let set = run.splits.dataset.name.clone();
            let remedy = "choose a model of dense rows, or one with a prior";
            Err(EvaluationError::Data { set, missing: "rows of which every value is stored", remedy })
        }
    }
}

/// Writes the samples; returns the files.
fn save(
    wish: &Wish,
    sampler: Sampler,
    samples: &Tensor,
    trained: &Trained,
    form: Form,
) -> Result<Vec<PathBuf>, EvaluationError> {
    let file = format!("samples-{sampler}.png");
    let path = match (&wish.out, &trained.run) {
        (Some(path), _) => path.clone(),
        (None, None) => wish.model.with_file_name(file),
        (None, Some(run)) => {
            let dir = &run.dir;
            let title = format!("New samples, {sampler}");
            let of_label = wish.label.as_ref().map_or_else(String::new, |label| format!(" Label {label}."));
            let caption = format!("{}{of_label} Seed {}, not hand-picked.", about(sampler), wish.seed);
            let entry = Entry { file: file.clone(), title, caption, order: 45 };
            let images = Raw::of(&trained.model.metadata).tiles(samples);
            let draw = |path: &Path| picture::image_grid(path, images.view(), COLUMNS);
            Gallery::new(dir.images()).add(entry, draw)?;
            html::write(dir)?;
            return Ok(vec![dir.images().join(file)]);
        }
    };
    let mut sheet = Sheet::of_samples(trained, &path, form, "samples");
    sheet.rows = wish.n;
    sheet.about.extend(wish.label.is_some().then_some("label"));
    let about = (0..wish.n).map(|row| [row.to_string()].into_iter().chain(wish.label.clone()).collect());
    let chunk = Chunk { about: about.collect(), values: Values::Samples(samples.shallow_clone()) };
    Ok(sheet.write(std::iter::once(Ok(chunk)))?)
}

/// One sentence about the codes that a sampler draws.
fn about(sampler: Sampler) -> &'static str {
    match sampler {
        Sampler::Prior => "Decoded from draws of the prior, N(0, I).",
        Sampler::Gaussian => {
            "Decoded from draws of a Gaussian that was fitted to the codes of training rows."
        }
        Sampler::Gmm => {
            "Decoded from draws of a mixture of Gaussians that was fitted to the codes of training rows."
        }
        Sampler::TwoStage => {
            "Decoded from codes that a second variational autoencoder, trained on the codes of training rows, made."
        }
        Sampler::Positions => {
            "Decoded from codes whose positions were drawn independently, with their frequencies in the training rows."
        }
    }
}

/// `n` new samples of a run's model, `[n, …]`, in the unit of the data, by the run's seed.
///
/// # Errors
/// A sampler that does not suit the model.
pub(crate) fn samples(run: &Run, sampler: Sampler, n: usize) -> Result<Tensor, EvaluationError> {
    let train = &run.splits.train;
    samples_of(run.model.as_ref(), train.values(), sampler, None, n, run.record.seed, train.device())
}

fn samples_of(
    model: &dyn Model,
    rows: &Tensor,
    sampler: Sampler,
    label: Option<i64>,
    n: usize,
    seed: u64,
    device: Device,
) -> Result<Tensor, EvaluationError> {
    let noise = Noise::new(seed, 0, device);
    let fitted = match sampler {
        Sampler::TwoStage => second_stage(Codes::of(model, rows, &noise)?, seed, device)?,
        _ => sampler.fit(model, rows, &noise)?,
    };
    let noise = |batch: usize| Noise::new(seed, batch as u64, device).fork("generated");
    let mut parts = Vec::new();
    for (batch, start) in (0..n).step_by(BATCH).enumerate() {
        parts.push(fitted.sample_labelled(model, BATCH.min(n - start) as i64, label, &noise(batch))?);
    }
    Ok(tch::no_grad(|| Tensor::cat(&parts, 0)))
}

/// Layers of the second stage, its epochs (more where there are few codes, for so many steps), and its batch.
const SECOND_HIDDEN: [i64; 2] = [256, 256];
const SECOND_EPOCHS: u64 = 20;
const SECOND_STEPS: u64 = 1000;
const SECOND_RATE: f64 = 2e-3;
const SECOND_BATCH: u64 = 200;

/// Trains the variational autoencoder of the codes: as many latents as a code has numbers, and a Gaussian with learned variances
/// (Dai & Wipf, 2019, section 4.2, have one variance for all).
fn second_stage(codes: Codes, seed: u64, device: Device) -> Result<FittedSampler, EvaluationError> {
    let config = ModelConfig::Vae(vae::Config {
        latent: codes.rows.size()[1],
        likelihood: Likelihood::GaussianLearned,
        encoder: Body::dense(SECOND_HIDDEN),
        ..vae::Config::default()
    });
    let rows = array::to_rows(&codes.rows.to_device(Device::Cpu));
    let steps = (rows.nrows() as u64).div_ceil(SECOND_BATCH);
    let training = TrainingConfig {
        seed,
        learning_rate: SECOND_RATE,
        epochs: SECOND_STEPS.div_ceil(steps).max(SECOND_EPOCHS),
        batch: BatchSize::Samples(SECOND_BATCH as usize),
        schedule: Schedule::Cosine { warmup: 0, floor: 0.0 },
        ..TrainingConfig::default()
    };
    let data = Dataset::from_rows(rows).map_err(RunError::from)?;
    let splits = data.splits(device).map_err(RunError::from)?;
    let model = config.build_on(&splits.summary(), seed, device).map_err(RunError::from)?;
    train(&model, &splits, &training).map_err(RunError::from)?;
    Ok(FittedSampler::of_second_stage(codes, model.model))
}

#[cfg(test)]
#[path = "sampling_tests.rs"]
mod tests;
