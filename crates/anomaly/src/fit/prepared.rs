//! Normal rows, ready for a model, by what they are for: what every stage behind encoding takes.

use super::damage::Form;
use ae_intake::Samples;

/// Normal rows of one table, encoded, in three disjoint parts.
#[derive(Clone, Debug)]
pub struct PreparedRows {
    /// What the model learns from and the baselines are fitted on.
    pub train: Samples,
    /// What training stops early by, scores are scaled on, and detectors are compared on.
    pub validation: Samples,
    /// What the threshold comes from; nothing is chosen by it.
    pub calibration: Samples,
    /// Shape of one row for the network: `[D]`, `[T, F]` or `[C, H, W]`.
    pub shape: Vec<usize>,
    /// How the values of a row belong together.
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

    /// The same with other training rows.
    pub fn with_train(&self, train: Samples) -> Self {
        PreparedRows { train, ..self.clone() }
    }
}
