//! Reads MNIST (LeCun et al., 1998) and Fashion-MNIST (Xiao et al., 2017): 60,000 training and 10,000 test
//! images of `[1, 28, 28]`, ten classes, in four idx files.

use crate::catalogue::SetEntry;
use crate::rows::Halves;
use crate::{DataConfig, DataError, SampleShape, Scale, Sources, idx};
use ae_fetch::Progress;
use ae_intake::Samples;
use ndarray::Array2;

const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const ARTICLES: [&str; 10] = [
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
];

/// The official split; validation rows come from the training images.
pub(crate) fn read(
    set: &SetEntry,
    config: &DataConfig,
    sources: &Sources,
    _seed: u64,
    progress: &mut dyn Progress,
) -> Result<Halves, DataError> {
    set.check_protocol(config)?;
    let paths = sources.bring(set, progress)?;
    let (mut arrays, mut files) = (Vec::new(), Vec::new());
    for (file, path) in set.files.iter().zip(&paths) {
        let (bytes, record) = sources.content(set, file, path, progress)?;
        let wrong = |reason| DataError::Format { path: path.clone(), format: "idx", reason };
        let idx = idx::parse(&bytes).map_err(wrong)?;
        let labels = idx.dims.len() == 1;
        if labels && idx.values.iter().any(|&label| usize::from(label) >= DIGITS.len()) {
            return Err(wrong("a label is above 9".into()));
        }
        arrays.push((idx.dims.clone(), to_rows(&idx)));
        files.push(record);
    }
    let [train_images, train_labels, test_images, test_labels] = <[_; 4]>::try_from(arrays)
        .unwrap_or_else(|arrays| panic!("{} has {} files, not 4", set.name, arrays.len()));
    let dims = train_images.0.clone();
    let shape = SampleShape::Image { channels: 1, height: dims[1], width: dims[2] };
    let part = |images: Array2<f32>, labels: Array2<f32>| {
        let labels: Vec<u32> = labels.iter().map(|&label| label as u32).collect();
        Samples::complete(images).with_labels(labels)
    };
    let names = if set.name == "mnist" { DIGITS } else { ARTICLES };
    Ok(Halves {
        name: set.name.clone(),
        shape: crate::own::reshape(config, shape, &set.name)?,
        train: part(train_images.1, train_labels.1),
        test: part(test_images.1, test_labels.1),
        label_names: names.map(String::from).to_vec(),
        feature_names: Vec::new(),
        normal_label: None,
        files,
        auto_scale: Scale::Pixels,
        own: None,
        fit_before_choosing: false,
    })
}

/// The values of an idx array `[N, …]` as `[N, numel]`.
pub(crate) fn to_rows(idx: &idx::Idx<'_>) -> Array2<f32> {
    let n = idx.dims[0];
    let numel = idx.dims[1..].iter().product();
    let values = idx.values.iter().map(|&value| f32::from(value)).collect();
    Array2::from_shape_vec((n, numel), values).expect("the header agrees with the values")
}
