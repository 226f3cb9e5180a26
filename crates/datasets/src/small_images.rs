//! Reads small sets of natural images that scikit-image (van der Walt et al., 2014) ships: a part of Labeled Faces in the Wild
//! (Huang, Ramesh, Berg & Learned-Miller, 2007) and colour photographs.
//!
//! `lfw-subset` has 100 faces and 100 other crops, grey, `[1, 25, 25]`; the last quarter of each is for testing. Faces are normal, so a
//! detector learns from them alone. `photographs` are
//! crops `[3, 32, 32]` of three photographs: overlapping ones of an astronaut and of a cup of coffee for training, and adjacent ones
//! of a cat, which no training crop shows, for testing.

use crate::catalogue::SetEntry;
use crate::images::read_picture;
use crate::rows::Halves;
use crate::{Color, DataConfig, DataError, SampleShape, Scale, Sources, npy};
use ae_fetch::Progress;
use ae_intake::Samples;
use ndarray::{Array2, Array3, s};

/// Faces, and as many crops that are none.
const FACES: usize = 100;
/// Of each, for testing.
const TEST: usize = 25;
/// Rows and columns of a face.
const FACE: usize = 25;
/// Rows and columns of a crop.
const CROP: usize = 32;
/// Pixels between crops for training.
const STEP: usize = 16;

/// The part of Labeled Faces in the Wild.
pub(crate) fn faces(
    set: &SetEntry,
    config: &DataConfig,
    sources: &Sources,
    _seed: u64,
    progress: &mut dyn Progress,
) -> Result<Halves, DataError> {
    set.check_protocol(config)?;
    let paths = sources.bring(set, progress)?;
    let (content, record) = sources.content(set, &set.files[0], &paths[0], progress)?;
    let wrong = |reason| DataError::Format { path: paths[0].clone(), format: "NumPy", reason };
    let array = npy::parse(&content).map_err(wrong)?;
    if array.dims != [2 * FACES, FACE, FACE] {
        return Err(wrong(format!("its shape is {:?}, not [200, 25, 25]", array.dims)));
    }
    let labels = (0..2 * FACES).map(|row| u32::from(row >= FACES)).collect();
    let all = Samples::complete(array.rows).with_labels(Some(labels));
    let is_test = |row: &usize| row % FACES >= FACES - TEST;
    let (test, train): (Vec<usize>, Vec<usize>) = (0..2 * FACES).partition(is_test);
    let shape = SampleShape::Image { channels: 1, height: FACE, width: FACE };
    Ok(Halves {
        name: set.name.clone(),
        shape: crate::own::reshape(config, shape, &set.name)?,
        train: all.select(&train),
        test: all.select(&test),
        label_names: ["face", "other"].map(String::from).to_vec(),
        feature_names: Vec::new(),
        normal_label: Some("face"),
        files: vec![record],
        auto_scale: Scale::None,
        own: None,
        fit_before_choosing: false,
    })
}

/// Crops of the photographs; the last file is the one for testing.
pub(crate) fn photographs(
    set: &SetEntry,
    config: &DataConfig,
    sources: &Sources,
    _seed: u64,
    progress: &mut dyn Progress,
) -> Result<Halves, DataError> {
    set.check_protocol(config)?;
    let paths = sources.bring(set, progress)?;
    let mut records = Vec::new();
    let mut crops = Vec::new();
    let mut labels = Vec::new();
    let last = set.files.len() - 1;
    let mut n_train = 0;
    for (at, (file, path)) in set.files.iter().zip(&paths).enumerate() {
        records.push(sources.content(set, file, path, progress)?.1);
        let step = if at == last { CROP } else { STEP };
        let of_picture = cropped(&read_picture(path, Color::Rgb)?, step);
        labels.extend(std::iter::repeat_n(at as u32, of_picture.nrows()));
        n_train += if at == last { 0 } else { of_picture.nrows() };
        crops.push(of_picture);
    }
    let views: Vec<_> = crops.iter().map(Array2::view).collect();
    let crops = ndarray::concatenate(ndarray::Axis(0), &views).expect("all crops have one size");
    let all = Samples::complete(crops).with_labels(Some(labels));
    let part = |rows: std::ops::Range<usize>| all.select(&rows.collect::<Vec<_>>());
    let shape = SampleShape::Image { channels: 3, height: CROP, width: CROP };
    Ok(Halves {
        name: set.name.clone(),
        shape: crate::own::reshape(config, shape, &set.name)?,
        train: part(0..n_train),
        test: part(n_train..all.len()),
        label_names: set.files.iter().map(|file| file.name.trim_end_matches(".png").to_owned()).collect(),
        feature_names: Vec::new(),
        normal_label: None,
        files: records,
        auto_scale: Scale::Pixels,
        own: None,
        fit_before_choosing: false,
    })
}

/// Whole crops of a picture `[C, H, W]`, `step` pixels from one another, as rows `[N, C · CROP · CROP]`.
fn cropped(picture: &Array3<u8>, step: usize) -> Array2<f32> {
    let (channels, height, width) = picture.dim();
    let places = |side: usize| (0..).step_by(step).take_while(move |place| place + CROP <= side);
    let corners: Vec<[usize; 2]> =
        places(height).flat_map(|top| places(width).map(move |left| [top, left])).collect();
    let mut rows = Array2::zeros((corners.len(), channels * CROP * CROP));
    for (mut row, [top, left]) in rows.outer_iter_mut().zip(corners) {
        let crop = picture.slice(s![.., top..top + CROP, left..left + CROP]);
        row.iter_mut().zip(crop).for_each(|(to, from)| *to = f32::from(*from));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_are_whole_and_in_order() {
        let picture = Array3::from_shape_fn((3, 40, 70), |(c, row, column)| (c * 80 + row + column) as u8);
        let crops = cropped(&picture, 16);
        // Tops 0; lefts 0, 16, 32.
        assert_eq!(crops.dim(), (3, 3 * 32 * 32));
        assert_eq!(crops[(1, 0)], 16.0);
        assert_eq!(crops[(2, 2 * 1024 + 32 + 5)], 160.0 + 1.0 + 37.0);
        assert_eq!(cropped(&picture, 32).nrows(), 2);
    }
}
