//! Reads CIFAR-10 (Krizhevsky, "Learning multiple layers of features from tiny images", 2009): colour images of
//! `[3, 32, 32]` in ten classes, in their binary form, 50,000 for training and 10,000 for testing.
//!
//! The set `cifar10-subset` is the first 4,000 training and the first 1,000 test images.

use crate::catalogue::SetEntry;
use crate::rows::Halves;
use crate::{DataConfig, DataError, SampleShape, Scale, Sources, archive};
use ae_fetch::Progress;
use ae_intake::Samples;
use ae_records::record::FileRecord;
use ndarray::Array2;

const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
/// Rows and columns of an image.
const SIDE: usize = 32;
/// Red, green, blue, in this order, each plane row by row.
const CHANNELS: usize = 3;
const PIXELS: usize = CHANNELS * SIDE * SIDE;
/// A label, then the planes.
const RECORD: usize = 1 + PIXELS;
/// Images in a member of the archive.
const BATCH: usize = 10_000;
/// The members of the archive: five training batches and one for testing.
const MEMBERS: [&str; 6] = [
    "cifar-10-batches-bin/data_batch_1.bin",
    "cifar-10-batches-bin/data_batch_2.bin",
    "cifar-10-batches-bin/data_batch_3.bin",
    "cifar-10-batches-bin/data_batch_4.bin",
    "cifar-10-batches-bin/data_batch_5.bin",
    "cifar-10-batches-bin/test_batch.bin",
];

/// The official split of the whole set, from its archive.
pub(crate) fn read(
    set: &SetEntry,
    config: &DataConfig,
    sources: &Sources,
    _seed: u64,
    progress: &mut dyn Progress,
) -> Result<Halves, DataError> {
    set.check_protocol(config)?;
    let paths = sources.bring(set, progress)?;
    let (file, path) = (&set.files[0], &paths[0]);
    let record = archive::verify(file, path)?;
    let batches = archive::beginnings(path, &MEMBERS, (BATCH * RECORD) as u64)?;
    let wrong = |reason| DataError::Format { path: path.clone(), format: "CIFAR-10", reason };
    let (train, test) = batches.split_at(MEMBERS.len() - 1);
    let [train, test] = [train, test].map(parse);
    halves(set, config, train.map_err(wrong)?, test.map_err(wrong)?, vec![record])
}

/// The subset: a file of training images and one of test images.
pub(crate) fn read_subset(
    set: &SetEntry,
    config: &DataConfig,
    sources: &Sources,
    _seed: u64,
    progress: &mut dyn Progress,
) -> Result<Halves, DataError> {
    set.check_protocol(config)?;
    let paths = sources.bring(set, progress)?;
    let (mut parts, mut files) = (Vec::new(), Vec::new());
    for (file, path) in set.files.iter().zip(&paths) {
        let (content, record) = sources.content(set, file, path, progress)?;
        let wrong = |reason| DataError::Format { path: path.clone(), format: "CIFAR-10", reason };
        parts.push(parse(&[content]).map_err(wrong)?);
        files.push(record);
    }
    let [train, test] = <[Samples; 2]>::try_from(parts)
        .unwrap_or_else(|parts| panic!("{} has {} files, not 2", set.name, parts.len()));
    halves(set, config, train, test, files)
}

fn halves(
    set: &SetEntry,
    config: &DataConfig,
    train: Samples,
    test: Samples,
    files: Vec<FileRecord>,
) -> Result<Halves, DataError> {
    let shape = SampleShape::Image { channels: CHANNELS, height: SIDE, width: SIDE };
    Ok(Halves {
        name: set.name.clone(),
        shape: crate::own::reshape(config, shape, &set.name)?,
        train,
        test,
        label_names: CLASSES.map(String::from).to_vec(),
        feature_names: Vec::new(),
        normal_label: None,
        files,
        auto_scale: Scale::Pixels,
        own: None,
        fit_before_choosing: false,
    })
}

/// The records of all batches: rows `[N, 3072]` of 0 to 255 and their labels.
fn parse(batches: &[Vec<u8>]) -> Result<Samples, String> {
    for batch in batches {
        if batch.is_empty() || batch.len() % RECORD != 0 {
            return Err(format!(
                "its length, {} bytes, is not that of whole records of {RECORD} bytes",
                batch.len()
            ));
        }
    }
    let records = || batches.iter().flat_map(|batch| batch.chunks_exact(RECORD));
    let n = batches.iter().map(|batch| batch.len() / RECORD).sum();
    let labels: Vec<u32> = records().map(|record| u32::from(record[0])).collect();
    if let Some(at) = labels.iter().position(|&label| label as usize >= CLASSES.len()) {
        return Err(format!("record {at} has the label {}, above 9", labels[at]));
    }
    let mut values = Vec::with_capacity(n * PIXELS);
    for record in records() {
        values.extend(record[1..].iter().map(|&value| f32::from(value)));
    }
    let values = Array2::from_shape_vec((n, PIXELS), values).expect("every record has as many values");
    Ok(Samples::complete(values).with_labels(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record whose planes are constant.
    fn record(label: u8, planes: [u8; 3]) -> Vec<u8> {
        let mut record = vec![label];
        record.extend(planes.iter().flat_map(|&value| [value; SIDE * SIDE]));
        record
    }

    fn check_error(batches: &[Vec<u8>], expected: &str) {
        assert_eq!(parse(batches).unwrap_err(), expected);
    }

    #[test]
    fn records_are_a_label_and_three_planes() {
        let batches = [[record(9, [1, 2, 3]), record(0, [255, 0, 7])].concat(), record(3, [0, 0, 0])];
        let samples = parse(&batches).unwrap();
        assert_eq!(samples.values.dim(), (3, PIXELS));
        assert_eq!(samples.labels.as_deref(), Some(&[9, 0, 3][..]));
        for (plane, value) in [255.0, 0.0, 7.0].into_iter().enumerate() {
            let row = samples.values.row(1);
            let plane = row.slice(ndarray::s![plane * SIDE * SIDE..(plane + 1) * SIDE * SIDE]);
            assert!(plane.iter().all(|&got| got == value));
        }
    }

    #[test]
    fn damaged_records_are_errors() {
        let whole = record(1, [0, 0, 0]);
        check_error(&[[whole.clone(), record(10, [0, 0, 0])].concat()], "record 1 has the label 10, above 9");
        let length = |n: usize| format!("its length, {n} bytes, is not that of whole records of 3073 bytes");
        for n in [0, 1, RECORD - 1] {
            check_error(&[whole.clone(), whole[..n].to_vec()], &length(n));
        }
        check_error(&[[whole, vec![0]].concat()], &length(RECORD + 1));
    }
}
