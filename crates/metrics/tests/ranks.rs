//! Methods compared by their ranks. The expected numbers come from Demšar (JMLR 7, 2006) and from SciPy 1.17.1,
//! by the calls that each test names.

use ae_metrics::{FriedmanTest, MetricError, friedman_test, groups_within, mean_ranks, nemenyi_difference};
use ndarray::{Array2, arr2};

/// Both sides compute in double precision.
const TOLERANCE: f64 = 1e-12;

/// AUC of C4.5 and three variants of it on 14 data sets (Demšar, table 6). The table rounds to three digits and
/// ranks 0.975 above another 0.975 on the last but one; the digit 1 is added to the former.
fn demsar() -> Array2<f64> {
    arr2(&[
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ])
}

#[track_caller]
fn check_close(obtained: f64, expected: f64, tolerance: f64) {
    assert!((obtained - expected).abs() <= tolerance * expected.abs(), "{obtained}, expected {expected}");
}

#[track_caller]
fn check_test(scores: &Array2<f64>, statistic: f64, freedom: (usize, usize), p_value: f64) {
    let test = friedman_test(scores).unwrap();
    check_close(test.statistic, statistic, TOLERANCE);
    check_close(test.p_value, p_value, TOLERANCE);
    assert_eq!((test.method_freedom, test.residual_freedom), freedom);
}

#[track_caller]
fn check_error<T: std::fmt::Debug>(result: Result<T, MetricError>, expected: &str) {
    assert_eq!(result.unwrap_err().to_string(), expected);
}

#[test]
fn tied_methods_share_the_mean_of_their_ranks() {
    // Demšar, table 6: 3.143, 2.000, 2.893, 1.964.
    assert_eq!(mean_ranks(&demsar()), Ok(vec![44.0 / 14.0, 2.0, 40.5 / 14.0, 27.5 / 14.0]));
    let scores = arr2(&[[0.0, f64::NEG_INFINITY, -0.0, f64::INFINITY], [1.0, 1.0, 1.0, 1.0]]);
    assert_eq!(mean_ranks(&scores), Ok(vec![2.5, 3.25, 2.5, 1.75]));
}

#[test]
fn the_friedman_test_is_that_of_scipy() {
    // chi = scipy.stats.friedmanchisquare(*scores.T).statistic; f = (n - 1) * chi / (n * (k - 1) - chi);
    // p = scipy.stats.f.sf(f, k - 1, (k - 1) * (n - 1))
    check_test(&demsar(), 4.185130111524163, (3, 39), 0.011620659515311067);
    let five = arr2(&[[3.0, 1.0, 2.0, 5.0, 4.0], [2.0, 1.0, 4.0, 5.0, 3.0], [1.0, 2.0, 3.0, 5.0, 4.0]]);
    check_test(&five, 9.25, (4, 8), 0.004284051550407286);
    // For two methods, `friedmanchisquare` is not defined; chi is 1 by its formula with the correction for ties.
    let two = arr2(&[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [3.0, 2.0], [2.0, 2.0]]);
    check_test(&two, 1.0, (1, 4), 0.37390096630005887);
}

#[test]
fn equal_and_tied_rankings_are_the_extremes_of_the_friedman_test() {
    let of = |scores: &Array2<f64>| friedman_test(scores).unwrap();
    let (method_freedom, residual_freedom) = (2, 12);
    let alike =
        Array2::from_shape_fn((7, 3), |(data_set, method)| (data_set * method) as f64 + method as f64);
    let expected = FriedmanTest { statistic: f64::INFINITY, method_freedom, residual_freedom, p_value: 0.0 };
    assert_eq!(of(&alike), expected);
    let expected = FriedmanTest { statistic: 0.0, method_freedom, residual_freedom, p_value: 1.0 };
    assert_eq!(of(&Array2::from_elem((7, 3), 0.5)), expected);
}

#[test]
fn the_critical_difference_is_that_of_demsar_and_scipy() {
    /// Demšar, table 5, from 2 methods on; its quantiles are rounded before they are divided by √2.
    const DEMSAR: [f64; 9] = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164];
    /// `scipy.stats.studentized_range.ppf(0.95, k, numpy.inf) / 2 ** 0.5` for these `k`.
    const SCIPY: [(usize, f64); 8] = [
        (2, 1.9599639845400534),
        (3, 2.343700586378409),
        (5, 2.7277743708703763),
        (8, 3.030878449614413),
        (10, 3.163683577053373),
        (13, 3.31273859335082),
        (16, 3.4260413793706097),
        (20, 3.5437991315177815),
    ];
    const N_DATA_SETS: usize = 14;
    let quantile = |n_methods: usize| {
        let k = n_methods as f64;
        nemenyi_difference(N_DATA_SETS, n_methods).unwrap()
            / (k * (k + 1.0) / (6.0 * N_DATA_SETS as f64)).sqrt()
    };
    for (n_methods, expected) in (2..).zip(DEMSAR) {
        assert!((quantile(n_methods) - expected).abs() < 1e-3, "{n_methods} methods: {expected}");
    }
    for (n_methods, expected) in SCIPY {
        check_close(quantile(n_methods), expected, 1e-9);
    }
    // Demšar's example: 2.569 √(4 · 5 / (6 · 14)) = 1.25.
    check_close(nemenyi_difference(14, 4).unwrap(), 1.25, 0.005);
    // A thousand methods still have a quantile.
    assert!((5.0..6.0).contains(&quantile(1000)), "{}", quantile(1000));
}

#[test]
fn groups_are_the_largest_runs_within_the_difference() {
    let check = |ranks: &[f64], difference: f64, expected: &[(usize, usize)]| {
        let groups = groups_within(ranks, difference);
        let ends: Vec<(usize, usize)> = groups.iter().map(|group| (group.start, group.end)).collect();
        assert_eq!(ends, expected, "{ranks:?} within {difference}");
    };
    // Demšar's example at 5 %, where the best and the worst differ by 1.18.
    check(&mean_ranks(&demsar()).unwrap(), 1.25, &[(0, 4)]);
    check(&[4.0, 1.0, 3.0, 2.0], 1.5, &[(0, 2), (1, 3), (2, 4)]);
    // A difference as large as the critical one is significant.
    check(&[1.0, 2.0, 3.0], 1.0, &[]);
    check(&[1.0, 4.0, 2.5, 2.5], 0.5, &[(1, 3)]);
    check(&[1.0, 1.5, 2.0, 5.0, 5.5], 1.25, &[(0, 3), (3, 5)]);
    check(&[], 1.0, &[]);
    check(&[f64::NAN, 1.0, 1.5], 1.0, &[(0, 2)]);
}

#[test]
fn comparisons_of_too_little_are_refused() {
    let scores = |shape: (usize, usize)| Array2::<f64>::zeros(shape);
    let few_data_sets = "a comparison by ranks needs at least 2 data sets, got 1";
    let few_methods = "a comparison by ranks needs at least 2 methods, got 1";
    check_error(mean_ranks(&scores((1, 3))), few_data_sets);
    check_error(friedman_test(&scores((1, 3))), few_data_sets);
    check_error(nemenyi_difference(1, 3), few_data_sets);
    check_error(mean_ranks(&scores((3, 1))), few_methods);
    check_error(friedman_test(&scores((3, 1))), few_methods);
    check_error(nemenyi_difference(3, 1), few_methods);
    let mut bad = scores((3, 4));
    bad[[1, 2]] = f64::NAN;
    let text = "the score of method 2 on data set 1 is NaN; leave out that method or that data set";
    check_error(mean_ranks(&bad), text);
    check_error(friedman_test(&bad), text);
}
