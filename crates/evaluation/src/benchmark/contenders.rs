//! The detectors of the benchmark: what `ae detect fit` makes by default, and what it is compared with.

use super::memory::Work;
use super::problems::Problem;
use crate::context::Context;
use crate::error::EvaluationError;
use ae_anomaly::fit::split::ready;
use ae_anomaly::fit::{Contender, TableSplit, Trained};
use ae_anomaly::{
    Baseline, Detector, FitConfig, FitError, FitOptions, Fitted, Judgement, NormalRows, Scorer,
};
use ae_datasets::Samples;
use ae_intake::{Schema, Table};
use ndarray::Array2;
use std::time::Instant;

/// The detector that `ae detect fit` makes.
pub(super) const OWN: &str = "ae";
/// The one that no detector should be far behind.
pub(super) const NEIGHBOURS: &str = "neighbours";

/// A detector and its scores.
pub(super) struct Outcome {
    pub(super) key: String,
    pub(super) name: String,
    /// Of each judged row.
    pub(super) scores: Vec<f64>,
    /// For a detector that promises a false-alarm rate.
    pub(super) verdicts: Option<Verdicts>,
    pub(super) fit_seconds: f64,
    pub(super) score_seconds: f64,
    /// What the process held at the peak of fitting and scoring beyond what it held before, where the system tells.
    pub(super) memory_mib: Option<f64>,
}

/// What a detector says of the judged rows.
pub(super) struct Verdicts {
    /// The false-alarm rate that it promises.
    pub(super) promised: f64,
    pub(super) is_anomalous: Vec<bool>,
    pub(super) p_values: Vec<f64>,
}

/// The detectors of this program, and the rows that they judged, as numbers for others.
pub(super) struct Own {
    pub(super) outcomes: Vec<Outcome>,
    /// Encoded rows to learn from and to judge.
    pub(super) encoded: [Array2<f64>; 2],
    /// Steps of a window.
    pub(super) window: Option<usize>,
}

/// Fits every detector on the same rows, and judges the same.
pub(super) fn all(context: &mut Context<'_>, problem: &Problem, seed: u64) -> Result<Own, EvaluationError> {
    let interrupted = |error| match error {
        FitError::Interrupted => EvaluationError::Interrupted(context.runs.into()),
        error => error.into(),
    };
    // The first steps of some series are unlike the last before those that are judged; `fit` says so and asks.
    let is_series = problem.vus_window.is_some();
    let config =
        FitConfig { seed, input: problem.input.clone(), accept_drift: is_series, ..FitConfig::default() };
    let stop = || FitOptions { stop: Some(context.stop), ..FitOptions::default() };
    let (memory, began) = (Work::begin(), Instant::now());
    let Fitted { detector, report } =
        Detector::fit_with(&problem.train, &config, stop()).map_err(interrupted)?;
    let fit_seconds = began.elapsed().as_secs_f64();
    let rows: Vec<usize> = (problem.first..problem.test.len()).collect();
    let judged = detector.schema().encode(&problem.test, &rows)?;
    let began = Instant::now();
    let verdicts = detector.judge_encoded(&judged.samples, &judged.rows)?;
    let score_seconds = began.elapsed().as_secs_f64();
    let of = |read: fn(&Judgement) -> Option<f64>, unknown: f64| -> Vec<f64> {
        verdicts.iter().map(|verdict| read(verdict).unwrap_or(unknown)).collect()
    };
    let mut outcomes = vec![Outcome {
        key: OWN.into(),
        name: "ae detect fit".into(),
        // A row that is not judged raises no alarm.
        scores: of(|verdict| verdict.verdict().map(|verdict| verdict.score), f64::MIN),
        verdicts: detector.calibration().threshold().rule().rate().map(|promised| Verdicts {
            promised,
            is_anomalous: verdicts.iter().map(|own| matches!(own, Judgement::Anomalous(_))).collect(),
            p_values: of(|verdict| verdict.verdict().map(|verdict| verdict.p_value), 1.0),
        }),
        fit_seconds,
        score_seconds,
        memory_mib: memory.peak_mib(),
    }];

    // The network of the detector, alone and before it learned anything.
    let (split, _) = TableSplit::of(&problem.train, &config)?;
    let rows = split.encode()?.rows;
    let (memory, began) = (Work::begin(), Instant::now());
    let trained = Trained::on(&rows, &config, &mut stop()).map_err(interrupted)?;
    let seconds = began.elapsed().as_secs_f64();
    for (contender, key, name, seconds) in [
        (Contender::Autoencoder, "network", "its network alone", seconds),
        (Contender::Untrained, "untrained", "its network, untrained", 0.0),
    ] {
        let scorer = contender.in_blend(&rows, &trained, &config)?;
        outcomes.push(Outcome::of((key, name), scorer.as_ref(), &judged.samples, seconds, &memory)?);
    }

    // The others learn from every row.
    let mut table = problem.train.clone();
    let window = detector.schema().windows.map(|windows| windows.length);
    table.config.window = window;
    let train = everything(&table)?;
    let schema = train.schema;
    let rows: Vec<usize> = (problem.first..problem.test.len()).collect();
    let test = schema.encode(&problem.test, &rows)?.samples;
    let normal = NormalRows { train: &train.samples, validation: &train.samples, seed };
    let code = report.code.clamp(1, train.samples.width().saturating_sub(1).max(1));
    let k = if is_series { 1 } else { 5 };
    let near = if is_series { "nearest sub-sequence" } else { "5 nearest neighbours" };
    let pca = if is_series { "sub-sequence PCA" } else { "PCA" };
    for (baseline, key, name) in [
        (Baseline::Neighbours { k: k.min(train.samples.len()) }, NEIGHBOURS, near),
        (Baseline::Pca { code }, "pca", pca),
        (Baseline::IsolationForest, "forest", "isolation forest"),
        (Baseline::Median, "median", "the median row"),
    ] {
        let (memory, began) = (Work::begin(), Instant::now());
        let scorer = baseline.fit(&normal)?;
        let seconds = began.elapsed().as_secs_f64();
        outcomes.push(Outcome::of((key, name), scorer.as_ref(), &test, seconds, &memory)?);
    }
    let encoded = [&train.samples, &test].map(|samples| samples.values.mapv(f64::from));
    Ok(Own { outcomes, encoded, window })
}

/// All rows of a table, and the schema that was learned from them.
struct Everything {
    schema: Schema,
    samples: Samples,
}

fn everything(table: &Table) -> Result<Everything, EvaluationError> {
    let rows: Vec<usize> = (0..table.len()).collect();
    let schema = Schema::learn(table, &rows)?.schema;
    let encoded = schema.encode(table, &rows)?;
    let samples = encoded.samples.select(&ready(&encoded));
    Ok(Everything { schema, samples })
}

impl Outcome {
    fn of(
        (key, name): (&str, &str),
        scorer: &dyn Scorer,
        rows: &Samples,
        fit_seconds: f64,
        memory: &Work,
    ) -> Result<Self, EvaluationError> {
        let began = Instant::now();
        let scores = scorer.scores(rows)?;
        let score_seconds = began.elapsed().as_secs_f64();
        Ok(Outcome {
            key: key.into(),
            name: name.into(),
            scores,
            verdicts: None,
            fit_seconds,
            score_seconds,
            memory_mib: memory.peak_mib(),
        })
    }
}
