//! Metrics of codes and samples, tested against SciPy and scikit-learn (`golden/codes.py`) and for properties
//! that hold for any input.

use ae_metrics::*;
use ae_records::seed::stream_rng;
use ndarray::{Array2, Axis, array, concatenate};
use rand::RngExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// SciPy's matrix square root is accurate to about this; the other metrics agree to 1e-12.
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Matrix {
    shape: (usize, usize),
    values: Vec<f64>,
}

impl Matrix {
    fn array(&self) -> Array2<f64> {
        Array2::from_shape_vec(self.shape, self.values.clone()).unwrap()
    }
}

fn cases<T: DeserializeOwned>(group: &str) -> Vec<T> {
    let mut all: serde_json::Value = serde_json::from_str(include_str!("golden/codes.json")).unwrap();
    let cases: Vec<T> = serde_json::from_value(all[group].take()).unwrap();
    assert!(!cases.is_empty(), "no cases in {group}");
    cases
}

#[track_caller]
fn check(name: &str, obtained: f64, expected: f64, tolerance: f64) {
    let distance = (obtained - expected).abs() / expected.abs().max(1.0);
    assert!(distance < tolerance, "{name}: got {obtained}, expected {expected}");
}

#[track_caller]
fn check_error<T: std::fmt::Debug>(result: Result<T, MetricError>, expected: &str) {
    assert_eq!(result.unwrap_err().to_string(), expected);
}

fn random(case: u64, rows: usize, columns: usize) -> Array2<f32> {
    let mut rng = stream_rng(7, "codes", case);
    Array2::from_shape_simple_fn((rows, columns), || rng.random::<f32>())
}

#[test]
fn frechet() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        a: Matrix,
        b: Matrix,
        distance: f64,
    }
    for case in cases::<Case>("frechet") {
        let (a, b) = (case.a.array(), case.b.array());
        // With a singular covariance, SciPy's square root is accurate only to the square root of double
        // precision.
        let tolerance = if a.nrows() <= a.ncols() { 1e-6 } else { TOLERANCE };
        check(&case.name, frechet_distance(&a, &b).unwrap(), case.distance, tolerance);
        check(&case.name, frechet_distance(&b, &a).unwrap(), case.distance, tolerance);
        check(&case.name, frechet_distance(&a, &a).unwrap(), 0.0, TOLERANCE);
        // A shift only adds its square.
        let shifted = frechet_distance(&a, &(&a + 2.0)).unwrap();
        check(&case.name, shifted, 4.0 * a.ncols() as f64, TOLERANCE);
    }
}

#[test]
fn mean_discrepancy() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        x: Matrix,
        y: Matrix,
        bandwidths: Vec<f64>,
        mmd: f64,
    }
    for case in cases::<Case>("mmd") {
        let widths = &case.bandwidths;
        let bandwidth = if widths.is_empty() { Bandwidth::Median } else { Bandwidth::Given(widths) };
        let (x, y) = (case.x.array(), case.y.array());
        check(&case.name, mmd_rbf(&x, &y, bandwidth).unwrap(), case.mmd, 1e-12);
        check(&case.name, mmd_rbf(&y, &x, bandwidth).unwrap(), case.mmd, 1e-12);
    }
}

#[test]
fn the_mean_discrepancy_is_unbiased() {
    let draws = (0..200).map(|case| {
        mmd_rbf(&random(2 * case, 12, 3), &random(2 * case + 1, 9, 3), Bandwidth::Given(&[0.5])).unwrap()
    });
    let summary = mean_std(&draws.collect::<Vec<_>>()).unwrap();
    let interval = summary.confidence_interval(0.999).unwrap();
    assert!(interval.low < 0.0 && interval.high > 0.0, "{interval:?}");
}

#[test]
fn the_median_of_many_rows_is_near_that_of_all() {
    let (x, y) = (random(0, 2500, 2), random(1, 1200, 2) + 0.3f32);
    let of_some = mmd_rbf(&x, &y, Bandwidth::Median).unwrap();
    // Distances of this cloud lie around 0.6.
    let near = [0.5, 0.75].map(|width| mmd_rbf(&x, &y, Bandwidth::Given(&[width])).unwrap());
    assert!(near[1] < of_some && of_some < near[0], "{of_some} between {near:?}");
}

#[test]
fn trust() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        x: Matrix,
        embedding: Matrix,
        k: usize,
        trust: f64,
    }
    for case in cases::<Case>("trustworthiness") {
        let (x, embedding) = (case.x.array(), case.embedding.array());
        check(&case.name, trustworthiness(&x, &embedding, case.k).unwrap(), case.trust, 1e-12);
        assert_eq!(trustworthiness(&x, &(&x * 3.0 + 1.0), case.k).unwrap(), 1.0, "{}", case.name);
    }
}

#[test]
fn equal_rows_are_each_others_neighbours_in_any_block() {
    // 300 rows span several blocks; the twin of each row is in another part of the order.
    let half = random(0, 150, 6);
    let x = concatenate(Axis(0), &[half.view(), half.view()]).unwrap();
    let labels: Vec<usize> = (0..300).map(|i| i % 150).collect();
    assert_eq!(knn_accuracy(&x, &labels, &x, &labels, 2).unwrap(), 1.0);
    assert_eq!(trustworthiness(&x, &x, 1).unwrap(), 1.0);
}

#[test]
fn knn() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        k: usize,
        accuracy: f64,
        train: Matrix,
        train_labels: Vec<u8>,
        test: Matrix,
        test_labels: Vec<u8>,
    }
    for case in cases::<Case>("knn") {
        let (train, test) = (case.train.array(), case.test.array());
        let accuracy = knn_accuracy(&train, &case.train_labels, &test, &case.test_labels, case.k).unwrap();
        check(&case.name, accuracy, case.accuracy, 1e-12);
        // A large offset, with which a naive product would lose nearly all digits, changes nothing.
        let far = |codes: &Array2<f64>| codes + 1e6;
        let accuracy =
            knn_accuracy(&far(&train), &case.train_labels, &far(&test), &case.test_labels, case.k).unwrap();
        check(&case.name, accuracy, case.accuracy, 1e-12);
    }
}

#[test]
fn a_tied_vote_goes_to_the_least_label() {
    let train = array![[0.0], [1.0], [2.0], [3.0]];
    let accuracy =
        |labels: &[i64], expected: i64| knn_accuracy(&train, labels, &array![[0.4]], &[expected], 4).unwrap();
    assert_eq!(accuracy(&[7, 7, 3, 3], 3), 1.0);
    assert_eq!(accuracy(&[3, 7, 7, 3], 3), 1.0);
    assert_eq!(accuracy(&[7, 7, 3, 9], 7), 1.0);
}

#[test]
fn angles() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        a: Matrix,
        b: Matrix,
        angles: Vec<f64>,
    }
    for case in cases::<Case>("angles") {
        let (a, b) = (case.a.array(), case.b.array());
        for (left, right) in [(&a, &b), (&b, &a)] {
            let obtained = principal_angles(left, right).unwrap();
            assert_eq!(obtained.len(), case.angles.len(), "{}", case.name);
            for (&obtained, &expected) in obtained.iter().zip(&case.angles) {
                check(&case.name, obtained, expected, 1e-13);
            }
        }
        let itself = principal_angles(&a, &(&a * -3e-9)).unwrap();
        assert!(itself.iter().all(|&angle| angle < 1e-14), "{}: {itself:?}", case.name);
    }
}

#[test]
fn invalid_input_is_refused() {
    let (x, y, one) = (random(0, 9, 3), random(1, 9, 2), random(2, 1, 3));
    let widths = "has 3 columns but features_b has 2; give the same number of columns";
    check_error(frechet_distance(&x, &y), &format!("features_a {widths}"));
    check_error(frechet_distance(&x, &one), "the Fréchet distance needs at least 2 values, got 1");
    check_error(
        mmd_rbf(&one, &x, Bandwidth::Median),
        "the maximum mean discrepancy needs at least 2 values, got 1",
    );
    let width = Bandwidth::Given(&[-1.0]);
    let text = "bandwidth -1 is not a positive number; give the distance within which samples count as close";
    check_error(mmd_rbf(&x, &x, width), text);
    check_error(mmd_rbf(&x, &x, Bandwidth::Given(&[])), "bandwidths has no values; give at least one");
    let zeros = Array2::<f32>::zeros((4, 2));
    let text = "the median distance between samples is 0 because most are equal; give bandwidths explicitly";
    check_error(mmd_rbf(&zeros, &zeros, Bandwidth::Median), text);
    let text = "k = 5 is out of range; with 9 samples, trustworthiness needs k between 1 and 4";
    check_error(trustworthiness(&x, &y, 5), text);
    let text = "k = 0 is out of range; with 9 samples, k-NN accuracy needs k between 1 and 9";
    check_error(knn_accuracy(&x, &[0; 9], &x, &[0; 9], 0), text);
    let text = "test_codes has 9 values but test_labels has 8; give one of each per sample";
    check_error(knn_accuracy(&x, &[0; 9], &x, &[0; 8], 1), text);
    let bad = array![[1.0, f64::NAN]];
    check_error(principal_angles(&bad, &bad), "value 1 of a is NaN; give finite values");
    let text = "the columns of b are all zero; give at least one nonzero column";
    check_error(principal_angles(&random(0, 4, 2), &zeros), text);
    let text =
        "the transpose of a has 9 columns but the transpose of b has 4; give the same number of columns";
    check_error(principal_angles(&x, &zeros), text);
}
