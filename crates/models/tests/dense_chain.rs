//! Reconstructions and decoders without libtorch, for models of dense layers.

use ae_models::{DataSummary, ModelConfig};
use ae_tensor::{Device, Noise, Tensor, array};

/// Every variant with its default settings that takes vectors.
#[test]
fn a_dense_chain_reconstructs_as_its_model() {
    let mut names = Vec::new();
    let noise = Noise::new(7, 0, Device::Cpu);
    for config in ModelConfig::all() {
        for shape in [vec![41], vec![12, 3]] {
            let data = DataSummary { shape: shape.clone(), mean: 0.3, low: 0.0, high: 1.0, classes: 3 };
            let Ok(model) = config.initialise(&data, &noise) else { continue };
            let Some((autoencoder, chain)) = model
                .as_autoencoder()
                .and_then(|autoencoder| Some((autoencoder, autoencoder.dense_chain()?)))
            else {
                continue;
            };
            names.push(config.name());
            let values = noise.uniform("values", &[&[5], &shape[..]].concat());
            let rows = array::to_array(&values.flatten(1, -1));
            let got = chain.rows(rows.into_dimensionality().unwrap().view());
            let expected = array::to_array(&autoencoder.reconstruct(&values).detach().flatten(1, -1));
            let off = (got.into_dyn() - expected).mapv(f32::abs).into_iter().fold(0.0, f32::max);
            assert!(off < 1e-5, "{} {shape:?}: off by {off}", config.name());
        }
    }
    names.sort_unstable();
    names.dedup();
    let expected = [
        "aae",
        "autorec",
        "beta_vae",
        "contractive",
        "deep",
        "ecg",
        "hinton",
        "iwae",
        "linear",
        "sparse",
        "vae",
        "vanilla",
    ];
    assert_eq!(names, expected);
}

/// Every variant with its default settings that takes small images: its decoder as weights is its decoder.
#[test]
fn a_dense_decoder_decodes_as_its_model() {
    let mut names = Vec::new();
    let noise = Noise::new(8, 0, Device::Cpu);
    let data = DataSummary { shape: vec![1, 8, 8], mean: 0.3, low: 0.0, high: 1.0, classes: 3 };
    for config in ModelConfig::all() {
        let Ok(model) = config.initialise(&data, &noise) else { continue };
        let Some(autoencoder) = model.as_autoencoder() else { continue };
        let Some(network) = autoencoder.dense_decoder() else { continue };
        names.push(config.name());
        let codes = noise.normal("codes", &[3, autoencoder.code_size()]);
        let classes = network.inputs() - autoencoder.code_size() as usize;
        let decoded = match model.as_generator().filter(|_| classes > 0) {
            Some(generator) => generator.generate_labelled(&codes, &Tensor::from_slice(&[0i64, 1, 2])),
            None => autoencoder.decode(&codes),
        };
        let decoded = array::to_rows(&decoded.detach());
        for (row, code) in array::to_rows(&codes).outer_iter().enumerate() {
            let class = (0..classes).map(|class| if class == row { 1.0 } else { 0.0 });
            let got = network.forward(&code.iter().map(|&x| f64::from(x)).chain(class).collect::<Vec<_>>());
            let off = got.iter().zip(decoded.row(row)).map(|(got, want)| (got - f64::from(*want)).abs());
            let off = off.fold(0.0, f64::max);
            assert!(off < 1e-5, "{}: off by {off}", config.name());
        }
    }
    names.sort_unstable();
    let expected = [
        "aae",
        "beta_vae",
        "contractive",
        "cvae",
        "deep",
        "ecg",
        "hinton",
        "iwae",
        "linear",
        "sparse",
        "vae",
        "vanilla",
    ];
    assert_eq!(names, expected);
}
