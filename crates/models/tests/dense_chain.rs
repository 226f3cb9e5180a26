//! Reconstructions without libtorch, for models of dense layers.

use ae_models::{DataSummary, ModelConfig};
use ae_tensor::{Device, Noise, array};

/// Every variant with its default settings that takes vectors.
#[test]
fn a_dense_chain_reconstructs_as_its_model() {
    let mut chains = 0;
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
            chains += 1;
            let values = noise.uniform("values", &[&[5], &shape[..]].concat());
            let rows = array::to_array(&values.flatten(1, -1));
            let got = chain.rows(rows.into_dimensionality().unwrap().view());
            let expected = array::to_array(&autoencoder.reconstruct(&values).detach().flatten(1, -1));
            let off = (got.into_dyn() - expected).mapv(f32::abs).into_iter().fold(0.0, f32::max);
            assert!(off < 1e-5, "{} {shape:?}: off by {off}", config.name());
        }
    }
    assert!(chains > 8, "{chains} variants and shapes are chains");
}
