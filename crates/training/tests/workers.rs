//! Tests that several workers train what one process trains, repeat their bytes, stop together and resume.

mod common;

use ae_models::{Model, ModelConfig};
use ae_records::run_dir::RunDir;
use ae_tensor::optimizer::Sgd;
use ae_tensor::workers::{Workers, thread_workers};
use ae_tensor::{OptimizerConfig, Tensor, array};
use ae_training::{
    BatchSize, Build, EarlyStopping, Observer, Progress, Splits, TrainOptions, TrainingConfig, TrainingData,
    train_with,
};
use common::{VAE, VANILLA, splits};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// 47 rows in batches of 9: the last of an epoch has two rows, fewer than three workers.
const ROWS: usize = 47;

/// A bias in front of a batch normalisation has no effect: its gradient is rounding only, which Adam scales up to whole
/// steps. So the network with such biases is trained by an optimizer that does not.
fn config(variant: &str) -> TrainingConfig {
    let optimizer = match variant {
        "gan" => OptimizerConfig::Sgd(Sgd { momentum: 0.9, ..Sgd::default() }),
        _ => OptimizerConfig::default(),
    };
    TrainingConfig {
        optimizer,
        seed: 3,
        epochs: 2,
        batch: BatchSize::Samples(9),
        learning_rate: 2e-3,
        log_every: 3,
        checkpoint_every: 4,
        ema: Some(0.8),
        clip_norm: Some(5.0),
        early_stopping: Some(EarlyStopping::default()),
        ..TrainingConfig::default()
    }
}

/// The variants by name, each on rows of 12 values or on images `[1, 3, 4]`.
const VARIANTS: [(&str, &str); 6] = [
    ("vanilla", VANILLA),
    ("conv", r#"{ "conv": { "channels": [4, 4] } }"#),
    ("vae", VAE),
    ("vq_vae", r#"{ "vq_vae": { "entries": 8, "width": 4, "hidden": [16], "places": 3, "channels": [] } }"#),
    ("gan", r#"{ "gan": { "latent": 5, "hidden": [16], "channels": [] } }"#),
    ("iwae", r#"{ "iwae": { "encoder": { "dense": { "hidden": [16] } }, "latent": 3, "samples": 3 } }"#),
];

fn data(variant: &str) -> Splits {
    let splits = splits(ROWS);
    match variant {
        "conv" => splits.shaped(ae_datasets::SampleShape::Image { channels: 1, height: 3, width: 4 }),
        _ => splits,
    }
}

/// Weights after training, and the log of the loss curves.
#[derive(PartialEq)]
struct Trained {
    state: Vec<(String, Vec<f64>)>,
    interrupted: bool,
}

fn train(
    settings: &str,
    variant: &str,
    folder: &Path,
    resume: bool,
    workers: Option<Arc<dyn Workers>>,
    stop: Option<u64>,
) -> Result<Trained, String> {
    let config_of_model: ModelConfig = serde_json::from_str(settings).unwrap();
    let data = data(variant);
    let model = config_of_model.build(&data.summary(), 3).unwrap();
    let model: &dyn Model = &*model.model;
    let run = RunDir::new(folder);
    let flag = AtomicBool::new(false);
    let mut observer = Stops(stop, &flag);
    let options = TrainOptions {
        run: Some(&run),
        resume,
        observer: Some(&mut observer),
        stop: Some(&flag),
        workers,
        ..TrainOptions::default()
    };
    let outcome = train_with(model, &data, &config(variant), options).map_err(|error| error.to_string())?;
    let numbers = |(name, tensor): (String, Tensor)| (name, array::to_vec(&tensor));
    let state = model.state().into_iter().map(numbers).collect();
    Ok(Trained { state, interrupted: outcome.interrupted })
}

/// Stops the run at a point of the loss curves.
struct Stops<'s>(Option<u64>, &'s AtomicBool);

impl Observer for Stops<'_> {
    fn on_log(&mut self, progress: &Progress) {
        if self.0.is_some_and(|step| progress.step >= step) {
            self.1.store(true, Ordering::Relaxed);
        }
    }
}

/// What each of several workers trains; the last one is stopped at a step.
fn together(
    variant: (&str, &str),
    folder: &Path,
    size: usize,
    resume: bool,
    stop: Option<u64>,
) -> Vec<Trained> {
    thread::scope(|scope| {
        let start = |worker: ae_tensor::workers::ThreadWorker| {
            let stop = stop.filter(|_| worker.rank() + 1 == size);
            scope.spawn(move || train(variant.1, variant.0, folder, resume, Some(Arc::new(worker)), stop))
        };
        let running: Vec<_> = thread_workers(size).into_iter().map(start).collect();
        running.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
    })
}

fn folder(temporary: &tempfile::TempDir, name: &str) -> std::path::PathBuf {
    let folder = temporary.path().join(name);
    fs::create_dir(&folder).unwrap();
    folder
}

fn log(folder: &Path) -> String {
    fs::read_to_string(RunDir::new(folder).metrics()).unwrap()
}

/// All numbers of a log.
fn numbers(log: &str) -> Vec<f64> {
    let is_number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let words = log.split(|c: char| !is_number(c));
    words
        .filter(|word| word.contains(|c: char| c.is_ascii_digit()))
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// Rounding: relative to the largest number of a tensor; a dozen steps of Adam, which divides small gradients by small
/// moments, multiply that of one step.
const TOLERANCE: f64 = 2e-3;

fn assert_close(name: &str, obtained: &Trained, expected: &Trained) {
    for ((tensor, obtained), (_, expected)) in obtained.state.iter().zip(&expected.state) {
        let most = expected.iter().fold(0f64, |most, value| most.max(value.abs())).max(1e-2);
        let off = obtained.iter().zip(expected).fold(0f64, |off, (a, b)| off.max((a - b).abs()));
        assert!(off <= TOLERANCE * most, "{tensor} of {name} is off by {off:e} of {most:e}");
    }
}

#[test]
fn several_workers_train_what_one_process_trains() {
    for variant in VARIANTS {
        let temporary = tempfile::tempdir().unwrap();
        let alone = folder(&temporary, "alone");
        let expected = train(variant.1, variant.0, &alone, false, None, None).unwrap();
        let one = folder(&temporary, "one");
        let same = together(variant, &one, 1, false, None).remove(0);
        assert!(same == expected, "{}: one worker trains as a process", variant.0);
        assert_eq!(log(&one), log(&alone), "{}", variant.0);
        for size in [2, 3] {
            let name = format!("{} by {size} workers", variant.0);
            let run = folder(&temporary, &size.to_string());
            let trained = together(variant, &run, size, false, None);
            assert!(trained[1..].iter().all(|other| *other == trained[0]), "{name} end with the same bits");
            assert_close(&name, &trained[0], &expected);
            let (curves, expected) = (numbers(&log(&run)), numbers(&log(&alone)));
            assert_eq!(curves.len(), expected.len(), "{name}");
            for (a, b) in curves.iter().zip(&expected) {
                assert!((a - b).abs() <= TOLERANCE * b.abs().max(0.1), "{name}: {a} in place of {b}");
            }
            let again = folder(&temporary, &format!("{size} again"));
            assert!(together(variant, &again, size, false, None) == trained, "{name} repeat their bits");
            assert_eq!(log(&again), log(&run), "{name}");
        }
    }
}

#[test]
fn workers_stop_together_and_resume_in_any_number() {
    for variant in [VARIANTS[3], VARIANTS[4]] {
        let temporary = tempfile::tempdir().unwrap();
        let whole = folder(&temporary, "whole");
        let expected = together(variant, &whole, 2, false, None);
        for size in [2, 3, 1] {
            let run = folder(&temporary, &size.to_string());
            let stopped = together(variant, &run, 2, false, Some(3));
            assert!(stopped.iter().all(|worker| worker.interrupted), "{}", variant.0);
            let resumed = together(variant, &run, size, true, None);
            assert_close(variant.0, &resumed[0], &expected[0]);
            if size == 2 {
                assert!(resumed == expected, "{} goes on bit for bit", variant.0);
                assert_eq!(log(&run), log(&whole));
            }
        }
    }
}

#[test]
fn workers_that_would_train_something_else_are_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let run = folder(&temporary, "run");
    let errors: Vec<String> = thread::scope(|scope| {
        let start = |worker: ae_tensor::workers::ThreadWorker| {
            // The second worker has images where the others have vectors of the same values, and so other settings.
            let variant = if worker.rank() == 1 { VARIANTS[2] } else { VARIANTS[0] };
            let run = &run;
            scope.spawn(move || {
                let config_of_model: ModelConfig = serde_json::from_str(variant.1).unwrap();
                let data = data(variant.0);
                let model = config_of_model.build(&data.summary(), 3).unwrap();
                let run = RunDir::new(run);
                let settings = [("model".to_string(), serde_json::to_value(&config_of_model).unwrap())];
                let workers: Option<Arc<dyn Workers>> = Some(Arc::new(worker));
                let settings = settings.into_iter().collect();
                let options = TrainOptions { run: Some(&run), settings, workers, ..TrainOptions::default() };
                train_with(&*model.model, &data, &config(variant.0), options).unwrap_err().to_string()
            })
        };
        let running: Vec<_> = thread_workers(3).into_iter().map(start).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(errors[1].contains("this worker would not train what worker 0 trains: `model."), "{}", errors[1]);
    for error in [&errors[0], &errors[2]] {
        assert!(error.contains("worker 1 of 3 has stopped: this worker would not train"), "{error}");
    }
}
