//! Loads the model of a run and reconstructs rows with it.
//!
//! `cargo xtask train vanilla --out runs/mine`, then
//! `cargo run --release -p ae-examples --example reconstruct -- runs/mine/model.safetensors`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use autoencoders::prelude::*;
use autoencoders::tensor::Distance;
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1);
    let path = path.ok_or_else(|| anyhow::anyhow!("no model given; give the path of a model.safetensors"))?;
    reconstruct(Path::new(&path))
}

fn reconstruct(path: &Path) -> anyhow::Result<()> {
    // Weights, settings, sample shape and preprocessing all come from the one file.
    let model = PortableModel::load::<ModelConfig>(path, Device::Cpu)?;
    let metadata = &model.metadata;
    println!("a `{}` trained on {} with seed {}", metadata.model.name(), metadata.data, metadata.seed);
    println!("preprocessing of raw values: {}", metadata.preprocessing);
    let autoencoder = model.as_autoencoder();
    let autoencoder = autoencoder.ok_or_else(|| anyhow::anyhow!("the model does not reconstruct"))?;

    // Four samples of the right shape; in your program, use your own, preprocessed in the same way.
    let shape: Vec<i64> = [4].into_iter().chain(metadata.shape.iter().copied()).collect();
    let samples = Tensor::full(&shape, metadata.range[0], (Kind::Float, Device::Cpu));
    let reconstructions = autoencoder.reconstruct(&samples);
    let errors = Distance::MeanSquared.per_sample(&reconstructions, &samples);
    println!(
        "codes of {}; errors of four constant samples: {:.5}",
        autoencoder.code_form(),
        array::to_array(&errors)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn it_runs_on_a_model_that_was_just_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let data = Dataset::from_rows(Array2::from_shape_fn((9, 6), |(row, i)| ((row + i) as f32).sin()));
        let data = data.unwrap().scaled(Scale::MinMax).unwrap();
        let model = ModelConfig::Vanilla(Default::default()).build(&data.summary(), 0).unwrap();
        model.save(&path).unwrap();
        reconstruct(&path).unwrap();
    }
}
