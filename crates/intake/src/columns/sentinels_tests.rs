//! Tests of numbers that stand for a missing value: those that are found, and those that must not be.

use super::*;
use ae_records::seed::stream_rng;
use ndarray::Array1;
use rand_chacha::rand_core::Rng;

/// Draws from (0, 1).
fn uniform(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64 + 1e-17
}

/// Draws from the standard normal distribution, by Box and Muller.
fn normal(rng: &mut impl Rng) -> f64 {
    (-2.0 * uniform(rng).ln()).sqrt() * (std::f64::consts::TAU * uniform(rng)).cos()
}

/// `n` normal values around 20, with each of `sentinels` in the given number of rows.
fn column(n: usize, sentinels: &[(f32, usize)]) -> Array1<f32> {
    let mut rng = stream_rng(1, "sentinels", n as u64);
    let mut values: Vec<f32> = (0..n).map(|_| (20.0 + 5.0 * normal(&mut rng)) as f32).collect();
    let mut at = 0;
    for &(sentinel, count) in sentinels {
        for _ in 0..count {
            values[at] = sentinel;
            at = (at + 7) % n;
        }
    }
    values.into()
}

fn check(sentinels: &[(f32, usize)], expected: &[(f32, u64)]) {
    let mut found = look_at(column(1000, sentinels).view()).sentinels;
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!(found, expected, "{sentinels:?}");
}

#[test]
fn sentinels_are_found() {
    for sentinel in
        [-999.0, -9999.0, 9999.0, 999.9, 1e30, 65535.0, -32768.0, f32::MAX, 99999.0, 1e20, 123_456.0]
    {
        check(&[(sentinel, 200)], &[(sentinel, 200)]);
        check(&[(sentinel, 3)], &[(sentinel, 3)]);
        check(&[(sentinel, 2)], &[]);
    }
    check(&[(-999.0, 10), (-9999.0, 10)], &[(-9999.0, 10), (-999.0, 10)]);
    check(&[(-9999.0, 10), (9999.0, 20)], &[(-9999.0, 10), (9999.0, 20)]);
    check(&[(-999.0, 600)], &[(-999.0, 600)]);
    let with_gaps = look_at(column(1000, &[(-999.0, 10), (f32::NAN, 50)]).view());
    assert_eq!(with_gaps.sentinels, [(-999.0, 10)]);
    assert!(with_gaps.rest[0] > -10.0 && with_gaps.rest[1] < 50.0, "{with_gaps:?}");
}

#[test]
fn values_that_are_not_far_outside_stay() {
    for values in [(0.0, 200), (-40.0, 10), (99.0, 200), (150.0, 200), (-1.0, 100), (600.0, 400)] {
        check(&[values], &[]);
    }
    // Flags, codes and constants have no sentinels.
    for codes in [
        vec![0.0, 1.0],
        vec![0.0, 65535.0],
        vec![1.0, -1.0],
        vec![0.0, 1.0, 2.0, 3.0, 200.0, 404.0, 500.0],
        vec![7.0],
    ] {
        let values: Array1<f32> = (0..700).map(|row| codes[row % codes.len()]).collect();
        assert_eq!(look_at(values.view()).sentinels, [], "{codes:?}");
    }
    assert_eq!(look_at(Array1::from(vec![f32::NAN; 5]).view()).sentinels, []);
    assert_eq!(look_at(Array1::from(vec![]).view()).mass, None);
}

/// Amounts, bytes and counts with tails over many orders of magnitude, rounded as they are written.
#[test]
fn heavy_tails_lose_no_value() {
    for seed in 0..60 {
        let mut rng = stream_rng(seed, "heavy tails", 0);
        let sigma = 0.5 + 0.5 * (seed % 8) as f64;
        let step = [0.01, 1.0, 10.0][seed as usize % 3];
        let n = [50, 500, 20_000][seed as usize / 3 % 3];
        let values: Array1<f32> = (0..n)
            .map(|_| (((sigma * normal(&mut rng)).exp() * 50.0 / step).round() * step) as f32)
            .collect();
        assert_eq!(look_at(values.view()).sentinels, [], "seed {seed}");
        // Pareto with an infinite mean, half of it zeros.
        let values: Array1<f32> = (0..n)
            .map(|_| {
                if rng.next_u32().is_multiple_of(2) {
                    0.0
                } else {
                    uniform(&mut rng).powf(-1.2).floor().min(1.3e9) as f32
                }
            })
            .collect();
        assert_eq!(look_at(values.view()).sentinels, [], "seed {seed}");
    }
}

/// Columns like those of NSL-KDD: counts up to 511 with a mass there, rates with masses at 0 and 1, bytes with a
/// few repeated sizes far out, rare small counts.
#[test]
fn columns_of_connections_lose_no_value() {
    let mut rng = stream_rng(1, "connections", 0);
    let mut check = |name: &str, value: &mut dyn FnMut(&mut dyn FnMut() -> f64) -> f64| {
        let mut draw = || uniform(&mut rng);
        let values: Array1<f32> = (0..20_000).map(|_| value(&mut draw) as f32).collect();
        assert_eq!(look_at(values.view()).sentinels, [], "{name}");
    };
    check("count", &mut |draw| if draw() < 0.3 { 511.0 } else { (draw() * 300.0).floor() });
    check("rate", &mut |draw| {
        let kind = draw();
        if kind < 0.7 {
            0.0
        } else if kind < 0.9 {
            1.0
        } else {
            (draw() * 100.0).round() / 100.0
        }
    });
    check("src_bytes", &mut |draw| {
        let kind = draw();
        if kind < 0.39 {
            0.0
        } else if kind < 0.40 {
            54_540.0
        } else if kind < 0.402 {
            5_135_678.0
        } else {
            draw().powf(-1.5).min(1.4e9).floor() + 100.0
        }
    });
    check("duration", &mut |draw| if draw() < 0.92 { 0.0 } else { (42_908.0 * draw().powi(4)).floor() });
    check("su_attempted", &mut |draw| if draw() < 0.998 { 0.0 } else { (draw() * 3.0).floor() });
    check("hot", &mut |draw| {
        if draw() < 0.98 { 0.0 } else { [1.0, 2.0, 4.0, 28.0, 30.0, 101.0][(draw() * 6.0) as usize % 6] }
    });
    check("one far size", &mut |draw| if draw() < 0.99 { (draw() * 12.0).floor() } else { 1480.0 });
}

#[test]
fn masses_at_an_end_are_told() {
    let told = |sentinels: &[(f32, usize)]| look_at(column(1000, sentinels).view()).mass;
    assert_eq!(told(&[(0.0, 200)]), Some((0.0, 200)));
    assert_eq!(told(&[(-40.0, 100)]), Some((-40.0, 100)));
    assert_eq!(told(&[(0.0, 20)]), None, "too few to tell");
    assert_eq!(told(&[(20.0, 200)]), None, "not at an end");
    assert_eq!(told(&[(-999.0, 200)]), None, "taken for missing instead");
    assert_eq!(told(&[(-999.0, 100), (0.0, 200)]), Some((0.0, 200)));
    // Too near for a sentinel, next to values of the same size.
    let radiation: Array1<f32> =
        (0..500).map(|row| if row % 50 == 0 { -999.0 } else { (row * 7 % 1201) as f32 }).collect();
    let ends = look_at(radiation.view());
    assert_eq!((ends.sentinels, ends.mass), (vec![], Some((-999.0, 10))));
    let counts: Array1<f32> = (0..500).map(|row| (row % 6) as f32).collect();
    assert_eq!(look_at(counts.view()).mass, None, "few distinct values");
}
