//! Why rows have no score, or a scorer cannot be made.

use ae_models::ModelError;

/// Rows without a score, or a scorer that cannot be fitted or loaded.
#[derive(Debug, thiserror::Error)]
pub enum ScorerError {
    /// Rows of another table.
    #[error(
        "the rows have {got} values where {expected} are expected; prepare them as those that were fitted on"
    )]
    Width {
        /// Values of a row that came.
        got: usize,
        /// Values of a row that was fitted on.
        expected: usize,
    },
    /// A mask of another shape than the values.
    #[error("the mask has shape {mask:?} and the values {values:?}; give one mark for each value")]
    Mask {
        /// `[N, D]`.
        mask: [usize; 2],
        /// `[N, D]`.
        values: [usize; 2],
    },
    /// A row of which nothing is known.
    #[error("row {row} (from 0) has no observed value, so it has no score")]
    NothingObserved {
        /// From 0.
        row: usize,
    },
    /// A row that shares no observed value with any row of the reference.
    #[error(
        "row {row} (from 0) shares no observed value with any of the {references} rows that it is compared with"
    )]
    NothingShared {
        /// From 0.
        row: usize,
        /// Rows of the reference.
        references: usize,
    },
    /// An observed value that is not finite.
    #[error(
        "row {row}, feature {feature} is {value}; leave the row out or fill the value in (both count from 0)"
    )]
    NonFiniteOriginal {
        /// From 0.
        row: usize,
        /// From 0.
        feature: usize,
        /// NaN or an infinity.
        value: f64,
    },
    /// A model whose output is not finite.
    #[error(
        "the reconstruction of row {row} is {value} at feature {feature} (both count from 0); \
         the model has diverged, train it again with a lower learning rate"
    )]
    NonFiniteReconstruction {
        /// From 0.
        row: usize,
        /// From 0.
        feature: usize,
        /// NaN or an infinity.
        value: f64,
    },
    /// Finite values whose score is not.
    #[error("the score of row {row} (from 0) is too large to be represented; scale the data down")]
    Overflow {
        /// From 0.
        row: usize,
    },
    /// Too few rows to fit.
    #[error("{what} needs at least {needed} normal rows, got {got}; give more rows, or choose another score")]
    TooFewRows {
        /// What is fitted.
        what: &'static str,
        /// Rows that are enough.
        needed: usize,
        /// Rows there are.
        got: usize,
    },
    /// A setting out of its range.
    #[error("{what} = {got} is out of range; it is {legal}")]
    Setting {
        /// The setting.
        what: &'static str,
        /// Got.
        got: String,
        /// What would be right.
        legal: String,
    },
    /// A model that does not have what the score needs.
    #[error(
        "{score} needs a model with {needs}, and {variant} has none; choose another score or model, such as {such_as}"
    )]
    Model {
        /// The score.
        score: &'static str,
        /// What it needs.
        needs: &'static str,
        /// The model's variant.
        variant: &'static str,
        /// One that has it.
        such_as: &'static str,
    },
    /// A model that cannot be built again.
    #[error(transparent)]
    Build(#[from] ModelError),
    /// Stored parts that do not belong together.
    #[error("the stored scorer is damaged or of another version: {0}")]
    Stored(String),
}

impl ScorerError {
    /// The row that could not be scored, from 0, where it is the fault of one row.
    pub fn row(&self) -> Option<usize> {
        match *self {
            ScorerError::NothingObserved { row }
            | ScorerError::NothingShared { row, .. }
            | ScorerError::NonFiniteOriginal { row, .. }
            | ScorerError::NonFiniteReconstruction { row, .. }
            | ScorerError::Overflow { row } => Some(row),
            _ => None,
        }
    }

    /// The same about another row.
    pub fn at_row(mut self, to: usize) -> Self {
        match &mut self {
            ScorerError::NothingObserved { row }
            | ScorerError::NothingShared { row, .. }
            | ScorerError::NonFiniteOriginal { row, .. }
            | ScorerError::NonFiniteReconstruction { row, .. }
            | ScorerError::Overflow { row } => *row = to,
            _ => {}
        }
        self
    }

    pub(crate) fn setting(what: &'static str, got: impl ToString, legal: impl ToString) -> Self {
        ScorerError::Setting { what, got: got.to_string(), legal: legal.to_string() }
    }
}
