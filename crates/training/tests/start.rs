//! Tests of what a run begins with: the weights of another model, and parameters that stay as they are.

mod common;

use ae_models::ModelConfig;
use ae_tensor::{Tensor, array};
use ae_training::{BatchSize, Build, EarlyStopping, PortableModel, TrainingConfig, TrainingData, train};
use common::{VAE, VANILLA, splits};
use std::path::{Path, PathBuf};

fn config() -> TrainingConfig {
    TrainingConfig {
        epochs: 2,
        batch: BatchSize::Samples(10),
        learning_rate: 1e-2,
        ..TrainingConfig::default()
    }
}

fn built(variant: &str, seed: u64) -> PortableModel {
    let settings: ModelConfig = serde_json::from_str(variant).unwrap();
    settings.build(&splits(47).summary(), seed).unwrap()
}

/// A trained model in a file.
fn first(variant: &str, folder: &Path) -> (PortableModel, PathBuf) {
    let model = built(variant, 1);
    train(&model, &splits(47), &config()).unwrap();
    let path = folder.join("first.safetensors");
    model.save(&path).unwrap();
    (model, path)
}

/// The values of all tensors whose names begin so.
fn values(model: &PortableModel, begin: &str) -> Vec<f64> {
    let of = |(name, tensor): (String, Tensor)| name.starts_with(begin).then(|| array::to_vec(&tensor));
    model.model.state().into_iter().filter_map(of).flatten().collect()
}

#[test]
fn a_run_begins_with_the_weights_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let (before, path) = first(VAE, folder.path());
    // A rate of almost nothing shows where training began, with averages and the best epoch as well.
    let still = TrainingConfig { learning_rate: 1e-12, init_from: Some(path), ..config() };
    let stopping = Some(EarlyStopping::default());
    for config in [
        still.clone(),
        TrainingConfig { ema: Some(0.5), ..still.clone() },
        TrainingConfig { early_stopping: stopping, ..still },
    ] {
        let model = built(VAE, 7);
        train(&model, &splits(47), &config).unwrap();
        let off = values(&model, "")
            .iter()
            .zip(values(&before, ""))
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        assert!(off < 1e-6, "{off} {config:?}");
    }
}

#[test]
fn what_is_frozen_stays_to_the_last_bit_and_the_rest_learns() {
    let folder = tempfile::tempdir().unwrap();
    let (before, path) = first(VAE, folder.path());
    for (freeze, learns) in [("encoder", "decoder"), ("decoder", "encoder"), ("encoder.1", "encoder.3")] {
        let model = built(VAE, 7);
        let config = TrainingConfig {
            init_from: Some(path.clone()),
            freeze: vec![freeze.into()],
            ema: Some(0.9),
            ..config()
        };
        train(&model, &splits(47), &config).unwrap();
        assert_eq!(values(&model, freeze), values(&before, freeze), "{freeze}");
        assert_ne!(values(&model, learns), values(&before, learns), "{learns}");
    }
}

#[test]
fn a_group_without_a_parameter_to_train_is_idle() {
    const GAN: &str = r#"{ "gan": { "latent": 3 } }"#;
    let Ok(settings) = serde_json::from_str::<ModelConfig>(GAN) else { panic!("{GAN}") };
    let model = settings.build(&splits(47).summary(), 1).unwrap();
    let (of, rest) = ("discriminator", "generator");
    let [before_of, before_rest] = [of, rest].map(|name| values(&model, name));
    assert!(!before_of.is_empty() && !before_rest.is_empty());
    train(&model, &splits(47), &TrainingConfig { freeze: vec![of.into()], ..config() }).unwrap();
    assert_eq!(values(&model, of), before_of);
    assert_ne!(values(&model, rest), before_rest);
}

#[test]
fn weights_that_do_not_fit_are_refused_with_what_would() {
    let folder = tempfile::tempdir().unwrap();
    let (_, path) = first(VANILLA, folder.path());
    let check = |variant: &str, config: TrainingConfig, expected: &str| {
        let error = train(&built(variant, 1), &splits(47), &config).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let from = |path: &Path| TrainingConfig { init_from: Some(path.into()), ..config() };
    check(r#"{ "vanilla": { "code": 5 } }"#, from(&path), "has the shape [4, 12] in ");
    check(
        r#"{ "deep": { "hidden": [4], "code": 2 } }"#,
        from(&path),
        "has no `encoder.3.weight`, which this one needs",
    );
    check(VANILLA, from(folder.path()), "is no model; give the folder of a finished run");
    check(VANILLA, from(&folder.path().join("nowhere.safetensors")), "nowhere.safetensors");
    let frozen = |name: &str| TrainingConfig { freeze: vec![name.into()], ..config() };
    check(VANILLA, frozen("encodr"), "did you mean `encoder`?; the networks are `decoder`, `encoder`");
    check(VANILLA, frozen("enc"), "no parameter is called `enc` or begins with `enc.`");
    let all = TrainingConfig { freeze: vec!["encoder".into(), "decoder".into()], ..config() };
    check(VANILLA, all, "names every parameter");
}
