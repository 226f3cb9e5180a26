//! Thresholds from the scores of overlapping windows, which are not independent.
//!
//! Two windows share no step only if they end at least a window's length apart, so `n` scores are worth about
//! `n / length` independent ones. The series is cut into blocks of that length, and a promise is made with blocks:
//!
//! - With enough blocks, their number decides: the threshold is the lowest one at which the mean share of flagged rows
//!   per block, with one more block that is flagged throughout, is at most the rate (conformal risk control;
//!   Angelopoulos, Bates, Fisch, Lei & Schuster, 2024, theorem 1). The expected rate then is at most the promised one
//!   if blocks are exchangeable, as those of a stationary series whose dependence fades within a block nearly are.
//! - With fewer, the threshold is the upper limit of a prediction interval for one more score, `m + t s √(1 + 1/B)`
//!   with the quantile `t` of Student's distribution for `B` blocks (Hahn & Meeker, 1991, section 4.2), but never
//!   below the empirical quantile. This supposes that scores, or their logarithms where all are positive, are about
//!   normally distributed above their mean: `s` is the root mean square deviation of those above it where that is more
//!   than the standard deviation, as in skewed distributions. Logarithms that are never negative and clearly skewed are
//!   taken for sums of squares or of rarities, whose cube roots are about normal (Wilson & Hilferty, 1931).

use super::threshold::allowed;
#[cfg(test)]
use crate::events::runs;
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::BTreeSet;

/// Blocks are counted as at least this many; a smaller number has no spread.
pub(crate) const MIN_BLOCKS: f64 = 2.0;

/// Number of blocks of `overlap` scores, at least 2; not a whole number.
pub(crate) fn blocks(n: usize, overlap: usize) -> f64 {
    (n as f64 / overlap.max(1) as f64).max(MIN_BLOCKS)
}

/// Whether this many blocks are enough for a promise that supposes nothing about the distribution of the scores.
pub(crate) fn suffice(blocks: f64, rate: f64) -> bool {
    (blocks.floor() + 1.0) * rate * (1.0 + 4.0 * f64::EPSILON) >= 1.0
}

/// The threshold that at most a share `rate` of later rows exceed. `scores` are in the order of time, at least 2.
pub(crate) fn rate_threshold(scores: &[f64], overlap: usize, rate: f64) -> f64 {
    let n = scores.len();
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    if sorted[0] == sorted[n - 1] {
        return sorted[0];
    }
    let blocks = blocks(n, overlap);
    if suffice(blocks, rate) {
        // How many rows of all blocks may be flagged, less those of the block that is flagged throughout.
        let above = ((rate * (blocks + 1.0) - 1.0) * overlap as f64 * (1.0 + 4.0 * f64::EPSILON)).floor();
        return sorted[n - 1 - (above.max(0.0) as usize).min(n - 1)];
    }
    let quantile = sorted[n - allowed(n, rate).clamp(1, n)];
    quantile.max(predicted(scores, blocks, rate))
}

/// The threshold at which at most `per_row` events begin per row: runs of flagged rows, where runs at most `gap`
/// rows apart are one event. `scores` are in the order of time, at least 2.
pub(crate) fn event_threshold(scores: &[f64], overlap: usize, per_row: f64, gap: usize) -> f64 {
    let n = scores.len();
    let expected = per_row * n as f64;
    if expected >= 1.0 {
        // As with rows, one more event is counted than was seen.
        return lowest_with(scores, (expected - 1.0).floor() as usize, gap);
    }
    let maxima: Vec<f64> = scores
        .rchunks(overlap.max(1))
        .map(|block| block.iter().copied().fold(f64::NEG_INFINITY, f64::max))
        .collect();
    let greatest = maxima.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    greatest.max(predicted(&maxima, blocks(n, overlap), (per_row * overlap as f64).min(0.5)))
}

/// The lowest score such that no threshold from there on gives more than `most` events.
fn lowest_with(scores: &[f64], most: usize, gap: usize) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut flagged = BTreeSet::new();
    let (mut events, mut at) = (0usize, 0);
    while at < order.len() {
        let value = scores[order[at]];
        // Rows of equal score are flagged together.
        while at < order.len() && scores[order[at]] == value {
            let row = order[at];
            let before = flagged.range(..row).next_back().copied();
            let after = flagged.range(row..).next().copied();
            let joins = |a: Option<usize>, b: Option<usize>| a.zip(b).is_some_and(|(a, b)| b - a <= gap + 1);
            let joined = usize::from(joins(before, Some(row))) + usize::from(joins(Some(row), after));
            events = events + 1 + usize::from(joins(before, after)) - joined;
            flagged.insert(row);
            at += 1;
        }
        if events > most {
            return value;
        }
    }
    // Every row may be flagged: the threshold is just below the lowest score.
    scores.iter().copied().fold(f64::INFINITY, f64::min).next_down()
}

/// Number of events that a threshold gives.
#[cfg(test)]
fn events_above(scores: &[f64], threshold: f64, gap: usize) -> usize {
    let flagged: Vec<bool> = scores.iter().map(|&score| score > threshold).collect();
    runs(&flagged, gap).len()
}

/// Skewness from which on logarithms are not taken to be normal.
const SKEWED: f64 = 0.5;

/// The score that one more row exceeds with probability `rate`, given scores that are worth `blocks` independent
/// ones.
fn predicted(scores: &[f64], blocks: f64, rate: f64) -> f64 {
    if !scores.iter().all(|&score| score > 0.0) {
        return predicted_of_normal(scores, blocks, rate);
    }
    let logs: Vec<f64> = scores.iter().map(|score| score.ln()).collect();
    if logs.iter().all(|&log| log >= 0.0) && skewness(&logs) > SKEWED {
        let roots: Vec<f64> = logs.iter().map(|log| log.cbrt()).collect();
        return predicted_of_normal(&roots, blocks, rate).powi(3).exp();
    }
    predicted_of_normal(&logs, blocks, rate).exp()
}

/// [`predicted`] for values that are about normally distributed.
fn predicted_of_normal(values: &[f64], blocks: f64, rate: f64) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = |value: &f64| (value - mean).powi(2);
    let above = || values.iter().filter(|value| **value > mean);
    let of_all = values.iter().map(square).sum::<f64>() / n;
    let variance = of_all.max(above().map(square).sum::<f64>() / above().count().max(1) as f64);
    let spread = (variance * blocks / (blocks - 1.0) * (1.0 + 1.0 / blocks)).sqrt();
    mean + student(blocks - 1.0, rate) * spread
}

/// The third standardised moment; 0 of equal values.
fn skewness(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let moment = |power: i32| values.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / n;
    let spread = moment(2).sqrt();
    if spread > 0.0 { moment(3) / spread.powi(3) } else { 0.0 }
}

/// The value that Student's distribution with these degrees of freedom exceeds with probability `rate`.
pub(crate) fn student(freedom: f64, rate: f64) -> f64 {
    let distribution = StudentsT::new(0.0, 1.0, freedom).expect("at least one degree of freedom");
    -distribution.inverse_cdf(rate)
}

#[cfg(test)]
#[path = "blocks_tests.rs"]
mod tests;
