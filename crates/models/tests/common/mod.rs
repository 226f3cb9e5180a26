//! Every variant, and data for it.

use ae_models::{Batch, DataSummary, Model, ModelConfig};
use ae_tensor::{Device, Kind, Noise, Tensor};

/// Images with odd sides and channels, a vector and a sequence; some variants are bound to images.
pub(crate) fn shapes(config: &ModelConfig) -> Vec<Vec<i64>> {
    use ModelConfig::{Classifier, Conv, Denoising, Factorised, Restoring, VaeGan};
    let image = vec![2, 9, 6];
    match config {
        Denoising(_) | Classifier(_) | Conv(_) | Factorised(_) => vec![image, vec![1, 28, 28]],
        Restoring(_) | VaeGan(_) => vec![image, vec![1, 28, 28]],
        ModelConfig::Colouring(_) => vec![vec![3, 9, 6]],
        ModelConfig::Mae(_) => vec![vec![1, 8, 12], vec![2, 12, 8]],
        ModelConfig::Lstm(_) | ModelConfig::Tcn(_) => vec![vec![21], vec![8, 3]],
        ModelConfig::Composite(_) => vec![vec![9], vec![6, 1, 2, 2]],
        ModelConfig::ConvLstm(_) => vec![vec![4, 1, 8, 4]],
        _ => vec![image, vec![41], vec![12, 3]],
    }
}

pub(crate) const CLASSES: i64 = 3;

pub(crate) fn summary(shape: &[i64]) -> DataSummary {
    DataSummary { shape: shape.to_vec(), mean: 0.3, low: 0.0, high: 1.0, classes: CLASSES }
}

pub(crate) fn build(config: &ModelConfig, shape: &[i64], seed: u64) -> Box<dyn Model> {
    config.initialise(&summary(shape), &Noise::new(seed, 0, Device::Cpu)).unwrap()
}

pub(crate) fn batch(shape: &[i64], n: i64) -> Batch {
    // Smooth, so that it can be learned; different for each sample; within [0, 1].
    let numel: i64 = shape.iter().product();
    let phase = Tensor::arange(n, (Kind::Float, Device::Cpu)).view([n, 1]) * 0.9;
    let place = Tensor::arange(numel, (Kind::Float, Device::Cpu)).view([1, numel]) * 0.21;
    let values = ((phase + place).sin() * 0.4 + 0.5).view([&[n], shape].concat().as_slice());
    let labels = Tensor::arange(n, (Kind::Int64, Device::Cpu)).remainder(CLASSES);
    Batch { values, labels: Some(labels), observed: None, given: None }
}

/// Every variant with its default settings, except the sizes of those that are slow: the contract does not
/// depend on them.
pub(crate) fn variants() -> Vec<ModelConfig> {
    let mut all = ModelConfig::all();
    for config in &mut all {
        match config {
            ModelConfig::Lstm(lstm) => lstm.units = 32,
            ModelConfig::Composite(composite) => composite.units = 32,
            ModelConfig::ConvLstm(lstm) => {
                (lstm.channels, lstm.kernel, lstm.reconstruction) = (vec![12], 3, 0.5)
            }
            ModelConfig::Tcn(tcn) => (tcn.channels, tcn.kernel, tcn.pool) = (12, 3, 6),
            ModelConfig::Mae(mae) => (mae.width, mae.depth, mae.decoder_width, mae.masked) = (32, 2, 32, 0.5),
            // With a fifth of 41 values shown, a batch cannot be learned in the steps of a test.
            ModelConfig::Text(text) => text.dropout = 0.5,
            _ => {}
        }
    }
    // What their defaults leave out: weights that two networks share, and an auxiliary loss with a buffer, a prior.
    for text in [
        r#"{"colouring":{"classes":true}}"#,
        r#"{"lstm":{"units":24,"both_ways":true}}"#,
        r#"{"factorised":{"hyperprior":{"side":3,"units":24}}}"#,
        r#"{"sparse":{"tied":true,"hidden":[30],"code":20}}"#,
        r#"{"sparse":{"tied":true,"code_activation":"identity","output":"identity",
            "sparsity":{"top_k":{"k":8,"auxiliary":{"dead_after":5}}}}}"#,
        // Two layers, decoders that see their own output, less and less of the truth.
        r#"{"composite":{"cell":"gru","units":32,"layers":2,"conditional":"both","teacher_forcing":{"end":0.0}}}"#,
    ] {
        all.push(serde_json::from_str(text).unwrap());
    }
    all
}
