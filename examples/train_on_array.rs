//! Trains a variational autoencoder on an array of your own, in memory, and draws new rows from it.
//!
//! `cargo run --release -p ae-examples --example train_on_array`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use autoencoders::datasets::{Dataset, Preprocessing, SampleShape, Samples};
use autoencoders::models::blocks::body::Body;
use autoencoders::prelude::*;
use autoencoders::training::evaluate::evaluate;
use ndarray::Array2;
use std::sync::atomic::AtomicBool;

fn main() -> anyhow::Result<()> {
    // 600 rows of 16 numbers in [0, 1]: bumps at different places.
    let bump = |row: usize, i: usize| (-((i as f32 - (row % 16) as f32) / 2.0).powi(2)).exp();
    let rows = |from: usize, n: usize| {
        Samples::complete(Array2::from_shape_fn((n, 16), |(row, i)| bump(from + row * 7, i)))
    };
    let data = Dataset {
        name: "bumps".into(),
        shape: SampleShape::Vector { features: 16 },
        train: rows(0, 600),
        validation: Samples::empty(16),
        test: rows(3, 100),
        label_names: vec![],
        normal_label: None,
        feature_names: vec![],
        files: vec![],
        preprocessing: Preprocessing::Identity,
    };
    let device = Device::Cpu;
    let splits = Splits::new(data, device)?;

    // A paper's values are the defaults; name what differs.
    let config = ModelConfig::Vae(autoencoders::models::variants::vae::Config {
        encoder: Body::dense([64]),
        latent: 2,
        ..Default::default()
    });
    let model = config.initialise(&splits.summary, &Noise::new(0, 0, device))?;
    let training = TrainingConfig { epochs: 40, learning_rate: 3e-3, ..TrainingConfig::default() };
    let before = evaluate(model.as_ref(), &splits.test, 0, "test")["negative_elbo"];
    train(model.as_ref(), &splits, &training, device, None, &mut (), &AtomicBool::new(false))?;
    let after = evaluate(model.as_ref(), &splits.test, 0, "test")["negative_elbo"];
    println!("-ELBO of rows it has not seen: {before:.2} nats before training, {after:.2} after");

    let generator = model.as_generator().expect("a VAE generates");
    let new = array::to_array(&generator.sample(3, &Noise::new(1, 0, device)));
    println!("three new rows:\n{new:.2}");
    anyhow::ensure!(after < before, "training should have helped");
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
