//! Reads ECG5000 (UCR archive; heartbeats of PhysioNet's BIDMC record chf07): 5,000 beats of 140 points, each
//! already z-normalised, in five classes of which the first is normal.
//!
//! Protocols: [`Protocol::Ucr`] trains on the 292 normal beats of the UCR training file and tests on all 4,500 of
//! its test file. [`Protocol::Article`] is that of the TensorFlow tutorial "Intro to Autoencoders": all 5,000
//! beats, split 80/20 at random; one minimum and maximum over *all* beats of the 80 %; then only the normal ones
//! of them are trained on. [`Protocol::Mixed`] trains on all 500 beats of the UCR training file.

use crate::catalogue::SetEntry;
use crate::rows::Halves;
use crate::{DataConfig, DataError, Protocol, SampleShape, Scale, Sources};
use ae_fetch::Progress;
use ae_intake::order::permutation;
use ae_intake::{Column, InputConfig, NumberTable, Samples};
use ae_records::seed::stream_rng;
use std::path::Path;

/// Classes 1 to 5 of the files; a label is the class less one.
const CLASSES: [&str; 5] = [
    "normal",
    "R-on-T premature ventricular contraction",
    "premature ventricular contraction",
    "supraventricular premature or ectopic beat",
    "unclassified beat",
];
/// Points of a beat, `T`.
const POINTS: usize = 140;
/// The tutorial's share of test beats.
const ARTICLE_TEST_SHARE: f64 = 0.2;

/// Reads both files, and splits them by the configured protocol.
pub(crate) fn read(
    set: &SetEntry,
    config: &DataConfig,
    sources: &Sources,
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<Halves, DataError> {
    if !matches!(config.protocol, Protocol::Default | Protocol::Ucr | Protocol::Article | Protocol::Mixed) {
        return Err(DataError::Protocol { set: set.name.clone(), protocol: config.protocol.to_string() });
    }
    let paths = sources.bring(set, progress)?;
    let (mut parts, mut files) = (Vec::new(), Vec::new());
    for (file, path) in set.files.iter().zip(&paths) {
        let (content, record) = sources.content(set, file, path, progress)?;
        parts.push(parse(&content, path)?);
        files.push(record);
    }
    let [train, test] = <[Samples; 2]>::try_from(parts)
        .unwrap_or_else(|parts| panic!("{} has {} files, not 2", set.name, parts.len()));
    let article = config.protocol == Protocol::Article;
    let (train, test) = if article { article_split(&[train, test], seed) } else { (train, test) };
    let shape = SampleShape::Sequence { steps: POINTS, features: 1 };
    Ok(Halves {
        name: set.name.clone(),
        shape: crate::own::reshape(config, shape, &set.name)?,
        train,
        test,
        label_names: CLASSES.map(String::from).to_vec(),
        feature_names: Vec::new(),
        normal_label: (config.protocol != Protocol::Mixed).then_some(CLASSES[0]),
        files,
        auto_scale: Scale::MinMax,
        own: None,
        fit_before_choosing: article,
    })
}

/// The first 80 % of all beats in a seeded random order, and the rest.
fn article_split(parts: &[Samples], seed: u64) -> (Samples, Samples) {
    let all = Samples::concat(POINTS, parts);
    let order = permutation(all.len(), &mut stream_rng(seed, "article split", 0));
    let order: Vec<usize> = order.into_iter().map(|row| row as usize).collect();
    let n_test = (all.len() as f64 * ARTICLE_TEST_SHARE).round() as usize;
    let (train, test) = order.split_at(all.len() - n_test);
    (all.select(train), all.select(test))
}

/// A UCR file: a class and 140 points per line, split by tabs.
fn parse(content: &[u8], path: &Path) -> Result<Samples, DataError> {
    let format = InputConfig {
        delimiter: Some('\t'),
        header: Some(false),
        label: Some(Column::Index(0)),
        ..Default::default()
    };
    let table = NumberTable::parse(content, &path.display().to_string(), &format)
        .map_err(|error| DataError::of_table(path, error))?;
    let wrong = |reason| DataError::Format { path: path.to_owned(), format: "UCR", reason };
    if table.values.ncols() != POINTS {
        return Err(wrong(format!("a beat has {} points, not {POINTS}", table.values.ncols())));
    }
    let label = |class: String| match class.parse::<u32>() {
        Ok(class @ 1..=5) => Ok(class - 1),
        _ => Err(wrong(format!("`{class}` is not a class from 1 to 5"))),
    };
    let labels = table.labels.into_iter().flatten().map(label).collect::<Result<Vec<_>, _>>()?;
    Ok(Samples::complete(table.values).with_labels(labels))
}
