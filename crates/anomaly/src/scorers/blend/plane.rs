//! The directions in which rows vary most, and the distance from the plane that they span.

use crate::error::ScorerError;
use crate::scorers::stored::{self, Arrays};
use ae_records::arrays::StoredArray;
use ae_tensor::{Device, Noise, array};
use ndarray::{Array1, Array2, ArrayView1, Axis};

/// What is added to the variance along each direction before it divides, as a share of the mean variance of a value:
/// directions in which rows hardly vary must not decide alone.
const FLOOR: f64 = 0.2;

/// A plane through the mean of rows, spanned by their first principal components.
#[derive(Debug)]
pub(super) struct Plane {
    /// `[D]`.
    centre: Array1<f64>,
    /// `[D, C]`, orthonormal columns.
    axes: Array2<f64>,
    /// `[C + 1]`: standard deviations along the axes and, last, of a direction beyond them, above zero.
    spreads: Vec<f64>,
}

impl Plane {
    /// The plane of rows `[N, D]`, at least two, NaN for missing values; at most `components` axes. The axes of
    /// rows of thousands of values are approximate, and depend on the seed.
    pub(super) fn of(rows: &Array2<f64>, components: usize, seed: u64) -> Self {
        let known = rows.mapv(|value| f64::from(u8::from(!value.is_nan()))).sum_axis(Axis(0));
        let sums = rows.mapv(|value| if value.is_nan() { 0.0 } else { value }).sum_axis(Axis(0));
        let centre = sums / known.mapv(|n| n.max(1.0));
        let complete = Array2::from_shape_fn(rows.dim(), |(row, feature)| {
            let value = rows[[row, feature]];
            (if value.is_nan() { centre[feature] } else { value }) as f32
        });
        let width = centre.len();
        let noise = Noise::new(seed, 0, Device::Cpu).fork("planes");
        let pca =
            ae_tensor::Pca::leading(&array::from_array(complete), components.clamp(1, width) as i64, &noise);
        let axes = pca.axes(components as i64).contiguous();
        let found = components.min(pca.components() as usize);
        let axes =
            Array2::from_shape_vec((width, found), array::to_vec(&axes)).expect("a column for each axis");
        let floor = FLOOR * pca.total_variance() / width as f64;
        let floor = if floor > 0.0 { floor } else { 1.0 };
        let along =
            pca.variances().into_iter().take(found).map(|variance| (variance.max(0.0) + floor).sqrt());
        let spreads = along.chain([floor.sqrt()]).collect();
        Plane { centre, axes, spreads }
    }

    pub(super) fn load(width: usize, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let spreads = arrays.vector("spreads", None)?;
        if spreads.is_empty() || spreads.len() > width + 1 || spreads.iter().any(|spread| *spread <= 0.0) {
            return Err(ScorerError::Stored("`spreads` are not 1 to D + 1 numbers above 0".into()));
        }
        let centre = Array1::from_vec(arrays.vector("centre", Some(width))?);
        let axes = match spreads.len() - 1 {
            0 => Array2::zeros((width, 0)),
            found => arrays.matrix("axes", Some(width), found)?,
        };
        Ok(Plane { centre, axes, spreads })
    }

    pub(super) fn arrays(&self) -> Vec<(String, StoredArray)> {
        let mut arrays = vec![
            ("centre".into(), stored::vector(&self.centre.to_vec())),
            ("spreads".into(), stored::vector(&self.spreads)),
        ];
        if self.axes.ncols() > 0 {
            arrays.push(("axes".into(), stored::matrix(&self.axes)));
        }
        arrays
    }

    /// What a row `[D]` differs by from the plane, `[D]`, and its coordinates in the plane, `[C]`. A missing value is taken
    /// to be that of the centre.
    pub(super) fn split(&self, row: ArrayView1<'_, f64>) -> (Array1<f64>, Array1<f64>) {
        let mut rest = &row - &self.centre;
        rest.mapv_inplace(|value| if value.is_nan() { 0.0 } else { value });
        let along = self.axes.t().dot(&rest);
        rest -= &self.axes.dot(&along);
        (rest, along)
    }

    /// The root mean square difference of the observed values of a row `[D]` from the plane; `None` if there are none.
    pub(super) fn distance(&self, row: ArrayView1<'_, f64>) -> Option<f64> {
        let (rest, _) = self.split(row);
        let observed = row.iter().filter(|value| !value.is_nan()).count();
        (observed > 0).then(|| (rest.dot(&rest) / observed as f64).sqrt())
    }

    /// The root mean square distance of a row `[D]` from the centre in units of the spreads; `None` if nothing is observed.
    pub(super) fn mahalanobis(&self, row: ArrayView1<'_, f64>) -> Option<f64> {
        let observed = row.iter().filter(|value| !value.is_nan()).count();
        let (rest, along) = self.split(row);
        let beyond = self.spreads[along.len()];
        let inside =
            along.iter().zip(&self.spreads).map(|(value, spread)| (value / spread).powi(2)).sum::<f64>();
        let squares = inside + rest.dot(&rest) / (beyond * beyond);
        (observed > 0).then(|| (squares / observed as f64).sqrt())
    }

    /// The part `[D]` of each value in the square of that distance, `d_j (M d)_j`, and 0 for one that lowers it.
    pub(super) fn parts_of_mahalanobis(&self, row: ArrayView1<'_, f64>) -> Array1<f64> {
        let (rest, mut along) = self.split(row);
        let beyond = self.spreads[along.len()];
        let difference = &rest + &self.axes.dot(&along);
        along.iter_mut().zip(&self.spreads).for_each(|(value, spread)| *value /= spread * spread);
        let scaled = rest / (beyond * beyond) + self.axes.dot(&along);
        (difference * scaled).mapv(|part| part.max(0.0))
    }

    /// The coordinates of rows `[N, D]` in units of the spread along each axis, and the distance from the plane in that
    /// of a direction beyond them: `[N, C + 1]`.
    pub(super) fn whitened(&self, rows: &Array2<f64>) -> Array2<f64> {
        let mut all = Array2::zeros((rows.nrows(), self.spreads.len()));
        for (row, mut out) in rows.outer_iter().zip(all.outer_iter_mut()) {
            let (rest, along) = self.split(row);
            let distance = rest.dot(&rest).sqrt();
            for (place, (value, spread)) in along.into_iter().chain([distance]).zip(&self.spreads).enumerate()
            {
                out[place] = value / spread;
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Along the diagonal, with a little noise across it.
    fn rows() -> Array2<f64> {
        Array2::from_shape_fn((200, 3), |(row, feature)| {
            let along = (row as f64 - 99.5) / 50.0;
            let off = [0.02, -0.02][row % 2];
            [along + off, along - off, 5.0][feature]
        })
    }

    #[test]
    fn the_distance_is_that_from_the_line_and_a_gap_adds_nothing() {
        let plane = Plane::of(&rows(), 1, 0);
        let (rest, along) = plane.split(array![1.0, -1.0, 5.0].view());
        assert!(
            (rest.dot(&rest).sqrt() - 2f64.sqrt()).abs() < 1e-3 && along[0].abs() < 1e-3,
            "{rest} {along}"
        );
        let (rest, _) = plane.split(array![3.0, 3.0, f64::NAN].view());
        assert!(rest.dot(&rest) < 1e-4, "{rest}");
        let (rest, along) = Plane::of(&rows(), 0, 0).split(array![2.0, 0.0, 5.0].view());
        assert!((rest.dot(&rest) - 4.0).abs() < 1e-3 && along.is_empty(), "{rest}");
    }

    #[test]
    fn whitened_rows_vary_alike_along_the_axes_and_less_beyond() {
        let plane = Plane::of(&rows(), 1, 0);
        let whitened = plane.whitened(&rows());
        assert_eq!(whitened.dim(), (200, 2));
        let along = whitened.column(0).std(0.0);
        assert!((0.8..1.0).contains(&along), "{along}");
        assert!(whitened.column(1).iter().all(|distance| *distance < 0.1));
    }

    #[test]
    fn the_mahalanobis_distance_weighs_directions_and_its_parts_sum_up_to_it() {
        let plane = Plane::of(&rows(), 1, 0);
        let [along, across] = [array![1.0, 1.0, 5.0], array![1.0, -1.0, 5.0]];
        let [usual, odd] = [&along, &across].map(|row| plane.mahalanobis(row.view()).unwrap());
        assert!(odd > 1.3 * usual, "{odd} {usual}");
        let parts = plane.parts_of_mahalanobis(across.view());
        assert!((parts.sum() - 3.0 * odd * odd).abs() < 1e-6, "{parts} {odd}");
        assert_eq!(plane.mahalanobis(array![f64::NAN, f64::NAN, f64::NAN].view()), None);
    }

    #[test]
    fn equal_rows_have_a_plane() {
        let plane = Plane::of(&Array2::ones((5, 4)), 2, 0);
        assert!(plane.whitened(&Array2::ones((1, 4))).iter().all(|value| value.is_finite()));
    }
}
