//! Anomaly scores, baselines, thresholds, verdicts and the watch for drift.
//!
//! A [`Scorer`] is fitted on normal rows and gives any row a number: a [`ScoreKind`] of a [`TrainedModel`], or a [`Baseline`]
//! without one. A [`Calibration`] turns a score into a [`Verdict`]: p-value, threshold, severity. It is made from
//! [`NormalScores`] of held-out rows alone, so that test labels cannot reach it. [`Drift`] says when scores no longer come
//! from where the calibration came from. Anomaly is the positive class, and a higher score is more anomalous.
//!
//! ```no_run
//! use ae_anomaly::{Baseline, Calibration, NormalScores, Rule};
//! # use ae_datasets::Samples;
//! # fn example(train: Samples, held_out: Samples, new: Samples) -> Result<(), Box<dyn std::error::Error>> {
//! let scorer = Baseline::Pca { code: 2 }.fit(&train, 0)?;
//! let normal = NormalScores::of_held_out_rows(scorer.scores(&held_out)?)?;
//! let calibration = Calibration::fit(&normal, Rule::FalseAlarmRate { rate: 0.01 })?;
//! for score in scorer.scores(&new)? {
//!     let verdict = calibration.verdict(score);
//!     println!("{} {:.2}", verdict.is_anomalous, verdict.severity);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`Detector`] is the articles' short way, for tensors at hand: a score, a rule, and a borrowed model.

pub mod budget;
pub mod calibration;
pub mod detector;
pub mod drift;
pub mod ensemble;
pub mod error;
pub mod fit;
pub mod forest;
pub mod judgement;
pub mod kinds;
pub mod latent;
pub mod linear;
pub mod mahalanobis;
pub mod nearest;
pub mod neighbours;
pub mod normal;
pub mod package;
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
mod golden;
mod references;
mod rows;
mod stored;

pub use budget::{BudgetError, FalseAlarmBudget};
pub use calibration::{Calibration, Verdict};
pub use detector::{Detector, DetectorError, FittedDetector, NormalRows};
pub use drift::{Drift, DriftError, DriftStatus};
pub use error::ScorerError;
pub use fit::{FitConfig, FitError, FitReport, Fitted, Store, fit};
pub use judgement::{Explanation, Judgement, Share, Unknown};
pub use kinds::{Baseline, ScoreKind, Settings};
pub use nearest::{Nearest, NearestNormal};
pub use normal::{NormalScores, Source};
pub use package::{PackageError, TrainedDetector};
pub use pca::Pca;
pub use score::{Score, ScoreError};
pub use scorer::{Saved, Scorer, load};
pub use threshold::{Rule, Threshold, ThresholdError};
pub use trained::{ModelDescription, TrainedModel};
