//! Rows as a detector takes them: numbers, and which of them were observed.

use ndarray::{Array2, Axis};

/// Rows of a table, series, or windows of a long series, scaled and ready for a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// `[N, D]`, row-major, finite, scaled; 0 where nothing was observed.
    pub values: Array2<f32>,
    /// `[N, D]`, whether a value was observed; `None` where every value was.
    pub observed: Option<Array2<bool>>,
}

impl Samples {
    /// Rows without a missing value.
    pub fn complete(values: Array2<f32>) -> Self {
        Samples { values, observed: None }
    }

    /// Number of rows, `N`.
    pub fn len(&self) -> usize {
        self.values.nrows()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of these indices, in this order. Panics where an index is not below [`Samples::len`].
    pub fn select(&self, rows: &[usize]) -> Samples {
        Samples {
            values: self.values.select(Axis(0), rows),
            observed: self.observed.as_ref().map(|observed| observed.select(Axis(0), rows)),
        }
    }

    /// Whether value `feature` of row `row` was observed.
    pub fn is_observed(&self, row: usize, feature: usize) -> bool {
        self.observed.as_ref().is_none_or(|observed| observed[[row, feature]])
    }
}
