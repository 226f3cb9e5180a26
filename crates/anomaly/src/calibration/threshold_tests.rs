//! Tests thresholds against numpy, against their guarantees, and on bad input.

use super::*;

use ae_records::seed::stream_rng;
use rand::RngExt;

fn held_out(scores: &[f64]) -> NormalScores {
    NormalScores::of_held_out_rows(scores).unwrap()
}

/// `n` draws from a skewed distribution, similar to reconstruction errors.
fn draws(step: u64, n: usize) -> Vec<f64> {
    let mut rng = stream_rng(0, "threshold tests", step);
    (0..n).map(|_| -rng.random_range(f64::EPSILON..1.0).ln()).collect()
}

/// `loss = np.array([0.02, 0.025, 0.031, 0.018, 0.05]); print(np.mean(loss) + k * np.std(loss))`, numpy 2.4.
/// One unit in the last place may differ, because numpy sums in pairs.
#[test]
fn mean_std_is_that_of_numpy() {
    let scores = [0.02, 0.025, 0.031, 0.018, 0.05];
    let check = |k: f64, expected: f64| {
        let value = Threshold::mean_std(&held_out(&scores), k).unwrap().value();
        assert!((value - expected).abs() <= f64::EPSILON * expected, "{k}: {value} {expected}");
    };
    check(0.0, 0.028800000000000003);
    check(1.0, 0.040313470371699404);
    check(3.0, 0.06334041111509821);
}

#[test]
fn a_quantile_is_an_order_statistic() {
    let check = |n: usize, q: f64, expected: f64| {
        let scores: Vec<f64> = (1..=n).rev().map(|i| i as f64).collect();
        assert_eq!(Threshold::at_quantile(&held_out(&scores), q).unwrap().value(), expected, "{n} {q}");
    };
    check(99, 0.99, 99.0);
    check(100, 0.99, 100.0);
    check(199, 0.99, 198.0);
    check(19, 0.95, 19.0);
    check(9, 0.9, 9.0);
    check(3, 0.5, 2.0);
    check(4, 0.5, 3.0);
    // 100 · 0.07 is 7.000000000000001 in floating point, but the seventh is meant.
    check(99, 0.07, 7.0);
    check(1, 1e-9, 1.0);
}

#[test]
fn too_few_scores_say_how_many_are_needed() {
    let check = |q: f64, needed: usize| {
        let error = Threshold::at_quantile(&held_out(&draws(0, needed - 1)), q).unwrap_err();
        let rule = Rule::Quantile { q };
        assert_eq!(error, ThresholdError::TooFewSamples { rule, needed, got: needed - 1 });
        assert!(Threshold::at_quantile(&held_out(&draws(0, needed)), q).is_ok(), "{q}");
    };
    check(0.5, 1);
    check(0.9, 9);
    check(0.95, 19);
    check(0.99, 99);
    check(0.999, 999);
    check(0.9999, 9999);
    let error = Threshold::mean_std(&held_out(&[0.1]), 1.0).unwrap_err().to_string();
    assert_eq!(error, "need the scores of at least 2 normal rows for mean + 1 std, got 1");
    assert!(Threshold::mean_std(&held_out(&[]), 1.0).is_err());
}

#[test]
fn numbers_out_of_range_are_refused() {
    let scores = held_out(&draws(0, 2000));
    for q in [0.0, 1.0, -0.5, 99.0, f64::NAN] {
        let error = Threshold::at_quantile(&scores, q).unwrap_err();
        assert!(matches!(error, ThresholdError::QuantileOutOfRange { .. }), "{q}: {error}");
    }
    for k in [-1.0, f64::NAN, f64::INFINITY] {
        let error = Threshold::mean_std(&scores, k).unwrap_err();
        assert!(matches!(error, ThresholdError::DeviationsOutOfRange { .. }), "{k}: {error}");
    }
    // A quantile next to 1 needs more rows than there are, and does not hang.
    assert!(Threshold::at_quantile(&scores, 1.0 - f64::EPSILON).is_err());
    let error = NormalScores::of_training_rows([0.0, f64::NAN]).unwrap_err();
    assert!(matches!(error, ThresholdError::NonFiniteScore { row: 1, .. }));
    assert!(NormalScores::of_held_out_rows([f64::INFINITY]).is_err());
    assert_eq!(Threshold::mean_std(&held_out(&[f64::MAX, f64::MAX]), 1.0), Err(ThresholdError::Overflow));
}

/// The guarantee of a quantile: a new normal row is flagged with probability `1 - ⌈(n + 1) q⌉ / (n + 1)`.
/// Over 20,000 calibrations the mean of the true rate, `exp(-threshold)` here, has a standard error of
/// 0.0002.
#[test]
fn the_promised_alarm_rate_holds() {
    let check = |n: usize, q: f64| {
        let rates = (0..20_000).map(|step| {
            let threshold = Threshold::at_quantile(&held_out(&draws(step, n)), q).unwrap();
            (-threshold.value()).exp()
        });
        let rate = rates.sum::<f64>() / 20_000.0;
        let expected = 1.0 - ((n as f64 + 1.0) * q).ceil() / (n as f64 + 1.0);
        assert!((rate - expected).abs() < 0.002, "{n} {q}: {rate} {expected}");
        assert!(expected <= 1.0 - q + 1e-12);
    };
    check(19, 0.9);
    check(25, 0.9);
    check(99, 0.95);
}

#[test]
fn what_must_hold_for_any_scores() {
    for step in 0..200 {
        let n = 20 + step as usize;
        let scores = draws(step, n);
        let normal = held_out(&scores);
        let mut shuffled = scores.clone();
        shuffled.reverse();
        let mut last = f64::NEG_INFINITY;
        for q in [0.05, 0.1, 0.5, 0.9, 0.95] {
            let threshold = Threshold::at_quantile(&normal, q).unwrap();
            // The order of rows does not matter, the threshold does not fall with the quantile, and it is one
            // of the scores.
            assert_eq!(threshold, Threshold::at_quantile(&held_out(&shuffled), q).unwrap());
            assert!(threshold.value() >= last && scores.contains(&threshold.value()));
            last = threshold.value();
            let flagged = threshold.flag(&scores).iter().filter(|f| **f).count();
            assert!(flagged as f64 <= (1.0 - q) * n as f64 + 1e-9, "{n} {q} {flagged}");
            // Scaling the scores scales the threshold; powers of two are exact.
            let scaled: Vec<f64> = scores.iter().map(|s| 4.0 * s).collect();
            assert_eq!(Threshold::at_quantile(&held_out(&scaled), q).unwrap().value(), 4.0 * last);
        }
        let mean = Threshold::mean_std(&normal, 0.0).unwrap().value();
        assert!(Threshold::mean_std(&normal, 1.0).unwrap().value() > mean);
    }
}

#[test]
fn on_the_threshold_is_normal_and_nan_is_flagged() {
    let threshold = Threshold::at_quantile(&held_out(&[1.0, 2.0, 3.0]), 0.5).unwrap();
    let scores = [1.0, 2.0, 2.0_f64.next_up(), f64::INFINITY, f64::NAN, f64::NEG_INFINITY];
    assert_eq!(threshold.flag(&scores), [false, false, true, true, true, false]);
    // The guarantee also holds for ties with the calibration scores.
    let ties = Threshold::at_quantile(&held_out(&[0.5; 99]), 0.99).unwrap();
    assert!(!ties.is_anomalous(0.5));
}

#[test]
fn a_threshold_says_where_it_came_from() {
    let scores = NormalScores::of_training_rows([0.02, 0.04]).unwrap();
    let threshold = Threshold::mean_std(&scores, 1.0).unwrap();
    let expected = "0.040000 (mean + 1 std of 2 training scores of normal rows)";
    assert_eq!(threshold.to_string(), expected);
    assert_eq!((threshold.n_samples(), threshold.source()), (2, Provenance::Training));
}

#[test]
fn files_give_back_the_same_threshold_and_bad_ones_are_refused() {
    let threshold = Threshold::at_quantile(&held_out(&draws(1, 150)), 0.99).unwrap();
    let text = serde_json::to_string(&threshold).unwrap();
    assert_eq!(serde_json::from_str::<Threshold>(&text).unwrap(), threshold);
    let check_refused = |from: &str, to: &str| {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        assert!(serde_json::from_str::<Threshold>(&changed).is_err(), "{changed}");
    };
    check_refused("0.99", "1.99");
    check_refused("\"n_samples\":150", "\"n_samples\":98");
    check_refused("\"value\":", "\"value\":null,\"x\":");
    check_refused("held_out", "test");
    check_refused("\"n_samples\":150", "\"n_samples\":150,\"more\":1");
}
