//! Why a threshold cannot be computed.

use super::tail::TailError;
use super::threshold::Rule;

/// Why a threshold cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ThresholdError {
    /// Too few scores for the rule.
    #[error("need the scores of at least {needed} normal rows for {rule}, got {got}")]
    TooFewSamples {
        /// The rule.
        rule: Rule,
        /// Rows needed.
        needed: usize,
        /// Rows given.
        got: usize,
    },
    /// A score that is not finite.
    #[error("the score of normal row {row} (counting from 0) is {value}; every score must be finite")]
    NonFiniteScore {
        /// From 0.
        row: usize,
        /// NaN or infinite.
        value: f64,
    },
    /// A quantile out of range.
    #[error("a quantile must be above 0 and below 1, got {q}; 0.99 flags at most 1 in 100 normal rows")]
    QuantileOutOfRange {
        /// The configured value.
        q: f64,
    },
    /// A number of standard deviations out of range.
    #[error("the number of standard deviations must be finite and 0 or more, got {k}; 1 is usual")]
    DeviationsOutOfRange {
        /// The configured value.
        k: f64,
    },
    /// A rate out of range.
    #[error(
        "a false-alarm rate must be above 0 and below 1, got {rate}; 0.01 is one normal row in a hundred"
    )]
    RateOutOfRange {
        /// The configured value.
        rate: f64,
    },
    /// A tail that starts too low, or beyond the rate.
    #[error(
        "the tail must start at a quantile of at least 0.5 and below 1 - {rate}, got {tail}; 0.9 is usual"
    )]
    TailOutOfRange {
        /// The configured value.
        tail: f64,
        /// The rate.
        rate: f64,
    },
    /// A rule that does not hold for scores of training rows.
    #[error(
        "{rule} holds only for scores of held-out rows, but these are scores of training rows; hold out normal rows"
    )]
    NeedsHeldOut {
        /// The rule.
        rule: Rule,
    },
    /// A tail that cannot be extrapolated.
    #[error(transparent)]
    Tail(#[from] TailError),
    /// Calibration rows that look anomalous.
    #[error(
        "{above} of the {n} calibration scores lie above {share:.0} % of the scores of other normal rows; the \
         calibration rows may be anomalous or from another source: look at those with the highest scores"
    )]
    Suspicious {
        /// Calibration scores above that quantile.
        above: usize,
        /// Number of calibration scores.
        n: usize,
        /// That quantile of the other scores, in per cent.
        share: f64,
        /// Place of the first of them among the calibration rows.
        first: usize,
        /// Place of the last of them among the calibration rows.
        last: usize,
    },
    /// Stored scores that do not match the stored threshold.
    #[error("the stored scores do not match the stored threshold: {0}")]
    Stored(&'static str),
    /// Scores near the limit of double precision.
    #[error("the threshold overflows; scale the data down")]
    Overflow,
}
