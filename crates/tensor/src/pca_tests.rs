//! Tests of principal component analysis: exact ones against another routine, leading ones against exact ones.

use super::*;
use crate::Device;

/// Rows near a plane in 5 dimensions, of shape `[5, 1]`.
fn rows() -> Tensor {
    let noise = Noise::new(0, 0, Device::Cpu);
    let plane = noise.normal("plane", &[200, 2]).matmul(&noise.normal("axes", &[2, 5]));
    (plane + noise.normal("off", &[200, 5]) * 0.01 + 3.0).view([200, 5, 1])
}

fn error(rows: &Tensor, code: i64) -> f64 {
    let pca = Pca::fit(rows);
    let difference = pca.reconstruct(rows, code) - rows;
    difference.square().mean(Kind::Double).double_value(&[])
}

#[test]
fn error_is_the_variance_that_the_code_leaves_out() {
    let rows = rows();
    let centred = flat(&rows) - flat(&rows).mean_dim([0i64].as_slice(), true, Kind::Double);
    // Eckart and Young: the squares of the singular values that are left out, from another routine.
    let (_, singular, _) = centred.svd(true, true);
    for code in 0..=5 {
        let left = singular.narrow(0, code, 5 - code).square().sum(Kind::Double).double_value(&[]);
        // The rows are floats, and so are their reconstructions.
        assert!((error(&rows, code) - left / 1000.0).abs() < 1e-6, "code {code}");
    }
    assert!(error(&rows, 1) > 100.0 * error(&rows, 2), "two axes hold a plane");
}

#[test]
fn shape_stays_and_a_code_larger_than_the_data_is_the_data() {
    let rows = rows();
    let pca = Pca::fit(&rows);
    assert_eq!(pca.reconstruct(&rows, 2).size(), rows.size());
    assert!(error(&rows, 99) < 1e-10);
    assert_eq!(pca.parameters(2), 15);
}

/// `n` rows of `width` values with the standard deviations `0.5^i` along orthogonal directions.
fn decaying(n: i64, width: i64) -> Tensor {
    let noise = Noise::new(1, 0, Device::Cpu);
    let side = n.min(width).min(40);
    let factor = |purpose, rows| {
        Tensor::linalg_qr(&noise.normal(purpose, &[rows, side]).to_kind(Kind::Double), "reduced").0
    };
    let scales = (Tensor::arange(side, (Kind::Double, Device::Cpu)) * 0.5f64.ln()).exp();
    (factor("left", n) * scales).matmul(&factor("right", width).tr()) * (n as f64).sqrt() + 2.0
}

fn squared_error(pca: &Pca, rows: &Tensor, code: i64) -> f64 {
    (pca.reconstruct(rows, code) - rows).square().sum(Kind::Double).double_value(&[])
}

fn check_orthonormal(pca: &Pca) {
    let axes = pca.axes(pca.components());
    let off = axes.tr().matmul(&axes) - Tensor::eye(pca.components(), (Kind::Double, Device::Cpu));
    assert!(off.abs().max().double_value(&[]) < 1e-6, "axes are at right angles and have length 1");
}

#[test]
fn fewer_rows_than_columns_give_what_the_covariance_gives() {
    let (mean, centred) = centre(&decaying(12, 60));
    let ((by_rows, row_axes), (by_columns, column_axes)) =
        (in_row_space(&centred, i64::MAX), in_column_space(&centred));
    assert_eq!(by_rows.size(), [11], "twelve centred rows span eleven directions");
    for (a, b) in array::to_vec(&by_rows).iter().zip(array::to_vec(&by_columns)) {
        assert!((a - b).abs() < 1e-6 * b, "{a} {b}");
    }
    // The same axes up to their signs: the cosines between them are ±1.
    let cosines =
        (row_axes * column_axes.narrow(1, 0, 11)).sum_dim_intlist([0i64].as_slice(), false, None::<Kind>);
    assert!((cosines.abs() - 1.0).abs().max().double_value(&[]) < 1e-6);
    let pca = Pca::exact(mean, &centred, i64::MAX);
    check_orthonormal(&pca);
    assert_eq!((pca.components(), pca.most(), pca.parameters(2)), (11, 60, 180));
    let sum: f64 = pca.variances().iter().sum();
    assert!((pca.total_variance() - sum).abs() < 1e-12 * sum, "{} {sum}", pca.total_variance());
}

#[test]
fn the_leading_components_of_a_decaying_spectrum_are_the_exact_ones() {
    for rows in [decaying(90, 150), decaying(150, 90)] {
        let (exact, (mean, centred)) = (Pca::fit(&rows), centre(&rows));
        let noise = Noise::new(0, 0, Device::Cpu);
        let leading = Pca::truncated(mean, &centred, 6, &noise);
        assert_eq!(leading.components(), 6);
        check_orthonormal(&leading);
        for code in 1..=6 {
            let (a, b) = (squared_error(&leading, &rows, code), squared_error(&exact, &rows, code));
            assert!((a - b).abs() < 1e-3 * b, "code {code}: {a} {b}");
            let (a, b) = (leading.variance_beyond(code), exact.variance_beyond(code));
            assert!((a - b).abs() < 1e-3 * b, "code {code}: {a} {b}");
        }
        for (a, b) in leading.variances().iter().zip(exact.variances()) {
            assert!((a - b).abs() < 1e-3 * b, "{a} {b}");
        }
        assert!((leading.total_variance() - exact.total_variance()).abs() < 1e-12 * exact.total_variance());
    }
}

/// Noise of equal strength everywhere has no leading components; any are as good as the best, nearly.
#[test]
fn the_leading_components_of_a_flat_spectrum_explain_nearly_as_much() {
    let rows = Noise::new(2, 0, Device::Cpu).normal("flat", &[200, 300]);
    let (exact, (mean, centred)) = (Pca::fit(&rows), centre(&rows));
    let leading = Pca::truncated(mean, &centred, 8, &Noise::new(0, 0, Device::Cpu));
    let explained = |pca: &Pca| pca.total_variance() - pca.variance_beyond(8);
    assert!(
        explained(&leading) > 0.9 * explained(&exact) && explained(&leading) <= explained(&exact) * 1.000_001
    );
}

#[test]
fn many_rows_and_columns_are_not_decomposed_as_a_whole() {
    // A covariance of these rows would take seconds to decompose; the point is which path is taken.
    let rows = decaying(MAX_EXACT_SIDE + 1, MAX_EXACT_SIDE + 2).to_kind(Kind::Float);
    let leading = Pca::leading(&rows, 5, &Noise::new(0, 0, Device::Cpu));
    assert_eq!(leading.components(), 5);
    // The variances are 1, 1/4, 1/16, …, and nearly orthogonal to the mean.
    for (index, variance) in leading.variances().iter().enumerate() {
        let expected = 0.25f64.powi(index as i32);
        assert!((variance - expected).abs() < 0.05 * expected, "{index}: {variance}");
    }
}

#[test]
fn repeated_rows_and_constant_columns_have_few_components() {
    let noise = Noise::new(3, 0, Device::Cpu);
    let three = noise.normal("rows", &[3, 20]);
    let _ = three.narrow(1, 4, 5).fill_(7.0);
    let (few, many) = (three.repeat([4, 1]), three.repeat([10, 1]));
    for rows in [&few, &many] {
        let pca = Pca::fit(rows);
        assert!(squared_error(&pca, rows, 2) < 1e-9, "three points lie in a plane");
        assert!(pca.variance_beyond(2) < 1e-9 * pca.total_variance());
        let (mean, centred) = centre(rows);
        let leading = Pca::truncated(mean, &centred, 2, &noise);
        assert!(squared_error(&leading, rows, 2) < 1e-9);
    }
    assert_eq!(Pca::fit(&few).components(), 2);
    assert_eq!(Pca::fit(&many).components(), 20, "with as many rows as columns, all directions");
}

#[test]
fn two_rows_have_one_component_and_equal_ones_have_none() {
    let noise = Noise::new(4, 0, Device::Cpu);
    let two = noise.normal("rows", &[2, 7]);
    let pca = Pca::fit(&two);
    assert_eq!((pca.components(), pca.codes(&two, 3).size()), (1, vec![2, 1]));
    assert!(squared_error(&pca, &two, 1) < 1e-9);
    let equal = Tensor::ones([2, 7], (Kind::Float, Device::Cpu));
    let pca = Pca::fit(&equal);
    assert_eq!((pca.variances(), pca.total_variance(), pca.components()), (vec![0.0], 0.0, 1));
    check_orthonormal(&pca);
    assert_eq!(pca.reconstruct(&equal, 1), equal);
}

/// The covariance would take 3.2 GB, and hours.
#[test]
fn few_rows_of_many_columns_take_no_square_of_the_columns() {
    let rows = Noise::new(6, 0, Device::Cpu).normal("wide", &[64, 20_000]);
    let pca = Pca::leading(&rows, 8, &Noise::new(0, 0, Device::Cpu));
    assert_eq!((pca.components(), pca.most(), pca.variances().len()), (8, 20_000, 63));
    let total = pca.total_variance();
    assert!(pca.variance_beyond(8) > 0.8 * total && pca.variance_beyond(63) < 1e-9 * total);
    let all = Pca::leading(&rows, 63, &Noise::new(0, 0, Device::Cpu));
    assert!(squared_error(&all, &rows, 63) < 1e-3, "all that varies is kept");
}
