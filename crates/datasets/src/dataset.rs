//! A data set in memory: its parts, their labels, and what was done to the values.

use crate::{Preprocessing, SampleShape};
use ae_intake::Samples;
use ae_records::record::FileRecord;

/// A data set, split and preprocessed.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Name of the set, or the user's path.
    pub name: String,
    /// What one sample is.
    pub shape: SampleShape,
    /// What is fitted on. Holds only rows of the normal label where there is one.
    pub train: Samples,
    /// Taken from the training rows, for early stopping and thresholds; may have no rows.
    pub validation: Samples,
    /// What nothing is fitted on or chosen by; may have no rows. Keeps all labels.
    pub test: Samples,
    /// Name of each label.
    pub label_names: Vec<String>,
    /// The label that is normal, all others being anomalies; `None` where none is named.
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
    pub fn anomalies(&self, part: &Samples) -> Option<Vec<bool>> {
        let normal = self.normal_label?;
        part.labels.as_ref().map(|labels| labels.iter().map(|&label| label != normal).collect())
    }
}
