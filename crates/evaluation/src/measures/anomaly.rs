//! How well reconstruction errors tell anomalies from normal test rows. The threshold is the articles': the mean
//! plus one standard deviation of the errors of the training rows.

use super::Metrics;
use crate::anomaly::articles::{detector, judge, score_of, truth};
use crate::context::Context;
use crate::error::EvaluationError;
use ae_anomaly::Score;
use ae_training::experiment::Run;

/// `auroc`, `auprc`, `prevalence` (the AUPRC of a random ranking), and by the threshold `accuracy`, `precision`,
/// `recall` and `f1`, with anomalies as the positive class. A row's score is what the model was trained to make
/// small where that is a mean squared error, and the mean absolute error otherwise.
///
/// # Errors
/// A model that reconstructs nothing; data without test rows, labels or a normal label.
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
