//! One training step of `gan`, `aae` and `vae_gan` against PyTorch (`reference/adversarial.py`): losses, each group's
//! gradients, running moments and figures.

use ae_models::{Batch, DataSummary, Losses, ModelConfig, Pass};
use ae_tensor::{Device, Kind, Noise, Optimizer, OptimizerConfig, Tensor, tch};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn golden(variant: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("reference/adversarial.json")).unwrap();
    all[variant].clone()
}

fn tensor(value: &Value) -> Tensor {
    let values = value.as_array().unwrap();
    Tensor::from_slice(&values.iter().map(|v| v.as_f64().unwrap() as f32).collect::<Vec<_>>())
}

/// The reference is computed in double precision, the model in single.
fn check(name: &str, obtained: &Tensor, expected: &Value) {
    let expected = if expected.is_number() { json!([expected]) } else { expected.clone() };
    let (obtained, expected) = (obtained.detach().reshape([-1]), tensor(&expected));
    let difference = (&obtained - &expected).abs().max().double_value(&[]);
    let scale = expected.abs().max().double_value(&[]);
    assert!(difference < 1e-5 * (1.0 + scale), "{name} is off by {difference:e}");
}

fn step(variant: &str, config: Value, shape: &[i64], draws: &[(&str, &[i64])]) {
    let golden = golden(variant);
    let config: ModelConfig = serde_json::from_value(json!({ variant: config })).unwrap();
    let data = DataSummary { shape: shape.into(), mean: 0.4, low: 0.0, high: 1.0, classes: 0 };
    let noise = Noise::new(7, 0, Device::Cpu);
    let model = config.initialise(&data, &noise).unwrap();
    for (name, mut parameter) in model.parameters() {
        let values = tensor(&golden["parameters"][&name]).view(parameter.size().as_slice());
        tch::no_grad(|| parameter.copy_(&values));
    }
    let drawn: Vec<Tensor> =
        draws.iter().map(|(purpose, shape)| noise.normal(purpose, shape).flatten(0, -1)).collect();
    check("the draws that the reference was made with", &Tensor::cat(&drawn, 0), &golden["draws"]);
    let values = tensor(&golden["batch"]).view([&[4], shape].concat().as_slice());
    let batch = Batch { values, labels: None, observed: None, given: None };

    let losses = model.losses(&batch, &Pass::training(noise, 0, 10));
    let figures: BTreeMap<_, _> = losses.iter().flat_map(|l| &l.figures).map(|(n, v)| (*n, v)).collect();
    for (name, expected) in golden["figures"].as_object().unwrap() {
        check(name, figures[name.as_str()], expected);
    }
    for (group, losses) in model.groups().into_iter().zip(&losses) {
        check(group.name, &losses.total().unwrap(), &golden["losses"][group.name]);
        let parameters: Vec<Tensor> = group.parameters.iter().map(|p| p.1.shallow_clone()).collect();
        let optimizer = Optimizer::new(OptimizerConfig::default(), &parameters).unwrap();
        optimizer.backward(&losses.total().unwrap(), true).unwrap();
        for (name, parameter) in group.parameters {
            check(&format!("gradient of {name}"), &parameter.grad(), &golden["gradients"][&name]);
        }
    }
    for (name, buffer) in model.buffers() {
        check(&name, &buffer, &golden["buffers"][&name]);
    }
}

#[test]
fn a_step_of_the_gan_is_pytorchs() {
    step("gan", json!({ "latent": 3, "channels": [2, 3] }), &[1, 5, 4], &[("latents", &[4, 3])]);
}

#[test]
fn a_step_of_the_adversarial_autoencoder_is_pytorchs() {
    let dense = |width: i64| json!({ "dense": { "hidden": [width] } });
    let config = json!({ "latent": 2, "encoder": dense(4), "discriminator": [3], "adversarial": 0.05 });
    step("aae", config, &[6], &[("prior", &[4, 2])]);
}

#[test]
fn a_step_of_the_adversarial_variational_autoencoder_is_pytorchs() {
    let config = json!({ "latent": 3, "channels": [2, 3], "similarity": 0.02 });
    step("vae_gan", config, &[1, 5, 4], &[("reparameterise", &[4, 3]), ("latents", &[4, 3])]);
}

#[test]
fn a_discriminator_that_learns_alone_tells_data_from_fakes() {
    ae_tensor::device::set_threads(1);
    let config: ModelConfig = serde_json::from_str(r#"{"gan":{"latent":3,"channels":[4,8]}}"#).unwrap();
    let data = DataSummary { shape: vec![1, 8, 8], mean: 0.4, low: 0.0, high: 1.0, classes: 0 };
    let model = config.initialise(&data, &Noise::new(0, 0, Device::Cpu)).unwrap();
    let bars = Tensor::zeros([32, 1, 8, 8], (Kind::Float, Device::Cpu));
    for row in 0..32 {
        let _ = bars.get(row).narrow(2, row % 7, 2).fill_(1.0);
    }
    let batch = Batch { values: bars, labels: None, observed: None, given: None };
    let figures = |step: u64| -> BTreeMap<&str, f64> {
        let pass = Pass::evaluation(Noise::new(1, step, Device::Cpu));
        let losses: Vec<Losses> = model.losses(&batch, &pass);
        losses.iter().flat_map(|l| &l.figures).map(|(name, value)| (*name, value.double_value(&[]))).collect()
    };
    assert!(figures(0)["jensen_shannon"] < 0.05, "nothing is known before the first step");
    let judge = &model.groups()[1];
    assert_eq!(judge.name, "discriminator");
    let parameters: Vec<Tensor> = judge.parameters.iter().map(|p| p.1.shallow_clone()).collect();
    let mut optimizer = Optimizer::new(OptimizerConfig::default(), &parameters).unwrap();
    for step in 0..60 {
        let losses = model.losses(&batch, &Pass::training(Noise::new(0, step, Device::Cpu), step, 60));
        optimizer.zero_gradients().unwrap();
        optimizer.backward(&losses[1].total().unwrap(), false).unwrap();
        optimizer.step(5e-3).unwrap();
    }
    let after = figures(1);
    assert!(after["jensen_shannon"] > 0.6 && after["jensen_shannon"] < std::f64::consts::LN_2, "{after:?}");
    assert_eq!((after["accuracy_real"], after["accuracy_fake"]), (1.0, 1.0));
}
