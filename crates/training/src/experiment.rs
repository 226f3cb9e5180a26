//! Runs an experiment in a folder: data, model, training, held-out figures, the model file and the record.

mod error;

use crate::checkpoint;
use crate::config::Experiment;
use crate::data::Splits;
use crate::description::TrainingData;
use crate::evaluate::evaluate;
use crate::longer;
use crate::machine;
use crate::model_file::{Build, PortableModel};
use crate::observer::Observer;
use crate::options::TrainOptions;
use crate::outcome::{Outcome, TrainError};
use crate::start;
use crate::tensorboard::{self, EventWriter};
use crate::trainer::train_with;
use ae_datasets::{SampleShape, Sources};
use ae_models::blocks::recurrent::ONLY_SEQUENCES;
use ae_models::{Model, ModelError, limits};
use ae_records::files::{self, FileError};
use ae_records::record::{
    DataRecord, InitRecord, LayerRecord, Machine, ModelRecord, Record, Seconds, Status, now,
};
use ae_records::run_dir::{RunDir, RunDirError, RunLock};
use ae_tensor::device;
use ae_tensor::{Device, DeviceChoice, Kernels, Workers};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use error::RunError;

/// What to run, and where.
#[derive(Debug)]
pub struct Request {
    /// Name of the preset, or of the configuration file without its extension.
    pub name: String,
    /// The experiment.
    pub experiment: Experiment,
    /// The run's folder.
    pub run: RunDir,
    /// Whether the folder holds a run to resume.
    pub resume: bool,
    /// Where to compute.
    pub device: DeviceChoice,
    /// Sources of the data.
    pub sources: Sources,
    /// The command that repeats this run, for the record.
    pub command: String,
    /// The workers that train together, if they are several; see [`TrainOptions::workers`]. Worker 0 alone uses the folder.
    pub workers: Option<Arc<dyn Workers>>,
}

/// A run and everything that it was made from, for pictures and further figures.
pub struct Run {
    /// The record, as in `record.json`.
    pub record: Record,
    /// The trained model.
    pub model: Box<dyn Model>,
    /// The data.
    pub splits: Splits,
    /// The configuration.
    pub experiment: Experiment,
    /// The folder.
    pub dir: RunDir,
    /// Whether it was interrupted; if so, there is no model file.
    pub interrupted: bool,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("dir", &self.dir).field("record", &self.record).finish_non_exhaustive()
    }
}

/// Carries out a request; on return the folder holds everything that a run leaves behind except its pictures. Workers other
/// than the first have no folder, and an empty record.
///
/// # Errors
/// See [`RunError`]. If the run had begun, its record says that it failed, and why.
pub fn run(
    request: Request,
    progress: &mut dyn ae_fetch::Progress,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Run, RunError> {
    let workers = request.workers.clone();
    let run = run_here(request, progress, observer, stop);
    if let (Some(workers), Err(error)) = (workers, &run) {
        workers.leave(&error.to_string());
    }
    run
}

fn run_here(
    mut request: Request,
    progress: &mut dyn ae_fetch::Progress,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Run, RunError> {
    let device = request.device.resolve()?;
    request.experiment.training.check().map_err(TrainError::from)?;
    // Data and model come before the folder, so that a run that cannot train leaves nothing behind.
    let (splits, mut model) = built(&mut request, device, progress)?;
    start::check_data(&splits, &request.experiment.training)?;
    model.metadata.preset = request.name.clone();
    if let Some(available) = machine::available_memory().filter(|_| device == Device::Cpu) {
        let batch = request.experiment.training.batch.samples(splits.train.len());
        limits::check_training(&*model, batch, available)?;
    }
    let goes_on = request.resume && request.run.checkpoint().exists();
    if !goes_on && request.workers.as_ref().is_none_or(|workers| workers.rank() == 0) {
        start::check(&*model, &request.experiment.training).map_err(TrainError::from)?;
    }
    // What could not be loaded again is not trained.
    model.check_activations(limits::MAX_ACTIVATIONS)?;
    for warning in model.warnings() {
        tracing::warn!("{warning}");
    }

    if request.workers.as_ref().is_some_and(|workers| workers.rank() > 0) {
        let interrupted = trained(&request, &model, &splits, observer, stop)?.interrupted;
        let (record, model) = (Record::default(), model.model);
        return Ok(Run {
            record,
            model,
            splits,
            experiment: request.experiment,
            dir: request.run,
            interrupted,
        });
    }
    let lock = if request.resume { request.run.reopen()? } else { request.run.create()? };
    if goes_on {
        let origin = checkpoint::origin(settings(&request.experiment), &request.experiment.training, &splits);
        checkpoint::check(&request.run.checkpoint(), &origin).map_err(TrainError::from)?;
    }
    let mut record = begin(&request, &splits, &*model, device)?;
    let result = finish(&request, &model, &splits, &mut record, observer, stop, &lock);
    // Nothing is written to a folder that is no longer ours: it may be gone, or another run's.
    lock.check()?;
    record.ended = Some(now());
    if let Err(error) = &result {
        record.status = Status::Failed { reason: error.to_string() };
    }
    record.write(&request.run.record())?;
    let interrupted = result?.interrupted;
    let model = model.model;
    Ok(Run { record, model, splits, experiment: request.experiment, dir: request.run, interrupted })
}

/// The model, and the data as it takes them. An array `[N, T, F]` of the user's own may be read as images of one channel; for a
/// variant that takes only sequences it becomes sequences, and the experiment says so.
fn built(
    request: &mut Request,
    device: Device,
    progress: &mut dyn ae_fetch::Progress,
) -> Result<(Splits, PortableModel), RunError> {
    let Request { experiment, sources, .. } = request;
    let seed = experiment.training.seed;
    let splits = Splits::load(&experiment.data, sources, seed, device, progress)?;
    let model = experiment.model.build_on(&splits.summary(), seed, device);
    let is_left_open = experiment.data.shape.is_none() && ae_datasets::is_own(&experiment.data);
    match (model, &splits.dataset.shape) {
        (
            Err(ModelError::Shape(error)),
            &SampleShape::Image { channels: 1, height: steps, width: features },
        ) if is_left_open && error.layer == ONLY_SEQUENCES => {
            let shape = SampleShape::Sequence { steps, features };
            tracing::info!("each sample is read as a sequence: data.shape = {:?}", shape.dims());
            experiment.data.shape = Some(shape.dims());
            // Again, because sequences are scaled otherwise than images.
            let splits = Splits::load(&experiment.data, sources, seed, device, progress)?;
            let model = experiment.model.build_on(&splits.summary(), seed, device)?;
            Ok((splits, model))
        }
        (model, shape) => {
            let model = model?;
            let names = &splits.dataset.feature_names;
            if matches!(shape, SampleShape::Vector { .. }) && !names.is_empty() && is_recurrent(experiment) {
                tracing::warn!(
                    "each row is read as a series of {} steps, its columns from left to right; for columns in no such order use \
                     another variant, such as `deep`",
                    names.len()
                );
            }
            Ok((splits, model))
        }
    }
}

/// Whether the variant reads a row as a series.
fn is_recurrent(experiment: &Experiment) -> bool {
    matches!(experiment.model.name(), "lstm" | "tcn" | "composite")
}

/// Writes the configuration and the first record.
fn begin(request: &Request, splits: &Splits, model: &dyn Model, device: Device) -> Result<Record, RunError> {
    let Request { name, experiment, run, .. } = request;
    let before = if request.resume { Record::read(&run.record()).ok() } else { None };
    let longer = if request.resume { longer::epochs(request) } else { None };
    let command = match (&before, longer) {
        (None, _) => request.command.clone(),
        (Some(before), None) => before.command.clone(),
        (Some(before), Some(epochs)) => {
            longer::command(&before.command, epochs, experiment.training.schedule.depends_on_epochs())
        }
    };
    let init = match (&experiment.training.init_from, &before) {
        (_, Some(before)) if before.init.is_some() => before.init.clone(),
        (Some(path), _) => Some(init_record(path, &experiment.training.freeze)?),
        (None, _) => None,
    };
    let dataset = &splits.dataset;
    let record = Record {
        format: 1,
        preset: name.clone(),
        variant: experiment.model.name().into(),
        description: experiment.description.clone(),
        command,
        init,
        seed: experiment.training.seed,
        status: Status::Running,
        started: before.as_ref().map_or_else(now, |record| record.started.clone()),
        data: DataRecord {
            set: dataset.name.clone(),
            shape: dataset.shape.dims(),
            train: splits.train.len(),
            validation: splits.validation.len(),
            test: splits.test.len(),
            preprocessing: dataset.preprocessing.to_string(),
            files: dataset.files.clone(),
        },
        model: model_record(model),
        machine: Machine {
            device: device::name(device),
            threads: device::threads(),
            kernels: Kernels::chosen().in_use(device),
            workers: request.workers.as_ref().map(|workers| workers.size()),
            processor: machine::processor(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        },
        resumed: before.as_ref().map_or(0, |record| record.resumed) + u32::from(request.resume),
        versions: BTreeMap::from([
            ("autoencoders".into(), env!("CARGO_PKG_VERSION").into()),
            ("libtorch".into(), device::libtorch_version()),
        ]),
        ..Record::default()
    };
    record.write(&run.record())?;
    // Behind the record, without which a run would be resumed under another name.
    if !request.resume || longer.is_some() {
        files::write_atomic_bytes(&run.config(), ae_records::config::to_toml(experiment).as_bytes())?;
    }
    // Once: a run that is resumed has them, unless it was killed before it came to them.
    if !request.resume || !EventWriter::has_begun(&run.events())? {
        let mut events = EventWriter::append_after(&run.events(), 0)?;
        events.settings(&json!(experiment))?;
        events.flush()?;
    }
    Ok(record)
}

/// What a run began with.
fn init_record(path: &Path, frozen: &[String]) -> Result<InitRecord, RunError> {
    let file = start::model_file(path);
    let (sha256, _) = ae_fetch::sha256_file(&file).map_err(FileError::new("read", &file))?;
    Ok(InitRecord { from: path.display().to_string(), sha256, frozen: frozen.to_vec() })
}

/// What determines a run besides its training configuration.
fn settings(experiment: &Experiment) -> Map<String, Value> {
    Map::from_iter([("model".into(), json!(experiment.model)), ("data".into(), json!(experiment.data))])
}

fn trained(
    request: &Request,
    model: &PortableModel,
    splits: &Splits,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    let Request { experiment, run, resume, workers, .. } = request;
    let options = TrainOptions {
        run: Some(run),
        resume: *resume,
        settings: settings(experiment),
        observer: Some(observer),
        stop: Some(stop),
        workers: workers.clone(),
    };
    train_with(model, splits, &experiment.training, options)
}

fn finish(
    request: &Request,
    model: &PortableModel,
    splits: &Splits,
    record: &mut Record,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
    lock: &RunLock,
) -> Result<Outcome, RunError> {
    let Request { experiment, run, .. } = request;
    let seed = experiment.training.seed;
    let outcome = trained(request, model, splits, observer, stop)?;
    record.epochs = outcome.epochs;
    record.steps = outcome.steps;
    record.seconds = Seconds {
        training: outcome.seconds,
        per_epoch: outcome.seconds / (outcome.epochs.max(1) as f64),
        samples_per_second: outcome.samples_per_second,
    };
    if outcome.interrupted {
        record.status = Status::Interrupted;
        return Ok(outcome);
    }
    for (purpose, split) in [("validation", &splits.validation), ("test", &splits.test)] {
        for (term, value) in evaluate(&**model, split, seed, purpose) {
            record.metrics.insert(format!("{purpose}/{term}"), value);
        }
    }
    let mut events = EventWriter::append_after(&run.events().join("test"), record.steps.saturating_sub(1))?;
    for (term, value) in
        record.metrics.iter().filter_map(|(name, value)| Some((name.strip_prefix("test/")?, value)))
    {
        events.scalar(record.steps, term, *value, tensorboard::now())?;
    }
    events.flush()?;
    // Metrics of measures are judged where they are computed.
    let judged = experiment.expected.iter().filter(|expected| expected.measure().is_none());
    record.expected = judged.map(|expected| expected.compare(&record.metrics)).collect();
    record.status = Status::Finished;
    lock.check()?;
    model.save(run.model())?;
    Ok(outcome)
}

/// The summary of a model's networks.
pub fn model_record(model: &dyn Model) -> ModelRecord {
    let mut layers = Vec::new();
    for (name, network) in model.networks() {
        for line in network.architecture().summary() {
            layers.push(LayerRecord {
                network: name.into(),
                layer: line.layer,
                output: line.output,
                parameters: line.parameters as u64,
                flops: line.flops as u64,
            });
        }
    }
    ModelRecord {
        parameters: layers.iter().map(|l| l.parameters).sum(),
        flops: layers.iter().map(|l| l.flops).sum(),
        layers,
    }
}

/// A folder for a new run: `runs/<name>/<time>-seed<seed>`, with a number appended if that is taken.
pub fn new_run_dir(runs: &std::path::Path, name: &str, seed: u64) -> RunDir {
    let time = now().replace(['-', ':', 'Z'], "").replace('T', "-");
    let id = format!("{time}-seed{seed}");
    let folder = runs.join(name);
    let free = (1..).map(|n| if n == 1 { id.clone() } else { format!("{id}-{n}") });
    let free = free.map(|id| folder.join(id)).find(|path| !path.exists());
    RunDir::new(free.expect("numbers do not end"))
}

/// Runs in a folder of our choice. Another process may choose the same, in the same second, and claim it first; then another
/// folder is chosen.
///
/// # Errors
/// Those of `run`, except that a folder is taken.
pub fn in_a_free_folder<T>(
    choose: impl Fn() -> RunDir,
    mut run: impl FnMut(RunDir) -> Result<T, RunError>,
) -> Result<T, RunError> {
    loop {
        match run(choose()) {
            Err(RunError::Folder(RunDirError::Busy(_) | RunDirError::Occupied(_))) => {}
            other => return other,
        }
    }
}
