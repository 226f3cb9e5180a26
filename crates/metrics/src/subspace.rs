//! Angles between subspaces.

use crate::error::MetricError;
use crate::matrix::{doubles, same_width};
use nalgebra::DMatrix;
use ndarray::{Array2, ArrayBase, Data, Ix2};

/// Principal angles between the subspaces spanned by the columns of `a`, `[D, P]`, and of `b`, `[D, Q]`, in
/// radians, in `[0, π/2]`, greatest first. There are as many angles as the smaller subspace has dimensions;
/// all are 0 if one subspace contains the other. Columns need not be orthogonal or independent. Small angles
/// are computed from sines and large ones from cosines (Björck & Golub, 1973; Knyazev & Argentati, 2002), so
/// both are accurate to about 1e-14.
///
/// # Errors
/// Different numbers of rows, no values, a value that is not finite, or columns that are all zero.
pub fn principal_angles<A, B, L, R>(
    a: &ArrayBase<L, Ix2>,
    b: &ArrayBase<R, Ix2>,
) -> Result<Vec<f64>, MetricError>
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
    L: Data<Elem = A>,
    R: Data<Elem = B>,
{
    // Vectors are columns here, so the dimension of the space is the number of rows.
    same_width(("the transpose of a", a.nrows()), ("the transpose of b", b.nrows()))?;
    let (a, b) = (basis("a", doubles("a", a)?)?, basis("b", doubles("b", b)?)?);
    let (large, small) = if a.ncols() >= b.ncols() { (a, b) } else { (b, a) };
    let within = large.transpose() * &small;
    let outside = &small - &large * &within;
    let (mut cosines, mut sines) = (singular_values(within), singular_values(outside));
    cosines.sort_by(f64::total_cmp);
    sines.sort_by(|x, y| y.total_cmp(x));
    let angle = |(cosine, sine): (f64, f64)| {
        if cosine * cosine < 0.5 { cosine.min(1.0).acos() } else { sine.min(1.0).asin() }
    };
    Ok(cosines.into_iter().zip(sines).map(angle).collect())
}

/// An orthonormal basis of the span of the columns, as columns.
fn basis(what: &'static str, columns: Array2<f64>) -> Result<DMatrix<f64>, MetricError> {
    let (height, width) = columns.dim();
    let scale = columns.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    if scale == 0.0 {
        return Err(MetricError::NoDirection(what));
    }
    let columns = DMatrix::from_row_iterator(height, width, columns.iter().map(|value| value / scale));
    let decomposed = columns.col_piv_qr();
    let (q, r) = (decomposed.q(), decomposed.r());
    // Pivoting sorts the diagonal by size; entries within rounding error span nothing.
    let least = r[(0, 0)].abs() * f64::EPSILON * height.max(width) as f64;
    let rank = (0..height.min(width)).take_while(|&i| r[(i, i)].abs() > least).count();
    Ok(q.columns(0, rank).into_owned())
}

fn singular_values(matrix: DMatrix<f64>) -> Vec<f64> {
    matrix.singular_values().iter().copied().collect()
}
