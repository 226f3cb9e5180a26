//! Counts of correct and wrong decisions, and the rates derived from them.

use crate::error::{MetricError, same_length};
use serde::{Deserialize, Serialize};

/// The four outcomes of yes/no decisions. *Positive* means anomalous, except after
/// [`normal_as_positive`](Self::normal_as_positive).
///
/// A rate whose denominator is 0 is 0, as with scikit-learn's `zero_division=0`: a detector without alarms
/// has precision 0, and data without anomalies give recall 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Anomalies that were flagged.
    pub true_positives: u64,
    /// Normal samples that were flagged: false alarms.
    pub false_positives: u64,
    /// Normal samples that were not flagged.
    pub true_negatives: u64,
    /// Anomalies that were missed.
    pub false_negatives: u64,
}

impl Confusion {
    /// Compares decisions with the truth, sample by sample. Without samples, all counts are zero.
    ///
    /// # Errors
    /// [`MetricError::LengthMismatch`] if the lengths differ.
    pub fn count(flagged: &[bool], is_anomaly: &[bool]) -> Result<Self, MetricError> {
        same_length(("flagged", flagged.len()), ("is_anomaly", is_anomaly.len()))?;
        let mut counts = Confusion::default();
        for pair in flagged.iter().zip(is_anomaly) {
            match pair {
                (true, true) => counts.true_positives += 1,
                (true, false) => counts.false_positives += 1,
                (false, false) => counts.true_negatives += 1,
                (false, true) => counts.false_negatives += 1,
            }
        }
        Ok(counts)
    }

    /// Number of samples.
    pub fn total(&self) -> u64 {
        self.true_positives + self.false_positives + self.true_negatives + self.false_negatives
    }

    /// Share of correct decisions, in `[0, 1]`.
    pub fn accuracy(&self) -> f64 {
        share(self.true_positives + self.true_negatives, self.total())
    }

    /// Share of the flagged samples that are anomalies, in `[0, 1]`.
    pub fn precision(&self) -> f64 {
        share(self.true_positives, self.true_positives + self.false_positives)
    }

    /// Share of the anomalies that were flagged (sensitivity), in `[0, 1]`.
    pub fn recall(&self) -> f64 {
        share(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// Share of the normal samples that were not flagged, in `[0, 1]`: 1 minus the false-alarm rate.
    pub fn specificity(&self) -> f64 {
        share(self.true_negatives, self.true_negatives + self.false_positives)
    }

    /// Harmonic mean of precision and recall, in `[0, 1]`.
    pub fn f1(&self) -> f64 {
        let twice = 2 * self.true_positives;
        share(twice, twice + self.false_positives + self.false_negatives)
    }

    /// The same decisions with *normal* as the positive class, as in some articles on ECG5000. Accuracy stays
    /// the same; precision, recall and F1 become those of the normal class, so recall and specificity are
    /// swapped.
    pub fn normal_as_positive(&self) -> Self {
        Confusion {
            true_positives: self.true_negatives,
            false_positives: self.false_negatives,
            true_negatives: self.true_positives,
            false_negatives: self.false_positives,
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_agree() {
        let counts =
            Confusion { true_positives: 3, false_positives: 5, true_negatives: 7, false_negatives: 11 };
        let swapped = counts.normal_as_positive();
        assert_eq!(swapped.normal_as_positive(), counts);
        assert_eq!(swapped.accuracy(), counts.accuracy());
        assert_eq!((swapped.recall(), swapped.specificity()), (counts.specificity(), counts.recall()));
    }

    #[test]
    fn lengths_must_agree() {
        let error = Confusion::count(&[true], &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "flagged has 1 values but is_anomaly has 0; give one of each per sample"
        );
    }
}
