//! A run that dies at any moment and is resumed leaves the same bytes as one that was never interrupted.

mod common;

use ae_records::run_dir::RunDir;
use ae_tensor::optimizer::{Adam, Rmsprop, Sgd};
use ae_tensor::{Device, OptimizerConfig};
use ae_training::artifact::{self, Metadata};
use ae_training::schedule::OneCycle;
use ae_training::{BatchSize, EarlyStopping, Observer, Progress, Schedule, TrainingConfig, train};
use common::{VAE, VANILLA, model, splits};
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

fn configs() -> Vec<TrainingConfig> {
    let sgd = OptimizerConfig::Sgd(Sgd { momentum: 0.9, ..Sgd::default() });
    let adam = OptimizerConfig::Adam(Adam::default());
    let adamw = OptimizerConfig::Adamw(Adam { weight_decay: 0.01, ..Adam::default() });
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
    ]
}

/// Dies at a step, as suddenly as a test can: nothing behind the panic runs in the loop.
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
    let splits = splits(47);
    // Each attempt starts from weights of another seed, which the checkpoint must replace.
    let model = model(variant, &splits, if folder.join("checkpoint").exists() { 99 } else { 3 });
    let run = RunDir::new(folder);
    let outcome = train(model.as_ref(), &splits, config, Device::Cpu, Some(&run), observer, stop).unwrap();
    if !outcome.interrupted {
        let metadata = Metadata {
            format: 1,
            preset: "test".into(),
            model: serde_json::from_str(variant).unwrap(),
            data: "waves".into(),
            shape: vec![12],
            range: [0.5, 0.0, 1.0],
            preprocessing: ae_datasets::Preprocessing::Identity,
            label_names: vec![],
            seed: 3,
            version: "test".into(),
        };
        artifact::save(&run.model(), model.as_ref(), &metadata, &splits.train.rows(0, 4).values).unwrap();
    }
    !outcome.interrupted
}

fn results(folder: &Path) -> (Vec<u8>, String) {
    let run = RunDir::new(folder);
    (fs::read(run.model()).unwrap(), fs::read_to_string(run.metrics()).unwrap())
}

#[test]
fn a_run_that_dies_and_one_that_is_stopped_end_as_if_nothing_had_happened() {
    for (variant, config) in [VANILLA, VAE].iter().flat_map(|v| configs().into_iter().map(move |c| (v, c))) {
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
