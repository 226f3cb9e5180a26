//! Intervals of means of shares and of positive values: they stay in their range, contain the mean, and cover the true mean as often as they
//! promise. The numbers come from simulations with fixed seeds.

use ae_metrics::{Interval, MetricError, mean_std};
use ae_records::seed::stream_rng;
use rand::{Rng, RngExt};

const LEVEL: f64 = 0.95;

/// A draw from Beta(`a`, `b`) with whole parameters: the `a`-th smallest of `a + b − 1` uniform draws.
fn beta(rng: &mut impl Rng, (a, b): (usize, usize)) -> f64 {
    let mut draws: Vec<f64> = (0..a + b - 1).map(|_| rng.random::<f64>()).collect();
    draws.sort_by(f64::total_cmp);
    draws[a - 1]
}

/// A draw from the gamma distribution of this shape and a mean of 1: the mean of exponential draws.
fn gamma(rng: &mut impl Rng, shape: usize) -> f64 {
    (0..shape).map(|_| -(1.0 - rng.random::<f64>()).ln()).sum::<f64>() / shape as f64
}

/// How often the interval in [0, 1] and Student's interval cover the mean, and how often the latter leaves [0, 1].
struct Coverage {
    unit: f64,
    student: f64,
    outside: f64,
}

fn coverage(n: usize, shape: (usize, usize)) -> Coverage {
    const TRIALS: usize = 8000;
    let mut rng = stream_rng(n as u64, "coverage", 0);
    let mean = shape.0 as f64 / (shape.0 + shape.1) as f64;
    let covers = |interval: Interval| interval.low <= mean && mean <= interval.high;
    let (mut unit, mut student, mut outside) = (0, 0, 0);
    for _ in 0..TRIALS {
        let values: Vec<f64> = (0..n).map(|_| beta(&mut rng, shape)).collect();
        let summary = mean_std(&values).unwrap();
        let bounded = summary.unit_interval(LEVEL).unwrap();
        assert!(0.0 <= bounded.low && bounded.low <= summary.mean, "{values:?}: {bounded:?}");
        assert!(summary.mean <= bounded.high && bounded.high <= 1.0, "{values:?}: {bounded:?}");
        let plain = summary.confidence_interval(LEVEL).unwrap();
        unit += usize::from(covers(bounded));
        student += usize::from(covers(plain));
        outside += usize::from(plain.low < 0.0 || plain.high > 1.0);
    }
    let share = |count: usize| count as f64 / TRIALS as f64;
    Coverage { unit: share(unit), student: share(student), outside: share(outside) }
}

/// The standard error of a coverage of 95 % over 8000 trials is 0.25 percentage points.
#[test]
fn the_interval_of_shares_covers_as_often_as_it_promises() {
    for n in [2, 3, 5, 10] {
        for shape in [(5, 5), (1, 1), (2, 8), (18, 2), (60, 1)] {
            let Coverage { unit, student, .. } = coverage(n, shape);
            assert!((0.925..=0.98).contains(&unit), "{n} values of Beta{shape:?}: {unit}");
            assert!(unit > student - 0.005, "{n} values of Beta{shape:?}: {unit}, Student's {student}");
        }
    }
    // Why Student's interval is not enough for shares.
    let skewed = coverage(3, (60, 1));
    assert!(skewed.student < 0.9 && skewed.outside > 0.5, "{} {}", skewed.student, skewed.outside);
}

#[test]
fn intervals_of_shares_have_the_expected_ends() {
    let check = |values: &[f64], level: f64, low: f64, high: f64| {
        let interval = mean_std(values).unwrap().unit_interval(level).unwrap();
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(near(interval.low, low) && near(interval.high, high), "{values:?}: {interval:?}");
    };
    // With t = 4.30265 for two degrees of freedom: logit(0.5) ± 4.30265 · (0.1 / √3) / 0.25 = ± 0.9936551.
    check(&[0.4, 0.5, 0.6], LEVEL, 0.270191, 0.729809);
    check(&[0.25, 0.25], LEVEL, 0.25, 0.25);
    check(&[1.0, 1.0, 1.0], LEVEL, 1.0, 1.0);
    check(&[0.0, 0.0], LEVEL, 0.0, 0.0);
    // Two seeds that disagree say nothing: the interval is nearly all of [0, 1].
    check(&[0.0, 1.0], LEVEL, 0.0, 1.0);
}

#[test]
fn intervals_of_what_is_no_share_are_refused() {
    let of = |values: &[f64], level| mean_std(values).unwrap().unit_interval(level);
    assert!(matches!(of(&[0.5], LEVEL), Err(MetricError::TooFew { needed: 2, got: 1, .. })));
    assert_eq!(of(&[0.5, 0.6], 95.0), Err(MetricError::Level(95.0)));
    assert!(matches!(of(&[1.5, 1.6], LEVEL), Err(MetricError::Rate { .. })));
    // The last digit of a mean may be off.
    let almost = of(&[1.0 + 1e-12, 1.0 + 1e-12], LEVEL).unwrap();
    assert_eq!(almost, Interval { low: 1.0, high: 1.0 });
}

/// Values of gamma distributions of these shapes, with a mean of 1.
#[test]
fn the_interval_of_positive_values_covers_as_often_as_it_promises() {
    const TRIALS: usize = 8000;
    for n in [3, 5, 10] {
        for shape in [2, 8, 30] {
            let mut rng = stream_rng(n as u64, "positive", shape as u64);
            let mut covered = 0;
            for _ in 0..TRIALS {
                let values: Vec<f64> = (0..n).map(|_| gamma(&mut rng, shape)).collect();
                let interval = mean_std(&values).unwrap().positive_interval(LEVEL).unwrap();
                assert!(interval.low > 0.0, "{values:?}: {interval:?}");
                covered += usize::from(interval.low <= 1.0 && 1.0 <= interval.high);
            }
            let covered = covered as f64 / TRIALS as f64;
            assert!((0.925..=0.98).contains(&covered), "{n} values of shape {shape}: {covered}");
        }
    }
}

#[test]
fn intervals_of_positive_values_have_the_expected_ends() {
    let of = |values: &[f64]| mean_std(values).unwrap().positive_interval(LEVEL);
    // t = 4.30265 for two degrees of freedom: 5 · exp(± 4.30265 · (1 / √3) / 5).
    let interval = of(&[4.0, 5.0, 6.0]).unwrap();
    assert!(
        (interval.low - 3.042_290).abs() < 1e-5 && (interval.high - 8.217_495).abs() < 1e-5,
        "{interval:?}"
    );
    assert_eq!(of(&[0.0, 0.0]).unwrap(), Interval { low: 0.0, high: 0.0 });
    assert!(matches!(of(&[-1.0, -2.0]), Err(MetricError::Negative { .. })));
}
