//! Why a detector could not be made.

use crate::calibration::{BudgetError, ThresholdError};
use crate::error::ScorerError;
use ae_intake::IntakeError;
use ae_models::ModelError;
use ae_training::{EmptyData, TrainError};

/// Why a detector could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The data cannot be used.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// The model cannot be built.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No rows to train on.
    #[error(transparent)]
    Empty(#[from] EmptyData),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A score or baseline cannot be fitted or used.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
    /// The false-alarm budget cannot be used.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The threshold cannot be computed.
    #[error("{source}{}", more_rows(source, *share))]
    Threshold {
        /// The cause.
        source: ThresholdError,
        /// Share of the normal rows used for calibration.
        share: f64,
    },
    /// Calibration rows that score much higher than other normal rows.
    #[error(
        "{above} of the {n} calibration scores, {place}, lie above 95 % of the scores of other normal rows: these rows \
         are anomalous, or the data changed; leave them out, or go on with --accept-drift (accept_drift = true), which \
         calibrates on them as they are"
    )]
    Drift {
        /// Calibration scores above that quantile.
        above: usize,
        /// Number of calibration scores.
        n: usize,
        /// The lines, and for a series the times, between which these scores lie.
        place: String,
    },
    /// An invalid setting.
    #[error("{key} = {got} is invalid; use {legal}")]
    Setting {
        /// Its key in the configuration.
        key: &'static str,
        /// Its value.
        got: String,
        /// What is allowed.
        legal: String,
    },
    /// A model that cannot leave missing values out of its loss.
    #[error(
        "{share:.1} % of the values are missing, but {variant} cannot leave them out of its loss; choose another \
         variant, such as `deep` or `vae`, or fill them in"
    )]
    Missing {
        /// The variant.
        variant: &'static str,
        /// The missing share in per cent.
        share: f64,
    },
    /// Too few rows with enough observed values.
    #[error(
        "{part} has {got} rows with at least {min_observed} of their values observed, but {needed} are needed; \
         lower input.min_observed, or provide more rows"
    )]
    TooLittleObserved {
        /// The part.
        part: String,
        /// Number of such rows.
        got: usize,
        /// Rows that are needed.
        needed: usize,
        /// The required share.
        min_observed: f64,
    },
    /// Interrupted by the user.
    #[error("interrupted before the detector was finished; nothing was written")]
    Interrupted,
}

/// Advice for too few calibration rows, which are only a share of the normal rows.
fn more_rows(error: &ThresholdError, share: f64) -> String {
    match error {
        ThresholdError::TooFewSamples { needed, .. } => format!(
            "; calibration takes {:.0} % of the normal rows, so provide about {} of them, increase \
             shares.calibration, or allow more false alarms",
            share * 100.0,
            (*needed as f64 / share).ceil()
        ),
        _ => String::new(),
    }
}
