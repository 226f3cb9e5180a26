//! A small data set and models for the tests of the loop.

use ae_datasets::{Dataset, Preprocessing, SampleShape, Samples};
use ae_models::{Model, ModelConfig};
use ae_tensor::{Device, Noise};
use ae_training::Splits;
use ndarray::Array2;

/// `n` training rows of 12 smooth numbers in [0, 1], and a third as many to validate and to test on.
pub(crate) fn splits(n: usize) -> Splits {
    ae_tensor::device::set_threads(1);
    let part = |n: usize, shift: f32| {
        Samples::complete(Array2::from_shape_fn((n, 12), |(row, i)| {
            0.5 + 0.45 * ((row as f32 * 0.7 + shift).sin() * (i as f32 * 0.5 + row as f32 * 0.1).cos())
        }))
    };
    let dataset = Dataset {
        name: "waves".into(),
        shape: SampleShape::Vector { features: 12 },
        train: part(n, 0.0),
        validation: part(n / 3, 0.3),
        test: part(n / 3, 0.6),
        label_names: vec![],
        normal_label: None,
        feature_names: vec![],
        files: vec![],
        preprocessing: Preprocessing::Identity,
    };
    Splits::new(dataset, Device::Cpu).unwrap()
}

/// A variant with small settings, fresh weights.
pub(crate) fn model(json: &str, splits: &Splits, seed: u64) -> Box<dyn Model> {
    let config: ModelConfig = serde_json::from_str(json).unwrap();
    config.initialise(&splits.summary, &Noise::new(seed, 0, Device::Cpu)).unwrap()
}

pub(crate) const VAE: &str = r#"{ "vae": { "encoder": { "dense": { "hidden": [16] } }, "latent": 3 } }"#;
pub(crate) const VANILLA: &str = r#"{ "vanilla": { "code": 4 } }"#;
