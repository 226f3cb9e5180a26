//! A data set in memory: its parts, their labels, and what was done to the values.

use crate::{Preprocessing, SampleShape};
use ae_records::record::FileRecord;
use ndarray::{Array2, Axis};

/// Rows of one part.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// `[N, numel]`, row-major, finite.
    pub values: Array2<f32>,
    /// `[N]`, each an index into [`Dataset::label_names`]; `None` where the source has no labels.
    pub labels: Option<Vec<u32>>,
}

impl Part {
    /// A part without rows, for samples of `numel` numbers.
    pub fn empty(numel: usize, labelled: bool) -> Self {
        Part { values: Array2::zeros((0, numel)), labels: labelled.then(Vec::new) }
    }

    /// Number of rows, `N`.
    pub fn len(&self) -> usize {
        self.values.nrows()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of these indices, in this order. Panics where an index is not below [`Part::len`].
    pub fn select(&self, rows: &[u32]) -> Part {
        let indices: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
        Part {
            values: self.values.select(Axis(0), &indices),
            labels: self.labels.as_ref().map(|labels| indices.iter().map(|&row| labels[row]).collect()),
        }
    }

    /// Indices of the rows with this label, ascending; none where there are no labels.
    pub fn rows_labelled(&self, label: u32) -> Vec<u32> {
        let labels = self.labels.as_deref().unwrap_or_default();
        (0u32..).zip(labels).filter(|(_, l)| **l == label).map(|(row, _)| row).collect()
    }

    /// Rows per label, `[n_labels]`.
    pub fn label_counts(&self, n_labels: usize) -> Vec<usize> {
        let mut counts = vec![0; n_labels];
        for &label in self.labels.iter().flatten() {
            counts[label as usize] += 1;
        }
        counts
    }
}

/// A data set, split and preprocessed.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Name of the set, or the user's path.
    pub name: String,
    /// What one sample is.
    pub shape: SampleShape,
    /// What is fitted on. Holds only rows of the normal label where there is one.
    pub train: Part,
    /// Taken from the training rows, for early stopping and thresholds; may have no rows.
    pub validation: Part,
    /// What nothing is fitted on or chosen by; may have no rows. Keeps all labels.
    pub test: Part,
    /// Name of each label.
    pub label_names: Vec<String>,
    /// The label that is normal, all others being anomalies; `None` where no such thing is said.
    pub normal_label: Option<u32>,
    /// Names of the features of a table; empty where they have none.
    pub feature_names: Vec<String>,
    /// The files that were read. The checksum is that of the content, decompressed.
    pub files: Vec<FileRecord>,
    /// From raw values to the values of the parts; fitted on training rows only.
    pub preprocessing: Preprocessing,
}

impl Dataset {
    /// For each row of `part`, whether it is an anomaly; `None` where labels or a normal label are missing.
    pub fn anomalies(&self, part: &Part) -> Option<Vec<bool>> {
        let normal = self.normal_label?;
        part.labels.as_ref().map(|labels| labels.iter().map(|&label| label != normal).collect())
    }
}
