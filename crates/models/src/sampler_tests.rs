//! Tests of samplers over the registry: what they draw is what the model encodes.

use super::*;
use crate::{DataSummary, ModelConfig};
use ae_tensor::{Device, array};

const SHAPE: [i64; 3] = [1, 8, 8];

fn noise(seed: u64) -> Noise {
    Noise::new(seed, 0, Device::Cpu)
}

fn model(name: &str) -> Box<dyn Model> {
    let config = ModelConfig::all().into_iter().find(|config| config.name() == name).unwrap();
    let data = DataSummary { shape: SHAPE.into(), mean: 0.3, low: 0.0, high: 1.0, classes: 3 };
    config.initialise(&data, &noise(0)).unwrap()
}

/// Rows of one bright half each.
fn rows(n: i64) -> Tensor {
    let bright = noise(1).mask("half", &[n, 1, 1, 1], 0.5);
    let half = Tensor::cat(
        &[
            Tensor::zeros([1, 1, 4, 8], (Kind::Float, Device::Cpu)),
            Tensor::ones([1, 1, 4, 8], (Kind::Float, Device::Cpu)),
        ],
        2,
    );
    (&bright * &half + (-&bright + 1.0) * (-&half + 1.0)) * 0.8
        + noise(2).uniform("rows", &[n, 1, 8, 8]) * 0.2
}

#[test]
fn every_model_of_the_registry_has_its_best_sampler_and_refuses_the_others() {
    let rows = rows(60);
    for config in ModelConfig::all() {
        let name = config.name();
        if matches!(name, "lstm" | "tcn" | "composite" | "conv_lstm" | "colouring") {
            continue; // not for grey images
        }
        let model = model(name);
        let Some(best) = Sampler::of(model.as_ref()) else {
            assert!(model.as_autoencoder().is_none(), "{name}");
            let error = Sampler::Gmm.fit(model.as_ref(), &rows, &noise(0)).unwrap_err();
            assert_eq!(error, SamplerError::NoCodes(Sampler::Gmm), "{name}");
            continue;
        };
        for sampler in Sampler::ALL {
            let fitted = match sampler.fit(model.as_ref(), &rows, &noise(0)) {
                Ok(fitted) => fitted,
                Err(error) => {
                    let fits_codes = model.as_autoencoder().is_some();
                    let expected = match error {
                        SamplerError::NoCodes(_) => !fits_codes,
                        SamplerError::Untrained => sampler == Sampler::TwoStage,
                        SamplerError::Discrete(_) => name == "vq_vae",
                        SamplerError::NotDiscrete => name != "vq_vae" && sampler == Sampler::Positions,
                        _ => false,
                    };
                    assert!(expected && sampler != best, "{name} {sampler}: {error}");
                    continue;
                }
            };
            let drawn = fitted.sample(model.as_ref(), 5, &noise(3)).unwrap();
            assert_eq!(drawn.size(), [5, 1, 8, 8], "{name} {sampler}");
            assert_eq!(drawn, fitted.sample(model.as_ref(), 5, &noise(3)).unwrap(), "{name} {sampler}");
            // An untrained codebook has one entry that is nearest to all codes.
            let differs = drawn != fitted.sample(model.as_ref(), 5, &noise(4)).unwrap();
            assert!(differs || name == "vq_vae", "{name} {sampler}");
            assert_eq!(drawn.isfinite().all().int64_value(&[]), 1, "{name} {sampler}");
        }
    }
}

#[test]
fn the_prior_of_a_model_is_its_own_and_fitted_densities_are_of_its_codes() {
    let (vae, vanilla, rows) = (model("vae"), model("vanilla"), rows(400));
    let own = vae.as_generator().unwrap().sample(4, &noise(3));
    let prior = Sampler::Prior.fit(vae.as_ref(), &rows, &noise(0)).unwrap();
    assert_eq!(prior.sample(vae.as_ref(), 4, &noise(3)).unwrap(), own);
    let autoencoder = vanilla.as_autoencoder().unwrap();
    let codes = tch::no_grad(|| autoencoder.encode(&rows).point().shallow_clone());
    let mean = |codes: &Tensor| codes.mean_dim([0i64].as_slice(), false, Kind::Double);
    let off = |codes: &Tensor, other: &Tensor| (mean(codes) - mean(other)).abs().max().double_value(&[]);
    for sampler in [Sampler::Gaussian, Sampler::Gmm] {
        let fitted = sampler.fit(vanilla.as_ref(), &rows, &noise(0)).unwrap();
        let drawn = fitted.codes(4000, &noise(3)).unwrap();
        assert!(off(&drawn, &codes) < 0.05, "{sampler}: {}", off(&drawn, &codes));
    }
    let standard = Sampler::Prior.fit(vanilla.as_ref(), &rows, &noise(0)).unwrap();
    assert!(off(&standard.codes(4000, &noise(3)).unwrap(), &codes) > 0.1, "codes lie elsewhere");
}

/// Two halves are two groups of codes, between which one Gaussian puts most of its draws.
#[test]
fn a_mixture_is_denser_at_held_out_codes_than_one_gaussian() {
    let config: ModelConfig = serde_json::from_str(r#"{"linear": {"code": 3}}"#).unwrap();
    let data = DataSummary { shape: SHAPE.into(), mean: 0.3, low: 0.0, high: 1.0, classes: 0 };
    let linear = config.initialise(&data, &noise(0)).unwrap();
    let (train, held_out) = (rows(600).narrow(0, 0, 400), rows(600).narrow(0, 400, 200));
    let codes = tch::no_grad(|| linear.as_autoencoder().unwrap().encode(&held_out).point().shallow_clone());
    let density = |sampler: Sampler| {
        let fitted = sampler.fit(linear.as_ref(), &train, &noise(0)).unwrap();
        fitted.mixture().unwrap().log_density(&codes).mean(Kind::Double).double_value(&[])
    };
    let (one, ten) = (density(Sampler::Gaussian), density(Sampler::Gmm));
    assert!(ten > one + 0.3, "{ten} {one}");
}

#[test]
fn a_distribution_is_represented_by_draws() {
    let (vae, rows) = (model("vae"), rows(500));
    let fitted = Sampler::Gaussian.fit(vae.as_ref(), &rows, &noise(0)).unwrap();
    let code = tch::no_grad(|| vae.as_autoencoder().unwrap().encode(&rows));
    let Code::Gaussian(posterior) = &code else { panic!("a vae encodes to distributions") };
    let means = posterior.mean.var_dim([0i64].as_slice(), false, false);
    let own = posterior.log_var.exp().mean_dim([0i64].as_slice(), false, Kind::Float);
    let expected = array::to_vec(&(means + own));
    let covariance = fitted.mixture().unwrap().covariances().get(0).diagonal(0, 0, 1);
    for (got, expected) in array::to_vec(&covariance).iter().zip(expected) {
        assert!((got / expected - 1.0).abs() < 0.35, "variance {got}, of means and posteriors {expected}");
    }
}

#[test]
fn no_rows_and_codes_that_are_too_wide_are_refused() {
    let vanilla = model("vanilla");
    let none = Tensor::zeros([0, 1, 8, 8], (Kind::Float, Device::Cpu));
    assert_eq!(Sampler::Gmm.fit(vanilla.as_ref(), &none, &noise(0)).unwrap_err(), SamplerError::NoRows);
    let config: ModelConfig = serde_json::from_str(r#"{"vanilla": {"code": 3000}}"#).unwrap();
    let data = DataSummary { shape: SHAPE.into(), mean: 0.3, low: 0.0, high: 1.0, classes: 0 };
    let wide = config.initialise(&data, &noise(0)).unwrap();
    let error = Sampler::Gmm.fit(wide.as_ref(), &rows(20), &noise(0)).unwrap_err().to_string();
    assert!(error.contains("10 covariances of 3000 × 3000"), "{error}");
}

#[test]
fn many_rows_are_thinned_evenly() {
    let many = Tensor::arange(MAX_FITTED_ROWS * 5 / 2, (Kind::Int64, Device::Cpu));
    let some = array::to_vec(&spaced(&many));
    assert_eq!((some.len() as i64, some[0], some[1], some[2]), (MAX_FITTED_ROWS, 0.0, 2.0, 5.0));
    assert_eq!(some[some.len() - 1] as i64, MAX_FITTED_ROWS * 5 / 2 - 3);
    assert_eq!(spaced(&many.narrow(0, 0, 7)).size(), [7]);
}

#[test]
fn positions_are_drawn_independently_and_keep_their_order() {
    // The code at position p of row m is (m, 10 p).
    let (m, places) = (50i64, 6i64);
    let row = Tensor::arange(m, (Kind::Float, Device::Cpu)).view([m, 1]).expand([m, places], false);
    let place = (Tensor::arange(places, (Kind::Float, Device::Cpu)) * 10.0).view([1, places]);
    let codes = Tensor::stack(&[row, place.expand([m, places], false)], 1).view([m, 2, 2, 3]);
    let drawn = independent(&codes, 4000, &noise(0)).view([4000, 2, places]);
    let at = drawn.select(1, 1);
    assert_eq!(at, place.expand([4000, places], false), "each at its own position");
    let rows = drawn.select(1, 0);
    // Two positions agree only by chance, one time in 50.
    let agree = rows.select(1, 0).eq_tensor(&rows.select(1, 1)).to_kind(Kind::Float).mean(Kind::Float);
    assert!((agree.double_value(&[]) - 0.02).abs() < 0.01);
    let mean = rows.mean(Kind::Float).double_value(&[]);
    assert!((mean - 24.5).abs() < 0.5, "every row is as likely: {mean}");
}

#[test]
fn codes_for_a_second_stage_are_standardised() {
    let vanilla = model("vanilla");
    let codes = Codes::of(vanilla.as_ref(), &rows(300), &noise(0)).unwrap();
    let mean = codes.rows.mean_dim([0i64].as_slice(), false, Kind::Double).abs().max().double_value(&[]);
    let spread = codes.rows.std_dim([0i64].as_slice(), false, false);
    assert!(mean < 1e-4, "{mean}");
    // A number that is the same in all codes has none.
    let off = (&spread * (&spread - 1.0)).abs().max().double_value(&[]);
    assert!(off < 1e-2 && spread.max().double_value(&[]) > 0.9, "{off}");
    let discrete = Codes::of(model("vq_vae").as_ref(), &rows(3), &noise(0)).unwrap_err();
    assert_eq!(discrete, SamplerError::Discrete(Sampler::TwoStage));
    assert_eq!(
        Codes::of(vanilla.as_ref(), &rows(3).narrow(0, 0, 0), &noise(0)).unwrap_err(),
        SamplerError::NoRows
    );
}
