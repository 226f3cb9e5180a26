//! Tests what the loop guarantees apart from resuming.

mod common;

use ae_datasets::epoch_order;
use ae_models::{Model, ModelConfig};
use ae_records::metrics;
use ae_records::run_dir::RunDir;
use ae_tensor::{Device, Kind, Noise, OptimizerConfig, Tensor};
use ae_training::evaluate::evaluate;
use ae_training::{
    BatchSize, EarlyStopping, Splits, TrainError, TrainOptions, TrainingConfig, train, train_with,
};
use common::{VAE, VANILLA, splits};

fn config() -> TrainingConfig {
    TrainingConfig { epochs: 3, batch: BatchSize::Samples(16), log_every: 2, ..TrainingConfig::default() }
}

fn run(splits: &Splits, model: &dyn Model, config: &TrainingConfig) -> ae_training::Outcome {
    train(model, splits, config).unwrap()
}

/// A variant with small settings, fresh weights.
fn model(json: &str, splits: &Splits, seed: u64) -> Box<dyn Model> {
    let config: ModelConfig = serde_json::from_str(json).unwrap();
    config.initialise(&splits.summary, &Noise::new(seed, 0, Device::Cpu)).unwrap()
}

fn in_folder(dir: &RunDir) -> TrainOptions<'_> {
    TrainOptions { run: Some(dir), ..TrainOptions::default() }
}

#[test]
fn an_epoch_visits_every_row_once_in_the_seeded_order() {
    let splits = splits(50);
    for batch in [1, 16, 50] {
        let epoch = splits.train.epoch(5, 2, batch);
        let batches: Vec<Tensor> = (0..epoch.len()).map(|i| epoch.get(i).values).collect();
        let seen = Tensor::cat(&batches, 0);
        let order: Vec<i64> = epoch_order(50, 5, 2).into_iter().map(i64::from).collect();
        assert_eq!(seen, splits.train.values().index_select(0, &Tensor::from_slice(&order)));
    }
}

#[test]
fn training_lowers_the_loss_and_the_log_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::new(folder.path());
    let splits = splits(100);
    let model = model(VAE, &splits, 0);
    let config = TrainingConfig { epochs: 10, learning_rate: 1e-2, ..config() };
    let before = evaluate(model.as_ref(), &splits.test, 0, "test")["negative_elbo"];
    train_with(&model, &splits, &config, in_folder(&dir)).unwrap();
    let after = evaluate(model.as_ref(), &splits.test, 0, "test")["negative_elbo"];
    assert!(after < before - 0.05, "{before} to {after}");

    let lines = metrics::read(&dir.metrics()).unwrap();
    let last = lines.iter().rfind(|line| line.split == "train").unwrap();
    assert_eq!((last.step, last.epoch), (70, 10));
    assert_eq!(lines.iter().filter(|line| line.split == "validation").count(), 10);
    for line in &lines {
        let total = line.terms.get("loss").or(line.terms.get("negative_elbo")).unwrap();
        assert!((total - line.terms["reconstruction"] - line.terms["kl"]).abs() < 1e-4, "{line:?}");
    }
}

#[test]
fn a_full_batch_takes_one_step_an_epoch_and_online_one_a_row() {
    let splits = splits(30);
    for (batch, steps) in [(BatchSize::Full, 3), (BatchSize::Samples(1), 90), (BatchSize::Samples(500), 3)] {
        let model = model(VANILLA, &splits, 0);
        assert_eq!(run(&splits, model.as_ref(), &TrainingConfig { batch, ..config() }).steps, steps);
    }
}

#[test]
fn early_stopping_ends_with_the_best_weights() {
    let splits = splits(60);
    let model = model(VANILLA, &splits, 0);
    // A rate at which the loss jumps about, so that the last epoch is not the best.
    let config = TrainingConfig {
        epochs: 300,
        learning_rate: 0.3,
        early_stopping: Some(EarlyStopping { patience: 4, min_delta: 0.0 }),
        ..config()
    };
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::new(folder.path());
    let outcome = train_with(&model, &splits, &config, in_folder(&dir)).unwrap();
    assert!(outcome.stopped_early && outcome.epochs < 300);
    let lines = metrics::read(&dir.metrics()).unwrap();
    let validation: Vec<f64> = lines.iter().filter_map(|line| line.terms.get("mse").copied()).collect();
    let best = validation.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(validation.iter().rposition(|&loss| loss == best), Some(validation.len() - 5));
    assert_eq!(evaluate(model.as_ref(), &splits.validation, 0, "validation")["mse"], best);
}

#[test]
fn averaged_weights_are_what_is_left_behind() {
    let splits = splits(40);
    let (plain, averaged) = (model(VANILLA, &splits, 0), model(VANILLA, &splits, 0));
    run(&splits, plain.as_ref(), &config());
    run(&splits, averaged.as_ref(), &TrainingConfig { ema: Some(0.0), ..config() });
    let weights = |m: &dyn Model| m.parameters()[0].1.detach().copy();
    let difference = (weights(plain.as_ref()) - weights(averaged.as_ref())).abs().max().double_value(&[]);
    assert!(difference < 1e-6, "without memory the average is the last value");
    let slow = model(VANILLA, &splits, 0);
    let start = weights(slow.as_ref());
    run(&splits, slow.as_ref(), &TrainingConfig { ema: Some(0.999), ..config() });
    let moved = |w: &Tensor| (w - &start).abs().sum(Kind::Double).double_value(&[]);
    assert!(moved(&weights(slow.as_ref())) < 0.1 * moved(&weights(plain.as_ref())));
}

#[test]
fn a_loss_that_is_not_finite_stops_with_step_term_and_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::new(folder.path());
    let splits = splits(40);
    let model = model(VAE, &splits, 0);
    let optimizer = OptimizerConfig::Sgd(Default::default());
    let config = TrainingConfig { learning_rate: 1e9, optimizer, epochs: 50, ..config() };
    let error = train_with(&model, &splits, &config, in_folder(&dir)).unwrap_err();
    let TrainError::NotFinite { step, term, .. } = &error else { panic!("{error}") };
    assert!(*step >= 2 && ["kl", "reconstruction"].contains(&term.as_str()), "{error}");
    assert!(error.to_string().contains("learning_rate"), "{error}");
}

#[test]
fn settings_out_of_range_are_refused_before_the_first_step() {
    let splits = splits(10);
    let model = model(VANILLA, &splits, 0);
    for (config, expected) in [
        (TrainingConfig { learning_rate: 0.0, ..config() }, "training.learning_rate = 0"),
        (TrainingConfig { epochs: 0, ..config() }, "training.epochs = 0"),
        (TrainingConfig { ema: Some(1.0), ..config() }, "training.ema = 1"),
        (TrainingConfig { clip_norm: Some(-1.0), ..config() }, "training.clip_norm = -1"),
    ] {
        let error = train(&model, &splits, &config).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
