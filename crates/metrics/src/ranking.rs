//! Metrics of how well scores rank anomalies above normal samples, over all thresholds. Equal scores share a
//! threshold, so their order does not matter.

use crate::error::{MetricError, check_ranking};
use serde::{Deserialize, Serialize};

/// A point of the ROC curve; samples that score at or above its threshold are flagged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// Lowest flagged score; infinite at the first point, where nothing is flagged.
    pub threshold: f64,
    /// Share of the normal samples that are flagged, in `[0, 1]`.
    pub false_positive_rate: f64,
    /// Share of the anomalies that are flagged, in `[0, 1]`.
    pub true_positive_rate: f64,
}

/// A point of the precision-recall curve; samples that score at or above its threshold are flagged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecallPoint {
    /// Lowest flagged score; infinite at the first point, where nothing is flagged.
    pub threshold: f64,
    /// Share of the flagged samples that are anomalies, in `[0, 1]`; 1 by convention if nothing is flagged.
    pub precision: f64,
    /// Share of the anomalies that are flagged, in `[0, 1]`.
    pub recall: f64,
}

/// Area under the ROC curve: the probability that a random anomaly scores above a random normal sample, with
/// ties counted as one half. In `[0, 1]`; 0.5 is chance. Infinite scores are allowed.
///
/// # Errors
/// Only one class, a NaN score, or different lengths.
pub fn auroc(scores: &[f64], is_anomaly: &[bool]) -> Result<f64, MetricError> {
    let steps = cumulative_counts(scores, is_anomaly)?;
    // Twice the number of correctly ordered pairs, as an integer, so that the order of ties cannot affect
    // rounding.
    let mut before = Counts::default();
    let mut twice_pairs: u128 = 0;
    for step in &steps {
        let new_normal = u128::from(step.normal - before.normal);
        twice_pairs += new_normal * u128::from(before.anomalous + step.anomalous);
        before = *step;
    }
    Ok(twice_pairs as f64 / (2.0 * before.normal as f64 * before.anomalous as f64))
}

/// Average precision, the area under the precision-recall curve as a step function:
/// `Σ (recallₙ − recallₙ₋₁) · precisionₙ` over descending thresholds. In `(0, 1]`; a random ranking tends to
/// the [`prevalence`], which should be reported with it.
///
/// # Errors
/// Only one class, a NaN score, or different lengths.
pub fn average_precision(scores: &[f64], is_anomaly: &[bool]) -> Result<f64, MetricError> {
    let curve = precision_recall_curve(scores, is_anomaly)?;
    Ok(curve.windows(2).map(|pair| (pair[1].recall - pair[0].recall) * pair[1].precision).sum())
}

/// Share of anomalies, in `[0, 1]`: the [`average_precision`] of random scores.
///
/// # Errors
/// [`MetricError::Empty`] if there are no samples.
pub fn prevalence(is_anomaly: &[bool]) -> Result<f64, MetricError> {
    if is_anomaly.is_empty() {
        return Err(MetricError::Empty { what: "is_anomaly" });
    }
    Ok(is_anomaly.iter().filter(|&&a| a).count() as f64 / is_anomaly.len() as f64)
}

/// The ROC curve by descending threshold, from (0, 0) to (1, 1), with one point per distinct score after the
/// start.
///
/// # Errors
/// Only one class, a NaN score, or different lengths.
pub fn roc_curve(scores: &[f64], is_anomaly: &[bool]) -> Result<Vec<RocPoint>, MetricError> {
    let steps = cumulative_counts(scores, is_anomaly)?;
    let all = steps[steps.len() - 1];
    let start = RocPoint { threshold: f64::INFINITY, false_positive_rate: 0.0, true_positive_rate: 0.0 };
    let points = steps.iter().map(|step| RocPoint {
        threshold: step.threshold,
        false_positive_rate: step.normal as f64 / all.normal as f64,
        true_positive_rate: step.anomalous as f64 / all.anomalous as f64,
    });
    Ok(std::iter::once(start).chain(points).collect())
}

/// The precision-recall curve by descending threshold, from recall 0 and precision 1 to recall 1 and
/// precision = [`prevalence`], with one point per distinct score after the start.
///
/// # Errors
/// Only one class, a NaN score, or different lengths.
pub fn precision_recall_curve(
    scores: &[f64],
    is_anomaly: &[bool],
) -> Result<Vec<PrecisionRecallPoint>, MetricError> {
    let steps = cumulative_counts(scores, is_anomaly)?;
    let all = steps[steps.len() - 1];
    let start = PrecisionRecallPoint { threshold: f64::INFINITY, precision: 1.0, recall: 0.0 };
    let points = steps.iter().map(|step| PrecisionRecallPoint {
        threshold: step.threshold,
        precision: step.anomalous as f64 / (step.anomalous + step.normal) as f64,
        recall: step.anomalous as f64 / all.anomalous as f64,
    });
    Ok(std::iter::once(start).chain(points).collect())
}

/// Number of samples of each class that score at or above a threshold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub threshold: f64,
    pub anomalous: u64,
    pub normal: u64,
}

/// Counts at each distinct score, highest first; never empty. The last entry counts all samples.
fn cumulative_counts(scores: &[f64], is_anomaly: &[bool]) -> Result<Vec<Counts>, MetricError> {
    check_ranking(scores, is_anomaly)?;
    Ok(counts_by_score(scores, is_anomaly))
}

/// As [`cumulative_counts`], of one class or both.
pub(crate) fn counts_by_score(scores: &[f64], is_anomaly: &[bool]) -> Vec<Counts> {
    let mut pairs: Vec<(f64, bool)> = scores.iter().copied().zip(is_anomaly.iter().copied()).collect();
    // `total_cmp` distinguishes −0 from 0, but they stay adjacent, so `chunk_by` joins them.
    pairs.sort_unstable_by(|left, right| right.0.total_cmp(&left.0));
    let mut so_far = Counts::default();
    let count = |tied: &[(f64, bool)]| {
        let anomalous = tied.iter().filter(|(_, a)| *a).count();
        so_far.threshold = tied[0].0;
        so_far.anomalous += anomalous as u64;
        so_far.normal += (tied.len() - anomalous) as u64;
        so_far
    };
    pairs.chunk_by(|left, right| left.0 == right.0).map(count).collect()
}
