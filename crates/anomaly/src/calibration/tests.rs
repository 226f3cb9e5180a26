//! Tests the guarantees of verdicts (severity, p-values, false-alarm rates) on synthetic scores of every
//! kind.

use super::*;
use ae_records::seed::stream_rng;
use rand::RngExt;

/// `n` scores by `kind`: skewed, with ties, all equal, tiny, huge, negative.
fn scores(kind: u64, n: usize, step: u64) -> Vec<f64> {
    let mut rng = stream_rng(kind, "calibration tests", step);
    let mut skewed = || -(1.0 - rng.random::<f64>()).ln();
    let draw = move |_| match kind {
        0 => skewed(),
        1 => (skewed() * 3.0).round(),
        2 => 0.25,
        3 => skewed() * 1e-300,
        4 => skewed() * 1e300,
        _ => -skewed().exp(),
    };
    (0..n).map(draw).collect()
}

fn held_out(scores: Vec<f64>) -> NormalScores {
    NormalScores::of_held_out_rows(scores).unwrap()
}

fn rules() -> Vec<Rule> {
    vec![
        Rule::MeanStd { k: 0.0 },
        Rule::MeanStd { k: 1.0 },
        Rule::MeanStd { k: 6.0 },
        Rule::Quantile { q: 0.01 },
        Rule::Quantile { q: 0.99 },
        Rule::FalseAlarmRate { rate: 0.01 },
        Rule::FalseAlarmRate { rate: 0.9 },
    ]
}

/// Checks every kind of calibration on scores around each calibration score, around the threshold, and far
/// away.
fn each(check: impl Fn(&Calibration, &[f64])) {
    for kind in 0..6 {
        for (step, n) in [99, 100, 157, 400].into_iter().enumerate() {
            let normal = held_out(scores(kind, n, step as u64));
            for rule in rules() {
                let Ok(calibration) = Calibration::fit(&normal, rule) else {
                    assert_eq!(kind, 4, "{rule}: only the mean of huge scores overflows");
                    continue;
                };
                let around = |&s: &f64| [s.next_down(), s, s.next_up()];
                let mut asked: Vec<f64> = calibration.scores().iter().flat_map(around).collect();
                asked.extend(around(&calibration.threshold().value()));
                asked.extend([0.0, -1.0, f64::MAX, f64::MIN, f64::INFINITY, f64::NEG_INFINITY, 1e-310]);
                let last = calibration.scores()[n - 1];
                asked.extend((0..20).map(|i| last + last.abs() * 0.1 * f64::from(i)));
                asked.sort_by(f64::total_cmp);
                check(&calibration, &asked);
            }
        }
    }
}

#[test]
fn severity_is_a_half_on_the_threshold_and_rises_with_the_score() {
    each(|calibration, asked| {
        let threshold = calibration.threshold().value();
        assert_eq!(calibration.severity(threshold), 0.5);
        let mut last = 0.0;
        for &score in asked {
            let verdict = calibration.verdict(score);
            assert!((0.0..=1.0).contains(&verdict.severity), "{verdict:?}");
            assert!(verdict.severity >= last, "{verdict:?} after {last}");
            assert_eq!(verdict.is_anomalous, verdict.severity > 0.5, "{verdict:?}");
            assert_eq!(verdict.is_anomalous, score > threshold);
            last = verdict.severity;
        }
    });
}

#[test]
fn p_values_count_ties_and_fall_with_the_score() {
    let calibration =
        Calibration::fit(&held_out(vec![1.0, 2.0, 2.0, 3.0]), Rule::Quantile { q: 0.5 }).unwrap();
    let check = |score: f64, expected: f64| assert_eq!(calibration.p_value(score), expected, "{score}");
    check(0.0, 1.0);
    check(1.0, 1.0);
    check(1.5, 0.8);
    check(2.0, 0.8);
    check(2.5, 0.4);
    check(3.0, 0.4);
    check(4.0, 0.2);
    check(f64::NAN, 0.2);
    each(|calibration, asked| {
        let p_values: Vec<f64> = asked.iter().map(|&score| calibration.p_value(score)).collect();
        assert!(p_values.windows(2).all(|pair| pair[0] >= pair[1]));
        assert!(p_values.iter().all(|&p| p > 0.0 && p <= 1.0));
        if let Rule::FalseAlarmRate { rate } = calibration.threshold().rule() {
            for (&score, p) in asked.iter().zip(p_values) {
                assert_eq!(calibration.verdict(score).is_anomalous, p <= rate * (1.0 + 1e-12), "{score} {p}");
            }
        }
    });
}

/// Twice the digits of the threshold's rate give 0.75, also for a detector whose scores are in another unit.
#[test]
fn severity_means_the_same_for_every_detector() {
    let rule = Rule::FalseAlarmRate { rate: 0.01 };
    let normal = scores(0, 9_999, 0);
    let calibration = Calibration::fit(&held_out(normal.clone()), rule).unwrap();
    let largest = *calibration.scores().last().unwrap();
    // The largest of 9,999 has a p-value of 2 in 10,000.
    let expected = 1.0 - 0.5 * 2.0 / 2e-4f64.log10().abs();
    assert!(
        (calibration.severity(largest) - expected).abs() < 2e-3,
        "{} {expected}",
        calibration.severity(largest)
    );
    let other = Calibration::fit(&held_out(normal.iter().map(|s| s.exp() * 7.0).collect()), rule).unwrap();
    for score in &normal {
        let difference = calibration.severity(*score) - other.severity(score.exp() * 7.0);
        assert!(difference.abs() < 1e-9, "{score}: {difference}");
    }
}

/// For exchangeable scores, with and without ties, `P(p ≤ u) ≤ u`. Uses 4,000 calibrations of 99 scores with
/// one new score each; a binomial count exceeds its mean by 4.5 standard deviations once in 300,000.
#[test]
fn p_values_are_valid_on_exchangeable_scores() {
    for kind in [0, 1, 2] {
        let p_values: Vec<f64> = (0..4000)
            .map(|step| {
                let mut all = scores(kind, 100, 1000 + step);
                let new = all.pop().unwrap();
                Calibration::fit(&held_out(all), Rule::Quantile { q: 0.9 }).unwrap().p_value(new)
            })
            .collect();
        for u in [0.01, 0.05, 0.1, 0.5] {
            let count = p_values.iter().filter(|&&p| p <= u).count() as f64;
            let bound = 4000.0 * u + 4.5 * (4000.0 * u * (1.0 - u)).sqrt();
            assert!(count <= bound, "{kind}, {u}: {count}");
        }
    }
}

/// Over 2,000 calibrations of 999 rows with 100 new normal rows each, the mean achieved rate is within what
/// 200,000 draws allow.
#[test]
fn the_false_alarm_rate_is_what_was_promised() {
    for rate in [0.005, 0.01, 0.05] {
        let (n, m) = (999usize, 100.0);
        let mut alarms = 0.0;
        for step in 0..2000 {
            let calibration =
                Calibration::fit(&held_out(scores(0, n, 9000 + step)), Rule::FalseAlarmRate { rate })
                    .unwrap();
            alarms += scores(0, 100, 50_000 + step)
                .iter()
                .filter(|&&s| calibration.verdict(s).is_anomalous)
                .count() as f64;
        }
        let achieved = alarms / (2000.0 * m);
        // Variance from the calibration: rate (1 - rate) / (n + 2); from the new rows: rate (1 - rate) / m.
        let deviation = (rate * (1.0 - rate) * (1.0 / (n as f64 + 2.0) + 1.0 / m) / 2000.0).sqrt();
        assert!((achieved - rate).abs() < 4.0 * deviation, "{rate}: {achieved} ± {deviation}");
    }
}

#[test]
fn rates_below_one_in_n_need_a_tail() {
    let normal = held_out(scores(0, 600, 77));
    let error = Calibration::fit(&normal, Rule::FalseAlarmRate { rate: 1e-4 }).unwrap_err();
    assert!(
        error.to_string().contains("at least 9999 normal rows for false-alarm rate 0.0001, got 600"),
        "{error}"
    );
    let rule = Rule::Pot { rate: 1e-4, tail: 0.9 };
    let calibration = Calibration::fit(&normal, rule).unwrap();
    let threshold = calibration.threshold().value();
    // The true value is 9.21.
    assert!((6.5..14.0).contains(&threshold), "{threshold}");
    assert_eq!(calibration.severity(threshold), 0.5);
    assert!(calibration.severity(2.0 * threshold) > 0.6 && calibration.severity(1.0) < 0.1);
    let training = NormalScores::of_training_rows(scores(0, 600, 77)).unwrap();
    for rule in [rule, Rule::FalseAlarmRate { rate: 0.01 }] {
        let error = Calibration::fit(&training, rule).unwrap_err();
        assert!(error.to_string().contains("holds only for scores of held-out rows"), "{error}");
    }
}

#[test]
fn anomalous_calibration_rows_are_noticed() {
    let (normal, anomalous) =
        (scores(0, 200, 1), scores(0, 50, 2).iter().map(|s| s + 4.0).collect::<Vec<_>>());
    let normal = held_out(normal);
    assert!(held_out(scores(0, 100, 3)).check_against(&normal).is_ok());
    let error = held_out(anomalous.clone()).check_against(&normal).unwrap_err();
    assert!(error.to_string().starts_with("50 of the 50 calibration scores lie above 95 %"), "{error}");
    assert!(held_out(anomalous[..5].to_vec()).check_against(&normal).is_ok(), "too few to compare");
    assert!(held_out(vec![0.5; 50]).check_against(&held_out(vec![0.5; 50])).is_ok(), "ties");
}

#[test]
fn files_give_back_the_same_calibration_and_bad_ones_are_refused() {
    each(|calibration, _| {
        let text = serde_json::to_string(calibration).unwrap();
        assert_eq!(&serde_json::from_str::<Calibration>(&text).unwrap(), calibration);
    });
    let calibration =
        Calibration::fit(&held_out((1..=99).map(f64::from).collect()), Rule::FalseAlarmRate { rate: 0.05 });
    let text = serde_json::to_string(&calibration.unwrap()).unwrap();
    let check_refused = |from: &str, to: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        assert!(serde_json::from_str::<Calibration>(&changed).is_err(), "{changed}");
    };
    check_refused("[1.0,", "[");
    check_refused("[1.0,", "[null,");
    check_refused("99.0]", "99.0,100.0]");
    check_refused("\"value\":95.0", "\"value\":50.0");
    check_refused("0.05", "0.5");
    check_refused("held_out", "training");
    check_refused("{\"scores\"", "{\"more\":1,\"scores\"");
}

#[test]
fn numbers_have_four_digits() {
    for (value, expected) in [
        (1.0 / 48.0, "0.02083"),
        (0.05, "0.05"),
        (1e-4, "0.0001"),
        (12.3456, "12.35"),
        (0.0, "0"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
        (5e-324, &5e-324.to_string()),
    ] {
        assert_eq!(threshold::four_digits(value).to_string(), expected);
    }
}
