//! Tests of the three sparsities on small data.

use super::*;
use ae_tensor::{Device, Optimizer, OptimizerConfig};

#[test]
fn the_largest_are_kept_with_their_gradients() {
    let code = Tensor::from_slice(&[0.5f32, -3.0, 2.0, 1.0, 7.0, 0.0]).view([2, 3]).set_requires_grad(true);
    let kept = keep_largest(&code, 2);
    assert_eq!(kept.detach(), Tensor::from_slice(&[0.5f32, 0.0, 2.0, 1.0, 7.0, 0.0]).view([2, 3]));
    kept.sum(Kind::Float).backward();
    assert_eq!(code.grad(), Tensor::from_slice(&[1f32, 0.0, 1.0, 1.0, 1.0, 0.0]).view([2, 3]));
}

/// Trains on sixteen random samples; returns their codes.
fn code_after_training(config: &Config) -> Tensor {
    ae_tensor::device::set_threads(1);
    let noise = Noise::new(0, 0, Device::Cpu);
    let data = DataSummary { shape: vec![20], mean: 0.5, low: 0.0, high: 1.0, classes: 0 };
    let model = config.initialise(&data, &noise).unwrap();
    let parameters: Vec<Tensor> = model.parameters().into_iter().map(|p| p.1).collect();
    let mut optimizer = Optimizer::new(OptimizerConfig::default(), &parameters).unwrap();
    let batch =
        Batch { values: noise.uniform("samples", &[16, 20]), labels: None, observed: None, given: None };
    for step in 0..600 {
        optimizer.zero_gradients().unwrap();
        model.losses(&batch, &Pass::training(noise, step, 600))[0].total().unwrap().backward();
        optimizer.step(0.01).unwrap();
    }
    model.as_autoencoder().unwrap().encode(&batch.values).point().detach()
}

fn mean(code: &Tensor) -> f64 {
    code.abs().mean(Kind::Double).double_value(&[])
}

/// A small k-sparse problem: 20 values, of which each sample has a few; 60 units, of which each sample keeps
/// 3.
fn k_sparse(auxiliary: Option<dead_units::Settings>) -> Config {
    Config {
        code: 60,
        code_activation: Activation::Identity,
        output: Activation::Identity,
        sparsity: Sparsity::TopK { k: 3, start: None, auxiliary },
        ..Config::default()
    }
}

#[test]
fn the_auxiliary_loss_is_what_dead_units_miss_of_the_error() {
    let settings = dead_units::Settings { k: 1, weight: 0.5, dead_after: 1 };
    let noise = Noise::new(2, 0, Device::Cpu);
    let data = DataSummary { shape: vec![20], mean: 0.5, low: 0.0, high: 1.0, classes: 0 };
    let model = k_sparse(Some(settings)).initialise(&data, &noise).unwrap();
    let batch =
        Batch { values: noise.uniform("samples", &[4, 20]), labels: None, observed: None, given: None };
    let auxiliary = |pass: &Pass| {
        let losses = model.losses(&batch, pass).remove(0);
        let (name, value) = &losses.terms[1];
        assert_eq!(*name, "auxiliary");
        value.double_value(&[])
    };
    assert_eq!(auxiliary(&Pass::training(noise, 0, 10)), 0.0, "at first no unit is dead");
    let parameters = model.parameters();
    let [weight, bias] = [&parameters[0].1, &parameters[1].1];
    let encoded = batch.values.matmul(&weight.tr()) + bias;
    let autoencoder = model.as_autoencoder().unwrap();
    let code = autoencoder.encode(&batch.values).point().detach();
    let used = code.ne(0.0).any_dim(0, false);
    let (largest, unit) = encoded.masked_fill(&used, f64::NEG_INFINITY).max_dim(1, true);
    let rebuilt = largest * autoencoder.dictionary().unwrap().index_select(0, &unit.view([-1]));
    let error = &batch.values - autoencoder.decode(&code);
    let expected = (rebuilt - error).square().mean(Kind::Double).double_value(&[]) * 0.5;
    let obtained = auxiliary(&Pass::evaluation(noise));
    assert!((obtained - expected).abs() < 1e-6 && expected > 0.0, "{obtained} is not {expected}");
}

#[test]
fn the_auxiliary_loss_brings_units_back() {
    ae_tensor::device::set_threads(1);
    let noise = Noise::new(0, 0, Device::Cpu);
    let data = DataSummary { shape: vec![20], mean: 0.5, low: 0.0, high: 1.0, classes: 0 };
    let values = noise.uniform("samples", &[512, 20]);
    let unused = |auxiliary| {
        let model = k_sparse(auxiliary).initialise(&data, &noise).unwrap();
        let parameters: Vec<Tensor> = model.parameters().into_iter().map(|p| p.1).collect();
        let mut optimizer = Optimizer::new(OptimizerConfig::default(), &parameters).unwrap();
        let batch = Batch { values: values.shallow_clone(), labels: None, observed: None, given: None };
        for step in 0..300 {
            optimizer.zero_gradients().unwrap();
            model.losses(&batch, &Pass::training(noise, step, 300))[0].total().unwrap().backward();
            optimizer.step(0.01).unwrap();
        }
        let code = model.as_autoencoder().unwrap().encode(&values).point().detach();
        code.ne(0.0)
            .any_dim(0, false)
            .logical_not()
            .to_kind(Kind::Double)
            .mean(Kind::Double)
            .double_value(&[])
    };
    let settings = dead_units::Settings { k: 8, dead_after: 5, ..Default::default() };
    let (without, with) = (unused(None), unused(Some(settings)));
    assert!(with < 0.5 * without, "{with} of the units are unused with the loss and {without} without");
}

#[test]
fn each_kind_makes_the_code_as_sparse_as_it_says() {
    let with = |code_activation, sparsity| {
        code_after_training(&Config { code: 30, code_activation, sparsity, ..Config::default() })
    };
    let plain = with(Activation::Relu, Sparsity::L1 { weight: 0.0 });
    let l1 = with(Activation::Relu, Sparsity::L1 { weight: 3e-3 });
    assert!(mean(&l1) < 0.5 * mean(&plain), "{} and {}", mean(&l1), mean(&plain));
    let rate = with(Activation::Sigmoid, Sparsity::Rate { rate: 0.1, weight: 0.1 });
    assert!((mean(&rate) - 0.1).abs() < 0.03, "{}", mean(&rate));
    let top = with(Activation::Identity, Sparsity::TopK { k: 4, start: Some(12), auxiliary: None });
    let kept = top.not_equal(0.0).sum_dim_intlist([1i64].as_slice(), false, Kind::Int64);
    assert_eq!(kept, Tensor::full([16], 4, (Kind::Int64, Device::Cpu)));
}
