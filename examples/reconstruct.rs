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
    let path = path.ok_or_else(|| anyhow::anyhow!("which model? give the path of a model.safetensors"))?;
    reconstruct(Path::new(&path))
}

fn reconstruct(path: &Path) -> anyhow::Result<()> {
    // Weights, settings, sample shape and preprocessing all come from the one file.
    let Trained { model, metadata } = artifact::load(path, Device::Cpu)?;
    println!("a `{}` trained on {} with seed {}", metadata.model.name(), metadata.data, metadata.seed);
    println!("raw values were preprocessed so: {}", metadata.preprocessing);
    let Some(autoencoder) = model.as_autoencoder() else {
        anyhow::bail!("`{}` does not reconstruct", metadata.model.name());
    };

    // Four samples of the right shape; in your program these are your own, preprocessed in the same way.
    let shape: Vec<i64> = [4].into_iter().chain(metadata.shape.iter().copied()).collect();
    let samples = Tensor::full(&shape, metadata.range[0], (Kind::Float, Device::Cpu));
    let reconstructions = autoencoder.reconstruct(&samples);
    let errors = Distance::MeanSquared.per_sample(&reconstructions, &samples);
    println!(
        "codes of {} numbers; errors of four flat samples: {:.5}",
        autoencoder.code_size(),
        array::to_array(&errors)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_on_a_model_that_was_just_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let data = DataSummary { shape: vec![6], mean: 0.5, low: 0.0, high: 1.0, classes: 0 };
        let config = ModelConfig::Vanilla(Default::default());
        let model = config.initialise(&data, &Noise::new(0, 0, Device::Cpu)).unwrap();
        let metadata = Metadata {
            format: 1,
            preset: "mine".into(),
            model: config,
            data: "mine".into(),
            shape: vec![6],
            range: [0.5, 0.0, 1.0],
            preprocessing: autoencoders::datasets::Preprocessing::Identity,
            label_names: vec![],
            seed: 0,
            version: "0".into(),
        };
        let golden = Tensor::rand([2, 6], (Kind::Float, Device::Cpu));
        artifact::save(&path, model.as_ref(), &metadata, &golden).unwrap();
        reconstruct(&path).unwrap();
    }
}
