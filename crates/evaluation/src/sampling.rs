//! New samples of a model, by its own prior or by a density that is fitted to the codes of its training rows.

use crate::context::Context;
use crate::error::EvaluationError;
use ae_datasets::Dataset;
use ae_models::blocks::body::Body;
use ae_models::sampler::{Codes, FittedSampler};
use ae_models::variants::vae;
use ae_models::{Model, ModelConfig, Sampler};
use ae_records::run_dir::RunDir;
use ae_report::gallery::{Entry, Gallery};
use ae_report::{html, picture};
use ae_tensor::{Device, Kind, Likelihood, Noise, Tensor, array, tch};
use ae_training::evaluate::BATCH;
use ae_training::experiment::{Run, RunError};
use ae_training::{BatchSize, Build, PortableModel, Schedule, TrainingConfig, TrainingData, train};
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
    /// Number of samples, from 1 to [`MAX_SAMPLES`].
    pub n: usize,
    /// Seed of the fit and of the draws.
    pub seed: u64,
    /// The picture; `None`: among the pictures of the run's report, or beside a model file that is alone.
    pub out: Option<PathBuf>,
}

/// What was drawn.
#[derive(Debug)]
pub struct Drawn {
    /// The samples, `[n, C, H, W]`, in the unit of the model's input.
    pub samples: Tensor,
    /// Where their codes came from.
    pub sampler: Sampler,
    /// The picture of them.
    pub picture: PathBuf,
}

/// A model and what its file or folder knows of its data.
struct Loaded {
    model: Box<dyn Model>,
    variant: String,
    device: Device,
    /// Name of the data set.
    set: String,
    /// Shape of one sample.
    shape: Vec<i64>,
    /// The run that it belongs to, and that run's training rows.
    run: Option<(RunDir, Tensor)>,
}

/// Draws samples of a model of images, and a picture of them. By default the picture becomes part of the run's
/// report.
///
/// # Errors
/// A file that holds no model, data that are no longer there or have changed, a sampler that does not suit the
/// model or needs data where there is only a model file, or samples that are no images.
pub fn draw(context: &mut Context<'_>, wish: &Wish) -> Result<Drawn, EvaluationError> {
    if !(1..=MAX_SAMPLES).contains(&wish.n) {
        return Err(EvaluationError::SampleCount { got: wish.n });
    }
    let loaded = load(context, &wish.model)?;
    let Loaded { model, variant, device, set, shape, run } = &loaded;
    if shape.len() != 3 {
        let remedy = "choose a model of images";
        return Err(EvaluationError::Data { set: set.clone(), missing: "images", remedy });
    }
    let unsuited = || EvaluationError::Unsuited {
        measure: "sample",
        variant: variant.clone(),
        missing: "codes to decode and no prior",
    };
    let sampler = match wish.sampler {
        Some(sampler) => sampler,
        None => Sampler::of(model.as_ref()).ok_or_else(unsuited)?,
    };
    let needs_rows = sampler != Sampler::Prior || model.as_generator().is_none();
    let rows = match run {
        Some((_, rows)) => rows.shallow_clone(),
        None if needs_rows => {
            return Err(EvaluationError::NoRowsToFit { path: wish.model.clone(), sampler });
        }
        None => Tensor::zeros([0], (Kind::Float, *device)),
    };
    let samples = samples_of(model.as_ref(), &rows, sampler, wish.n, wish.seed, *device)?;
    let picture = save(wish, sampler, &samples, run.as_ref().map(|(dir, _)| dir))?;
    Ok(Drawn { samples, sampler, picture })
}

/// The model of a run with its data, or a model file without.
fn load(context: &mut Context<'_>, path: &Path) -> Result<Loaded, EvaluationError> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let dir = RunDir::new(folder);
    let is_of_run = path.is_dir() || path.file_name() == dir.model().file_name();
    if is_of_run && (path.is_dir() || dir.config().exists()) {
        let run = context.open(&dir)?;
        // Sparse rows are no images, which is said by their shape.
        let rows = run.splits.is_dense().then(|| run.splits.train.values().shallow_clone());
        return Ok(Loaded {
            variant: run.experiment.model.name().into(),
            device: run.splits.train.device(),
            set: run.splits.dataset.name.clone(),
            shape: run.splits.summary.shape.clone(),
            run: rows.map(|rows| (dir, rows)),
            model: run.model,
        });
    }
    let device = context.device.resolve().map_err(RunError::from)?;
    let PortableModel { model, metadata } =
        PortableModel::load::<ModelConfig>(path, device).map_err(RunError::from)?;
    let variant = metadata.model.name().into();
    Ok(Loaded { model, variant, device, set: metadata.data, shape: metadata.shape, run: None })
}

/// Writes the picture; returns its path.
fn save(
    wish: &Wish,
    sampler: Sampler,
    samples: &Tensor,
    run: Option<&RunDir>,
) -> Result<PathBuf, EvaluationError> {
    let images = array::to_images(&samples.clamp(0.0, 1.0));
    let draw = |path: &Path| picture::image_grid(path, images.view(), COLUMNS);
    let file = format!("samples-{sampler}.png");
    let path = match (&wish.out, run) {
        (Some(path), _) => path.clone(),
        (None, None) => wish.model.with_file_name(file),
        (None, Some(dir)) => {
            let title = format!("New samples, {sampler}");
            let caption = format!("{} Seed {}, not hand-picked.", about(sampler), wish.seed);
            let entry = Entry { file: file.clone(), title, caption, order: 45 };
            Gallery::new(dir.images()).add(entry, draw)?;
            html::write(dir)?;
            return Ok(dir.images().join(file));
        }
    };
    draw(&path)?;
    Ok(path)
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
    samples_of(run.model.as_ref(), train.values(), sampler, n, run.record.seed, train.device())
}

fn samples_of(
    model: &dyn Model,
    rows: &Tensor,
    sampler: Sampler,
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
        parts.push(fitted.sample(model, BATCH.min(n - start) as i64, &noise(batch))?);
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
