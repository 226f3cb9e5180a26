//! Turns the rows of a reader into a data set: splits them, chooses normal rows, limits their number, scales
//! them.

use crate::resize::resized;
use crate::split::stratified;
use crate::{DataConfig, DataError, Dataset, Preprocessing, SampleShape, Scale};
use ae_intake::Samples;
use ae_intake::order::permutation;
use ae_records::record::FileRecord;
use ae_records::seed::stream_rng;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// All rows of your own data, unsplit and unscaled, from [`crate::read`].
#[derive(Clone, Debug, PartialEq)]
pub struct RawRows {
    /// The path they came from.
    pub name: String,
    /// Shape of one sample.
    pub shape: SampleShape,
    /// Raw values and labels.
    pub samples: Samples,
    /// Name of each label.
    pub label_names: Vec<String>,
    /// Names of the features of a table; empty if they have none.
    pub feature_names: Vec<String>,
    /// Whether each feature is a value of a category: 1 for rows that have it, 0 for others, whatever the scale of
    /// numbers is; empty if none is.
    pub is_category: Vec<bool>,
    /// Name of each row: the path of its image below the folder; empty if rows have no names.
    pub row_names: Vec<String>,
    /// The files that were read.
    pub files: Vec<FileRecord>,
    /// The meaning of [`Scale::Auto`] for these rows, unless their values lie in `[0, 1]`, where they stay then.
    pub auto_scale: Scale,
}

/// Raw training and test rows, already split.
pub(crate) struct Halves {
    pub name: String,
    pub shape: SampleShape,
    pub train: Samples,
    pub test: Samples,
    pub label_names: Vec<String>,
    pub feature_names: Vec<String>,
    /// The normal label if the configuration names none.
    pub normal_label: Option<&'static str>,
    pub files: Vec<FileRecord>,
    pub auto_scale: Scale,
    /// Of the user's own rows, which features are values of a category; `None` for the rows of a set.
    pub own: Option<Vec<bool>>,
    /// Whether the scale is fitted on all training rows, before the normal ones are chosen.
    pub fit_before_choosing: bool,
}

impl RawRows {
    /// Holds out the configured share for testing.
    pub(crate) fn split(self, config: &DataConfig, seed: u64) -> Result<Halves, DataError> {
        let (train, test) = hold_out(self.samples, &self.name, config, seed)?;
        Ok(Halves {
            name: self.name,
            shape: self.shape,
            train,
            test,
            label_names: self.label_names,
            feature_names: self.feature_names,
            normal_label: None,
            files: self.files,
            auto_scale: self.auto_scale,
            own: Some(self.is_category),
            fit_before_choosing: false,
        })
    }
}

impl Halves {
    /// Chooses normal rows, takes validation rows away, limits the number of rows, fits the scale on the
    /// remaining training rows, and applies it.
    pub(crate) fn finish(self, config: &DataConfig, seed: u64) -> Result<Dataset, DataError> {
        let Halves { name, shape, mut train, mut test, label_names, .. } = self;
        let shape = resized(config, &name, shape, &mut [&mut train, &mut test])?;
        let scaling = Scaling { chosen: config.scale, auto: self.auto_scale, own: self.own.as_deref() };
        let early = if self.fit_before_choosing { Some(scaling.fit(&name, &train, &shape)?) } else { None };
        let wanted = config.normal_label.as_deref().or(self.normal_label);
        let normal_label = wanted.map(|label| find_label(label, &name, &label_names, &train)).transpose()?;
        let Parts { train, validation, test } =
            Parts::choose(train, test, normal_label, config, seed).ok_or_else(|| none_left(&name))?;
        let data = Dataset {
            name,
            shape,
            train,
            validation,
            test,
            label_names,
            normal_label,
            feature_names: self.feature_names,
            sentinels: BTreeMap::new(),
            files: self.files,
            preprocessing: Preprocessing::Identity,
        };
        scaling.apply(data, early)
    }
}

/// Rows with labels, from which some are chosen.
pub(crate) trait Part: Sized {
    fn len(&self) -> usize;
    fn labels(&self) -> Option<&[u32]>;
    fn select(&self, rows: &[usize]) -> Self;
}

impl Part for Samples {
    fn len(&self) -> usize {
        self.len()
    }

    fn labels(&self) -> Option<&[u32]> {
        self.labels.as_deref()
    }

    fn select(&self, rows: &[usize]) -> Self {
        self.select(rows)
    }
}

/// The rows of a data set by purpose.
pub(crate) struct Parts<P> {
    pub train: P,
    pub validation: P,
    pub test: P,
}

impl<P: Part> Parts<P> {
    /// Chooses normal rows, takes validation rows away, and limits the number of rows; `None` if no row is left to train
    /// on.
    pub(crate) fn choose(
        mut train: P,
        mut test: P,
        normal_label: Option<u32>,
        config: &DataConfig,
        seed: u64,
    ) -> Option<Self> {
        if let Some(label) = normal_label {
            train = train.select(&rows_labelled(&train, label));
        }
        let (mut train, validation) = take_away(train, config.validation, seed, "validation");
        keep(&mut train, config.max_train, seed, "max_train");
        keep(&mut test, config.max_test, seed, "max_test");
        (train.len() > 0).then_some(Parts { train, validation, test })
    }
}

pub(crate) fn none_left(name: &str) -> DataError {
    DataError::TooFewRows { name: name.to_owned(), got: 0, needed: 1, what: "train on" }
}

/// The training and the test rows of your own data.
pub(crate) fn hold_out<P: Part>(
    rows: P,
    name: &str,
    config: &DataConfig,
    seed: u64,
) -> Result<(P, P), DataError> {
    match rows.len() {
        got @ ..2 => {
            let what = "train and test a model";
            Err(DataError::TooFewRows { name: name.to_owned(), got, needed: 2, what })
        }
        _ => Ok(take_away(rows, config.test, seed, "split")),
    }
}

/// How values are scaled.
pub(crate) struct Scaling<'a> {
    pub chosen: Scale,
    /// The meaning of [`Scale::Auto`].
    pub auto: Scale,
    /// Of the user's own rows, which features are values of a category; `None` for the rows of a set.
    pub own: Option<&'a [bool]>,
}

impl Scaling<'_> {
    fn fit(&self, name: &str, part: &Samples, shape: &SampleShape) -> Result<Preprocessing, DataError> {
        let scale = match self.chosen {
            // What lies in [0, 1] is what most models want.
            Scale::Auto if self.own.is_some() && self.auto != Scale::Pixels && is_in_unit(part) => {
                Scale::None
            }
            Scale::Auto => self.auto,
            chosen => chosen,
        };
        Preprocessing::fit_observed(scale, part, self.own.unwrap_or_default(), shape)
            .map_err(|source| DataError::Constant { name: name.to_owned(), source })
    }

    /// Fits the scale on the training rows, unless it is there already, and applies it to all rows.
    pub(crate) fn apply(&self, data: Dataset, early: Option<Preprocessing>) -> Result<Dataset, DataError> {
        let preprocessing = early.map_or_else(|| self.fit(&data.name, &data.train, &data.shape), Ok)?;
        let mut data = Dataset { preprocessing, ..data };
        for part in [&mut data.train, &mut data.validation, &mut data.test] {
            data.preprocessing.apply(&mut part.values);
            part.clear_unobserved();
        }
        if !data.preprocessing.constant().is_empty() {
            tracing::warn!("{}", told_constant(&data));
        }
        Ok(data)
    }
}

/// At most so many constant features are named.
const NAMED: usize = 12;

/// Which features have one value in all training rows.
fn told_constant(data: &Dataset) -> String {
    let constant = data.preprocessing.constant();
    let name =
        |&feature: &usize| data.feature_names.get(feature).cloned().unwrap_or_else(|| feature.to_string());
    let names: Vec<String> = constant.iter().take(NAMED).map(name).collect();
    let which = match constant.len() {
        ..=NAMED => names.join(", "),
        all if data.feature_names.is_empty() => format!("{all} of {} values of a sample", data.shape.numel()),
        all => format!("{}, and {} more", names.join(", "), all - NAMED),
    };
    format!("constant in the training rows of {}: {which}", data.name)
}

/// Whether all values lie in `[0, 1]`.
fn is_in_unit(part: &Samples) -> bool {
    part.values.iter().all(|value| (0.0..=1.0).contains(value))
}

/// The rows that stay and the rows taken away; a share of 0 copies nothing.
pub(crate) fn take_away<P: Part>(part: P, share: f64, seed: u64, purpose: &str) -> (P, P) {
    let labels = part.labels().map_or_else(|| vec![0; part.len()].into(), Cow::from);
    let (kept, taken) = stratified(&labels, share, seed, purpose);
    let away = part.select(&taken);
    if taken.is_empty() { (part, away) } else { (part.select(&kept), away) }
}

/// Keeps at most `most` rows, in a seeded random order; without a smaller limit nothing changes.
fn keep<P: Part>(part: &mut P, most: Option<usize>, seed: u64, purpose: &str) {
    if let Some(most) = most.filter(|&most| most < part.len()) {
        let order = permutation(part.len(), &mut stream_rng(seed, purpose, 0));
        let rows: Vec<usize> = order[..most].iter().map(|&row| row as usize).collect();
        *part = part.select(&rows);
    }
}

/// The rows with a label, ascending; none without labels.
fn rows_labelled(part: &impl Part, label: u32) -> Vec<usize> {
    let labels = part.labels().unwrap_or_default().iter().enumerate();
    labels.filter(|&(_, &own)| own == label).map(|(row, _)| row).collect()
}

/// The number of the label that is normal.
pub(crate) fn find_label(
    wanted: &str,
    name: &str,
    known: &[String],
    train: &impl Part,
) -> Result<u32, DataError> {
    if train.labels().is_none() {
        return Err(DataError::NoLabels { label: wanted.to_owned(), name: name.to_owned() });
    }
    (0u32..)
        .zip(known)
        .find(|(label, name)| *name == wanted && !rows_labelled(train, *label).is_empty())
        .map(|(label, _)| label)
        .ok_or_else(|| DataError::NormalLabel { label: wanted.to_owned(), known: known.to_vec() })
}

/// Numbers the labels. Also returns the distinct names, in numeric order if all are numbers, else in text
/// order.
pub(crate) fn number_labels(labels: &[String]) -> (Vec<u32>, Vec<String>) {
    let mut names: Vec<String> = labels.to_vec();
    names.sort_unstable();
    names.dedup();
    let numbers: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
    if numbers.is_some() {
        let number = |name: &String| name.parse::<f64>().unwrap_or_default();
        names.sort_by(|a, b| number(a).total_cmp(&number(b)));
    }
    let index: std::collections::HashMap<&str, u32> = names.iter().map(String::as_str).zip(0u32..).collect();
    (labels.iter().map(|label| index[label.as_str()]).collect(), names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(labels: &[&str], indices: &[u32], names: &[&str]) {
        let labels: Vec<String> = labels.iter().map(|s| s.to_string()).collect();
        let (got, got_names) = number_labels(&labels);
        assert_eq!(
            (got.as_slice(), got_names.iter().map(String::as_str).collect::<Vec<_>>()),
            (indices, names.to_vec())
        );
    }

    #[test]
    fn labels_are_numbered_in_a_natural_order() {
        check(&["b", "a", "b"], &[1, 0, 1], &["a", "b"]);
        check(&["10", "9", "-1"], &[2, 1, 0], &["-1", "9", "10"]);
        check(&["10", "9", "x"], &[0, 1, 2], &["10", "9", "x"]);
        check(&[], &[], &[]);
    }
}
