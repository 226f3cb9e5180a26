//! Tests the guarantees of the drift monitor: few false alarms on any scores, quick alarms after a change.

use super::*;
use rand_chacha::ChaCha8Rng;

fn rng(purpose: &str, step: u64) -> ChaCha8Rng {
    stream_rng(5, purpose, step)
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

fn watch(n: usize, run_length: f64, step: u64, draw: impl Fn(&mut ChaCha8Rng) -> f64) -> Drift {
    let mut rng = rng("calibration", step);
    let scores: Vec<f64> = (0..n).map(|_| draw(&mut rng)).collect();
    Drift::new(&NormalScores::of_held_out_rows(scores).unwrap(), run_length, step).unwrap()
}

/// Rows until an alarm, at most `rows`.
fn alarm_after(
    drift: &mut Drift,
    rows: usize,
    step: u64,
    draw: impl Fn(&mut ChaCha8Rng) -> f64,
) -> Option<u64> {
    let mut rng = rng("stream", step);
    for _ in 0..rows {
        drift.observe(draw(&mut rng)).unwrap();
        if drift.is_drifting() {
            break;
        }
    }
    drift.status().since
}

/// The probability of a false alarm within 500 rows is at most 500 / 5000, with few or many calibration
/// scores, and with ties. For 400 streams, a binomial count exceeds 64 (4 standard deviations above 40) once
/// in 20,000.
#[test]
fn false_alarms_are_as_rare_as_promised() {
    let check = |n: usize, draw: fn(&mut ChaCha8Rng) -> f64| {
        let alarms = (0..400).filter(|&step| {
            let mut drift = watch(n, 5000.0, step, draw);
            alarm_after(&mut drift, 500, step, draw).is_some()
        });
        let count = alarms.count();
        assert!(count <= 64, "{n}: {count} of 400");
    };
    check(40, normal);
    check(300, normal);
    check(300, |rng| (normal(rng) * 1.5).round());
    check(100, |rng| f64::from(rng.random_bool(0.02)));
    check(60, |_| 1.0);
}

/// A long quiet stream does not dull the monitor: a shift by two standard deviations is detected within 60
/// rows.
#[test]
fn a_change_is_detected_soon_however_late_it_comes() {
    for quiet in [0, 3000] {
        let mut slowest = 0;
        for step in 0..20 {
            let mut drift = watch(400, 1e6, step, normal);
            assert_eq!(alarm_after(&mut drift, quiet, step, normal), None);
            let since = alarm_after(&mut drift, 500, 100 + step, |rng| normal(rng) + 2.0)
                .expect("the change is detected");
            assert_eq!(drift.status().change, Some(Change::Higher));
            slowest = slowest.max(since - quiet as u64);
        }
        assert!(slowest <= 60, "{quiet}: {slowest}");
    }
}

#[test]
fn every_kind_of_change_is_named() {
    let check = |draw: fn(&mut ChaCha8Rng) -> f64, expected: Change| {
        let mut drift = watch(400, 1e5, 0, normal);
        assert!(alarm_after(&mut drift, 5000, 0, draw).is_some(), "{expected:?}");
        assert_eq!(drift.status().change, Some(expected));
        assert!(drift.status().distance > 0.1, "{:?}", drift.status());
    };
    check(|rng| normal(rng) + 1.0, Change::Higher);
    check(|rng| normal(rng) - 1.0, Change::Lower);
    check(|rng| normal(rng) * 3.0, Change::Wider);
    check(|rng| normal(rng) * 0.3, Change::Narrower);
}

#[test]
fn an_alarm_stays_until_the_monitor_is_restarted() {
    let mut drift = watch(100, 1000.0, 0, normal);
    let since = alarm_after(&mut drift, 500, 0, |rng| normal(rng) + 3.0);
    for _ in 0..5000 {
        drift.observe(1e9).unwrap();
    }
    assert_eq!(drift.status().since, since);
    assert!(drift.status().evidence.is_finite());
    drift.restart();
    assert!(!drift.is_drifting());
    assert_eq!(drift.status().evidence, 0.0);
    assert_eq!(alarm_after(&mut drift, 100, 9, normal), None);
}

/// A monitor that is saved and restored after any row continues unchanged, and its size does not grow.
#[test]
fn a_restored_monitor_continues_unchanged() {
    let mut whole = watch(100, 1e6, 0, normal);
    let mut broken = whole.clone();
    let mut rng = rng("stream", 0);
    for row in 0..2000 {
        let score = normal(&mut rng);
        whole.observe(score).unwrap();
        broken.observe(score).unwrap();
        if row % 97 == 0 {
            let text = serde_json::to_string(&broken).unwrap();
            assert!(text.len() < 6000, "{}", text.len());
            broken = serde_json::from_str(&text).unwrap();
            assert_eq!(broken, whole);
        }
    }
    assert_eq!(whole.status(), broken.status());
}

#[test]
fn what_cannot_be_monitored_is_refused() {
    let scores =
        |n: usize| NormalScores::of_held_out_rows((0..n).map(|i| i as f64).collect::<Vec<_>>()).unwrap();
    assert_eq!(Drift::new(&scores(39), 1e6, 0), Err(DriftError::TooFewScores { got: 39 }));
    for run_length in [0.0, 9.0, f64::NAN, f64::INFINITY, -1.0] {
        assert!(
            matches!(Drift::new(&scores(50), run_length, 0), Err(DriftError::RunLength { .. })),
            "{run_length}"
        );
    }
    let mut drift = Drift::new(&scores(50), 1e6, 0).unwrap();
    let before = drift.clone();
    for score in [f64::NAN, f64::INFINITY] {
        assert!(matches!(drift.observe(score), Err(DriftError::NoScore(_))));
    }
    assert_eq!(drift, before, "a row without a score changes nothing");
    let text = serde_json::to_string(&drift).unwrap();
    for (from, to) in [
        ("\"run_length\":1000000.0", "\"run_length\":0.5"),
        ("\"edges\":[", "\"edges\":[1e9,"),
        ("\"counts\":[", "\"counts\":[7,"),
        ("\"calibration\":[", "\"calibration\":[18446744073709551615,"),
        ("\"bets\":[0.0", "\"bets\":[-1.0"),
        ("\"recent\":[", "\"recent\":[200"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        assert!(serde_json::from_str::<Drift>(&changed).is_err(), "{to}");
    }
}
