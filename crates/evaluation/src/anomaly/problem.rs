//! The problems that detectors are compared on: rows to train on, to calibrate on and to judge.

use crate::context::Context;
use crate::error::EvaluationError;
use ae_anomaly::fit::damage::Form;
use ae_anomaly::fit::split::ready;
use ae_anomaly::fit::{EncodedSplit, PreparedRows, TableSplit};
use ae_datasets::nsl_kdd::{self, Connections, Family};
use ae_datasets::{DataConfig, Dataset, Protocol, Samples, Scale};
use ae_intake::{InputConfig, Schema, Shares, Table, split_rows};

/// The rows to train, calibrate and test on, for one seed.
pub(super) struct Problem {
    /// Normal rows for training, selection and calibration. Without calibration rows, the threshold comes
    /// from the training rows and promises nothing.
    pub(super) rows: PreparedRows,
    /// Normal rows from the same source as the calibration rows, for measuring the false-alarm rate; may be
    /// empty.
    pub(super) held_out: Samples,
    pub(super) test: Samples,
    /// Class of each test row; 0 is normal.
    pub(super) classes: Vec<u32>,
    pub(super) class_names: Vec<String>,
    /// Number of test rows that no detector judges, because too few of their values were observed.
    pub(super) not_judged: usize,
    /// Anomalies for contaminating the training rows; may be empty.
    pub(super) contaminants: Samples,
    /// Test rows that are judged after contaminated training: those that are not among the contaminants.
    pub(super) uncontaminated: Vec<usize>,
}

impl Problem {
    pub(super) fn truth(&self) -> Vec<bool> {
        self.classes.iter().map(|class| *class != 0).collect()
    }

    /// The training rows with anomalies mixed in, up to this share.
    pub(super) fn contaminated(&self, share: f64) -> PreparedRows {
        let train = &self.rows.train;
        let n = (train.len() as f64 * share / (1.0 - share)).round() as usize;
        let few: Vec<usize> = (0..n.min(self.contaminants.len())).collect();
        let parts = [train.clone(), self.contaminants.select(&few)];
        self.rows.with_train(Samples::concat(train.width(), &parts))
    }
}

/// Encoded rows, and their positions among the rows requested.
pub(super) struct Judgeable {
    pub(super) samples: Samples,
    pub(super) places: Vec<usize>,
}

/// Encodes the rows with enough observed values; detectors judge no others.
pub(super) fn encode(schema: &Schema, table: &Table, rows: &[usize]) -> Result<Judgeable, EvaluationError> {
    let values = (rows.len() as u64).saturating_mul(schema.width() as u64);
    let what = || format!("{} encoded rows of {} values", rows.len(), schema.width());
    let need = values.saturating_mul(2 * size_of::<f32>() as u64);
    table.memory.check(&table.name, what, need).map_err(ae_intake::IntakeError::from)?;
    let encoded = schema.encode(table, rows)?;
    let places = ready(&encoded);
    Ok(Judgeable { samples: encoded.samples.select(&places), places })
}

/// Shares of the normal rows if a data set has no split of its own for calibration.
pub(super) const SHARES: Shares = Shares { train: 0.5, validation: 0.1, calibration: 0.2, test: 0.2 };
/// Abnormal test beats that are kept back for contaminated training.
const KEPT_BACK: usize = 200;

/// The heartbeats as they are in the archive, where each is already z-normalised.
fn beats(context: &mut Context<'_>, protocol: Protocol, seed: u64) -> Result<Dataset, EvaluationError> {
    let config = DataConfig { set: "ecg5000".into(), protocol, scale: Scale::None, ..Default::default() };
    Ok(ae_datasets::load(&config, context.sources, seed, context.progress)?)
}

/// ECG5000 on the archive's split: 292 normal training beats and 4,500 test beats. Some of the abnormal test
/// beats serve as contaminants.
pub(super) fn ecg_ucr(context: &mut Context<'_>, seed: u64) -> Result<Problem, EvaluationError> {
    let data = beats(context, Protocol::Ucr, seed)?;
    let classes = data.test.labels.clone().unwrap_or_default();
    let abnormal: Vec<usize> = (0..classes.len()).filter(|&row| classes[row] != 0).collect();
    // Evenly spaced, so that every class remains.
    let kept: Vec<usize> = abnormal.iter().step_by(abnormal.len() / KEPT_BACK).copied().collect();
    let uncontaminated = (0..classes.len()).filter(|row| kept.binary_search(row).is_err()).collect();
    let (train, test) = (unlabelled(data.train), unlabelled(data.test));
    let none = test.select(&[]);
    Ok(Problem {
        rows: PreparedRows {
            validation: train.clone(),
            train,
            calibration: none.clone(),
            shape: data.shape.dims(),
            overlap: 1,
            form: Form::Series { channels: 1 },
        },
        held_out: none,
        contaminants: test.select(&kept),
        uncontaminated,
        test,
        classes,
        class_names: data.label_names,
        not_judged: 0,
    })
}

/// ECG5000 as the articles split it, 80/20 at random. Part of the normal training beats is kept for
/// calibration. The normal test beats come from the same source, so the false-alarm rate is measured on them.
pub(super) fn ecg_article(context: &mut Context<'_>, seed: u64) -> Result<Problem, EvaluationError> {
    let data = beats(context, Protocol::Article, seed)?;
    let classes = data.test.labels.clone().unwrap_or_default();
    let normal: Vec<usize> = (0..classes.len()).filter(|&row| classes[row] == 0).collect();
    let (all, test) = (unlabelled(data.train), unlabelled(data.test));
    let parts =
        split_rows(all.len(), seed, Shares { train: 0.65, validation: 0.1, calibration: 0.25, test: 0.0 })?;
    Ok(Problem {
        rows: PreparedRows {
            train: all.select(&parts.train),
            validation: all.select(&parts.validation),
            calibration: all.select(&parts.calibration),
            shape: data.shape.dims(),
            overlap: 1,
            form: Form::Series { channels: 1 },
        },
        held_out: test.select(&normal),
        contaminants: test.select(&[]),
        uncontaminated: Vec::new(),
        test,
        classes,
        class_names: data.label_names,
        not_judged: 0,
    })
}

/// NSL-KDD: trained on normal rows of `KDDTrain+`, tested on `KDDTest+`. The false-alarm rate is measured on
/// further normal rows of `KDDTrain+`, because the test file is from another time.
pub(super) fn nsl_kdd(context: &mut Context<'_>, seed: u64) -> Result<Problem, EvaluationError> {
    let data = nsl_kdd::load(context.sources, context.progress)?;
    let rows = |connections: &Connections, attacks: bool| -> Vec<usize> {
        let is_attack = connections.anomalies();
        (0..is_attack.len()).filter(|&row| is_attack[row] == attacks).collect()
    };
    let table = |connections: &Connections, rows: &[usize]| {
        Table::parse(connections.csv(rows).as_bytes(), "nsl-kdd.csv", &InputConfig::default())
    };
    let split = TableSplit::by_shares(table(&data.train, &rows(&data.train, false))?, SHARES, seed)?;
    let EncodedSplit { schema, rows: prepared, .. } = split.encode()?;
    // A later file may have new categories.
    let later = |connections: &Connections, rows: &[usize]| {
        encode(&schema, &table(connections, rows)?, &(0..rows.len()).collect::<Vec<_>>())
    };
    let everything: Vec<usize> = (0..data.test.len()).collect();
    let attacks: Vec<usize> = rows(&data.train, true).into_iter().step_by(5).collect();
    let test = later(&data.test, &everything)?;
    Ok(Problem {
        held_out: encode(&schema, &split.table, &split.test)?.samples,
        classes: test.places.iter().map(|&row| data.test.families[row] as u32).collect(),
        class_names: Family::ALL.map(|family| family.to_string()).into(),
        not_judged: everything.len() - test.places.len(),
        contaminants: later(&data.train, &attacks)?.samples,
        uncontaminated: (0..test.places.len()).collect(),
        test: test.samples,
        rows: prepared,
    })
}

fn unlabelled(mut samples: Samples) -> Samples {
    samples.labels = None;
    samples
}
