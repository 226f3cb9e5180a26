//! What each component of a code adds to a sample, for decoders of one linear layer.

use ae_models::{DataSummary, ModelConfig};
use ae_tensor::{Device, Kind, Noise, Tensor};

#[test]
fn one_linear_layer_back_is_a_dictionary() {
    let shape = [2, 3, 2];
    for (config, has) in
        [("vanilla", true), ("linear", true), ("sparse", true), ("deep", false), ("vae", false)]
    {
        let config: ModelConfig = serde_json::from_str(&format!("{{\"{config}\":{{}}}}")).unwrap();
        let data = DataSummary { shape: shape.to_vec(), mean: 0.3, low: 0.0, high: 1.0, classes: 3 };
        let model = config.initialise(&data, &Noise::new(0, 0, Device::Cpu)).unwrap();
        let autoencoder = model.as_autoencoder().unwrap();
        assert_eq!(autoencoder.dictionary().is_some(), has, "{}", config.name());
        if let Some(dictionary) = autoencoder.dictionary().filter(|_| config.name() == "linear") {
            let size = autoencoder.code_size();
            assert_eq!(dictionary.size(), [&[size], &shape[..]].concat());
            let units = Tensor::eye(size, (Kind::Float, Device::Cpu));
            let added = autoencoder.decode(&units) - autoencoder.decode(&units.zeros_like());
            assert!((added - dictionary).abs().max().double_value(&[]) < 1e-6);
        }
    }
}
