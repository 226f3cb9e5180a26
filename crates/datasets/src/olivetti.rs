//! Reads the Olivetti faces (AT&T Laboratories Cambridge, 1992 to 1994; Samaria & Harter, 1994), as Roweis cropped
//! them: 400 grey images of `[1, 64, 64]`, ten of each of 40 people.
//!
//! The first 35 people are for training and the last 5 for testing, so that test faces are of people who were never
//! seen. A label is a person.

use crate::catalogue::SetEntry;
use crate::mat::Matrix;
use crate::rows::Halves;
use crate::{DataConfig, DataError, SampleShape, Scale, Sources, mat};
use ae_fetch::Progress;
use ae_intake::Samples;
use ndarray::Array2;
use std::iter::repeat_n;

/// Name of the array in the file.
const ARRAY: &str = "faces";
/// Rows and columns of an image.
const SIDE: usize = 64;
const PEOPLE: usize = 40;
const TEST_PEOPLE: usize = 5;
const IMAGES_EACH: usize = 10;

/// All faces, split by person.
pub(crate) fn read(
    set: &SetEntry,
    config: &DataConfig,
    sources: &Sources,
    _seed: u64,
    progress: &mut dyn Progress,
) -> Result<Halves, DataError> {
    set.check_protocol(config)?;
    let paths = sources.bring(set, progress)?;
    let (content, record) = sources.content(set, &set.files[0], &paths[0], progress)?;
    let wrong = |reason| DataError::Format { path: paths[0].clone(), format: "MATLAB", reason };
    let faces = mat::bytes(&content, ARRAY).and_then(|matrix| rows(&matrix)).map_err(wrong)?;
    let labels = (0u32..).take(PEOPLE).flat_map(|person| repeat_n(person, IMAGES_EACH)).collect();
    let all = Samples::complete(faces).with_labels(Some(labels));
    let n_train = (PEOPLE - TEST_PEOPLE) * IMAGES_EACH;
    let part = |rows: std::ops::Range<usize>| all.select(&rows.collect::<Vec<_>>());
    let shape = SampleShape::Image { channels: 1, height: SIDE, width: SIDE };
    Ok(Halves {
        name: set.name.clone(),
        shape: crate::own::reshape(config, shape, &set.name)?,
        train: part(0..n_train),
        test: part(n_train..all.len()),
        label_names: (1..=PEOPLE).map(|person| format!("person {person}")).collect(),
        feature_names: Vec::new(),
        normal_label: None,
        files: vec![record],
        auto_scale: Scale::Pixels,
        own: None,
        fit_before_choosing: false,
    })
}

/// The images as rows. The file has an image in each column, and MATLAB stores images by their columns, too: the
/// value at row `y` and column `x` is at `x · 64 + y`.
fn rows(matrix: &Matrix) -> Result<Array2<f32>, String> {
    if matrix.dims != [SIDE * SIDE, PEOPLE * IMAGES_EACH] {
        return Err(format!("`{ARRAY}` has the shape {:?}, not [4096, 400]", matrix.dims));
    }
    Ok(Array2::from_shape_fn((PEOPLE * IMAGES_EACH, SIDE * SIDE), |(image, pixel)| {
        let (y, x) = (pixel / SIDE, pixel % SIDE);
        f32::from(matrix.values[image * SIDE * SIDE + x * SIDE + y])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_stand_upright() {
        let n = PEOPLE * IMAGES_EACH;
        let mut values = vec![0; SIDE * SIDE * n];
        // The second image: row 2, column 5.
        values[SIDE * SIDE + 5 * SIDE + 2] = 200;
        let rows = rows(&Matrix { dims: [SIDE * SIDE, n], values }).unwrap();
        assert_eq!(rows[(1, 2 * SIDE + 5)], 200.0);
        assert_eq!(rows.sum(), 200.0);
    }

    #[test]
    fn another_shape_is_an_error() {
        let error = rows(&Matrix { dims: [2, 1], values: vec![1, 2] }).unwrap_err();
        assert_eq!(error, "`faces` has the shape [2, 1], not [4096, 400]");
    }
}
