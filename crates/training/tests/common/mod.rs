//! A small data set and settings for the tests of the loop.

use ae_datasets::{Dataset, Samples};
use ae_tensor::Device;
use ae_training::Splits;
use ndarray::Array2;

/// `n` training rows of 12 smooth numbers in [0, 1], and a third as many to validate and to test on.
pub(crate) fn splits(n: usize) -> Splits {
    ae_tensor::device::set_threads(1);
    let waves = |n: usize, shift: f32| {
        Samples::complete(Array2::from_shape_fn((n, 12), |(row, i)| {
            0.5 + 0.45 * ((row as f32 * 0.7 + shift).sin() * (i as f32 * 0.5 + row as f32 * 0.1).cos())
        }))
    };
    let dataset = Dataset { test: waves(n / 3, 0.6), ..Dataset::of(waves(n, 0.0), waves(n / 3, 0.3)) };
    Splits::new(dataset, Device::Cpu).unwrap()
}

pub(crate) const VAE: &str = r#"{ "vae": { "encoder": { "dense": { "hidden": [16] } }, "latent": 3 } }"#;
pub(crate) const VANILLA: &str = r#"{ "vanilla": { "code": 4 } }"#;
