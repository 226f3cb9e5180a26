//! Splits rows into four disjoint parts: training, validation (early stopping), calibration and test.

use crate::error::IntakeError;
use crate::order::permutation;
use ae_records::seed::stream_rng;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ops::Range;

/// Relative sizes of the parts; they need not sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shares {
    /// For training.
    pub train: f64,
    /// For early stopping.
    pub validation: f64,
    /// For calibrating the threshold.
    pub calibration: f64,
    /// Held out until the end; 0 for no test rows.
    pub test: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Shares { train: 0.65, validation: 0.1, calibration: 0.25, test: 0.0 }
    }
}

impl Shares {
    fn checked(self) -> Result<[f64; 4], IntakeError> {
        let shares = [self.train, self.validation, self.calibration, self.test];
        if shares.iter().any(|share| !(0.0..=1e9).contains(share)) || shares[..3].contains(&0.0) {
            let (key, value) = ("shares", format!("{shares:?}"));
            let right = "shares above 0 for train, validation and calibration, and at least 0 for test";
            return Err(IntakeError::OutOfRange { key, value, right });
        }
        Ok(shares)
    }
}

/// Fewest rows for training, validation, calibration and test.
const FEWEST: [usize; 4] = [8, 2, 8, 1];

/// Row indices of each part, ascending and disjoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSplit {
    /// For training.
    pub train: Vec<usize>,
    /// For early stopping.
    pub validation: Vec<usize>,
    /// For calibrating the threshold.
    pub calibration: Vec<usize>,
    /// Held out until the end.
    pub test: Vec<usize>,
}

/// Splits `n` rows at random; a pure function of its arguments.
///
/// # Errors
/// [`IntakeError::TooFewRows`] with the number needed; [`IntakeError::OutOfRange`] for shares out of range.
pub fn split_rows(n: usize, seed: u64, shares: Shares) -> Result<RowSplit, IntakeError> {
    let sizes = sizes(n, shares, 0)?;
    let order = permutation(n, &mut stream_rng(seed, "detector split", 0));
    let mut rest = order.into_iter().map(|row| row as usize);
    let mut take = |size: usize| {
        let mut rows: Vec<usize> = rest.by_ref().take(size).collect();
        rows.sort_unstable();
        rows
    };
    let [train, validation, calibration, test] = sizes;
    Ok(RowSplit {
        train: take(train),
        validation: take(validation),
        calibration: take(calibration),
        test: take(test),
    })
}

/// Splits `n` time steps into consecutive parts, training first, with a gap of `window` steps between parts:
/// no window of one part shares a step with another part or touches it.
///
/// # Errors
/// As [`split_rows`]; each part needs room for windows.
pub fn split_time(n: usize, window: usize, shares: Shares) -> Result<[Range<usize>; 4], IntakeError> {
    let sizes = sizes(n, shares, window)?;
    let mut from = 0;
    Ok(sizes.map(|size| {
        let part = from..from + size;
        if size > 0 {
            from = part.end + window;
        }
        part
    }))
}

/// End steps of the windows that lie entirely in this stretch, one every `stride` steps.
pub fn window_ends(stretch: Range<usize>, window: usize, stride: usize) -> Vec<usize> {
    (stretch.start + window.max(1) - 1..stretch.end).step_by(stride.max(1)).collect()
}

/// At most `most` of these rows, evenly spaced.
pub fn evenly_spaced(rows: &[usize], most: usize) -> Vec<usize> {
    let n = rows.len();
    if n <= most {
        return rows.to_vec();
    }
    (0..most).map(|at| rows[at * n / most]).collect()
}

/// Splits the windows with normal steps only, in time order. Returns the end steps of the windows of each
/// part, ascending; for training, one every `stride` steps. Steps that are not normal are in no part. At
/// least one window of steps lies between the windows of two parts; an anomalous stretch may be part of this
/// gap.
///
/// # Errors
/// [`IntakeError::TooFewWindows`] if the normal stretches are too few or too short, with the longest window
/// that fits; [`IntakeError::OutOfRange`] for shares out of range.
pub fn split_windows(
    normal: &[bool],
    window: usize,
    stride: usize,
    shares: Shares,
) -> Result<[Vec<usize>; 4], IntakeError> {
    let (shares, stride) = (shares.checked()?, stride.max(1));
    let ends = normal_ends(normal, window);
    let Some(parts) = place(&ends, window, stride, shares) else {
        let has_room =
            |&shorter: &usize| place(&normal_ends(normal, shorter), shorter, stride, shares).is_some();
        let lengths: Vec<usize> = (2..window).collect();
        let fits = lengths.partition_point(has_room);
        let stretches: Vec<usize> =
            normal.split(|&normal| !normal).map(<[bool]>::len).filter(|&steps| steps > 0).collect();
        return Err(IntakeError::TooFewWindows {
            got: ends.len(),
            window,
            stretches: stretches.len(),
            longest: stretches.into_iter().max().unwrap_or(0),
            fits: fits.checked_sub(1).map(|last| lengths[last]),
        });
    };
    let [train, validation, calibration, test] = parts.map(|part| ends[part].to_vec());
    let mut next = 0;
    let train = train.into_iter().filter(|&end| {
        let is_due = end >= next;
        next = if is_due { end + stride } else { next };
        is_due
    });
    Ok([train.collect(), validation, calibration, test])
}

/// End steps of the windows with normal steps only.
fn normal_ends(normal: &[bool], window: usize) -> Vec<usize> {
    let mut steps = 0;
    let mut ends = Vec::new();
    for (end, &normal) in normal.iter().enumerate() {
        steps = if normal { steps + 1 } else { 0 };
        if steps >= window {
            ends.push(end);
        }
    }
    ends
}

/// Places as many windows in each part as its share allows, each part as early as possible. `None` if even
/// the smallest parts do not fit.
fn place(ends: &[usize], window: usize, stride: usize, shares: [f64; 4]) -> Option<[Range<usize>; 4]> {
    let sum: f64 = shares.iter().sum();
    let placed = |windows: usize| {
        let (mut from, mut earliest) = (0, 0);
        let mut parts = [0..0, 0..0, 0..0, 0..0];
        for (part, range) in parts.iter_mut().enumerate().filter(|(part, _)| shares[*part] > 0.0) {
            let fewest = if part == 0 { (FEWEST[0] - 1) * stride + 1 } else { FEWEST[part] };
            let size = fewest.max((windows as f64 * shares[part] / sum) as usize);
            from += ends[from..].partition_point(|&end| end + 1 < earliest + window);
            let last = *ends.get(from + size - 1)?;
            *range = from..from + size;
            (from, earliest) = (range.end, last + 1 + window);
        }
        // The last part gets what rounding leaves.
        if let Some(last) = parts.iter_mut().rev().find(|part| part.start < part.end) {
            last.end = ends.len();
        }
        Some(parts)
    };
    let windows: Vec<usize> = (0..=ends.len()).collect();
    let most = windows.partition_point(|&windows| placed(windows).is_some());
    placed(most.checked_sub(1)?)
}

/// Sizes of the parts. Between two parts `gap` rows are lost, and each part has room for windows of `gap`
/// steps.
fn sizes(n: usize, shares: Shares, gap: usize) -> Result<[usize; 4], IntakeError> {
    let shares = shares.checked()?;
    let sum: f64 = shares.iter().sum();
    let parts = shares.iter().filter(|&&share| share > 0.0).count();
    let lost = gap * (parts - 1);
    let fewest = |part: usize| if shares[part] > 0.0 { FEWEST[part] + gap.saturating_sub(1) } else { 0 };
    let needed = (0..4).map(fewest).sum::<usize>() + lost;
    if n < needed {
        let what =
            if gap > 0 { format!("split windows of {gap} steps by time") } else { "split them".into() };
        return Err(IntakeError::TooFewRows { got: n, needed, what });
    }
    let free = n - lost;
    let mut sizes = [0, 1, 2, 3].map(|part| ((free as f64 * shares[part] / sum) as usize).max(fewest(part)));
    // The largest part makes up for rounding and for the minimum sizes of small parts.
    while sizes.iter().sum::<usize>() > free {
        let largest = (0..4).max_by_key(|&part| sizes[part].saturating_sub(fewest(part))).unwrap_or(0);
        let excess = sizes.iter().sum::<usize>() - free;
        let room = sizes[largest] - fewest(largest);
        sizes[largest] -= excess.min(room.max(1));
    }
    sizes[0] += free - sizes.iter().sum::<usize>();
    Ok(sizes)
}

/// Share of the rows that equal an earlier row, compared by a 128-bit hash.
pub fn duplicate_share(rows: &Array2<f32>) -> f64 {
    let mut seen = HashSet::new();
    let mut repeated = 0;
    for row in rows.rows() {
        let hash =
            row.iter().fold((0xcbf2_9ce4_8422_2325_u64, 0x9e37_79b9_7f4a_7c15_u64), |(a, b), value| {
                let bits = u64::from(value.to_bits());
                (
                    (a ^ bits).wrapping_mul(0x0100_0000_01b3),
                    (b.rotate_left(23) ^ bits).wrapping_mul(0x2545_f491_4f6c_dd1d),
                )
            });
        repeated += usize::from(!seen.insert(hash));
    }
    repeated as f64 / rows.nrows().max(1) as f64
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
