//! Errors of scoring rows, and of fitting or loading a scorer.

use ae_models::ModelError;

/// Why rows cannot be scored, or a scorer cannot be fitted or loaded.
#[derive(Debug, thiserror::Error)]
pub enum ScorerError {
    /// Rows of the wrong width.
    #[error(
        "the rows have {got} values, but {expected} are expected; prepare them in the same way as the training rows"
    )]
    Width {
        /// Values of a row that was given.
        got: usize,
        /// Values of a training row.
        expected: usize,
    },
    /// A mask whose shape differs from that of the values.
    #[error("the mask has shape {mask:?} and the values {values:?}; give one mask entry for each value")]
    Mask {
        /// `[N, D]`.
        mask: [usize; 2],
        /// `[N, D]`.
        values: [usize; 2],
    },
    /// A row without any observed value.
    #[error("row {row} (counting from 0) has no observed value, so it has no score")]
    NothingObserved {
        /// From 0.
        row: usize,
    },
    /// A row that shares no observed value with any reference row.
    #[error(
        "row {row} (counting from 0) shares no observed value with any of the {references} reference rows"
    )]
    NothingShared {
        /// From 0.
        row: usize,
        /// Number of reference rows.
        references: usize,
    },
    /// An observed value that is not finite.
    #[error(
        "row {row}, feature {feature} is {value} (both counting from 0); leave the row out or fill in the value"
    )]
    NonFiniteOriginal {
        /// From 0.
        row: usize,
        /// From 0.
        feature: usize,
        /// NaN or infinite.
        value: f64,
    },
    /// A model whose output is not finite.
    #[error(
        "the reconstruction of row {row} is {value} at feature {feature} (both counting from 0); \
         the model has diverged: train it again with a lower learning rate"
    )]
    NonFiniteReconstruction {
        /// From 0.
        row: usize,
        /// From 0.
        feature: usize,
        /// NaN or infinite.
        value: f64,
    },
    /// Finite values whose score is not finite.
    #[error("the score of row {row} (counting from 0) overflows; scale the data down")]
    Overflow {
        /// From 0.
        row: usize,
    },
    /// Too few rows to fit.
    #[error(
        "{what} needs at least {needed} normal rows, got {got}; provide more rows, or choose another score"
    )]
    TooFewRows {
        /// What was to be fitted.
        what: &'static str,
        /// Rows needed.
        needed: usize,
        /// Rows given.
        got: usize,
    },
    /// A setting out of its range.
    #[error("{what} = {got} is out of range; use {legal}")]
    Setting {
        /// The name of the setting.
        what: &'static str,
        /// Its value.
        got: String,
        /// The valid range.
        legal: String,
    },
    /// A model that lacks what the score needs.
    #[error(
        "{score} needs a model with {needs}, but {variant} has none; choose another score, or a model such as {such_as}"
    )]
    Model {
        /// The score.
        score: &'static str,
        /// What it needs.
        needs: &'static str,
        /// The model's variant.
        variant: &'static str,
        /// A variant that has it.
        such_as: &'static str,
    },
    /// A model that cannot be rebuilt.
    #[error(transparent)]
    Build(#[from] ModelError),
    /// Stored parts that do not fit together.
    #[error("the stored scorer is damaged or from another version: {0}")]
    Stored(String),
}

impl ScorerError {
    /// The row that could not be scored, counted from 0, if a single row is at fault.
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

    /// The same error for another row.
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
