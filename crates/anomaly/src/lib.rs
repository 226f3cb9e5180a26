//! Anomaly scores, thresholds and detectors on reconstruction errors.
//!
//! A [`Detector`] is what is to be measured and where an alarm is to begin; fitting it to a trained model and
//! normal rows gives a [`FittedDetector`], which scores and judges rows. Anomaly is the positive class, and a higher
//! score is more anomalous. A [`Threshold`] is made from [`NormalScores`] alone, so that test labels cannot reach it.

pub mod budget;
pub mod calibration;
pub mod detector;
pub mod drift;
pub mod ensemble;
pub mod error;
pub mod forest;
pub mod kinds;
pub mod latent;
pub mod linear;
pub mod mahalanobis;
pub mod neighbours;
pub mod normal;
pub mod pca;
pub mod probability;
pub mod residual;
pub mod score;
pub mod scorer;
pub mod standardised;
pub mod synthetic;
pub mod tail;
pub mod threshold;
pub mod trained;

mod covariance;
mod references;
mod rows;
mod stored;

pub use budget::{BudgetError, FalseAlarmBudget};
pub use calibration::{Calibration, Judgement, Verdict};
pub use detector::{Detector, DetectorError, FittedDetector, NormalRows};
pub use drift::{Drift, DriftError, DriftStatus};
pub use error::ScorerError;
pub use kinds::{Baseline, ScoreKind, Settings};
pub use normal::{NormalScores, Source};
pub use pca::Pca;
pub use score::{Score, ScoreError};
pub use scorer::{Saved, Scorer, load};
pub use threshold::{Rule, Threshold, ThresholdError};
pub use trained::{ModelDescription, TrainedModel};
