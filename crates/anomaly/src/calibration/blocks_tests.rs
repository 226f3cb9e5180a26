//! Tests thresholds for overlapping windows: their promises, over many made-up series.

use super::*;
use crate::calibration::{NormalScores, Rule, Threshold};
use ae_records::seed::stream_rng;
use rand::RngExt;

/// Sums of squares over windows of `length` normal draws: the scores of a detector that predicts a constant, whose
/// windows overlap as those of a stream do.
fn windows(seed: u64, n: usize, length: usize) -> Vec<f64> {
    let mut rng = stream_rng(seed, "tests of blocks", 0);
    let gauss = statrs::distribution::Normal::standard();
    let steps: Vec<f64> =
        (0..n + length).map(|_| gauss.inverse_cdf(rng.random_range(1e-12..1.0)).powi(2)).collect();
    steps.windows(length).map(|window| window.iter().sum::<f64>() / length as f64).collect()
}

fn rate_over(scores: &[f64], threshold: f64) -> f64 {
    scores.iter().filter(|&&score| score > threshold).count() as f64 / scores.len() as f64
}

/// The mean rate on later windows over many series that were learned from.
fn achieved(blocks: usize, length: usize, threshold: impl Fn(&[f64]) -> f64) -> f64 {
    let trials = 200;
    let rates = (0..trials).map(|seed| {
        let all = windows(seed, (blocks + 40) * length, length);
        let (calibration, later) = all.split_at(blocks * length);
        rate_over(&later[length..], threshold(calibration))
    });
    rates.sum::<f64>() / trials as f64
}

/// What this replaces: the windows counted as independent rows.
fn counted_as_rows(scores: &[f64]) -> f64 {
    let normal = NormalScores::of_held_out_rows(scores).unwrap();
    Threshold::by(Rule::FalseAlarmRate { rate: 0.02 }, &normal).unwrap().value()
}

#[test]
fn a_promise_for_windows_is_kept_where_counting_them_as_rows_breaks_it() {
    for blocks in [3, 6, 12, 30] {
        let rows = achieved(blocks, 24, counted_as_rows);
        let own = achieved(blocks, 24, |scores| rate_threshold(scores, 24, 0.02));
        assert!(own <= 0.025, "{blocks} blocks: {own}");
        assert!(rows > 2.0 * own, "{blocks} blocks: {rows} as rows, {own} as blocks");
    }
    let rows = achieved(6, 24, counted_as_rows);
    assert!(rows > 0.05, "{rows}");
}

#[test]
fn many_blocks_need_no_distribution() {
    let own = achieved(120, 8, |scores| rate_threshold(scores, 8, 0.01));
    assert!((0.0005..=0.0105).contains(&own), "{own}");
    assert!(suffice(99.0, 0.01) && !suffice(98.9, 0.01));
}

/// Of heavy-tailed scores: the threshold is never below the empirical quantile.
#[test]
fn the_threshold_is_never_below_the_quantile() {
    let scores: Vec<f64> = windows(3, 400, 20).into_iter().map(|score| (8.0 * score).exp()).collect();
    assert!(rate_threshold(&scores, 20, 0.02) >= counted_as_rows(&scores));
    // Equal scores have no spread.
    assert_eq!(rate_threshold(&[2.0; 50], 10, 0.01), 2.0);
}

#[test]
fn event_budgets_are_kept() {
    let length = 24;
    let per_row = 1.0 / (10.0 * length as f64);
    for blocks in [5, 30] {
        let trials = 200;
        let events = (0..trials).map(|seed| {
            let all = windows(seed, (blocks + 100) * length, length);
            let (calibration, later) = all.split_at(blocks * length);
            let threshold = event_threshold(calibration, length, per_row, length);
            events_above(later, threshold, length) as f64 / later.len() as f64
        });
        let rate = events.sum::<f64>() / trials as f64;
        assert!(rate <= 1.25 * per_row, "{blocks}: {} of the budget", rate / per_row);
        assert!(rate > 0.02 * per_row, "{blocks}: {} of the budget", rate / per_row);
    }
}

/// The incremental count is that of counting anew at each score.
#[test]
fn the_lowest_threshold_with_few_events_is_found() {
    for seed in 0..40 {
        let mut rng = stream_rng(seed, "tests of events", 0);
        let scores: Vec<f64> = (0..60).map(|_| f64::from(rng.random_range(0u8..12))).collect();
        for (most, gap) in [(0, 0), (1, 2), (3, 0), (4, 5)] {
            let found = lowest_with(&scores, most, gap);
            let above: Vec<f64> = scores.iter().copied().filter(|&score| score >= found).collect();
            for threshold in above {
                assert!(events_above(&scores, threshold, gap) <= most, "{seed}");
            }
            assert!(
                found < 0.0 || events_above(&scores, found.next_down(), gap) > most,
                "{seed}: {found} could be lower"
            );
        }
    }
}
