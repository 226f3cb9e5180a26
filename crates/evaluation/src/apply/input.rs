//! The rows that a trained model is used on: a run's own, those of a set, or the user's.

use super::error::ApplyError;
use super::trained::Trained;
use ae_datasets::sparse::AnyDataset;
use ae_datasets::{
    Color, DataConfig, DataError, Dataset, RawRows, SampleShape, Samples, Scale, Sources, TableError, list,
};
use ae_fetch::Progress;
use ae_training::{Split, Splits};
use std::path::Path;

/// Which rows of data with splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Those that the optimizer saw.
    Train,
    /// Those that early stopping saw.
    Validation,
    /// Those that nothing was chosen on.
    Test,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 3] = [Part::Train, Part::Validation, Part::Test];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Validation => "validation",
            Part::Test => "test",
        }
    }
}

/// What to use a model on.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// A file or folder, or the name of a set, with a split if one is appended: `mnist:test`; `None`: the data of the model's
    /// run.
    pub input: Option<String>,
    /// The split; `None`: the test rows, or the validation rows of a run that has no others. Not for files.
    pub part: Option<Part>,
    /// Whether images of another size are resized.
    pub resize: bool,
}

/// Rows as the model takes them.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) split: Split,
    /// Names of the labels of the split.
    pub(crate) label_names: Vec<String>,
    /// Name of each row; empty if they have none.
    pub(crate) row_names: Vec<String>,
    /// What it is called: `test rows of mnist`.
    pub(crate) name: String,
}

impl Input {
    /// Reads the rows, and maps their values as those of the training rows were.
    ///
    /// # Errors
    /// Rows that cannot be read, or are not such as the model takes.
    pub(crate) fn read(
        source: &Source,
        trained: &Trained,
        sources: &Sources,
        progress: &mut dyn Progress,
    ) -> Result<Self, ApplyError> {
        let Some(given) = &source.input else { return Self::of_run(source, trained, sources, progress) };
        let (name, part) = named_set(given, sources);
        let part = source.part.or(part);
        match name {
            Some(name) => Self::of_set(name, part, trained, sources, progress),
            None if part.is_some() => Err(ApplyError::NoSplits(given.clone())),
            None => Self::of_file(given, source.resize, trained),
        }
    }

    fn of_run(
        source: &Source,
        trained: &Trained,
        sources: &Sources,
        progress: &mut dyn Progress,
    ) -> Result<Self, ApplyError> {
        let run = trained.run.as_ref().ok_or_else(|| ApplyError::NoInput(trained.path.clone()))?;
        let config = DataConfig { scale: Scale::None, ..run.experiment.data.clone() };
        let seed = run.experiment.training.seed;
        let data = ae_datasets::load_any(&config, sources, seed, progress)?;
        if data.about().files != run.record.data.files {
            return Err(ApplyError::Changed(run.dir.root().into()));
        }
        let (splits, label_names) = splits(data, trained)?;
        let held_out = if splits.test.is_empty() { Part::Validation } else { Part::Test };
        let part = source.part.unwrap_or(held_out);
        let split = part_of(splits, part);
        if split.is_empty() {
            let split = source.part.map_or("held-out", Part::name);
            return Err(ApplyError::NoRows { folder: run.dir.root().into(), split });
        }
        let name = format!("{} rows of {}", part.name(), config.set);
        Ok(Input { split, label_names, row_names: Vec::new(), name })
    }

    fn of_set(
        name: &str,
        part: Option<Part>,
        trained: &Trained,
        sources: &Sources,
        progress: &mut dyn Progress,
    ) -> Result<Self, ApplyError> {
        let (own, part) = (trained.data(), part.unwrap_or(Part::Test));
        let is_own = own.set == name && trained.run.is_some();
        let config = DataConfig {
            set: name.into(),
            scale: Scale::None,
            max_train: None,
            max_test: None,
            ..if is_own { own } else { DataConfig::default() }
        };
        let seed = trained.model.metadata.seed;
        let data = ae_datasets::load_any(&config, sources, seed, progress)?;
        if !is_own && !matches!(data, AnyDataset::Dense(_)) {
            return Err(ApplyError::OtherKind(name.into()));
        }
        let (splits, label_names) = splits(data, trained)?;
        let split = part_of(splits, part);
        if split.is_empty() {
            return Err(DataError::TooFewRows { name: name.into(), got: 0, needed: 1, what: "use" }.into());
        }
        let name = format!("{} rows of {name}", part.name());
        Ok(Input { split, label_names, row_names: Vec::new(), name })
    }

    fn of_file(path: &str, resize: bool, trained: &Trained) -> Result<Self, ApplyError> {
        let rows = read(path, resize, trained)?;
        check_shape(path, &rows.shape, trained, !rows.row_names.is_empty())?;
        let RawRows { mut samples, label_names, row_names, .. } = rows;
        apply(&mut samples, trained);
        warn_of_another_unit(path, &samples, trained);
        let split = own_rows(samples, trained)?;
        Ok(Input { split, label_names, row_names, name: format!("rows of {path}") })
    }
}

/// The name of a set, and the split that is appended to it; `None` for a file or folder.
fn named_set<'g>(given: &'g str, sources: &Sources) -> (Option<&'g str>, Option<Part>) {
    let is_set = |name: &str| list(sources).iter().any(|set| set.name == name);
    if Path::new(given).exists() {
        return (None, None);
    }
    let split = given.rsplit_once(':').and_then(|(name, part)| {
        let part = Part::ALL.into_iter().find(|it| it.name() == part)?;
        is_set(name).then_some((name, part))
    });
    match split {
        Some((name, part)) => (Some(name), Some(part)),
        // An unknown name is read as a file, whose error suggests sets.
        None => (is_set(given).then_some(given), None),
    }
}

fn part_of(splits: Splits, part: Part) -> Split {
    match part {
        Part::Train => splits.train,
        Part::Validation => splits.validation,
        Part::Test => splits.test,
    }
}

/// The splits of a data set that was read without a scale, and the names of their labels.
fn splits(data: AnyDataset, trained: &Trained) -> Result<(Splits, Vec<String>), ApplyError> {
    let about = data.about();
    let (name, labels) = (about.name.clone(), about.label_names.clone());
    check_shape(&name, &about.shape, trained, false)?;
    let known = &trained.model.metadata.feature_names;
    if !known.is_empty() && !about.feature_names.is_empty() && *known != about.feature_names {
        return Err(ApplyError::OtherColumns(name));
    }
    let splits = match data {
        AnyDataset::Dense(mut dataset) => {
            let Dataset { train, validation, test, .. } = &mut dataset;
            [train, validation, test].into_iter().for_each(|part| apply(part, trained));
            warn_of_another_unit(&name, &dataset.test, trained);
            dataset.shape = trained.sample_shape();
            Splits::new(dataset, trained.device)
        }
        AnyDataset::Sparse(dataset) => Splits::sparse(dataset, trained.device),
        AnyDataset::Moving(dataset) => Splits::moving(dataset, trained.device),
    };
    Ok((
        splits.map_err(|empty| DataError::TooFewRows { name: empty.0, got: 0, needed: 1, what: "use" })?,
        labels,
    ))
}

fn own_rows(samples: Samples, trained: &Trained) -> Result<Split, ApplyError> {
    let width = samples.width();
    let mut dataset = Dataset::of(samples, Samples::empty(width));
    dataset.shape = trained.sample_shape();
    let splits = Splits::new(dataset, trained.device);
    Ok(splits.map_err(|empty| DataError::TooFewRows { name: empty.0, got: 0, needed: 1, what: "use" })?.train)
}

fn apply(samples: &mut Samples, trained: &Trained) {
    trained.model.metadata.preprocessing.apply(&mut samples.values);
    samples.clear_unobserved();
}

/// Reads a file or folder as the training data were read. A label that it does not have is not missed.
fn read(path: &str, resize: bool, trained: &Trained) -> Result<RawRows, ApplyError> {
    let own = trained.data();
    let names = &trained.model.metadata.feature_names;
    let sizes = trained.shape();
    let color = match sizes {
        [1, _, _] => Color::Gray,
        [3, _, _] => Color::Rgb,
        _ => own.color,
    };
    let resize = match (resize, sizes) {
        (true, &[_, height, width]) => Some([height as usize, width as usize]),
        _ => own.resize,
    };
    let is_same = own.set == path;
    // Features such as `kind=red` are of the column `kind`.
    let are_columns = !names.is_empty() && !names.iter().any(|name| name.contains('='));
    let config = DataConfig {
        set: path.into(),
        columns: if are_columns {
            names.iter().map(|name| name.as_str().into()).collect()
        } else {
            own.columns
        },
        ignore: if are_columns { Vec::new() } else { own.ignore },
        categories: own.categories,
        max_categories: own.max_categories,
        missing: own.missing,
        numbers: own.numbers,
        max_bad: own.max_bad,
        labels: own.labels.filter(|_| is_same),
        shape: None,
        color,
        resize,
        label: own.label,
        header: own.header.filter(|_| is_same),
        delimiter: own.delimiter.filter(|_| is_same),
        max_memory_mb: own.max_memory_mb,
        ..DataConfig::default()
    };
    let sentinels = &trained.model.metadata.sentinels;
    let read = |config: &DataConfig| {
        let rows = ae_datasets::read(config)?.with_features(names)?;
        Ok(rows.with_sentinels(names, sentinels))
    };
    let fits = |rows: &RawRows| rows.shape.numel() == trained.numel();
    // Without the label, which new rows need not have; then without the names, for a table without a header.
    let bare = DataConfig { label: None, ..config.clone() };
    let nameless = DataConfig { columns: Vec::new(), ..bare.clone() };
    let first = match read(&config) {
        Err(error) if has_no_column(&error) => read(&bare),
        Ok(rows) if !fits(&rows) => Ok(read(&bare).ok().filter(fits).unwrap_or(rows)),
        other => other,
    };
    match first {
        Err(error) if has_no_column(&error) => {
            let unnamed = read(&nameless).ok().filter(|rows| rows.feature_names.is_empty());
            Ok(unnamed.ok_or(error)?)
        }
        other => Ok(other?),
    }
}

fn has_no_column(error: &DataError) -> bool {
    matches!(
        error,
        DataError::NoFeature { .. } | DataError::Table { source: TableError::NoColumn { .. }, .. }
    )
}

/// Refuses rows that have another number of values, or the same in another arrangement.
fn check_shape(
    name: &str,
    shape: &SampleShape,
    trained: &Trained,
    are_pictures: bool,
) -> Result<(), ApplyError> {
    let essential = |dims: Vec<usize>| dims.into_iter().filter(|&size| size != 1).collect::<Vec<_>>();
    let expected = trained.sample_shape();
    let (got_sizes, own_sizes) = (essential(shape.dims()), essential(expected.dims()));
    let is_flat = got_sizes.len() <= 1 || own_sizes.len() <= 1;
    if shape.numel() == expected.numel() && (is_flat || got_sizes == own_sizes) {
        return Ok(());
    }
    let hint = match (shape, &expected) {
        (SampleShape::Image { channels, .. }, SampleShape::Image { channels: own, .. })
            if channels == own && are_pictures =>
        {
            "; resize them with --resize"
        }
        (SampleShape::Image { height, width, channels }, SampleShape::Image { .. })
            if expected.dims() == [*width, *channels, *height] =>
        {
            "; transpose it: array.transpose(0, 3, 1, 2)"
        }
        _ => "",
    };
    let in_words = |shape: &SampleShape| match shape {
        SampleShape::Vector { features: 1 } => "1 value".into(),
        SampleShape::Vector { features } => format!("{features} values"),
        other => other.to_string(),
    };
    let names = &trained.model.metadata.feature_names;
    let hint = match (names.is_empty(), hint) {
        (false, "") => format!(": {}", shortened(names)),
        _ => hint.to_string(),
    };
    Err(ApplyError::Width { input: name.into(), got: in_words(shape), expected: in_words(&expected), hint })
}

/// The first names of many.
fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", names[..SHOWN.min(names.len())].join(", "))
}

/// The spread of an input may differ from that of the training rows by this factor before it is taken for another unit.
const MAX_FACTOR: f32 = 20.0;

/// Warns of values that are [`MAX_FACTOR`] times as large or as small as those of the training rows, such as pixels from 0 to 1
/// for a model of pixels from 0 to 255.
fn warn_of_another_unit(name: &str, samples: &Samples, trained: &Trained) {
    let [_, low, high] = trained.model.metadata.range.map(|value| value as f32);
    let greatest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0f32, |most, x| most.max(x.abs()));
    let (own, got) = (low.abs().max(high.abs()), greatest(&mut samples.values.iter().copied()));
    if own > 0.0 && got > 0.0 && !(own / MAX_FACTOR..=own * MAX_FACTOR).contains(&got) {
        tracing::warn!(
            "{name} seems to be in another unit than the training rows: its values reach {got} where theirs reach {own} (after the \
             same preprocessing: {})",
            trained.model.metadata.preprocessing
        );
    }
}
