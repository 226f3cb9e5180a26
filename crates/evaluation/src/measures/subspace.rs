//! Measure: the principal angles (Björck & Golub, Mathematics of Computation 1973), in degrees, between the
//! span of a linear decoder and the span of the first principal axes of the training rows.

use super::Metrics;
use crate::anomaly::autoencoder;
use crate::context::Context;
use crate::error::EvaluationError;
use ae_metrics::principal_angles;
use ae_tensor::{Pca, array};
use ae_training::experiment::Run;

/// `largest_angle` and `mean_angle` of the principal angles between the columns of the decoder and as many
/// principal axes; 0 if both span the same space.
///
/// # Errors
/// The decoder is not a single linear layer.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    let dictionary = autoencoder(run)?.dictionary().ok_or_else(|| EvaluationError::Unsuited {
        measure: "subspace",
        variant: run.experiment.model.name().into(),
        missing: "decoder of one linear layer",
    })?;
    let columns = dictionary.flatten(1, -1).tr();
    let axes = Pca::fit(run.splits.train.values()).axes(columns.size()[1]);
    let angles = principal_angles(&array::to_rows(&columns), &array::to_rows(&axes))
        .map_err(EvaluationError::metric("subspace"))?;
    let degrees: Vec<f64> = angles.into_iter().map(f64::to_degrees).collect();
    let mean = degrees.iter().sum::<f64>() / degrees.len() as f64;
    let largest = degrees.iter().copied().fold(0.0, f64::max);
    Ok(Metrics::from([("largest_angle".into(), largest), ("mean_angle".into(), mean)]))
}
