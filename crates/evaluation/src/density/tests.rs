//! The estimates compared with a model that has an exact likelihood, and the diagnosis of collapse.

use super::*;
use crate::testing::{Bench, wanted};
use ae_models::{DataSummary, Model, ModelConfig};
use ae_tensor::Device;
use std::f64::consts::PI;

const SIGMA: f64 = 0.5;
const VALUES: i64 = 4;

/// `p(x|z) = N(W z + b, σ² I)` with two latents, and the posterior of the initial encoder.
fn linear_gaussian() -> Box<dyn Model> {
    let text = r#"{ "vae": { "latent": 2, "likelihood": { "gaussian": { "sigma": 0.5 } },
                    "encoder": { "dense": { "hidden": [] } } } }"#;
    let config: ModelConfig = serde_json::from_str(text).unwrap();
    let data = DataSummary { shape: vec![VALUES], mean: 0.2, low: -3.0, high: 3.0, classes: 0 };
    config.initialise(&data, &Noise::new(3, 0, Device::Cpu)).unwrap()
}

fn parameter(model: &dyn Model, name: &str) -> Tensor {
    model.parameters().into_iter().find(|p| p.0 == name).unwrap_or_else(|| panic!("no {name}")).1.detach()
}

fn rows() -> Tensor {
    let places = Tensor::arange(5 * VALUES, (Kind::Float, Device::Cpu));
    (places * 0.8).sin().view([5, VALUES])
}

/// `log N(x; b, W Wᵀ + σ² I)` of the first `seen` values of each row.
fn exact(model: &dyn Model, rows: &Tensor, seen: i64) -> Vec<f64> {
    let weight = parameter(model, "decoder.0.weight").to_kind(Kind::Double).narrow(0, 0, seen);
    let bias = parameter(model, "decoder.0.bias").to_kind(Kind::Double).narrow(0, 0, seen);
    let covariance =
        weight.matmul(&weight.tr()) + Tensor::eye(seen, (Kind::Double, Device::Cpu)) * SIGMA.powi(2);
    let off = rows.to_kind(Kind::Double).narrow(1, 0, seen) - bias;
    let scaled = off.matmul(&covariance.inverse()) * &off;
    let distance = scaled.sum_dim_intlist([1i64].as_slice(), false, None::<Kind>);
    array::to_vec(&((distance + covariance.logdet() + seen as f64 * (2.0 * PI).ln()) * -0.5))
}

fn estimate(model: &dyn Model, samples: i64) -> [Vec<f64>; 2] {
    let model = model.as_latent_variable().unwrap();
    let batch = Batch { values: rows(), labels: None, observed: None, given: None };
    let (total, bound) = log_likelihoods_of(model, &batch, samples, &Noise::new(0, 0, Device::Cpu));
    [array::to_vec(&total), array::to_vec(&bound)]
}

#[test]
fn what_was_not_observed_has_no_likelihood() {
    let model = linear_gaussian();
    let seen = VALUES - 1;
    let observed = Tensor::ones([5, VALUES], (Kind::Float, Device::Cpu));
    let _ = observed.narrow(1, seen, 1).fill_(0.0);
    let batch = Batch { values: rows() * &observed, labels: None, observed: Some(observed), given: None };
    let density = density(model.as_latent_variable().unwrap(), &batch, 20_000, 0);
    let exact = exact(model.as_ref(), &batch.values, seen);
    let expected = -exact.iter().sum::<f64>() / exact.len() as f64;
    assert!((density.negative_log_likelihood - expected).abs() < 0.02, "{density:?}, not {expected}");
}

fn furthest(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn a_linear_gaussian_model_has_its_exact_likelihood() {
    let model = linear_gaussian();
    let exact = exact(model.as_ref(), &rows(), VALUES);
    let errors = [20, 20_000].map(|samples| furthest(&estimate(model.as_ref(), samples)[0], &exact));
    assert!(errors[1] < 0.05 && errors[1] < errors[0], "{errors:?}");
    let [_, bound] = estimate(model.as_ref(), 5000);
    assert!(bound.iter().zip(&exact).all(|(bound, exact)| bound < exact), "the ELBO lies below");
}

/// With the exact posterior every weight is `p(x)`: one draw is enough, and the ELBO is the likelihood.
#[test]
fn the_exact_posterior_needs_one_draw() {
    let model = linear_gaussian();
    let weight = Tensor::from_slice(&[0.6f32, 0.0, 0.8, 0.0, 0.0, 0.5, 0.0, -0.5]).view([VALUES, 2]);
    let precision =
        weight.square().sum_dim_intlist([0i64].as_slice(), false, None::<Kind>) / SIGMA.powi(2) + 1.0;
    // q(z|x) = N(P⁻¹ Wᵀ (x - b) / σ², P⁻¹), P diagonal because the columns of W are orthogonal.
    let bias = parameter(model.as_ref(), "decoder.0.bias");
    let to_mean = (&weight / SIGMA.powi(2) / &precision).tr();
    let set = |name: &str, value: &Tensor| tch::no_grad(|| parameter(model.as_ref(), name).copy_(value));
    set("decoder.0.weight", &weight);
    set("encoder.1.weight", &Tensor::cat(&[&to_mean, &to_mean.zeros_like()], 0));
    set("encoder.1.bias", &Tensor::cat(&[-to_mean.matmul(&bias), -precision.log()], 0));
    let exact = exact(model.as_ref(), &rows(), VALUES);
    for samples in [1, 7, 600] {
        for estimate in estimate(model.as_ref(), samples) {
            assert!(furthest(&estimate, &exact) < 1e-4, "{samples} samples");
        }
    }
}

#[test]
fn latents_that_follow_the_data_are_active() {
    let latents = |variance: &[f64]| Latents { kl: vec![1.5; variance.len()], variance: variance.to_vec() };
    for (variance, active, words) in [
        (&[0.5, 0.02][..], 2, "no collapse: all 2 latents are active, 3.0 nats in total"),
        (&[0.5, 0.01, 0.0], 1, "partly collapsed: 1 of 3 latents are active, 4.5 nats in total"),
        (&[0.0, 0.001], 0, "collapsed: none of 2 latents depends on the data"),
    ] {
        let latents = latents(variance);
        assert_eq!(latents.active(), active);
        assert!(latents.diagnosis().starts_with(words), "{}", latents.diagnosis());
    }
    let mut many = vec![0.0; 30];
    many[4] = 1.0;
    assert!(latents(&many).diagnosis().starts_with("nearly collapsed: only 1 of 30"));
}

#[test]
fn densities_of_a_run_are_reproducible_and_agree_with_its_record() {
    let bench = Bench::new();
    let run = bench.with(&[0], |c| c.trained(&wanted("toy", "vae", &bench.bars(), 2, 0)).unwrap());
    let model = latent_variable(&run).unwrap();
    let rows = run.splits.test.rows(0, 10);
    let few = density(model, &rows, 50, 0);
    assert_eq!(few.rows, 10);
    assert!(few.negative_log_likelihood < few.negative_elbo && few.standard_error > 0.0, "{few:?}");
    assert_eq!(few, density(model, &rows, 50, 0));
    assert_ne!(few, density(model, &rows, 50, 1));
    let latents = latents(model, &run.splits.test, 0);
    assert_eq!(latents.kl.len(), 20);
    let total: f64 = latents.kl.iter().sum();
    assert!((total - run.record.metrics["test/kl"]).abs() < 1e-3 * total, "{total}");
    let plain = bench.with(&[0], |c| c.trained(&wanted("plain", "vanilla", &bench.bars(), 1, 0)).unwrap());
    let error = latent_variable(&plain).err().unwrap().to_string();
    assert!(error.contains("`vanilla`") && error.contains("no density"), "{error}");
}
