//! What detectors are asked: rows to learn from, to calibrate on, and to judge.

use crate::context::Context;
use crate::error::EvaluationError;
use ae_anomaly::synthetic::Form;
use ae_datasets::intake::{InputConfig, RawTable, Schema, Shares, split_rows};
use ae_datasets::nsl_kdd::{self, Connections, Family};
use ae_datasets::{DataConfig, Protocol, Samples, Scale};
use ndarray::{Axis, concatenate};

/// One way to train, calibrate and test, for one seed.
pub(super) struct Problem {
    /// Normal rows that are learned from.
    pub(super) train: Samples,
    /// Normal rows that model and score are chosen by.
    pub(super) validation: Samples,
    /// Normal rows that thresholds are made from; may have no rows: then training rows serve, without a promise.
    pub(super) calibration: Samples,
    /// Normal rows like those of `calibration`, on which the promised alarm rate is measured; may have no rows.
    pub(super) held_out: Samples,
    pub(super) test: Samples,
    /// Of each test row; 0 is normal.
    pub(super) classes: Vec<u32>,
    pub(super) class_names: Vec<String>,
    /// Anomalies that are in no other part, for training data that are not clean; may have no rows.
    pub(super) contaminants: Samples,
    /// Test rows that are judged where the training data are contaminated: all that are no contaminants.
    pub(super) uncontaminated: Vec<usize>,
    /// Shape of one row for the network.
    pub(super) shape: Vec<i64>,
    pub(super) form: Form,
}

impl Problem {
    pub(super) fn truth(&self) -> Vec<bool> {
        self.classes.iter().map(|class| *class != 0).collect()
    }
}

/// Shares of the normal rows where a set has no split of its own for calibration.
pub(super) const SHARES: Shares = Shares { train: 0.5, validation: 0.1, calibration: 0.2, test: 0.2 };
/// Abnormal test beats that are kept back for contaminated training.
const KEPT_BACK: usize = 200;

/// ECG5000 on the archive's split: 292 normal beats against 4,500, of which some abnormal ones are kept back.
pub(super) fn ecg_ucr(context: &mut Context<'_>, seed: u64) -> Result<Problem, EvaluationError> {
    let config = DataConfig {
        set: "ecg5000".into(),
        protocol: Protocol::Ucr,
        scale: Scale::None,
        ..Default::default()
    };
    let data = ae_datasets::load(&config, context.sources, seed, context.progress)?;
    let classes = data.test.labels.clone().unwrap_or_default();
    let abnormal: Vec<usize> = (0..classes.len()).filter(|&row| classes[row] != 0).collect();
    // Every ninth, so that all classes stay.
    let kept: Vec<usize> = abnormal.iter().step_by(abnormal.len() / KEPT_BACK).copied().collect();
    let uncontaminated = (0..classes.len()).filter(|row| kept.binary_search(row).is_err()).collect();
    let test = Samples::complete(data.test.values);
    let none = test.select(&[]);
    let train = Samples::complete(data.train.values);
    Ok(Problem {
        validation: train.clone(),
        train,
        calibration: none.clone(),
        held_out: none,
        contaminants: test.select(&kept),
        uncontaminated,
        test,
        classes,
        class_names: data.label_names,
        shape: data.shape.dims().iter().map(|&side| side as i64).collect(),
        form: Form::Series { channels: 1 },
    })
}

/// ECG5000 as the articles split it, 80/20 at random; a part of the normal training beats is kept for calibration. Its
/// normal test beats are like those, so that the alarm rate is measured on them.
pub(super) fn ecg_article(context: &mut Context<'_>, seed: u64) -> Result<Problem, EvaluationError> {
    let protocol = Protocol::Article;
    let config = DataConfig { set: "ecg5000".into(), protocol, scale: Scale::None, ..Default::default() };
    let data = ae_datasets::load(&config, context.sources, seed, context.progress)?;
    let classes = data.test.labels.clone().unwrap_or_default();
    let normal: Vec<usize> = (0..classes.len()).filter(|&row| classes[row] == 0).collect();
    let all = Samples::complete(data.train.values);
    let parts =
        split_rows(all.len(), seed, Shares { train: 0.65, validation: 0.1, calibration: 0.25, test: 0.0 })?;
    let test = Samples::complete(data.test.values);
    Ok(Problem {
        train: all.select(&parts.train),
        validation: all.select(&parts.validation),
        calibration: all.select(&parts.calibration),
        held_out: test.select(&normal),
        contaminants: test.select(&[]),
        uncontaminated: Vec::new(),
        test,
        classes,
        class_names: data.label_names,
        shape: data.shape.dims().iter().map(|&side| side as i64).collect(),
        form: Form::Series { channels: 1 },
    })
}

/// NSL-KDD: learned from normal rows of `KDDTrain+`, tested on `KDDTest+`. The alarm rate is measured on further normal
/// rows of `KDDTrain+`, as the test file is of another time.
pub(super) fn nsl_kdd(context: &mut Context<'_>, seed: u64) -> Result<Problem, EvaluationError> {
    let data = nsl_kdd::load(context.sources, context.progress)?;
    let rows = |connections: &Connections, attacks: bool| -> Vec<usize> {
        let is_attack = connections.anomalies();
        (0..is_attack.len()).filter(|&row| is_attack[row] == attacks).collect()
    };
    let table = |connections: &Connections, rows: &[usize]| {
        RawTable::parse(connections.csv(rows).as_bytes(), "nsl-kdd.csv", &InputConfig::default())
    };
    let normal = table(&data.train, &rows(&data.train, false))?;
    let parts = split_rows(normal.len(), seed, SHARES)?;
    let schema = Schema::learn(&normal, &parts.train)?.schema;
    let encode =
        |table: &RawTable, rows: &[usize]| Ok::<_, EvaluationError>(schema.encode(table, rows)?.samples);
    let all = |connections: &Connections, rows: &[usize]| encode_lines(&schema, &connections.csv(rows));
    let everything: Vec<usize> = (0..data.test.len()).collect();
    let attacks: Vec<usize> = rows(&data.train, true).into_iter().step_by(5).collect();
    Ok(Problem {
        train: encode(&normal, &parts.train)?,
        validation: encode(&normal, &parts.validation)?,
        calibration: encode(&normal, &parts.calibration)?,
        held_out: encode(&normal, &parts.test)?,
        test: all(&data.test, &everything)?,
        classes: data.test.families.iter().map(|family| *family as u32).collect(),
        class_names: Family::ALL.map(|family| family.to_string()).into(),
        contaminants: all(&data.train, &attacks)?,
        uncontaminated: everything,
        shape: vec![schema.width() as i64],
        form: Form::of(&schema),
    })
}

/// Rows of a file that comes later, by a schema that is known: its categories may be new.
fn encode_lines(schema: &Schema, text: &str) -> Result<Samples, EvaluationError> {
    let table = RawTable::parse(text.as_bytes(), "nsl-kdd.csv", &InputConfig::default())?;
    let rows: Vec<usize> = (0..table.len()).collect();
    Ok(schema.encode(&table, &rows)?.samples)
}

/// The training rows with so many anomalies among them that they are this share.
pub(super) fn contaminated(problem: &Problem, share: f64) -> Samples {
    let n = (problem.train.len() as f64 * share / (1.0 - share)).round() as usize;
    let few: Vec<usize> = (0..n.min(problem.contaminants.len())).collect();
    let added = problem.contaminants.select(&few);
    let values =
        concatenate(Axis(0), &[problem.train.values.view(), added.values.view()]).expect("the same width");
    Samples::complete(values)
}
