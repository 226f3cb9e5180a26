//! What the benchmarks share.

use ae_models::damage::Damaged;
use ae_models::{Batch, Model, ModelConfig};
use ae_tensor::{Device, Noise, Tensor};

/// One call of what a model is for: reconstructions, restored images, forecasts, classes, or new samples. Of the masked
/// autoencoder, codes.
pub fn call(config: &ModelConfig, model: &dyn Model, batch: &Batch) -> Tensor {
    if let Some(autoencoder) = model.as_autoencoder() {
        return match config {
            ModelConfig::Mae(_) => autoencoder.encode(&batch.values).point().shallow_clone(),
            _ => autoencoder.reconstruct_batch(batch),
        };
    }
    if let Some(restorer) = model.as_restorer() {
        let whole = batch.values.narrow(1, 0, 1).ones_like();
        let whole = restorer.corruption().tells_place().then_some(whole);
        let images = batch.values.shallow_clone();
        return restorer.restore(&Damaged { images, whole, kernels: None });
    }
    if let Some(forecaster) = model.as_forecaster() {
        return forecaster.forecast(&batch.values.narrow(1, 0, forecaster.given()));
    }
    if let Some(classifier) = model.as_classifier() {
        return classifier.predict(&batch.values);
    }
    let generator = model.as_generator().expect("every variant is for something");
    generator.sample(batch.len(), &Noise::new(0, 0, Device::Cpu))
}
