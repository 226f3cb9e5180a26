//! Metrics of series, operating points and alarm rates, tested against TSB-AD, scikit-learn and SciPy
//! (`reference/series.py`) and for properties that hold for any input.

use ae_metrics::*;
use ae_records::seed::stream_rng;
use rand::RngExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Both sides sum in double precision, in a different order.
const TOLERANCE: f64 = 1e-12;

fn cases<T: DeserializeOwned>(group: &str) -> Vec<T> {
    let mut all: serde_json::Value = serde_json::from_str(include_str!("reference/series.json")).unwrap();
    let cases: Vec<T> = serde_json::from_value(all[group].take()).unwrap();
    assert!(!cases.is_empty(), "no cases in {group}");
    cases
}

#[track_caller]
fn check(name: &str, obtained: f64, expected: f64, tolerance: f64) {
    assert!((obtained - expected).abs() <= tolerance, "{name}: got {obtained}, expected {expected}");
}

#[test]
fn volumes_are_those_of_tsb_ad() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        scores: Vec<f64>,
        is_anomaly: Vec<bool>,
        volumes: Vec<Vus>,
    }
    for case in cases::<Case>("volumes") {
        for expected in case.volumes {
            let obtained = vus(&case.scores, &case.is_anomaly, expected.window).unwrap();
            let name = format!("{} with {}", case.name, expected.window);
            check(&name, obtained.roc, expected.roc, TOLERANCE);
            check(&name, obtained.pr, expected.pr, TOLERANCE);
            assert_eq!(obtained.window, expected.window);
        }
    }
}

#[test]
fn windows_are_those_of_tsb_ad() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        series: Vec<f64>,
        window: usize,
    }
    for case in cases::<Case>("windows") {
        assert_eq!(sliding_window(&case.series), Ok(case.window), "{}", case.name);
    }
}

#[test]
fn operating_points_are_those_of_scikit_learn() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        scores: Vec<f64>,
        is_anomaly: Vec<bool>,
        rates: Vec<f64>,
        recalls: Vec<f64>,
        best_f1: f64,
        threshold: f64,
    }
    for case in cases::<Case>("operating") {
        for (rate, expected) in case.rates.into_iter().zip(case.recalls) {
            let recall = recall_at_false_positive_rate(&case.scores, &case.is_anomaly, rate).unwrap();
            check(&format!("{} at {rate}", case.name), recall, expected, TOLERANCE);
        }
        let best = best_f1(&case.scores, &case.is_anomaly).unwrap();
        check(&case.name, best.f1, case.best_f1, TOLERANCE);
        check(&case.name, best.threshold, case.threshold, 0.0);
    }
}

#[test]
fn bands_are_those_of_scipy() {
    #[derive(Deserialize)]
    struct Case {
        n: usize,
        m: usize,
        rate: f64,
        level: f64,
        expected: f64,
        low: f64,
        high: f64,
    }
    for Case { n, m, rate, level, expected, low, high } in cases("bands") {
        let obtained = conformal_alarm_band(n, m, rate, level).unwrap();
        let name = format!("{rate} by {n} on {m}");
        check(&name, obtained.expected, expected, TOLERANCE);
        check(&name, obtained.band.low, low, TOLERANCE);
        check(&name, obtained.band.high, high, TOLERANCE);
        assert!(obtained.holds(low) && obtained.holds(high));
        assert!(!obtained.holds(high + 0.5 / m as f64) && !obtained.holds(low - 0.5 / m as f64));
    }
}

/// statrs inverts the incomplete beta function with about nine digits.
#[test]
fn proportions_are_those_of_scipy() {
    #[derive(Deserialize)]
    struct Case {
        successes: u64,
        trials: u64,
        level: f64,
        low: f64,
        high: f64,
    }
    for Case { successes, trials, level, low, high } in cases("proportions") {
        let obtained = proportion_interval(successes, trials, level).unwrap();
        check(&format!("{successes} of {trials}"), obtained.low, low, 1e-8);
        check(&format!("{successes} of {trials}"), obtained.high, high, 1e-8);
    }
}

/// Random series of both classes; scores on a coarse grid, so that many tie.
fn for_each_series(check: impl Fn(&[f64], &[bool], usize)) {
    for case in 0..100 {
        let mut rng = stream_rng(3, "series", case);
        let n_points = rng.random_range(2..150);
        let scores: Vec<f64> = (0..n_points).map(|_| f64::from(rng.random_range(-9..9)) / 2.0).collect();
        let mut is_anomaly = vec![false; n_points];
        for _ in 0..rng.random_range(1..5) {
            let start = rng.random_range(1..n_points);
            let end = rng.random_range(start..n_points);
            is_anomaly[start..=end].fill(true);
        }
        is_anomaly[0] = false;
        check(&scores, &is_anomaly, rng.random_range(0..40));
    }
}

#[test]
fn volumes_are_in_range_and_depend_only_on_ranks() {
    for_each_series(|scores, is_anomaly, window| {
        let volumes = vus(scores, is_anomaly, window).unwrap();
        for volume in [volumes.roc, volumes.pr] {
            assert!((0.0..=1.0 + 1e-12).contains(&volume), "{volumes:?}");
        }
        let mapped: Vec<f64> = scores.iter().map(|score| score.exp() * 7.0 - 3.0).collect();
        assert_eq!(vus(&mapped, is_anomaly, window), Ok(volumes));
        // The definition is symmetric in time.
        let backwards = |values: &[f64]| values.iter().rev().copied().collect::<Vec<f64>>();
        let labels: Vec<bool> = is_anomaly.iter().rev().copied().collect();
        let mirrored = vus(&backwards(scores), &labels, window).unwrap();
        assert!((mirrored.roc - volumes.roc).abs() < 1e-12 && (mirrored.pr - volumes.pr).abs() < 1e-12);
    });
}

/// With fewer points than thresholds, every score is a threshold, so the areas are exact.
#[test]
fn without_a_border_and_with_single_points_volumes_are_the_areas() {
    for_each_series(|scores, is_anomaly, _| {
        // Only one event: with several, a range metric also depends on how many of them were found.
        let first = is_anomaly.iter().position(|&a| a).unwrap();
        let single: Vec<bool> = (0..scores.len()).map(|point| point == first).collect();
        let volumes = vus(scores, &single, 0).unwrap();
        assert!((volumes.roc - auroc(scores, &single).unwrap()).abs() < 1e-12);
        assert!((volumes.pr - average_precision(scores, &single).unwrap()).abs() < 1e-12);
    });
}

#[test]
fn an_alarm_just_beside_a_stretch_is_worth_more_with_a_wider_border() {
    let label = |point: usize| (40..60).contains(&point);
    let is_anomaly: Vec<bool> = (0..200).map(label).collect();
    let late: Vec<f64> = (0..200).map(|point| f64::from(label(point - point.min(8)))).collect();
    let narrow = vus(&late, &is_anomaly, 0).unwrap();
    let wide = vus(&late, &is_anomaly, 20).unwrap();
    assert!(wide.pr > narrow.pr + 0.1 && wide.roc > narrow.roc, "{wide:?} against {narrow:?}");
}

#[test]
fn events_partition_the_labels() {
    for_each_series(|scores, is_anomaly, _| {
        let stretches = events(is_anomaly);
        let mut rebuilt = vec![false; is_anomaly.len()];
        for pair in stretches.windows(2) {
            assert!(pair[0].end < pair[1].start, "runs are maximal");
        }
        stretches.iter().for_each(|stretch| rebuilt[stretch.clone()].fill(true));
        assert_eq!(rebuilt, is_anomaly);
        let flagged: Vec<bool> = scores.iter().map(|&score| score > 2.0).collect();
        let found = detect_events(&flagged, &stretches).unwrap();
        let confusion = Confusion::count(&flagged, is_anomaly).unwrap();
        assert_eq!(found.false_points as u64, confusion.false_positives);
        assert_eq!(found.normal_points as u64, confusion.false_positives + confusion.true_negatives);
        for ((event, delay), first) in stretches.iter().zip(&found.delays).zip(&found.first_alarms) {
            assert_eq!(first.map(|point| point - event.start), *delay);
            assert_eq!(delay.is_some(), flagged[event.clone()].contains(&true));
        }
    });
}

#[test]
fn operating_points_keep_their_promise() {
    for_each_series(|scores, is_anomaly, _| {
        let mut before = 0.0;
        for rate in [0.001, 0.1, 0.3, 0.7, 0.999] {
            let recall = recall_at_false_positive_rate(scores, is_anomaly, rate).unwrap();
            let of_a_threshold = scores.iter().chain(&[f64::INFINITY]).any(|threshold| {
                let flagged: Vec<bool> = scores.iter().map(|score| score >= threshold).collect();
                let confusion = Confusion::count(&flagged, is_anomaly).unwrap();
                confusion.recall() == recall && 1.0 - confusion.specificity() <= rate + 1e-12
            });
            assert!(of_a_threshold && recall >= before);
            before = recall;
        }
        let best = best_f1(scores, is_anomaly).unwrap();
        for threshold in scores {
            let flagged: Vec<bool> = scores.iter().map(|score| score >= threshold).collect();
            assert!(Confusion::count(&flagged, is_anomaly).unwrap().f1() <= best.f1 + 1e-12);
        }
    });
}

#[test]
fn classes_are_counted_apart() {
    let recalls = class_recalls(&[true, false, true, true, false], &[0, 0, 2, 2, 0], 4).unwrap();
    let shares: Vec<Option<f64>> = recalls.iter().map(ClassRecall::share).collect();
    assert_eq!(shares, [Some(1.0 / 3.0), None, Some(1.0), None]);
    assert_eq!(class_recalls(&[], &[], 1), Ok(vec![ClassRecall::default()]));
}

/// Conformal thresholds on random scores: how often the measured rate lies in the band, over many calibration
/// sets.
#[test]
fn the_band_holds_as_often_as_it_says() {
    let (n_calibration, n_test, rate) = (199, 300, 0.05);
    let band = conformal_alarm_band(n_calibration, n_test, rate, 0.95).unwrap();
    let (mut inside, mut sum) = (0, 0.0);
    let n_tries = 1000;
    for case in 0..n_tries {
        let mut rng = stream_rng(5, "band", case);
        let mut normal: Vec<f64> = (0..n_calibration).map(|_| rng.random()).collect();
        normal.sort_by(f64::total_cmp);
        // The ⌈(n + 1)(1 − rate)⌉-th smallest.
        let threshold = normal[190 - 1];
        let alarms = (0..n_test).filter(|_| rng.random::<f64>() > threshold).count();
        let achieved = alarms as f64 / n_test as f64;
        inside += usize::from(band.holds(achieved));
        sum += achieved;
    }
    let share = inside as f64 / n_tries as f64;
    assert!((0.935..=0.985).contains(&share), "{share}");
    assert!((sum / n_tries as f64 - band.expected).abs() < 0.003);
}

#[track_caller]
fn check_error<T: std::fmt::Debug>(result: Result<T, MetricError>, expected: &str) {
    assert_eq!(result.unwrap_err().to_string(), expected);
}

#[test]
fn invalid_input_is_refused() {
    let normal = "all 2 samples are normal; give at least one normal and one anomalous sample";
    check_error(vus(&[1.0, 2.0], &[false, false], 3), normal);
    check_error(best_f1(&[1.0, 2.0], &[false, false]), normal);
    check_error(
        vus(&[1.0], &[true], 3),
        "all 1 samples are anomalous; give at least one normal and one anomalous sample",
    );
    check_error(
        vus(&[1.0, f64::NAN], &[false, true], 0),
        "score 1 is NaN; remove that sample or fix the model that scored it",
    );
    check_error(
        recall_at_false_positive_rate(&[1.0, 2.0], &[false, true], 1.0),
        "false-positive rate 1 is not between 0 and 1; give a fraction such as 0.01",
    );
    check_error(sliding_window(&[]), "series has no values; give at least one");
    check_error(sliding_window(&[1.0, f64::INFINITY]), "value 1 of series is inf; give finite values");
    check_error(
        conformal_alarm_band(98, 10, 0.01, 0.95),
        "this false-alarm rate needs at least 99 values, got 98",
    );
    assert!(conformal_alarm_band(99, 10, 0.01, 0.95).is_ok());
    check_error(conformal_alarm_band(99, 0, 0.01, 0.95), "n_test has no values; give at least one");
    assert!(matches!(conformal_alarm_band(9, 9, f64::NAN, 0.95), Err(MetricError::Rate { .. })));
    assert!(matches!(conformal_alarm_band(9, 9, 0.5, 1.0), Err(MetricError::Level(_))));
    check_error(
        proportion_interval(3, 2, 0.95),
        "there are 3 successes in 2 trials; give at most as many successes as trials",
    );
    check_error(proportion_interval(0, 0, 0.95), "trials has no values; give at least one");
    check_error(
        class_recalls(&[true], &[4], 4),
        "sample 0 has class 4, but there are 4 classes; count them from 0",
    );
    check_error(
        detect_events(&[true, false], &[0..1, 1..3]),
        "event 1 covers the points 1..3 of a series of 2 points; give nonempty ranges within the series, in order \
         and without overlap",
    );
}
