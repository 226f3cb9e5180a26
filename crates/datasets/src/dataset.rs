//! A data set in memory: its parts, their labels, and the preprocessing of the values.

use crate::{Preprocessing, SampleShape};
use ae_intake::Samples;
use ae_records::record::FileRecord;
use std::collections::BTreeMap;

/// A data set, split and preprocessed.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Name of the set, or the user's path.
    pub name: String,
    /// Shape of one sample.
    pub shape: SampleShape,
    /// Training rows. If there is a normal label, only rows with that label.
    pub train: Samples,
    /// Taken from the training rows, for early stopping and thresholds; may have no rows.
    pub validation: Samples,
    /// Test rows: nothing is fitted or chosen on them; may have no rows. Keeps all labels.
    pub test: Samples,
    /// Name of each label.
    pub label_names: Vec<String>,
    /// The normal label; all others are anomalies. `None` if none is named.
    pub normal_label: Option<u32>,
    /// Names of the features of a table; empty if they have none.
    pub feature_names: Vec<String>,
    /// By the name of a feature, the numbers that stood for a missing value in a table.
    pub sentinels: BTreeMap<String, Vec<f32>>,
    /// The files that were read, with checksums of their decompressed content.
    pub files: Vec<FileRecord>,
    /// From raw values to the values of the parts; fitted on training rows only.
    pub preprocessing: Preprocessing,
}

impl Dataset {
    /// For each row of `part`, whether it is an anomaly; `None` without labels or a normal label.
    pub fn anomalies(&self, part: &Samples) -> Option<Vec<bool>> {
        let normal = self.normal_label?;
        part.labels.as_ref().map(|labels| labels.iter().map(|&label| label != normal).collect())
    }
}
