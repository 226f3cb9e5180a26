//! Tests of mixtures: known Gaussians come back, the objective never falls, degenerate rows do no harm.

use super::*;

fn noise(seed: u64) -> Noise {
    Noise::new(seed, 0, Device::Cpu)
}

/// 600 rows of `N((-4, 0), [[1, .8], [.8, 1]])` and 200 of `N((4, 2), [[.25, 0], [0, 2]])`.
fn two_groups() -> Tensor {
    let draw = |name: &str, n: i64, factor: [f64; 4], mean: [f64; 2]| {
        let factor = Tensor::from_slice(&factor).view([2, 2]);
        noise(1).normal(name, &[n, 2]).to_kind(Kind::Double).matmul(&factor.tr()) + Tensor::from_slice(&mean)
    };
    let first = draw("first", 600, [1.0, 0.0, 0.8, 0.6], [-4.0, 0.0]);
    Tensor::cat(&[first, draw("second", 200, [0.5, 0.0, 0.0, 2f64.sqrt()], [4.0, 2.0])], 0)
}

fn fit(rows: &Tensor, components: i64) -> GaussianMixture {
    let config = MixtureConfig { components, ..MixtureConfig::default() };
    GaussianMixture::fit(rows, &config, &noise(0)).unwrap()
}

fn check_near(name: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{name}");
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance, "{name}: {got:?} instead of {expected:?}");
    }
}

/// Mean and covariance of rows, from the definition.
fn moments(rows: &Tensor) -> (Vec<f64>, Vec<f64>) {
    let rows = rows.to_kind(Kind::Double);
    let mean = rows.mean_dim([0i64].as_slice(), false, Kind::Double);
    let centred = &rows - &mean;
    (array::to_vec(&mean), array::to_vec(&(centred.tr().matmul(&centred) / rows.size()[0] as f64)))
}

#[test]
fn two_groups_come_back_with_their_weights_means_and_covariances() {
    let mixture = fit(&two_groups(), 2);
    let larger = i64::from(array::to_vec(&mixture.weights())[1] > 0.5);
    check_near("weight", &[mixture.weights().double_value(&[larger])], &[0.75], 0.005);
    for (component, from, to) in [(larger, 0, 600), (1 - larger, 600, 800)] {
        // They hardly overlap, so each component is a group.
        let (mean, covariance) = moments(&two_groups().narrow(0, from, to - from));
        check_near("mean", &array::to_vec(&mixture.means().get(component)), &mean, 0.02);
        check_near("covariance", &array::to_vec(&mixture.covariances().get(component)), &covariance, 0.03);
    }
}

#[test]
fn one_component_is_the_mean_and_covariance_of_the_rows() {
    let (rows, mixture) = (two_groups(), fit(&two_groups(), 1));
    let (mean, mut covariance) = moments(&rows);
    check_near("mean", &array::to_vec(mixture.means()), &mean, 1e-9);
    let floor = 1e-6 * (covariance[0] + covariance[3]) / 2.0;
    (covariance[0], covariance[3]) = (covariance[0] + floor, covariance[3] + floor);
    // The mean variance is that around each column's mean, as here.
    check_near("covariance", &array::to_vec(&mixture.covariances()), &covariance, 1e-9);
}

#[test]
fn the_density_is_that_of_the_formula() {
    let mixture = fit(&two_groups(), 2);
    let point = [0.5, -1.0];
    let (weights, means) = (array::to_vec(&mixture.weights()), array::to_vec(mixture.means()));
    let covariances = array::to_vec(&mixture.covariances());
    let density: f64 = (0..2)
        .map(|k| {
            let [a, b, _, d] = covariances[4 * k..4 * k + 4] else { panic!("two by two") };
            let (x, y) = (point[0] - means[2 * k], point[1] - means[2 * k + 1]);
            let determinant = a * d - b * b;
            let distance = (d * x * x - 2.0 * b * x * y + a * y * y) / determinant;
            weights[k] * (-0.5 * distance).exp() / (2.0 * std::f64::consts::PI * determinant.sqrt())
        })
        .sum();
    let got = mixture.log_density(&Tensor::from_slice(&point).view([1, 2])).double_value(&[0]);
    assert!((got - density.ln()).abs() < 1e-9, "{got} {}", density.ln());
    // Far from both, `exp` of the distances is 0, but the logarithm is not lost.
    let far = Tensor::from_slice(&[1e4, 1e4]).view([1, 2]);
    let far = mixture.log_density(&far).double_value(&[0]);
    assert!(far.is_finite() && far < -1e6, "{far}");
}

#[test]
fn the_objective_never_falls_even_with_a_high_floor() {
    let rows = noise(3).uniform("rows", &[300, 6]).square();
    for floor in [1e-6, 0.05, 0.5] {
        let config = MixtureConfig { components: 7, tolerance: -1.0, floor, ..MixtureConfig::default() };
        let mixture = GaussianMixture::fit(&rows, &config, &noise(0)).unwrap();
        let history = mixture.history();
        assert_eq!(history.len(), config.iterations + 1);
        for pair in history.windows(2) {
            assert!(pair[1] >= pair[0] - 1e-10, "floor {floor}: {pair:?}");
        }
        assert!(history.last().unwrap() > &(history[0] + 0.1), "the fit improves on its start: {history:?}");
    }
}

#[test]
fn without_a_floor_to_speak_of_the_objective_is_the_likelihood() {
    let (rows, mixture) = (two_groups(), fit(&two_groups(), 3));
    let likelihood = mixture.log_density(&rows).mean(Kind::Double).double_value(&[]);
    let objective = *mixture.history().last().unwrap();
    assert!((likelihood - objective).abs() < 1e-3, "{likelihood} {objective}");
}

#[test]
fn degenerate_rows_give_finite_densities_and_samples() {
    let double = (Kind::Double, Device::Cpu);
    let column = |value: f64| Tensor::full([40, 1], value, double);
    let constant = Tensor::cat(&[column(3.0), noise(0).normal("x", &[40, 1]).to_kind(Kind::Double)], 1);
    let line = Tensor::cat(&[&constant, &(constant.narrow(1, 1, 1) * 2.0)], 1);
    let single = Tensor::from_slice(&[1.0, 2.0, 3.0]).view([1, 3]);
    let few = noise(0).normal("few", &[3, 5]);
    let doubled = Tensor::cat(&[&few, &few, &few], 0);
    let huge = noise(0).normal("huge", &[50, 2]) * 1e15;
    let cases = [
        ("a constant column", &constant, None),
        ("columns on a line", &line, None),
        ("one row", &single, Some(1)),
        ("fewer rows than components", &few, Some(3)),
        ("three different rows", &doubled, Some(3)),
        ("equal rows", &Tensor::full([20, 4], 0.5, double), Some(1)),
        ("zeros", &Tensor::zeros([20, 4], double), Some(1)),
        ("great values", &huge, None),
    ];
    for (name, rows, components) in cases {
        let mixture = fit(rows, 10);
        if let Some(components) = components {
            assert_eq!(mixture.components(), components, "{name}");
        }
        let samples = mixture.sample(64, &noise(5));
        for (what, tensor) in [
            ("density", mixture.log_density(rows)),
            ("samples", samples.shallow_clone()),
            ("covariances", mixture.covariances()),
            ("weights", mixture.weights()),
        ] {
            let is_finite = tensor.isfinite().all().int64_value(&[]) == 1;
            assert!(is_finite, "{name}: {what}");
        }
        assert!((mixture.weights().sum(Kind::Double).double_value(&[]) - 1.0).abs() < 1e-9, "{name}");
        assert_eq!(samples.size(), [64, rows.size()[1]], "{name}");
    }
    let drawn = fit(&constant, 2).sample(100, &noise(6)).narrow(1, 0, 1);
    assert!((drawn - 3.0).abs().max().double_value(&[]) < 0.01, "a constant stays what it is");
}

#[test]
fn samples_have_the_moments_of_the_rows() {
    let rows = two_groups();
    let drawn = fit(&rows, 2).sample(40_000, &noise(9));
    assert_eq!((drawn.kind(), drawn.size()), (Kind::Float, vec![40_000, 2]));
    let (mean, covariance) = moments(&rows);
    let (drawn_mean, drawn_covariance) = moments(&drawn);
    check_near("mean", &drawn_mean, &mean, 0.08);
    check_near("covariance", &drawn_covariance, &covariance, 0.25);
    let left = drawn.select(1, 0).lt(0.0).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
    assert!((left - 0.75).abs() < 0.01, "components are drawn by their weights: {left}");
}

#[test]
fn equal_seeds_give_equal_bytes_and_other_seeds_do_not() {
    let rows = noise(3).uniform("rows", &[300, 6]);
    let drawn = |fit_seed, sample_seed| {
        let config = MixtureConfig { components: 4, ..MixtureConfig::default() };
        let mixture = GaussianMixture::fit(&rows, &config, &noise(fit_seed)).unwrap();
        array::to_vec(&mixture.sample(20, &noise(sample_seed)))
    };
    assert_eq!(drawn(0, 1), drawn(0, 1));
    assert_ne!(drawn(0, 1), drawn(0, 2));
    assert_ne!(drawn(0, 1), drawn(1, 1));
}

#[test]
fn rows_keep_no_shape_and_bad_ones_are_refused() {
    let rows = noise(0).normal("images", &[30, 2, 3]);
    assert_eq!(fit(&rows, 2).width(), 6);
    let check = |rows: &Tensor, config: MixtureConfig, expected: &str| {
        let error = GaussianMixture::fit(rows, &config, &noise(0)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let plain = MixtureConfig::default();
    check(&Tensor::zeros([0, 4], (Kind::Float, Device::Cpu)), plain, "got 0 rows of 4");
    check(&Tensor::zeros([4, 0], (Kind::Float, Device::Cpu)), plain, "got 4 rows of 0");
    check(&(rows.shallow_clone() / 0.0), plain, "30 of its rows");
    check(&Tensor::zeros([12, 6000], (Kind::Float, Device::Cpu)), plain, "10 covariances of 6000 × 6000");
    check(&rows, MixtureConfig { components: 0, ..plain }, "is 0; it must be at least 1");
    check(&rows, MixtureConfig { floor: 0.0, ..plain }, "the floor of a mixture is 0");
    check(&rows, MixtureConfig { floor: f64::NAN, ..plain }, "the floor of a mixture is NaN");
    check(&rows, MixtureConfig { tolerance: f64::NAN, ..plain }, "the tolerance of a mixture is NaN");
}
