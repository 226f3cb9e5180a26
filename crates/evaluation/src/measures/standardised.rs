//! How well errors in units of their usual size tell anomalies from normal test rows: see [`ae_anomaly::ScoreKind`].

use super::Metrics;
use crate::anomaly::truth;
use crate::context::Context;
use crate::error::EvaluationError;
use ae_anomaly::{ModelDescription, ScoreKind, TrainedModel};
use ae_datasets::Samples;
use ae_metrics::{auroc, average_precision, prevalence};
use ae_tensor::array;
use ae_training::experiment::Run;

/// `auroc`, `auprc` and `prevalence` (the AUPRC of a random ranking). A row's score is the mean over its values of the
/// absolute error in units of that value's root mean square error over the training rows.
///
/// # Errors
/// A model that reconstructs nothing; data without test rows, labels or a normal label.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let truth = truth(run)?;
    let description = ModelDescription::new(&run.experiment.model, &run.splits.summary);
    let model = TrainedModel::new(&description, run.model.as_ref())?;
    let train = Samples::complete(array::to_rows(run.splits.train.values()));
    let scorer = ScoreKind::Standardised.fit(model, &train, &train, run.record.seed)?;
    let scores = scorer.scores(&Samples::complete(array::to_rows(run.splits.test.values())))?;
    let metric = || EvaluationError::metric("standardised");
    let figures = [
        ("auroc", auroc(&scores, &truth).map_err(metric())?),
        ("auprc", average_precision(&scores, &truth).map_err(metric())?),
        ("prevalence", prevalence(&truth).map_err(metric())?),
    ];
    Ok(figures.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
}
