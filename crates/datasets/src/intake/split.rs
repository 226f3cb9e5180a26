//! Four disjoint parts of the rows: to train, to stop early, to calibrate, to test.

use super::error::IntakeError;
use crate::order::permutation;
use ae_records::seed::stream_rng;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ops::Range;

/// How large the parts are, in proportion; they need not sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shares {
    /// To learn from.
    pub train: f64,
    /// To stop early by.
    pub validation: f64,
    /// To place the threshold by.
    pub calibration: f64,
    /// To be looked at only when all is done; 0 for none.
    pub test: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Shares { train: 0.65, validation: 0.1, calibration: 0.25, test: 0.0 }
    }
}

/// Fewest rows to train on, validate by, calibrate by, test on.
const FEWEST: [usize; 4] = [8, 2, 8, 1];

/// Indices of the rows of each part; ascending, disjoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// To learn from.
    pub train: Vec<usize>,
    /// To stop early by.
    pub validation: Vec<usize>,
    /// To place the threshold by.
    pub calibration: Vec<usize>,
    /// To be looked at only when all is done.
    pub test: Vec<usize>,
}

/// Splits `n` rows at random; a pure function of its arguments.
///
/// # Errors
/// [`IntakeError::TooFewRows`] with how many are needed; [`IntakeError::OutOfRange`] for shares that are none.
pub fn split_rows(n: usize, seed: u64, shares: Shares) -> Result<Parts, IntakeError> {
    let sizes = sizes(n, shares, 0)?;
    let order = permutation(n, &mut stream_rng(seed, "detector split", 0));
    let mut rest = order.into_iter().map(|row| row as usize);
    let mut take = |size: usize| {
        let mut rows: Vec<usize> = rest.by_ref().take(size).collect();
        rows.sort_unstable();
        rows
    };
    let [train, validation, calibration, test] = sizes;
    Ok(Parts {
        train: take(train),
        validation: take(validation),
        calibration: take(calibration),
        test: take(test),
    })
}

/// Splits `n` time steps into stretches, the earliest to train on, with a gap of `window` steps between two: no window
/// of one part has a step in, or right beside, another.
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

/// Steps that windows end with, for windows that lie in this stretch whole; one every `stride` steps.
pub fn window_ends(stretch: Range<usize>, window: usize, stride: usize) -> Vec<usize> {
    (stretch.start + window.max(1) - 1..stretch.end).step_by(stride.max(1)).collect()
}

/// Sizes of the parts, where `gap` rows are lost between two and each has to have room for windows as long.
fn sizes(n: usize, shares: Shares, gap: usize) -> Result<[usize; 4], IntakeError> {
    let shares = [shares.train, shares.validation, shares.calibration, shares.test];
    let sum: f64 = shares.iter().sum();
    if shares.iter().any(|share| !(0.0..=1e9).contains(share)) || shares[..3].contains(&0.0) {
        let (key, value) = ("shares", format!("{shares:?}"));
        let right = "a share above 0 to train, validate and calibrate; to test 0 or above";
        return Err(IntakeError::OutOfRange { key, value, right });
    }
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
    // What rounding leaves, and what small parts got too much, is the largest part's.
    while sizes.iter().sum::<usize>() > free {
        let largest = (0..4).max_by_key(|&part| sizes[part].saturating_sub(fewest(part))).unwrap_or(0);
        let excess = sizes.iter().sum::<usize>() - free;
        let room = sizes[largest] - fewest(largest);
        sizes[largest] -= excess.min(room.max(1));
    }
    sizes[0] += free - sizes.iter().sum::<usize>();
    Ok(sizes)
}

/// Share of the rows that are equal to an earlier one, told by a 128-bit hash.
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
mod tests {
    use super::*;

    #[test]
    fn parts_are_disjoint_whole_and_of_their_share() {
        for n in [18, 19, 100, 1000] {
            let parts = split_rows(n, 1, Shares::default()).unwrap();
            let mut all =
                [parts.train.clone(), parts.validation, parts.calibration.clone(), parts.test].concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..n), "{n}");
            assert_eq!(split_rows(n, 1, Shares::default()).unwrap().train, parts.train);
            assert_ne!(split_rows(n, 2, Shares::default()).unwrap().train, parts.train);
        }
        let parts = split_rows(1000, 1, Shares { test: 0.25, ..Shares::default() }).unwrap();
        let sizes = [parts.train, parts.validation, parts.calibration, parts.test].map(|part| part.len());
        assert_eq!(sizes, [520, 80, 200, 200]);
    }

    #[test]
    fn too_few_rows_are_answered_with_how_many_are_needed() {
        let check = |error: IntakeError, expected: &str| assert_eq!(error.to_string(), expected);
        check(
            split_rows(17, 1, Shares::default()).unwrap_err(),
            "17 normal rows are too few; at least 18 are needed to split them",
        );
        check(
            split_time(100, 32, Shares::default()).unwrap_err(),
            "100 normal rows are too few; at least 175 are needed to split windows of 32 steps by time",
        );
        assert!(split_time(175, 32, Shares::default()).is_ok());
        assert!(split_rows(100, 1, Shares { train: 0.0, ..Shares::default() }).is_err());
        assert!(split_rows(100, 1, Shares { test: f64::NAN, ..Shares::default() }).is_err());
    }

    #[test]
    fn no_window_reaches_into_another_part() {
        for (n, window) in [(175, 32), (500, 32), (10_000, 7)] {
            let parts = split_time(n, window, Shares::default()).unwrap();
            let ends = parts.clone().map(|part| window_ends(part, window, 1));
            for (earlier, later) in ends.iter().zip(&ends[1..]) {
                if let (Some(last), Some(first)) = (earlier.last(), later.first()) {
                    assert!(first + 1 - window > last + window - 1, "{n} {window}: {parts:?}");
                }
            }
            assert!(ends[..3].iter().all(|ends| !ends.is_empty()), "{parts:?}");
            assert_eq!(parts[2].end, n);
        }
        assert_eq!(window_ends(10..20, 4, 3), [13, 16, 19]);
        assert!(window_ends(10..12, 4, 1).is_empty());
    }

    #[test]
    fn equal_rows_are_counted() {
        let rows = ndarray::array![[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [1.0, 2.0]];
        assert_eq!(duplicate_share(&rows), 0.5);
        assert_eq!(duplicate_share(&Array2::zeros((0, 2))), 0.0);
    }
}
