//! Tests that a run that dies at any moment and is resumed leaves the same bytes as one that was never
//! interrupted.

mod common;

use ae_datasets::{SampleShape, Samples};
use ae_models::ModelConfig;
use ae_records::run_dir::RunDir;
use ae_tensor::OptimizerConfig;
use ae_tensor::optimizer::{Adam, Adamw, Rmsprop, Sgd};
use ae_training::schedule::{OneCycle, ReduceOnPlateau};
use ae_training::{
    BatchSize, Build, EarlyStopping, Observer, Progress, Schedule, Splits, TrainOptions, TrainingConfig,
    TrainingData, train_with,
};
use common::{VAE, VANILLA, splits};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

fn config(optimizer: OptimizerConfig) -> TrainingConfig {
    TrainingConfig {
        seed: 3,
        epochs: 4,
        batch: BatchSize::Samples(10),
        optimizer,
        learning_rate: 1e-2,
        log_every: 3,
        checkpoint_every: 4,
        ..TrainingConfig::default()
    }
}

const WITH_DROPOUT: &str =
    r#"{ "deep": { "code": 2, "encoder": { "dense": { "hidden": [8], "dropout": 0.3 } } } }"#;

fn configs() -> Vec<TrainingConfig> {
    let sgd = OptimizerConfig::Sgd(Sgd { momentum: 0.9, ..Sgd::default() });
    let adam = OptimizerConfig::Adam(Adam::default());
    let adamw = OptimizerConfig::Adamw(Adamw::default());
    let rmsprop = Rmsprop { momentum: 0.5, centered: true, ..Rmsprop::default() };
    vec![
        config(sgd),
        TrainingConfig {
            schedule: Schedule::OneCycle(OneCycle::default()),
            ..config(OptimizerConfig::Rmsprop(rmsprop))
        },
        TrainingConfig { ema: Some(0.9), clip_norm: Some(0.5), ..config(adam) },
        TrainingConfig {
            schedule: Schedule::Cosine { warmup: 5, floor: 0.1 },
            ema: Some(0.8),
            early_stopping: Some(EarlyStopping { patience: 50, min_delta: 0.0 }),
            ..config(adamw)
        },
        // The loss never falls by so much, so the rate does, after each epoch but the first.
        TrainingConfig {
            schedule: Schedule::ReduceOnPlateau(ReduceOnPlateau {
                patience: 1,
                min_delta: 1e9,
                ..ReduceOnPlateau::default()
            }),
            ..config(adam)
        },
    ]
}

/// Dies at a step, as suddenly as a test can: nothing after the panic runs in the loop.
struct Dies(u64);

impl Observer for Dies {
    fn on_log(&mut self, progress: &Progress) {
        assert!(progress.step < self.0, "the run dies here");
    }

    fn on_epoch(&mut self, progress: &Progress, _: Option<&std::collections::BTreeMap<String, f64>>) {
        self.on_log(progress);
    }
}

/// Asks to stop at a step.
struct Stops<'a>(u64, &'a AtomicBool);

impl Observer for Stops<'_> {
    fn on_log(&mut self, progress: &Progress) {
        self.1.store(progress.step >= self.0, Ordering::Relaxed);
    }
}

fn attempt(
    variant: &str,
    config: &TrainingConfig,
    folder: &Path,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> bool {
    attempt_on(&splits(47), variant, config, folder, observer, stop)
}

fn attempt_on(
    splits: &Splits,
    variant: &str,
    config: &TrainingConfig,
    folder: &Path,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> bool {
    // Each attempt starts from weights of another seed, which the checkpoint must replace.
    let seed = if RunDir::new(folder).checkpoint().exists() { 99 } else { 3 };
    let settings: ModelConfig = serde_json::from_str(variant).unwrap();
    let mut model = settings.build(&splits.summary(), seed).unwrap();
    let run = RunDir::new(folder);
    let options = TrainOptions {
        run: Some(&run),
        resume: true,
        observer: Some(observer),
        stop: Some(stop),
        ..TrainOptions::default()
    };
    let outcome = train_with(&model, splits, config, options).unwrap();
    if !outcome.interrupted {
        model.metadata.seed = 3;
        model.save(run.model()).unwrap();
    }
    !outcome.interrupted
}

fn results(folder: &Path) -> (Vec<u8>, String) {
    let run = RunDir::new(folder);
    (fs::read(run.model()).unwrap(), fs::read_to_string(run.metrics()).unwrap())
}

#[test]
fn a_run_that_dies_and_one_that_is_stopped_end_as_if_nothing_had_happened() {
    let every = [VANILLA, VAE].iter().flat_map(|v| configs().into_iter().map(move |c| (v, c)));
    for (variant, config) in every.chain([(&WITH_DROPOUT, configs().remove(0))]) {
        let temporary = tempfile::tempdir().unwrap();
        let [whole, broken] = ["whole", "broken"].map(|name| temporary.path().join(name));
        for folder in [&whole, &broken] {
            fs::create_dir(folder).unwrap();
        }
        let go_on = AtomicBool::new(false);
        assert!(attempt(variant, &config, &whole, &mut (), &go_on));

        // 20 steps: dies before the first checkpoint, between two, at an epoch's end; is stopped in between.
        for step in [3, 6, 10] {
            let died = catch_unwind(AssertUnwindSafe(|| {
                attempt(variant, &config, &broken, &mut Dies(step), &go_on)
            }));
            assert!(died.is_err());
        }
        let stop = AtomicBool::new(false);
        assert!(!attempt(variant, &config, &broken, &mut Stops(13, &stop), &stop));
        assert!(attempt(variant, &config, &broken, &mut (), &go_on));

        let (whole, broken) = (results(&whole), results(&broken));
        assert_eq!(whole.1, broken.1, "metrics of {config:?}");
        assert!(whole.0 == broken.0, "weights of {config:?} differ");
    }
}

/// The rows as samples of this shape, changed in training.
fn augmented(shape: SampleShape, settings: &str) -> Splits {
    splits(47).shaped(shape).augmented(toml::from_str(settings).unwrap())
}

const IMAGE: SampleShape = SampleShape::Image { channels: 1, height: 3, width: 4 };
const SERIES: SampleShape = SampleShape::Sequence { steps: 6, features: 2 };
const ALL_OF_IMAGES: &str =
    "flip = 0.5\nshift = 0.3\ncrop = 1\nrotate = 20.0\nbrightness = 0.2\ncontrast = 0.2";
const ALL_OF_SERIES: &str = "jitter = 0.05\nscale = 0.2\nmask = 0.4";

#[test]
fn rows_that_are_changed_at_random_are_the_same_after_a_break() {
    let config = TrainingConfig { ema: Some(0.9), ..configs().remove(0) };
    for (shape, settings) in [(IMAGE, ALL_OF_IMAGES), (SERIES, ALL_OF_SERIES)] {
        let splits = augmented(shape.clone(), settings);
        let temporary = tempfile::tempdir().unwrap();
        let [whole, broken, plain] = ["whole", "broken", "plain"].map(|name| temporary.path().join(name));
        for folder in [&whole, &broken, &plain] {
            fs::create_dir(folder).unwrap();
        }
        let go_on = AtomicBool::new(false);
        assert!(attempt_on(&splits, VANILLA, &config, &whole, &mut (), &go_on));
        for step in [6, 10] {
            let died = catch_unwind(AssertUnwindSafe(|| {
                attempt_on(&splits, VANILLA, &config, &broken, &mut Dies(step), &go_on)
            }));
            assert!(died.is_err());
        }
        assert!(attempt_on(&splits, VANILLA, &config, &broken, &mut (), &go_on));
        assert!(results(&whole) == results(&broken), "{settings}");
        assert!(attempt_on(&splits_of(shape), VANILLA, &config, &plain, &mut (), &go_on));
        assert_ne!(results(&whole).1, results(&plain).1, "{settings} changes what is learned");
    }
}

fn splits_of(shape: SampleShape) -> Splits {
    splits(47).shaped(shape)
}

#[test]
fn only_the_batches_of_an_epoch_are_changed() {
    let (changed, plain) = (augmented(IMAGE, ALL_OF_IMAGES), splits_of(IMAGE));
    assert_eq!(changed.train.values(), plain.train.values());
    assert_ne!(changed.train.epoch(3, 0, 10).get(0).values, plain.train.epoch(3, 0, 10).get(0).values);
    assert_ne!(changed.train.epoch(3, 0, 47).get(0).values, changed.train.epoch(3, 1, 47).get(0).values);
    for (changed, plain) in [(&changed.validation, &plain.validation), (&changed.test, &plain.test)] {
        assert_eq!(changed.epoch(3, 0, 10).get(0).values, plain.epoch(3, 0, 10).get(0).values);
        assert_eq!(changed.rows(0, 5).values, plain.rows(0, 5).values);
    }
}

#[test]
fn changes_that_do_not_suit_the_rows_are_refused() {
    let check = |splits: &Splits, expected: &str| {
        let error = refusal(&configs().remove(0), splits, Path::new("nowhere"), false);
        assert!(error.contains(expected), "{error}");
    };
    let of_rows = splits(47).augmented(toml::from_str("flip = 0.5").unwrap());
    check(&of_rows, "data.augment.flip is for images, and the samples are rows of 12 numbers");
    check(
        &augmented(SERIES, "rotate = 5.0"),
        "data.augment.rotate is for images, and the samples are series",
    );
    check(&augmented(IMAGE, "crop = 3"), "data.augment.crop = 3 is out of range");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let temporary = tempfile::tempdir().unwrap();
    let result = |name: &str, seed: u64| {
        let folder = temporary.path().join(name);
        fs::create_dir(&folder).unwrap();
        let config = TrainingConfig { seed, ..configs().remove(2) };
        attempt(VAE, &config, &folder, &mut (), &AtomicBool::new(false));
        results(&folder)
    };
    let (one, two, other) = (result("one", 3), result("two", 3), result("other", 4));
    assert!(one == two);
    assert_ne!(one.1, other.1);
}

/// Of the schedules, those that do not depend on the number of epochs.
#[test]
fn a_run_that_is_made_longer_ends_as_one_that_was_as_long_from_the_beginning() {
    let with_averages = configs().remove(2);
    let stopping = TrainingConfig {
        early_stopping: Some(EarlyStopping { patience: 50, min_delta: 0.0 }),
        ..configs().remove(0)
    };
    for config in [with_averages, stopping, configs().remove(4)] {
        let temporary = tempfile::tempdir().unwrap();
        let [whole, longer] = ["whole", "longer"].map(|name| temporary.path().join(name));
        let go_on = AtomicBool::new(false);
        for folder in [&whole, &longer] {
            fs::create_dir(folder).unwrap();
        }
        assert!(attempt(VAE, &config, &whole, &mut (), &go_on));
        let short = TrainingConfig { epochs: 2, ..config.clone() };
        assert!(attempt(VAE, &short, &longer, &mut (), &go_on));
        let until_then = results(&longer).1;
        assert!(attempt(VAE, &config, &longer, &mut (), &go_on));
        let (whole, longer) = (results(&whole), results(&longer));
        assert!(longer.1.starts_with(&until_then));
        assert_eq!(whole.1, longer.1, "metrics of {config:?}");
        assert!(whole.0 == longer.0, "weights of {config:?} differ");
    }
}

/// Why a run over `splits` does not continue from the checkpoint in `folder`.
fn refusal(config: &TrainingConfig, splits: &Splits, folder: &Path, resume: bool) -> String {
    let settings: ModelConfig = serde_json::from_str(VANILLA).unwrap();
    let model = settings.build(&splits.summary(), 3).unwrap();
    let run = RunDir::new(folder);
    let options = TrainOptions { run: Some(&run), resume, ..TrainOptions::default() };
    train_with(&model, splits, config, options).unwrap_err().to_string()
}

#[test]
fn a_run_does_not_go_on_with_something_else() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let config = configs().remove(0);
    let stop = AtomicBool::new(false);
    assert!(!attempt(VANILLA, &config, folder, &mut Stops(7, &stop), &stop));
    let same = splits(47);
    let check = |config: &TrainingConfig, splits: &Splits, resume, expected: &str| {
        let error = refusal(config, splits, folder, resume);
        assert!(error.contains(expected), "{error}");
    };
    check(&TrainingConfig { seed: 77, ..config.clone() }, &same, true, "`training.seed` was ");
    check(&config, &splits(46), true, "the content of `training rows` has changed");
    // Seven steps are the second epoch of it.
    check(&TrainingConfig { epochs: 1, ..config.clone() }, &same, true, "`training.epochs` was 4 and is 1");
    check(&config, &same, false, "belongs to an earlier run, which a new run must not continue");
    // A flipped bit, here in the last tensor.
    let path = RunDir::new(folder).checkpoint();
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 4;
    fs::write(&path, &bytes).unwrap();
    check(&config, &same, true, "is damaged: its content has the SHA-256");
}

#[test]
fn a_rate_that_falls_on_a_plateau_needs_validation_rows() {
    let splits = Splits::of(splits(47).train.samples(), Samples::empty(12)).unwrap();
    let error = refusal(&configs().remove(4), &splits, Path::new("nowhere"), false);
    let expected =
        "training.schedule.reduce_on_plateau needs validation rows; set data.validation, such as 0.1";
    assert_eq!(error, expected);
}

/// Moves the folder of the run at a step.
struct Moves<'f>(u64, &'f Path);

impl Observer for Moves<'_> {
    fn on_log(&mut self, progress: &Progress) {
        if progress.step == self.0 {
            fs::rename(self.1, self.1.with_extension("moved")).unwrap();
        }
    }
}

#[test]
fn a_folder_that_is_moved_during_training_ends_it_with_an_error() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("run");
    fs::create_dir(&folder).unwrap();
    let splits = splits(47);
    let settings: ModelConfig = serde_json::from_str(VANILLA).unwrap();
    let model = settings.build(&splits.summary(), 3).unwrap();
    let run = RunDir::new(&folder);
    let mut observer = Moves(6, &folder);
    let options = TrainOptions { run: Some(&run), observer: Some(&mut observer), ..TrainOptions::default() };
    let error = train_with(&model, &splits, &configs().remove(0), options).unwrap_err().to_string();
    assert!(error.contains("moved, removed or replaced"), "{error}");
    assert!(!folder.exists(), "nothing is written where the folder was");
}
