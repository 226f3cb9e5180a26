//! Tests tails against SciPy, against their guarantees, and on scores without a tail.

use super::*;
use serde_json::Value;

fn draws(pareto: Pareto, n: usize, step: u64) -> Vec<f64> {
    let mut rng = stream_rng(1, "tail tests", step);
    (0..n).map(|_| pareto.quantile(1.0 - rng.random::<f64>())).collect()
}

fn sorted(mut scores: Vec<f64>) -> Vec<f64> {
    scores.sort_by(f64::total_cmp);
    scores
}

/// From `tests/reference/anomaly.py`: SciPy's `genpareto`, with the likelihood maximised to the last digits.
#[test]
fn the_fit_is_that_of_scipy() {
    let golden: Value = serde_json::from_str(include_str!("../../tests/reference/anomaly.json")).unwrap();
    for case in golden["pareto"].as_array().unwrap() {
        let excesses: Vec<f64> = serde_json::from_value(case["excesses"].clone()).unwrap();
        let (shape, scale) = (case["shape"].as_f64().unwrap(), case["scale"].as_f64().unwrap());
        let fitted = Pareto::fit(&excesses).unwrap();
        assert!((fitted.shape - shape).abs() < 1e-5, "{fitted:?}, {shape} expected");
        assert!((fitted.scale / scale - 1.0).abs() < 1e-5, "{fitted:?}, {scale} expected");
        // The likelihood is no worse.
        let density = |y: f64| (1.0 + fitted.shape) * fitted.log_above(y) - fitted.scale.ln();
        let likelihood: f64 = -excesses.iter().map(|&y| density(y)).sum::<f64>();
        assert!(likelihood <= case["nll"].as_f64().unwrap() + 1e-8, "{likelihood}");
    }
}

#[test]
fn quantile_and_distribution_are_inverse() {
    for shape in [-0.4, -1e-12, 0.0, 0.3] {
        let pareto = Pareto { shape, scale: 2.5 };
        for above in [1.0, 0.5, 1e-3, 1e-9] {
            let back = pareto.log_above(pareto.quantile(above)).exp();
            assert!((back / above - 1.0).abs() < 1e-9, "{shape} {above} {back}");
        }
    }
    assert_eq!(Pareto { shape: -0.5, scale: 1.0 }.log_above(3.0), f64::NEG_INFINITY);
}

/// The bootstrap refuses 1 in 100 true tails; for 60 of them, the binomial bound at 1e-4 is 6. The true rate
/// at the threshold matches the requested rate within the factor to expect when extrapolating by ten.
#[test]
fn true_tails_are_taken_and_their_rate_is_kept() {
    for shape in [-0.2, 0.0, 0.2] {
        let truth = Pareto { shape, scale: 1.0 };
        let (mut refused, mut logs) = (0, Vec::new());
        for step in 0..60 {
            match Tail::fit(&sorted(draws(truth, 1000, step)), 0.9) {
                Ok(tail) => logs.push((truth.log_above(tail.exceeded_at(1e-3)).max(-20.0)) / 10f64.ln()),
                Err(_) => refused += 1,
            }
        }
        assert!(refused <= 6, "{shape}: {refused} refused");
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        assert!((mean + 3.0).abs() < 0.35, "{shape}: 10^{mean} instead of 10^-3");
    }
}

#[track_caller]
fn check_refused(scores: Vec<f64>, tail: f64, expected: &str) {
    let error = Tail::fit(&sorted(scores), tail).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_is_no_tail_is_refused_with_its_reason() {
    check_refused(vec![], 0.9, "0 scores lie above");
    check_refused(vec![1.0; 500], 0.9, "0 scores lie above the quantile 0.9");
    check_refused(draws(Pareto { shape: 0.1, scale: 1.0 }, 200, 0), 0.9, "19 scores lie above");
    check_refused(
        draws(Pareto { shape: 0.9, scale: 1.0 }, 2000, 0),
        0.9,
        "only a shape between -0.5 and 0.5",
    );
    // Uniform: the tail is bounded, and the largest score is near its end.
    check_refused((0..2000).map(f64::from).collect(), 0.9, "has shape -");
    // A tail of a few levels: not continuous.
    let levels: Vec<f64> =
        (0..1000).map(|i| if i < 850 { f64::from(i) * 1e-3 } else { f64::from(1 + i % 3) }).collect();
    assert!(Tail::fit(&sorted(levels), 0.85).is_err());
    // A hump far above the tail: five times the largest of the others.
    let mut mixed = draws(Pareto { shape: 0.0, scale: 1.0 }, 950, 3);
    mixed.extend((0..50).map(|i| 60.0 + f64::from(i) * 0.01));
    assert!(Tail::fit(&sorted(mixed), 0.9).is_err());
}

#[test]
fn scaling_the_scores_scales_the_tail() {
    let scores = sorted(draws(Pareto { shape: 0.1, scale: 1.0 }, 800, 9));
    let tail = Tail::fit(&scores, 0.9).unwrap();
    for factor in [1e-200, 1e-9, 1e9, 1e200] {
        let scaled: Vec<f64> = scores.iter().map(|s| s * factor).collect();
        let other = Tail::fit(&scaled, 0.9).unwrap();
        assert!((other.exceeded_at(1e-4) / tail.exceeded_at(1e-4) / factor - 1.0).abs() < 1e-6, "{factor}");
    }
}
