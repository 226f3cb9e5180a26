//! Tests of the period: found where there is one, and nowhere else.

use super::*;
use ae_records::seed::stream_rng;
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

fn check(n: usize, value: impl Fn(usize) -> f32, expected: Option<usize>) {
    assert_eq!(period(Array2::from_shape_fn((n, 1), |(step, _)| value(step)).view()), expected);
}

/// Asserts that the period is `expected` steps, or up to `off` steps more or less.
fn check_near(values: &[Vec<f32>], expected: usize, off: usize) {
    let series =
        Array2::from_shape_fn((values[0].len(), values.len()), |(step, channel)| values[channel][step]);
    let found = period(series.view());
    assert!(found.is_some_and(|found| found.abs_diff(expected) <= off), "{found:?} instead of {expected}");
}

/// About normal: the sum of twelve uniform numbers, less its mean.
fn normal(rng: &mut ChaCha8Rng) -> f32 {
    (0..12).map(|_| rng.next_u32() as f32 / u32::MAX as f32).sum::<f32>() - 6.0
}

fn wave(step: usize, length: f32) -> f32 {
    (step as f32 / length * std::f32::consts::TAU).sin()
}

/// A series of `n` steps in which each value is `keep` times the one before, plus noise.
fn follows(n: usize, keep: f32, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut value = 0.0;
    let mut next = || {
        value = keep * value + normal(rng);
        value
    };
    (0..500).for_each(|_| {
        next();
    });
    (0..n).map(|_| next()).collect()
}

#[test]
fn a_period_is_found_if_there_is_one() {
    let noise = |step: usize| stream_rng(1, "noise", step as u64).next_u32() as f32 / u32::MAX as f32 - 0.5;
    check(3000, |step| wave(step, 50.0), Some(50));
    check(3000, |step| wave(step, 288.0) + 0.3 * noise(step), Some(288));
    check(
        3000,
        |step| if step % 3 == 0 { f32::NAN } else { wave(step, 50.0) + 0.3 * wave(step, 25.0) },
        Some(50),
    );
    check(300, |step| wave(step, 50.0), Some(50));
    check(3000, noise, None);
    check(3000, |step| step as f32, None);
    check(3000, |_| 5.0, None);
    check(100, |step| wave(step, 50.0), None);
    check(5000, |step| wave(step, 1440.0), None);
    check(0, |_| 5.0, None);
    check(25, |step| wave(step, 8.0), None);
    check(3000, |_| f32::NAN, None);
    check(3000, |step| if step < 1500 { f32::NAN } else { wave(step, 50.0) }, None);
    assert_eq!((plain(5), plain(100), plain(100_000)), (2, 14, 64));
}

/// A day of quarters of an hour, with noise of nearly the strength of the wave, in two weeks and more.
#[test]
fn a_noisy_day_is_found() {
    for seed in 0..20 {
        let mut rng = stream_rng(seed, "daily", 0);
        let noisy = |n: usize, strength: f32, rng: &mut ChaCha8Rng| -> Vec<f32> {
            (0..n).map(|step| wave(step, 96.0) + strength * normal(rng)).collect()
        };
        check_near(&[noisy(538, 0.4, &mut rng)], 96, 6);
        check_near(&[noisy(2000, 0.7, &mut rng)], 96, 6);
        check_near(&[noisy(10_000, 0.7, &mut rng)], 96, 3);
    }
}

/// Narrow peaks, as in an ECG: the autocorrelation is low but for a narrow peak at the period.
#[test]
fn a_beat_is_found() {
    for (seed, n) in [(0, 1000), (1, 1500), (2, 4000), (3, 20_000)] {
        let mut rng = stream_rng(seed, "beats", 0);
        let beats: Vec<f32> = (0..n)
            .map(|step| {
                let phase = (step % 183) as f32 / 183.0;
                (-((phase - 0.3) / 0.02).powi(2)).exp()
                    + 0.2 * (-((phase - 0.6) / 0.05).powi(2)).exp()
                    + 0.05 * normal(&mut rng)
            })
            .collect();
        check_near(&[beats], 183, 1);
    }
}

/// One channel that has a period is enough, among channels that have none or a weaker one.
#[test]
fn channels_may_differ_in_strength() {
    for seed in 0..10 {
        let mut rng = stream_rng(seed, "channels", 0);
        let clear: Vec<f32> = (0..3000).map(|step| wave(step, 60.0) + 0.3 * normal(&mut rng)).collect();
        let weak: Vec<f32> =
            (0..3000).map(|step| 100.0 * (wave(step, 60.0) + 2.0 * normal(&mut rng))).collect();
        let noise: Vec<Vec<f32>> = (0..6).map(|_| (0..3000).map(|_| normal(&mut rng)).collect()).collect();
        check_near(&[clear.clone(), weak.clone()], 60, 2);
        check_near(&[weak, clear.clone()], 60, 2);
        check_near(&[noise, vec![clear]].concat(), 60, 2);
    }
}

/// Noise, values that follow from the ones before, and random walks have waves, but no period. Of 160 such series, the
/// rule may take two for periodic.
#[test]
fn what_wanders_has_no_period() {
    let mut found = Vec::new();
    for seed in 0..8 {
        for n in [300, 1000, 3000, 8000] {
            for keep in [0.0, 0.5, 0.9, 0.98, 1.0] {
                let values =
                    follows(n, keep, &mut stream_rng(seed, "wanders", (n as f32 * (1.0 + keep)) as u64));
                if let Some(lag) = period(Array2::from_shape_vec((n, 1), values).unwrap().view()) {
                    found.push((seed, n, keep, lag));
                }
            }
        }
    }
    assert!(found.len() <= 2, "{found:?}");
}
