//! The sets of each suite: normal rows to learn from, and rows to judge.

use super::Suite;
use crate::context::Context;
use crate::error::EvaluationError;
use ae_datasets::{DataConfig, Protocol, Scale, Series, adbench, nab, nsl_kdd, skab, ucr_anomaly};
use ae_intake::{InputConfig, LayoutChoice, Table};
use ae_metrics::sliding_window;
use ae_records::seed::stream_rng;
use ndarray::{Array2, Axis, s};
use rand::seq::SliceRandom;

/// Most rows to learn from, and most to judge.
const MAX_ROWS: usize = 10_000;

/// One set, split for one seed.
pub(super) struct Problem {
    pub(super) name: String,
    /// How its rows are read.
    pub(super) input: InputConfig,
    /// Normal rows, or the steps of a series before those that are judged.
    pub(super) train: Table,
    /// The rows to judge; those before `first` only come before the first windows.
    pub(super) test: Table,
    pub(super) first: usize,
    /// Whether each judged row is an anomaly.
    pub(super) truth: Vec<bool>,
    /// The buffer around the events of a series, in steps.
    pub(super) vus_window: Option<usize>,
    /// The numbers of `train` and of the judged rows of `test`, for detectors that take no tables.
    pub(super) numbers: Option<[Array2<f64>; 2]>,
}

/// The heartbeats, and the network connections, beside the tables of ADBench.
const MORE: [&str; 2] = ["ecg5000", "nsl-kdd"];

/// The names of the sets of a suite, in order.
pub(super) fn names(suite: Suite, context: &mut Context<'_>) -> Result<Vec<String>, EvaluationError> {
    Ok(match suite {
        Suite::Tabular => adbench::names().into_iter().chain(MORE).map(String::from).collect(),
        Suite::Series => series(context)?.into_iter().map(|one| one.name).collect(),
    })
}

/// The series that can be judged: those with an anomaly after a training part that varies and has none.
fn series(context: &mut Context<'_>) -> Result<Vec<Series>, EvaluationError> {
    let Context { sources, progress, .. } = context;
    let mut all = nab::load_corpus(sources, *progress)?;
    all.extend(skab::load(sources, *progress)?);
    all.extend(ucr_anomaly::load(sources, *progress)?);
    all.retain(|one| {
        let clean = one.anomalies.iter().all(|stretch| stretch.start >= one.n_train);
        let train = one.values.slice(s![..one.n_train, ..]);
        let varies = train.axis_iter(Axis(1)).any(|channel| channel.iter().any(|value| *value != channel[0]));
        clean && varies && !one.anomalies.is_empty()
    });
    Ok(all)
}

/// The sets of a suite, ready to be split for each seed.
pub(super) enum Source {
    Table(String),
    Series(Box<Series>),
}

impl Source {
    pub(super) fn all(
        suite: Suite,
        wanted: &[String],
        context: &mut Context<'_>,
    ) -> Result<Vec<Self>, EvaluationError> {
        let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
        Ok(match suite {
            Suite::Tabular => {
                names(suite, context)?.into_iter().filter(|name| is_wanted(name)).map(Source::Table).collect()
            }
            Suite::Series => series(context)?
                .into_iter()
                .filter(|one| is_wanted(&one.name))
                .map(|one| Source::Series(Box::new(one)))
                .collect(),
        })
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Source::Table(name) => name,
            Source::Series(one) => &one.name,
        }
    }

    /// The set, split by the seed; a series is split in order of time for any.
    pub(super) fn problem(&self, context: &mut Context<'_>, seed: u64) -> Result<Problem, EvaluationError> {
        match self {
            Source::Series(one) => of_series(one),
            Source::Table(name) if name == "ecg5000" => heartbeats(context, seed),
            Source::Table(name) if name == "nsl-kdd" => connections(context, seed),
            Source::Table(name) => labelled(adbench::load(name, context.sources, context.progress)?, seed),
        }
    }
}

/// Half of the normal rows to learn from; the rest and all anomalies to judge, in their proportion if there are too many.
fn labelled(set: adbench::LabelledRows, seed: u64) -> Result<Problem, EvaluationError> {
    let places = |anomalous: bool| -> Vec<usize> {
        let of = |row: &usize| set.is_anomalous[*row] == anomalous;
        let mut places: Vec<usize> = (0..set.is_anomalous.len()).filter(of).collect();
        places.shuffle(&mut stream_rng(seed, "benchmark split", u64::from(anomalous)));
        places
    };
    let (normal, mut odd) = (places(false), places(true));
    let (train, rest) = normal.split_at(normal.len() / 2);
    let share = (MAX_ROWS as f64 / (rest.len() + odd.len()).max(1) as f64).min(1.0);
    let of = |n: usize| (n as f64 * share) as usize;
    let mut judged = rest[..of(rest.len())].to_vec();
    odd.truncate(of(odd.len()).max(1));
    judged.append(&mut odd);
    judged.sort_unstable();
    let mut train = train[..train.len().min(MAX_ROWS)].to_vec();
    train.sort_unstable();
    let input = InputConfig { layout: LayoutChoice::Table, ..InputConfig::default() };
    let numbers = [set.values.select(Axis(0), &train), set.values.select(Axis(0), &judged)];
    let [train, test] = [0, 1].map(|part| table(&numbers[part], &input));
    Ok(Problem {
        name: set.name,
        train: train?,
        test: test?,
        first: 0,
        truth: judged.iter().map(|&row| set.is_anomalous[row]).collect(),
        vus_window: None,
        numbers: Some(numbers),
        input,
    })
}

fn table(values: &Array2<f64>, input: &InputConfig) -> Result<Table, EvaluationError> {
    let names: Vec<String> = (0..values.ncols()).map(|column| format!("c{column}")).collect();
    Ok(Table::from_array_with(values.mapv(|value| value as f32).view(), &names, input)?)
}

fn of_series(one: &Series) -> Result<Problem, EvaluationError> {
    let input = InputConfig { layout: LayoutChoice::Windows, ..InputConfig::default() };
    let train = one.values.slice(s![..one.n_train, ..]).to_owned();
    let channel = one.values.column(0).to_vec();
    Ok(Problem {
        name: one.name.clone(),
        train: table(&train, &input)?,
        test: table(&one.values, &input)?,
        first: one.n_train,
        truth: one.labels()[one.n_train..].to_vec(),
        vus_window: Some(sliding_window(&channel).map_err(EvaluationError::metric(one.name.clone()))?),
        numbers: Some([train, one.values.slice(s![one.n_train.., ..]).to_owned()]),
        input,
    })
}

/// ECG5000 as the archive splits it: 292 normal beats to learn from, 4,500 to judge.
fn heartbeats(context: &mut Context<'_>, seed: u64) -> Result<Problem, EvaluationError> {
    let config = DataConfig {
        set: "ecg5000".into(),
        protocol: Protocol::Ucr,
        scale: Scale::None,
        ..DataConfig::default()
    };
    let data = ae_datasets::load(&config, context.sources, seed, context.progress)?;
    let input = InputConfig { layout: LayoutChoice::Series, ..InputConfig::default() };
    let numbers = [&data.train, &data.test].map(|samples| samples.values.mapv(f64::from));
    let [train, test] = [0, 1].map(|part| table(&numbers[part], &input));
    Ok(Problem {
        name: "ecg5000".into(),
        train: train?,
        test: test?,
        first: 0,
        truth: data.test.labels.unwrap_or_default().into_iter().map(|class| class != 0).collect(),
        vus_window: None,
        numbers: Some(numbers),
        input,
    })
}

/// NSL-KDD: normal connections of `KDDTrain+` to learn from, connections of `KDDTest+` to judge.
fn connections(context: &mut Context<'_>, seed: u64) -> Result<Problem, EvaluationError> {
    let data = nsl_kdd::load(context.sources, context.progress)?;
    let is_attack = data.train.anomalies();
    let mut normal: Vec<usize> = (0..is_attack.len()).filter(|&row| !is_attack[row]).collect();
    normal.shuffle(&mut stream_rng(seed, "benchmark split", 0));
    normal.truncate(MAX_ROWS);
    normal.sort_unstable();
    let mut judged: Vec<usize> = (0..data.test.len()).collect();
    judged.shuffle(&mut stream_rng(seed, "benchmark split", 1));
    judged.truncate(MAX_ROWS);
    judged.sort_unstable();
    let truth = data.test.anomalies();
    let input = InputConfig { layout: LayoutChoice::Table, ..InputConfig::default() };
    let parse = |text: String| Table::parse(text.as_bytes(), "nsl-kdd", &input);
    Ok(Problem {
        name: "nsl-kdd".into(),
        train: parse(data.train.csv(&normal))?,
        test: parse(data.test.csv(&judged))?,
        first: 0,
        truth: judged.iter().map(|&row| truth[row]).collect(),
        vus_window: None,
        numbers: None,
        input,
    })
}
