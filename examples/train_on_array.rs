//! Trains a variational autoencoder on an array in memory, and draws new rows from it.
//!
//! `cargo run --release -p ae-examples --example train_on_array`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use autoencoders::models::{blocks::body::Body, variants::vae};
use autoencoders::prelude::*;
use autoencoders::training::evaluate::evaluate;
use ndarray::Array2;

fn main() -> anyhow::Result<()> {
    // 700 rows of 16 numbers: bumps at different places.
    let bump = |row: usize, i: usize| (-((i as f32 - (row * 7 % 16) as f32) / 2.0).powi(2)).exp();
    let rows = Array2::from_shape_fn((700, 16), |(row, i)| bump(row, i));
    let data = Dataset::from_rows(rows)?.hold_out(0.0, 0.15, 0)?.scaled(Scale::MinMax)?;

    // The defaults are the paper's values; give only what differs.
    let config = vae::Config { encoder: Body::dense([64]), latent: 2, ..Default::default() };
    let model = config.build(&data.summary(), 0)?;
    let splits = data.splits(Device::Cpu)?;
    let held_out = || evaluate(&*model, &splits.test, 0, "test")["negative_elbo"];
    let before = held_out();
    train(&model, &splits, &TrainingConfig { epochs: 40, learning_rate: 3e-3, ..Default::default() })?;
    let after = held_out();
    println!("-ELBO of held-out rows: {before:.2} nats before training, {after:.2} after");

    let generator = model.as_generator().expect("a VAE generates");
    let new = array::to_array(&generator.sample(3, &Noise::new(1, 0, Device::Cpu)));
    println!("three new rows:\n{new:.2}");
    anyhow::ensure!(after < before, "training should have helped");
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
