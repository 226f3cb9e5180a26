//! Encoded normal rows, split by purpose: the input of every stage after encoding.

use super::damage::Form;
use ae_intake::Samples;

/// Normal rows of one table, encoded, in three disjoint parts.
#[derive(Clone, Debug)]
pub struct PreparedRows {
    /// Rows that the model and the baselines are fitted on.
    pub train: Samples,
    /// Rows for early stopping, for scaling scores and for comparing detectors.
    pub validation: Samples,
    /// Rows for the threshold; no other choice depends on them.
    pub calibration: Samples,
    /// How many calibration rows apart two windows are that share no step; 1 for independent rows.
    pub overlap: usize,
    /// Shape of one row for the network: `[D]`, `[T, F]` or `[C, H, W]`.
    pub shape: Vec<usize>,
    /// How the values of a row are structured.
    pub form: Form,
}

impl PreparedRows {
    /// Values of a row, `D`.
    pub fn width(&self) -> usize {
        self.train.values.ncols()
    }

    /// Whether any training row has a gap.
    pub fn has_gaps(&self) -> bool {
        self.train.observed.is_some()
    }

    /// The same, with different training rows.
    pub fn with_train(&self, train: Samples) -> Self {
        PreparedRows { train, ..self.clone() }
    }
}
