//! The articles' protocol: a network is trained on normal rows, and a row is flagged if its mean absolute
//! error exceeds the mean plus one standard deviation of the training scores. Baselines without a network use
//! the same rule.

use super::Protocol;
use crate::error::EvaluationError;
use ae_anomaly::{
    Baseline, CalibratedScorer, Calibration, ModelDescription, NormalRows, NormalScores, RowCalibration,
    Rule, Score, Scorer, TrainedModel,
};
use ae_datasets::Samples;
use ae_metrics::{Confusion, auroc, average_precision, prevalence};
use ae_training::experiment::Run;

/// The threshold of the articles.
const RULE: Rule = Rule::MeanStd { k: 1.0 };

/// The results of one detector with one seed.
pub(crate) struct Outcome {
    pub(crate) threshold: f64,
    pub(crate) confusion: Confusion,
    pub(crate) auroc: f64,
    pub(crate) auprc: f64,
    pub(crate) prevalence: f64,
}

/// A run's network, scored and calibrated on its training rows.
///
/// # Errors
/// The model does not reconstruct its input.
pub(crate) fn detector(run: &Run, score: Score) -> Result<CalibratedScorer, EvaluationError> {
    let description = ModelDescription::new(&run.experiment.model, &run.splits.summary);
    let model = TrainedModel::new(&description, run.model.as_ref())?;
    let train = run.splits.train.samples();
    calibrated(score.fit(model, &normal_rows(run, &train))?, &train)
}

/// A baseline on the rows of a run.
///
/// # Errors
/// Too few rows.
pub(super) fn baseline(run: &Run, baseline: Baseline) -> Result<CalibratedScorer, EvaluationError> {
    let train = run.splits.train.samples();
    calibrated(baseline.fit(&normal_rows(run, &train))?, &train)
}

/// Spreads come from the training rows, because the protocol holds no other normal rows out.
fn normal_rows<'a>(run: &Run, train: &'a Samples) -> NormalRows<'a> {
    NormalRows { train, validation: train, seed: run.record.seed }
}

fn calibrated(scorer: Box<dyn Scorer>, train: &Samples) -> Result<CalibratedScorer, EvaluationError> {
    let normal = NormalScores::of_training_rows(scorer.scores_of_training_rows(train)?)?;
    Ok(CalibratedScorer::new(scorer, RowCalibration::new(Calibration::fit(&normal, RULE)?)))
}

/// The mean squared error if the model was trained to minimise it, otherwise the mean absolute error.
pub(crate) fn score_of(run: &Run) -> Score {
    if run.model.objective() == "mse" { Score::MeanSquared } else { Score::MeanAbsolute }
}

/// Whether each test row is an anomaly. Used only after training, for figures and pictures.
///
/// # Errors
/// The data have no test rows, no labels or no normal label.
pub(crate) fn truth(run: &Run) -> Result<Vec<bool>, EvaluationError> {
    let set = || run.splits.dataset.name.clone();
    let lacks = |missing, remedy| EvaluationError::Data { set: set(), missing, remedy };
    let normal = run.splits.dataset.normal_label;
    let normal = normal.ok_or_else(|| lacks("normal label", "name it with data.normal_label"))?;
    let labels = run.splits.test.samples().labels.filter(|labels| !labels.is_empty());
    let labels = labels.ok_or_else(|| lacks("labelled test rows", "see data.test and data.label"))?;
    Ok(labels.into_iter().map(|label| label != normal).collect())
}

/// Evaluates a detector's scores of the test rows.
pub(crate) fn judge(
    detector: &CalibratedScorer,
    scores: &[f64],
    truth: &[bool],
) -> Result<Outcome, ae_metrics::MetricError> {
    let threshold = detector.calibration().threshold();
    Ok(Outcome {
        threshold: threshold.value(),
        confusion: Confusion::count(&threshold.flag(scores), truth)?,
        auroc: auroc(scores, truth)?,
        auprc: average_precision(scores, truth)?,
        prevalence: prevalence(truth)?,
    })
}

/// [`judge`] of a detector on the test rows of a run.
///
/// # Errors
/// Rows that cannot be scored.
pub(super) fn judged(
    detector: &CalibratedScorer,
    run: &Run,
    truth: &[bool],
    protocol: &Protocol,
) -> Result<(Vec<f64>, Outcome), EvaluationError> {
    let scores = detector.scorer().scores(&run.splits.test.samples())?;
    let outcome = judge(detector, &scores, truth).map_err(EvaluationError::metric(protocol.name))?;
    Ok((scores, outcome))
}
