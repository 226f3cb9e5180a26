//! Single points of the ranking curves: recall at a false-positive rate, the best F1, recall by class.

use crate::error::{MetricError, same_length};
use crate::ranking::{precision_recall_curve, roc_curve};
use serde::{Deserialize, Serialize};

/// The best F1 over all thresholds. An *oracle*: it is chosen with the labels it is measured on, so a real
/// detector reaches it only by luck, and its threshold must not be used for detection.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OracleF1 {
    /// In `(0, 1]`.
    pub f1: f64,
    /// The highest threshold with this F1; samples that score at or above it are flagged.
    pub threshold: f64,
}

/// How many samples of a class were flagged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassRecall {
    /// Samples of the class that were flagged.
    pub flagged: u64,
    /// Samples of the class.
    pub total: u64,
}

impl ClassRecall {
    /// Share that was flagged, in `[0, 1]`: the recall of a class of anomalies, or the false-alarm rate of
    /// normal samples. `None` without samples.
    pub fn share(&self) -> Option<f64> {
        (self.total > 0).then(|| self.flagged as f64 / self.total as f64)
    }
}

/// The greatest recall of any threshold that flags at most this share of the normal samples, in `[0, 1]`.
/// There is no interpolation: it is the recall of an actual threshold. Samples with equal scores are
/// therefore flagged together or not at all, and with fewer than `1 / rate` normal samples no normal sample
/// is flagged.
///
/// # Errors
/// A rate outside (0, 1), only one class, a NaN score, or different lengths.
pub fn recall_at_false_positive_rate(
    scores: &[f64],
    is_anomaly: &[bool],
    rate: f64,
) -> Result<f64, MetricError> {
    if !(rate > 0.0 && rate < 1.0) {
        return Err(MetricError::Rate { what: "false-positive rate", rate });
    }
    let curve = roc_curve(scores, is_anomaly)?;
    let within = curve.partition_point(|point| point.false_positive_rate <= rate);
    Ok(curve[within - 1].true_positive_rate)
}

/// The best F1 over all thresholds; see [`OracleF1`].
///
/// # Errors
/// Only one class, a NaN score, or different lengths.
pub fn best_f1(scores: &[f64], is_anomaly: &[bool]) -> Result<OracleF1, MetricError> {
    let mut best = OracleF1 { f1: 0.0, threshold: f64::INFINITY };
    for point in precision_recall_curve(scores, is_anomaly)? {
        let sum = point.precision + point.recall;
        let f1 = if sum > 0.0 { 2.0 * point.precision * point.recall / sum } else { 0.0 };
        if f1 > best.f1 {
            best = OracleF1 { f1, threshold: point.threshold };
        }
    }
    Ok(best)
}

/// Flagged samples of each class, `[n_classes]`; a class without samples has two zeros.
///
/// # Errors
/// Different lengths, or a class that is not below `n_classes`.
pub fn class_recalls(
    flagged: &[bool],
    classes: &[u32],
    n_classes: usize,
) -> Result<Vec<ClassRecall>, MetricError> {
    same_length(("flagged", flagged.len()), ("classes", classes.len()))?;
    let mut recalls = vec![ClassRecall::default(); n_classes];
    for (index, (&is_flagged, &class)) in flagged.iter().zip(classes).enumerate() {
        let recall = recalls.get_mut(class as usize);
        let recall = recall.ok_or(MetricError::Class { index, class, n_classes })?;
        recall.total += 1;
        recall.flagged += u64::from(is_flagged);
    }
    Ok(recalls)
}
