//! Tests of splits of rows and of time, with and without anomalous stretches.

use super::*;
use rand_chacha::rand_core::Rng;

#[test]
fn parts_are_disjoint_complete_and_sized_by_their_shares() {
    for n in [18, 19, 100, 1000] {
        let parts = split_rows(n, 1, Shares::default()).unwrap();
        let mut all = [parts.train.clone(), parts.validation, parts.calibration.clone(), parts.test].concat();
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
fn errors_of_too_few_rows_say_how_many_are_needed() {
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
    let error = split_rows(100, 1, Shares { train: 0.0, ..Shares::default() }).unwrap_err().to_string();
    assert!(error.starts_with("shares = [0.0, 0.1, 0.25, 0.0] is invalid; use shares above 0"), "{error}");
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
fn windows_are_split_by_their_normal_steps() {
    let shares = Shares { train: 0.6, validation: 0.15, calibration: 0.25, test: 0.15 };
    let mut rng = stream_rng(1, "normal stretches", 0);
    let mut split = 0;
    for round in 0..300 {
        let window = 2 + round % 12;
        let stride = 1 + round % 3;
        let mut normal = Vec::new();
        while normal.len() < 300 + 4 * round {
            let steps = rng.next_u32() as usize % [30, 120, 800][round % 3];
            normal.extend(std::iter::repeat_n(normal.last() == Some(&false), steps));
        }
        let parts = match split_windows(&normal, window, stride, shares) {
            Ok(parts) => parts,
            Err(IntakeError::TooFewWindows { got, longest, fits, .. }) => {
                assert!(got < normal.len() && longest < normal.len());
                if let Some(fits) = fits {
                    assert!(fits < window && split_windows(&normal, fits, stride, shares).is_ok());
                }
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        split += 1;
        for (part, fewest) in parts.iter().zip(FEWEST) {
            assert!(part.len() >= fewest && part.is_sorted());
            assert!(part.iter().all(|&end| normal[end + 1 - window..=end].iter().all(|&normal| normal)));
        }
        assert!(parts[0].windows(2).all(|pair| pair[1] >= pair[0] + stride));
        for pair in parts.windows(2) {
            assert!(pair[1][0] + 1 - window > pair[0][pair[0].len() - 1] + window, "{round}");
        }
    }
    assert!(split > 150, "{split} of 300");
    // All windows but those in three gaps are used, with or without an anomaly in the middle.
    let check = |normal: &[bool], lost: usize| {
        let parts = split_windows(normal, 10, 1, shares).unwrap();
        let sizes = parts.map(|part| part.len());
        let all = normal_ends(normal, 10).len();
        assert_eq!(sizes.iter().sum::<usize>(), all - lost);
        for (size, share) in sizes.iter().zip([0.6, 0.15, 0.25, 0.15]) {
            let expected = share / 1.15 * (all - lost) as f64;
            assert!((*size as f64 - expected).abs() <= 20.0, "{sizes:?}");
        }
    };
    check(&[true; 1200], 3 * 19);
    let block: Vec<bool> = (0..1200).map(|step| !(500..850).contains(&step)).collect();
    check(&block, 3 * 19);
}

#[test]
fn errors_of_too_few_windows_name_a_length_that_fits() {
    let normal: Vec<bool> = (0..300).map(|step| step % 20 != 0).collect();
    let error = split_windows(&normal, 19, 1, Shares::default()).unwrap_err().to_string();
    let expected = "15 windows of 19 steps have normal steps only, too few for all parts of the split and a gap of one \
                    window between parts: the longest of 15 normal stretches has 19 steps; set input.window to 18 or less";
    assert_eq!(error, expected);
    assert!(split_windows(&normal, 18, 1, Shares::default()).is_ok());
    let normal: Vec<bool> = (0..40).map(|step| step % 2 == 0).collect();
    let error = split_windows(&normal, 4, 1, Shares::default()).unwrap_err().to_string();
    assert!(error.ends_with("has 1 step; provide longer stretches of normal steps"), "{error}");
}

#[test]
fn equal_rows_are_counted() {
    let rows = ndarray::array![[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [1.0, 2.0]];
    assert_eq!(duplicate_share(&rows), 0.5);
    assert_eq!(duplicate_share(&Array2::zeros((0, 2))), 0.0);
}
