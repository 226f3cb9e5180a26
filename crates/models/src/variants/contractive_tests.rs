//! Tests that three ways give the same penalty.

use super::*;
use ae_tensor::Device;
use ae_tensor::array::to_vec;

const CODE: i64 = 5;

fn noise(step: u64) -> Noise {
    Noise::new(3, step, Device::Cpu)
}

fn samples() -> Batch {
    Batch { values: noise(0).uniform("samples", &[6, 2, 4, 3]), labels: None, observed: None, given: None }
}

fn config(jacobian: Jacobian) -> Config {
    Config { code: CODE, weight: 0.1, jacobian, ..Config::default() }
}

fn build(config: &Config) -> Box<dyn Model> {
    let data = DataSummary { shape: vec![2, 4, 3], mean: 0.5, low: 0.0, high: 1.0, classes: 0 };
    config.initialise(&data, &noise(0)).unwrap()
}

/// Value of the penalty at `step`, and the gradient of the whole loss.
fn penalty_and_gradient(config: &Config, step: u64) -> (f64, Vec<f64>) {
    let model = build(config);
    let losses = model.losses(&samples(), &Pass::training(noise(step), step, 1000)).remove(0);
    losses.total().unwrap().backward();
    let gradient = model.parameters().iter().flat_map(|(_, parameter)| to_vec(&parameter.grad())).collect();
    (losses.terms[1].1.double_value(&[]), gradient)
}

fn check_near(obtained: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(obtained.len(), expected.len());
    for (obtained, expected) in obtained.iter().zip(expected) {
        assert!((obtained - expected).abs() < tolerance, "{obtained} is not {expected}");
    }
}

#[test]
fn the_closed_form_is_exact_and_so_are_its_gradients() {
    let (closed, exact) = (config(Jacobian::ClosedForm), config(Jacobian::Exact));
    let (closed, exact) = (penalty_and_gradient(&closed, 0), penalty_and_gradient(&exact, 0));
    assert!(closed.0 > 1e-3, "{}", closed.0);
    check_near(&[closed.0], &[exact.0], 1e-6);
    check_near(&closed.1, &exact.1, 1e-6);
}

#[test]
fn the_estimate_is_exact_in_expectation() {
    let exact = penalty_and_gradient(&config(Jacobian::Exact), 0);
    let estimate = config(Jacobian::Estimate { probes: 4 });
    let n_steps = 200;
    let all: Vec<_> = (0..n_steps).map(|step| penalty_and_gradient(&estimate, step)).collect();
    assert_ne!(all[0].0, all[1].0, "each step has probes of its own");
    let mean = all.iter().map(|step| step.0).sum::<f64>() / n_steps as f64;
    let spread = all.iter().map(|step| (step.0 - mean).powi(2)).sum::<f64>() / n_steps as f64;
    let standard_error = (spread / n_steps as f64).sqrt();
    assert!((mean - exact.0).abs() < 4.0 * standard_error, "{mean} ± {standard_error} is not {}", exact.0);
}

#[test]
fn probes_that_are_a_basis_give_the_exact_norm() {
    let model = build(&config(Jacobian::Exact));
    let x = samples().values.set_requires_grad(true);
    let code = model.as_autoencoder().unwrap().encode(&x).point().shallow_clone();
    // With a basis of D vectors of length √D, the mean of the squared products is the squared norm.
    let identity = Tensor::eye(CODE, (Kind::Float, Device::Cpu)) * (CODE as f64).sqrt();
    let basis: Vec<Tensor> = (0..CODE).map(|d| identity.get(d).expand_as(&code)).collect();
    let estimate = penalty::jacobian_norm_estimate(&code, &x, &basis, false);
    check_near(&to_vec(&estimate), &to_vec(&penalty::jacobian_norm(&code, &x, false)), 1e-6);
    // Hadamard's matrix of order 4 as probes for a code of 4 numbers: entries of ±1, as in training.
    let code = code.narrow(1, 0, 4);
    let rows =
        [[1f32, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0], [1.0, -1.0, -1.0, 1.0]];
    let signs: Vec<Tensor> = rows.iter().map(|row| Tensor::from_slice(row).expand_as(&code)).collect();
    let estimate = penalty::jacobian_norm_estimate(&code, &x, &signs, false);
    check_near(&to_vec(&estimate), &to_vec(&penalty::jacobian_norm(&code, &x, false)), 1e-4);
}

#[test]
fn the_exact_norm_of_a_deep_encoder_is_that_of_finite_differences() {
    for config in [
        Config { hidden: vec![7], ..config(Jacobian::Exact) },
        Config { encoder: Some(Body::conv([3])), ..config(Jacobian::Exact) },
    ] {
        let model = build(&config);
        let values = samples().values.narrow(0, 0, 1);
        let batch = Batch { values: values.shallow_clone(), labels: None, observed: None, given: None };
        let losses = tch::no_grad(|| model.losses(&batch, &Pass::evaluation(noise(0)))).remove(0);
        let obtained = losses.terms[1].1.double_value(&[]) / 0.1;
        let encode = |x: &Tensor| model.as_autoencoder().unwrap().encode(x).point().detach();
        let by = 1e-2;
        let norm: f64 = (0..24)
            .map(|place| {
                let shifted = |by: f64| {
                    let x = values.copy();
                    let _ = x.view([-1]).get(place).g_add_scalar_(by);
                    encode(&x)
                };
                let slope = (shifted(by) - shifted(-by)) / (2.0 * by);
                slope.square().sum(Kind::Double).double_value(&[])
            })
            .sum();
        assert!((obtained - norm).abs() < 1e-3 * norm, "{obtained} is not {norm}");
    }
}

#[test]
fn the_closed_form_is_refused_for_other_encoders() {
    for config in [
        Config { hidden: vec![7], ..config(Jacobian::ClosedForm) },
        Config { code_activation: Activation::Tanh, ..config(Jacobian::ClosedForm) },
        Config { encoder: Some(Body::default()), ..config(Jacobian::ClosedForm) },
        config(Jacobian::Estimate { probes: 0 }),
        Config { weight: f64::NAN, ..Config::default() },
    ] {
        assert!(matches!(config.check(), Err(ModelError::Setting { .. })), "{config:?}");
    }
}

#[test]
fn tied_weights_are_one_tensor_that_is_trained_from_both_sides() {
    let untied = build(&Config { tied: false, ..config(Jacobian::ClosedForm) });
    assert_eq!((untied.parameters().len(), untied.warnings().len()), (4, 1));
    let model = build(&config(Jacobian::ClosedForm));
    let parameters = model.parameters();
    let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["encoder.1.weight", "encoder.1.bias", "decoder.0.bias"]);
    assert_eq!(model.warnings(), [""; 0]);
    let [weight, bias, back] = [&parameters[0].1, &parameters[1].1, &parameters[2].1];
    let x = samples().values;
    let code = (x.flatten(1, -1).matmul(&weight.tr()) + bias).sigmoid();
    let rebuilt = (code.matmul(weight) + back).sigmoid();
    let autoencoder = model.as_autoencoder().unwrap();
    check_near(&to_vec(&autoencoder.reconstruct(&x)), &to_vec(&rebuilt), 1e-6);
    let dictionary = autoencoder.dictionary().unwrap();
    assert_eq!(dictionary, weight.view([CODE, 2, 4, 3]));
    // Written out, the loss has the same gradient; the code alone would have another.
    let losses = model.losses(&samples(), &Pass::evaluation(noise(0))).remove(0);
    losses.terms[0].1.backward();
    let obtained = to_vec(&weight.grad());
    let _ = weight.grad().zero_();
    (rebuilt - x.flatten(1, -1)).square().mean(Kind::Float).backward();
    check_near(&obtained, &to_vec(&weight.grad()), 1e-6);
}

#[test]
fn deep_stacks_are_tied_layer_by_layer_and_convolutions_are_not() {
    let model = build(&Config { hidden: vec![7], ..config(Jacobian::Exact) });
    let of = |network: usize| -> Vec<String> {
        model.networks()[network].1.architecture().layers().iter().map(|layer| layer.to_string()).collect()
    };
    assert_eq!(of(0), ["flatten", "dense 7", "tanh", "dense 5", "sigmoid"]);
    assert_eq!(of(1)[..3], ["dense 7, tied to encoder.3", "tanh", "dense 24, tied to encoder.1"]);
    let conv = build(&Config { encoder: Some(Body::conv([3])), ..config(Jacobian::Exact) });
    assert_eq!(conv.warnings().len(), 1, "a penalty that can be evaded is warned of");
}
