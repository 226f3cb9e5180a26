//! Tests every formula against values from an independent source (`golden/make.py`), and its gradient against
//! finite differences.

use ae_tensor::divergence::{DiagonalGaussian, bernoulli_kl, free_bits, log_mean_exp, standard_log_prob};
use ae_tensor::{Activate, Activation, Distance, Kind, Likelihood, Tensor, penalty};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/formulas.json")).unwrap()
}

fn vector(value: &Value) -> Tensor {
    Tensor::from_slice(&value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>())
}

fn matrix(value: &Value) -> Tensor {
    Tensor::stack(&value.as_array().unwrap().iter().map(vector).collect::<Vec<_>>(), 0)
}

fn check(name: &str, obtained: &Tensor, expected: &Value, tolerance: f64) {
    let difference = (obtained - vector(expected)).abs().max().double_value(&[]);
    assert!(difference < tolerance, "{name} is off by {difference:e}");
}

/// The gradient of `f`'s sum at `x` by autograd, against central differences; all in double precision, where
/// a step of 1e-5 leaves an error near 1e-9.
fn check_gradient(name: &str, x: &Tensor, f: impl Fn(&Tensor) -> Tensor) {
    let x = x.to_kind(Kind::Double).detach().copy().set_requires_grad(true);
    f(&x).sum(Kind::Double).backward();
    let gradient = x.grad().flatten(0, -1);
    let x = x.detach();
    for i in 0..x.numel() as i64 {
        let shifted = |by: f64| {
            let y = x.copy();
            let _ = y.view([-1]).get(i).g_add_scalar_(by);
            f(&y).sum(Kind::Double).double_value(&[])
        };
        let numeric = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
        let exact = gradient.double_value(&[i]);
        assert!(
            (numeric - exact).abs() < 1e-6 * (1.0 + exact.abs()),
            "{name}[{i}]: {exact} against {numeric}"
        );
    }
}

#[test]
fn likelihoods() {
    let golden = &golden()["likelihood"];
    let (target, bits, output) =
        (matrix(&golden["target"]), matrix(&golden["bits"]), matrix(&golden["output"]));
    let both = Tensor::cat(&[&output, &matrix(&golden["log_var"])], 1);
    for (name, likelihood, output, target) in [
        ("bernoulli_bits", Likelihood::Bernoulli, &output, &bits),
        ("bernoulli_grey", Likelihood::Bernoulli, &output, &target),
        ("gaussian_0.3", Likelihood::Gaussian { sigma: 0.3 }, &output, &target),
        ("gaussian_learned", Likelihood::GaussianLearned, &both, &target),
        ("laplace_0.7", Likelihood::Laplace { scale: 0.7 }, &output, &target),
        ("beta_binomial", Likelihood::BetaBinomial, &both, &target),
    ] {
        check(name, &likelihood.negative_log_prob(output, target), &golden[name], 1e-9);
        check_gradient(name, output, |o| likelihood.negative_log_prob(o, target));
        assert_eq!(likelihood.mean(output).size(), target.size(), "{name}");
    }
}

/// By hand: logits 0, ln 2 and ln 3 are the probabilities 1/6, 1/3 and 1/2.
#[test]
fn counts_are_likely_by_their_shares() {
    let logits = Tensor::from_slice(&[0.0, 2f64.ln(), 3f64.ln()]).view([1, 3]);
    let counts = Tensor::from_slice(&[1.0, 0.0, 2.0]).view([1, 3]);
    let missed = Likelihood::Multinomial.negative_log_prob(&logits, &counts).double_value(&[0]);
    assert!((missed - (6f64.ln() + 2.0 * 2f64.ln())).abs() < 1e-12, "{missed}");
    let mean = Likelihood::Multinomial.mean(&logits);
    let expected = Tensor::from_slice(&[1.0 / 6.0, 1.0 / 3.0, 0.5]);
    assert!((mean - expected).abs().max().double_value(&[]) < 1e-12);
    check_gradient("multinomial", &logits, |o| Likelihood::Multinomial.negative_log_prob(o, &counts));
    let refused = Likelihood::Multinomial.check(-1.0, 3.0).unwrap_err().to_string();
    assert!(refused.contains("multinomial only takes values in [0, inf]"), "{refused}");
    assert!(Likelihood::Multinomial.check(0.0, 300.0).is_ok());
}

#[test]
fn weights_count_and_biases_do_not() {
    let named = |name: &str, values: &[f64]| (name.to_owned(), Tensor::from_slice(values));
    let parameters =
        [named("encoder.1.weight", &[3.0, 1.0]), named("encoder.1.bias", &[9.0]), named("b.weight", &[2.0])];
    assert_eq!(penalty::half_squared_weights(&parameters).double_value(&[]), 7.0);
    assert_eq!(penalty::half_squared_weights(&[]).double_value(&[]), 0.0);
}

#[test]
fn likelihoods_survive_extreme_outputs() {
    let output = Tensor::from_slice(&[-1e4f32, 1e4]).view([1, 2]);
    let target = Tensor::from_slice(&[1f32, 0.0]).view([1, 2]);
    let nll = Likelihood::Bernoulli.negative_log_prob(&output, &target).double_value(&[0]);
    assert_eq!(nll, 2e4);
}

#[test]
fn likelihoods_refuse_what_they_cannot_take() {
    let error = Likelihood::Bernoulli.check(-0.5, 255.0).unwrap_err().to_string();
    assert!(error.contains("[-0.5, 255]") && error.contains("[0, 1]"), "{error}");
    assert!(Likelihood::Bernoulli.check(0.0, 1.0).is_ok());
    assert!(Likelihood::Bernoulli.check(f64::NAN, 1.0).is_err());
    assert!(Likelihood::Gaussian { sigma: 0.0 }.check(0.0, 1.0).is_err());
    assert!(Likelihood::Laplace { scale: f64::NAN }.check(0.0, 1.0).is_err());
    assert!(Likelihood::Laplace { scale: 0.5 }.check(-9.0, 9.0).is_ok());
}

#[test]
fn divergences() {
    let golden = &golden()["divergence"];
    let gaussian = |mean: &str, log_var: &str| DiagonalGaussian {
        mean: matrix(&golden[mean]),
        log_var: matrix(&golden[log_var]),
    };
    let (q, p) = (gaussian("mean", "log_var"), gaussian("other_mean", "other_log_var"));
    check("to_standard", &q.kl_to_standard(), &golden["to_standard"], 1e-9);
    check("to_other", &q.kl_to(&p), &golden["to_other"], 1e-9);
    check("to itself", &q.kl_to(&gaussian("mean", "log_var")), &serde_json::json!([0.0, 0.0]), 1e-12);
    let observed = vector(&golden["observed"]);
    check("bernoulli", &bernoulli_kl(0.05, &observed), &golden["bernoulli_0.05"], 1e-9);

    let output = Tensor::cat(&[&q.mean, &q.log_var], 1);
    check_gradient("to_standard", &output, |o| DiagonalGaussian::from_output(o).kl_to_standard());
    check_gradient("to_other", &output, |o| DiagonalGaussian::from_output(o).kl_to(&p));
    check_gradient("bernoulli", &observed, |o| bernoulli_kl(0.05, o));
    let noise = p.mean.copy();
    check_gradient("reparameterise", &output, |o| {
        DiagonalGaussian::from_output(o).reparameterise(&noise).square()
    });
}

#[test]
fn densities_and_bounds() {
    let golden = &golden()["density"];
    let q = DiagonalGaussian { mean: matrix(&golden["mean"]), log_var: matrix(&golden["log_var"]) };
    let z = matrix(&golden["z"]);
    check("log_prob", &q.log_prob(&z), &golden["log_prob"], 1e-9);
    check("standard_log_prob", &standard_log_prob(&z), &golden["standard_log_prob"], 1e-9);
    let output = Tensor::cat(&[&q.mean, &q.log_var], 1);
    check_gradient("log_prob", &output, |o| DiagonalGaussian::from_output(o).log_prob(&z));
    // Several draws for the same rows.
    let draws = Tensor::stack(&[&z, &(&z + 1.0)], 0);
    assert_eq!(q.log_prob(&draws).get(0), q.log_prob(&z));

    let weights = matrix(&golden["log_weights"]);
    check("log_mean_exp", &log_mean_exp(&weights), &golden["log_mean_exp"], 1e-9);
    check_gradient("log_mean_exp", &weights, log_mean_exp);
    let far = log_mean_exp(&(&weights - 1e4)) + 1e4;
    check("log_mean_exp far down", &far, &golden["log_mean_exp"], 1e-9);

    let kl = q.kl_to_standard_per_dimension();
    check("free bits", &free_bits(&kl, 0.4).view([1]), &golden["free_bits_0.4"], 1e-9);
    let none = free_bits(&kl, 0.0) - q.kl_to_standard().mean(Kind::Double);
    assert!(none.abs().double_value(&[]) < 1e-12, "no floor: the mean KL");
    check_gradient("free bits", &kl, |kl| free_bits(kl, 0.4));
}

#[test]
fn penalties() {
    let golden = &golden()["jacobian"];
    let (weight, bias, input) =
        (matrix(&golden["weight"]), vector(&golden["bias"]), matrix(&golden["input"]));
    let code = |weight: &Tensor| input.linear(weight, Some(&bias)).sigmoid();
    check("jacobian", &penalty::sigmoid_jacobian_norm(&code(&weight), &weight), &golden["norm"], 1e-7);
    check_gradient("jacobian", &weight, |w| penalty::sigmoid_jacobian_norm(&code(w), w));
    let code = code(&weight);
    assert_eq!(penalty::l1_activity(&Tensor::from_slice(&[1.0, -2.0, 0.0, 4.0]).view([2, 2])).size(), [2]);
    check(
        "l1",
        &penalty::l1_activity(&Tensor::from_slice(&[1.0, -2.0, 0.0, 4.0]).view([2, 2])),
        &serde_json::json!([3.0, 4.0]),
        1e-12,
    );
    check_gradient("l1", &code, penalty::l1_activity);
    check_gradient("rate", &code, |c| penalty::rate_divergence(c, 0.1));
    let at_rate = Tensor::full([5, 2], 0.1, (Kind::Double, ae_tensor::Device::Cpu));
    assert!(penalty::rate_divergence(&at_rate, 0.1).double_value(&[]).abs() < 1e-12);
}

#[test]
fn distances() {
    let x = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0]).view([2, 1, 2]);
    let y = Tensor::from_slice(&[1.0, 0.0, 0.0, 8.0]).view([2, 1, 2]);
    for (distance, expected) in [(Distance::MeanSquared, [2.0, 12.5]), (Distance::MeanAbsolute, [1.0, 3.5])] {
        let name = format!("{distance:?}");
        check(&name, &distance.per_sample(&x, &y), &serde_json::json!(expected), 1e-12);
        let mean = distance.mean(&x, &y).double_value(&[]);
        assert_eq!(mean, (expected[0] + expected[1]) / 2.0);
        check_gradient(&name, &x, |x| distance.per_sample(x, &y));
    }
}

#[test]
fn activations_have_their_gradients() {
    let x = Tensor::from_slice(&[-2.0, -0.3, 0.4, 1.7]);
    for activation in [
        Activation::Identity,
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Gelu,
        Activation::Silu,
        Activation::LeakyRelu,
    ] {
        check_gradient(&format!("{activation:?}"), &x, |x| activation.apply(x));
    }
}
