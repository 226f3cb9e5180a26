//! Tests vector quantisation against an independent implementation (`reference/vq_vae.py`), and its other
//! guarantees.

use ae_models::blocks::codebook::{Codebook, Settings, perplexity, shares, straight_through};
use ae_models::{Batch, DataSummary, Model, ModelConfig, Pass};
use ae_tensor::{Device, Kind, Noise, Tensor, tch};
use serde_json::Value;

const SETTINGS: Settings = Settings { entries: 4, width: 3, decay: 0.9, dead_below: 0.0 };

fn noise() -> Noise {
    Noise::new(3, 0, Device::Cpu)
}

fn tensor(value: &Value, shape: &[i64]) -> Tensor {
    fn flatten(value: &Value, into: &mut Vec<f32>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| flatten(value, into)),
            _ => into.push(value.as_f64().unwrap() as f32),
        }
    }
    let mut values = Vec::new();
    flatten(value, &mut values);
    Tensor::from_slice(&values).view(shape)
}

/// The reference is computed in double precision, the codebook in single.
fn check(name: &str, obtained: &Tensor, expected: &Value) {
    let difference = (obtained.flatten(0, -1) - tensor(expected, &[-1])).abs().max().double_value(&[]);
    assert!(difference < 5e-6, "{name} is off by {difference:e}");
}

fn buffer(codebook: &Codebook, name: &str) -> Tensor {
    codebook.buffers().into_iter().find(|(n, _)| n == &format!("codebook.{name}")).unwrap().1
}

fn set(codebook: &Codebook, name: &str, values: &Tensor) {
    tch::no_grad(|| buffer(codebook, name).copy_(values));
}

#[test]
fn quantising_learning_and_the_gradient_are_those_of_the_reference() {
    let golden: Value = serde_json::from_str(include_str!("reference/vq_vae.json")).unwrap();
    let codebook = Codebook::new(SETTINGS, &noise());
    set(&codebook, "entries", &tensor(&golden["entries"], &[4, 3]));
    set(&codebook, "counts", &tensor(&golden["counts"], &[4]));
    set(&codebook, "sums", &tensor(&golden["sums"], &[4, 3]));
    let weight = tensor(&golden["weight"], &[-1]);
    for step in golden["steps"].as_array().unwrap() {
        let codes = tensor(&step["codes"], &[2, 3, 2, 2]).set_requires_grad(true);
        let quantised = codebook.quantise(&codes);
        assert_eq!(quantised.indices.size(), [2, 2, 2]);
        check("indices", &quantised.indices, &step["indices"]);
        check("entries at the places", &quantised.entries, &step["chosen"]);
        let passed = straight_through(&codes, &quantised.entries);
        let output = passed.flatten(1, -1).matmul(&weight);
        let reconstruction = (output - tensor(&step["target"], &[2])).square().mean(Kind::Float);
        let commitment = (&codes - &quantised.entries).square().mean(Kind::Float) * 0.25;
        codebook.learn(&codes, &quantised.indices, None);
        (&reconstruction + &commitment).backward();
        check("reconstruction", &reconstruction, &step["reconstruction"]);
        check("commitment", &commitment, &step["commitment"]);
        check("gradient", &codes.grad(), &step["gradient"]);
        check("perplexity", &perplexity(&shares(&quantised.indices, 4)), &step["perplexity"]);
        for name in ["entries", "counts", "sums"] {
            check(name, &buffer(&codebook, name), &step[name]);
        }
    }
}

#[test]
fn an_unused_codebook_starts_from_the_codes_of_the_first_batch() {
    let codebook = Codebook::new(Settings { entries: 16, dead_below: 0.03, ..SETTINGS }, &noise());
    let codes = noise().normal("codes", &[8, 3, 2]) * 0.01 + 7.0;
    assert_eq!(codebook.revive(&codes, &noise(), None), 16);
    // Each entry is one of the codes.
    let rows = codes.movedim_int(1, -1).reshape([-1, 3]);
    let nearest =
        Tensor::cdist(&buffer(&codebook, "entries"), &rows, 2.0, None::<i64>).amin([1i64].as_slice(), false);
    assert!(nearest.max().double_value(&[]) < 1e-3);
    check("counts", &buffer(&codebook, "counts"), &serde_json::json!(vec![0.06; 16]));
    assert_eq!(codebook.revive(&codes, &noise(), None), 0, "they live now");
}

#[test]
fn dead_entries_start_again_and_the_others_stay() {
    let codebook = Codebook::new(Settings { dead_below: 0.1, ..SETTINGS }, &noise());
    set(&codebook, "counts", &Tensor::from_slice(&[2.0f32, 0.19, 0.21, 8.0])); // even use: 8 / 4 = 2
    let before = buffer(&codebook, "entries").copy();
    let codes = noise().normal("codes", &[8, 3, 1]);
    assert_eq!(codebook.revive(&codes, &noise(), None), 1);
    let moved =
        (buffer(&codebook, "entries") - before).abs().sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
    check("which moved", &moved.gt(0.0).to_kind(Kind::Float), &serde_json::json!([0, 1, 0, 0]));
    check("counts", &buffer(&codebook, "counts"), &serde_json::json!([2.0, 0.4, 0.21, 8.0]));
    let entry = buffer(&codebook, "entries").get(1) * 0.4;
    check(
        "the sum is the entry's share",
        &(buffer(&codebook, "sums").get(1) - entry),
        &serde_json::json!([0, 0, 0]),
    );
}

#[test]
fn an_entry_settles_on_the_mean_of_its_codes() {
    let codebook = Codebook::new(SETTINGS, &noise());
    let centres = Tensor::from_slice(&[9.0f32, 0., 0., 0., 9., 0., 0., 0., 9., -9., 0., 0.]).view([4, 3]);
    set(&codebook, "entries", &centres);
    set(&codebook, "counts", &(Tensor::ones([4], (Kind::Float, Device::Cpu)) * 3.0));
    set(&codebook, "sums", &(&centres * 3.0));
    let codes = (&centres + 0.5).repeat([3, 1]).unsqueeze(2); // [12, 3, 1]
    for _ in 0..200 {
        let indices = codebook.quantise(&codes).indices;
        codebook.learn(&codes, &indices, None);
    }
    let difference = (buffer(&codebook, "entries") - (&centres + 0.5)).abs().max().double_value(&[]);
    assert!(difference < 1e-4, "{difference}");
}

#[test]
fn perplexity_counts_the_entries_in_use() {
    let check = |indices: &[i64], expected: f64| {
        let got = perplexity(&shares(&Tensor::from_slice(indices), 8)).double_value(&[]);
        assert!((got - expected).abs() < 1e-5, "{got} is not {expected}");
    };
    check(&[3, 3, 3], 1.0);
    check(&[0, 1, 2, 3, 4, 5, 6, 7], 8.0);
    check(&[0, 0, 5, 5], 2.0);
    check(&[0, 0, 0, 5], 4.0 / 3f64.powf(0.75));
}

/// A model of small images with a prior that is trained in the second half of a run.
fn with_prior() -> Box<dyn Model> {
    let text = r#"{"vq_vae":{"entries":6,"width":4,"channels":[4,4],"residual_blocks":0,"prior":{"units":8,"after":0.5}}}"#;
    let config: ModelConfig = serde_json::from_str(text).unwrap();
    let data = DataSummary { shape: vec![1, 8, 8], mean: 0.3, low: 0.0, high: 1.0, classes: 0 };
    config.initialise(&data, &noise()).unwrap()
}

#[test]
fn a_prior_waits_and_is_then_trained_by_itself() {
    let model = with_prior();
    let names: Vec<&str> = model.groups().iter().map(|group| group.name).collect();
    assert_eq!(names, ["autoencoder", "prior"]);
    let batch =
        Batch { values: noise().uniform("x", &[5, 1, 8, 8]), labels: None, observed: None, given: None };
    let losses = |pass: Pass| model.losses(&batch, &pass);
    assert!(losses(Pass::training(noise(), 49, 100))[1].total().is_none(), "it waits");
    let late = losses(Pass::training(noise(), 50, 100));
    let total = late[1].total().expect("it is trained");
    // Of four positions with six entries each.
    let nats = total.double_value(&[]);
    assert!((nats - 4.0 * 6f64.ln()).abs() < 2.0, "{nats}");
    total.backward();
    for group in model.groups() {
        let has = group.parameters.iter().any(|(_, tensor)| tensor.grad().defined());
        assert_eq!(has, group.name == "prior", "{}", group.name);
    }
    assert!(losses(Pass::evaluation(noise()))[1].total().is_some(), "it is always measured");
}

#[test]
fn a_model_with_a_prior_generates() {
    let model = with_prior();
    let generator = model.as_generator().expect("it has a prior");
    assert_eq!(generator.latent_size(), 4);
    let images = tch::no_grad(|| generator.sample(3, &noise()));
    assert_eq!(images.size(), [3, 1, 8, 8]);
    assert_eq!(images, tch::no_grad(|| generator.sample(3, &noise())));
}
