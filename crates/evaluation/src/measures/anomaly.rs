//! Measure: how well reconstruction errors separate anomalies from normal test rows. The threshold is that of
//! the articles: the mean plus one standard deviation of the errors of the training rows.

use super::Metrics;
use crate::anomaly::articles::{detector, judge, score_of, truth};
use crate::context::Context;
use crate::error::EvaluationError;
use ae_anomaly::Score;
use ae_training::experiment::Run;

/// `auroc`, `auprc`, `prevalence` (the AUPRC of a random ranking) and, at the threshold, `accuracy`,
/// `precision`, `recall` and `f1`, with anomalies as the positive class. A row's score is the mean squared
/// error if the model was trained to minimise it, otherwise the mean absolute error.
///
/// # Errors
/// The model does not reconstruct its input, or the data have no test rows, no labels or no normal label.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    of_score(run, score_of(run))
}

/// The same figures for any score.
pub(super) fn of_score(run: &Run, score: Score) -> Result<Metrics, EvaluationError> {
    let truth = truth(run)?;
    let detector = detector(run, score)?;
    let scores = detector.scorer().scores(&run.splits.test.samples())?;
    let outcome = judge(&detector, &scores, &truth).map_err(EvaluationError::metric("anomaly"))?;
    let confusion = &outcome.confusion;
    let figures = [
        ("auroc", outcome.auroc),
        ("auprc", outcome.auprc),
        ("prevalence", outcome.prevalence),
        ("accuracy", confusion.accuracy()),
        ("precision", confusion.precision()),
        ("recall", confusion.recall()),
        ("f1", confusion.f1()),
    ];
    Ok(figures.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
}
