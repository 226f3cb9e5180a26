//! Tests of the KL term, and of what the shared core minimises.

use super::*;
use crate::testing::*;

fn config(kl: Kl) -> VariationalConfig {
    VariationalConfig {
        variant: "vae",
        encoder: Body::dense([HIDDEN]),
        decoder: None,
        latent: LATENT,
        activation: Activation::Tanh,
        likelihood: Likelihood::Bernoulli,
        targets: Targets::Grey,
        kl,
    }
}

fn built(kl: Kl) -> Variational {
    let model = Variational::new(&config(kl), &data(), &noise()).unwrap();
    set_weights(&model);
    model
}

fn losses(model: &Variational, pass: &Pass) -> Losses {
    let posterior = DiagonalGaussian::from_output(&model.encoder.forward(&grey()));
    let output = model.decoder.forward(&posterior.reparameterise(&draws(&[ROWS, LATENT])));
    model.elbo_losses(&output, &grey(), None, &posterior, pass).remove(0)
}

/// The weighted KL at step `step` of 100, or in an evaluation if it is `None`.
fn price(kl: Kl, step: Option<u64>) -> f64 {
    let pass = step.map_or(Pass::evaluation(noise()), |step| Pass::training(noise(), step, 100));
    let losses = losses(&built(kl), &pass);
    losses.terms[1].1.double_value(&[])
}

#[test]
fn losses_and_gradients_are_pytorchs() {
    let rise = Span::Share(0.5);
    for (name, kl) in [
        ("plain", Kl::default()),
        ("weight_4", Kl { weight: 4.0, ..Kl::default() }),
        ("free_bits_0.3", Kl { free_bits: 0.3, ..Kl::default() }),
        (
            "capacity_5_gamma_3",
            Kl { weight: 3.0, capacity: Some(Capacity { nats: 5.0, rise }), ..Kl::default() },
        ),
    ] {
        let model = built(kl);
        check_reference(name, &model, &losses(&model, &Pass::evaluation(noise())));
    }
}

#[test]
fn weight_and_capacity_rise_and_stand_at_their_end_in_an_evaluation() {
    let plain = price(Kl::default(), None);
    let warm = |span| Kl { warm_up: Some(span), ..Kl::default() };
    for (span, step, expected) in [
        (Span::Steps(20), Some(0), 0.0),
        (Span::Steps(20), Some(5), 0.25),
        (Span::Steps(20), Some(50), 1.0),
        (Span::Steps(0), Some(0), 0.0),
        (Span::Share(0.5), Some(25), 0.5),
        (Span::Share(0.5), Some(99), 1.0),
        (Span::Share(0.5), None, 1.0),
        (Span::Share(0.0), Some(1), 1.0),
    ] {
        let obtained = price(warm(span), step) / plain;
        assert!((obtained - expected).abs() < 1e-6, "{span:?} at {step:?}: {obtained}");
    }
    let capacity = Kl { capacity: Some(Capacity { nats: 9.0, rise: Span::Share(1.0) }), ..Kl::default() };
    for (step, expected) in [(Some(0), plain), (Some(50), (plain - 4.5).abs()), (None, (plain - 9.0).abs())] {
        assert!((price(capacity, step) - expected).abs() < 1e-5, "{step:?}");
    }
}

#[test]
fn a_priced_divergence_is_measured_beside_its_price() {
    let names = |kl| {
        let losses = losses(&built(kl), &Pass::evaluation(noise()));
        let names = |of: &[(&'static str, Tensor)]| of.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        (names(&losses.terms), names(&losses.figures))
    };
    assert_eq!(names(Kl::default()), (vec!["reconstruction", "kl"], vec![]));
    let expected = (vec!["reconstruction", "weighted_kl"], vec!["kl", "negative_elbo"]);
    assert_eq!(names(Kl { weight: 0.5, ..Kl::default() }), expected);
    assert_eq!(names(Kl { warm_up: Some(Span::Steps(9)), ..Kl::default() }), expected);
}

#[test]
fn bits_are_drawn_at_their_rate_anew_at_every_step() {
    let values = Tensor::full([50_000], 0.3, (Kind::Float, ae_tensor::Device::Cpu));
    let draw = |step| Targets::Stochastic.draw(&values, &Noise::new(1, step, ae_tensor::Device::Cpu));
    let bits = draw(0);
    assert!((bits.mean(Kind::Double).double_value(&[]) - 0.3).abs() < 0.01);
    assert_eq!(&bits * &bits, bits, "zeros and ones only");
    assert_eq!(bits, draw(0));
    assert_ne!(bits, draw(1));
    let ends = Tensor::from_slice(&[0f32, 1.0]);
    assert_eq!(Targets::Stochastic.draw(&ends, &noise()), ends);
    assert_eq!(Targets::Grey.draw(&values, &noise()), values);
}

#[test]
fn settings_out_of_range_are_refused() {
    let check = |config: VariationalConfig, expected: &str| {
        let error = Variational::new(&config, &data(), &noise()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let rise = Span::Share(0.5);
    for (kl, expected) in [
        (
            Kl { weight: -1.0, ..Kl::default() },
            "model.vae.kl.weight = -1 is out of range; it must be 0 or more",
        ),
        (Kl { free_bits: f64::NAN, ..Kl::default() }, "model.vae.kl.free_bits = NaN"),
        (Kl { warm_up: Some(Span::Share(1.5)), ..Kl::default() }, "model.vae.kl.warm_up = share(1.5)"),
        (
            Kl { capacity: Some(Capacity { nats: -2.0, rise }), ..Kl::default() },
            "model.vae.kl.capacity.nats = -2",
        ),
        (
            Kl { free_bits: 0.1, capacity: Some(Capacity { nats: 2.0, rise }), ..Kl::default() },
            "0 if a capacity is set",
        ),
    ] {
        check(config(kl), expected);
    }
    check(VariationalConfig { latent: 0, ..config(Kl::default()) }, "model.vae.latent = 0");
    check(
        VariationalConfig { decoder: Some(Body::dense([0])), ..config(Kl::default()) },
        "model.vae.decoder = [0]",
    );
    check(
        VariationalConfig { encoder: Body::conv([4]), ..config(Kl::default()) },
        "write encoder = \"dense\"",
    );
    let laplace = Likelihood::Laplace { scale: 1.0 };
    let config =
        VariationalConfig { targets: Targets::Stochastic, likelihood: laplace, ..config(Kl::default()) };
    check(config, "model.vae.targets = \"stochastic\" is out of range");
}

/// Losses of training `likelihood` for 60 steps on sixteen samples of `shape` around `mean`: before and
/// after.
fn losses_around(mean: f64, shape: &[i64], body: Body, likelihood: Likelihood) -> [f64; 2] {
    ae_tensor::device::set_threads(1);
    let values = noise().normal("samples", &[&[16], shape].concat()) * 0.5 + mean;
    let [low, high] = [values.min(), values.max()].map(|end| end.double_value(&[]));
    let data = DataSummary { shape: shape.to_vec(), mean, low, high, classes: 0 };
    let config = VariationalConfig { encoder: body, likelihood, ..config(Kl::default()) };
    let model = Variational::new(&config, &data, &noise()).unwrap();
    let parameters: Vec<Tensor> = model.parameters().into_iter().map(|p| p.1).collect();
    let mut optimizer = ae_tensor::Optimizer::new(Default::default(), &parameters).unwrap();
    let batch = Batch { values, labels: None, observed: None, given: None };
    let loss = |step| model.losses(&batch, &Pass::training(noise(), step, 60))[0].total().unwrap();
    let before = loss(0).double_value(&[]);
    for step in 0..60 {
        optimizer.zero_gradients().unwrap();
        loss(step).backward();
        optimizer.step(0.01).unwrap();
    }
    assert_eq!(model.reconstruct(&batch.values).size(), batch.values.size());
    [before, loss(60).double_value(&[])]
}

#[test]
fn a_learned_variance_learns_from_data_far_from_zero_in_every_shape() {
    let recurrent = || serde_json::from_str("\"recurrent\"").unwrap();
    for (shape, body) in [
        (&[12, 3][..], Body::dense([HIDDEN])),
        (&[12, 3], recurrent()),
        (&[7], Body::dense([HIDDEN])),
        (&[7], recurrent()),
        (&[2, 5, 4], Body::dense([HIDDEN])),
        (&[2, 5, 4], Body::conv([3])),
    ] {
        let numel = shape.iter().product::<i64>() as f64;
        for mean in [0.0, 1000.0] {
            let [before, after] = losses_around(mean, shape, body.clone(), Likelihood::GaussianLearned);
            // From a standard deviation of a uniform distribution to 0.5: ln(1.7) nats for each value.
            assert!(after < before - 0.1 * numel, "{shape:?} {body:?} around {mean}: {before} to {after}");
            assert!(before < 4.0 * numel, "{shape:?} {body:?} around {mean} starts at {before}");
        }
    }
}

#[test]
fn a_learned_variance_doubles_channels_and_features_and_starts_at_the_scale_of_the_data() {
    let data =
        |shape: &[i64]| DataSummary { shape: shape.into(), mean: 20.0, low: 2.0, high: 26.0, classes: 0 };
    let check = |shape: &[i64], body: Body, output: &[i64]| {
        let config = VariationalConfig {
            encoder: body,
            likelihood: Likelihood::GaussianLearned,
            ..config(Kl::default())
        };
        let model = Variational::new(&config, &data(shape), &noise()).unwrap();
        assert_eq!(model.decoder.output_shape(), output);
        let latents = Tensor::zeros([1, LATENT], (Kind::Float, ae_tensor::Device::Cpu));
        let batch = Batch {
            values: Tensor::full([&[1], shape].concat(), 20.0, (Kind::Float, ae_tensor::Device::Cpu)),
            labels: None,
            observed: None,
            given: None,
        };
        assert!((model.mean(&latents) - &batch.values).abs().max().double_value(&[]) < 1e-4, "{shape:?}");
        // The density of N(20, 24² / 12) at its mean: the log-variances are the second half, of every value.
        let missed = model.negative_log_likelihood_per_value(&latents, &batch);
        let expected = 0.5 * (2.0 * std::f64::consts::PI * 48.0).ln();
        assert!((missed - expected).abs().max().double_value(&[]) < 1e-4, "{shape:?}");
    };
    let recurrent = || serde_json::from_str("\"recurrent\"").unwrap();
    check(&[7], Body::dense([HIDDEN]), &[14]);
    check(&[12, 3], Body::dense([HIDDEN]), &[12, 6]);
    check(&[2, 5, 4], Body::dense([HIDDEN]), &[4, 5, 4]);
    check(&[2, 5, 4], Body::conv([3]), &[4, 5, 4]);
    check(&[7], recurrent(), &[7, 2]);
    check(&[12, 3], recurrent(), &[12, 6]);
}
