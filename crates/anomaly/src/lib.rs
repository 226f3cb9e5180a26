//! Reconstruction-based anomaly detection, from a table to a detector in use.
//!
//! [`Detector`] is the only detector type. It is made by [`Detector::fit`], judges rows, explains alarms and
//! is saved as a single file. The modules, in reading order:
//!
//! - [`scorers`]: gives each row a number; higher is more anomalous. A [`Score`] needs a trained network, a
//!   [`Baseline`] does not.
//! - [`calibration`]: turns a score into a [`Verdict`]: p-value, threshold and severity. It is made from the
//!   [`NormalScores`] of held-out rows, so test labels cannot leak into it. [`Drift`] reports when scores no
//!   longer follow the distribution of the calibration scores.
//! - [`RowCalibration`]: the calibration of rows with and without gaps, and of windows that share steps.
//!   [`CalibratedScorer`]: a scorer with its calibration; [`Detector`] adds the schema of a row.
//! - [`events`]: joins alarms into events, with a start, a peak and an end.
//! - [`fit`]: makes a detector, in stages that can also be called one by one.
//! - [`mod@file`]: saves and loads a detector.
//!
//! ```
//! use ae_anomaly::{Baseline, Calibration, NormalRows, NormalScores, Rule};
//! use ae_intake::Samples;
//! use ndarray::Array2;
//!
//! let rows = |n, from| Array2::from_shape_fn((n, 3), |(row, at)| ((from + row * (at + 1)) as f32 * 0.7).sin());
//! let (train, held_out) = (Samples::complete(rows(200, 0)), Samples::complete(rows(99, 1000)));
//! let scorer = Baseline::Pca { code: 2 }.fit(&NormalRows { train: &train, validation: &held_out, seed: 0 })?;
//! let normal = NormalScores::of_held_out_rows(scorer.scores(&held_out)?)?;
//! let calibration = Calibration::fit(&normal, Rule::FalseAlarmRate { rate: 0.01 })?;
//!
//! let far = Samples::complete(ndarray::array![[9.0, -9.0, 9.0]]);
//! assert!(calibration.verdict(scorer.scores(&far)?[0]).is_anomalous);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod calibrated;
pub mod calibration;
pub mod detector;
pub mod error;
pub mod events;
mod explain;
pub mod file;
pub mod fit;
mod gaps;
pub mod judgement;
pub mod scorers;

pub use calibrated::{CalibratedScorer, RowCalibration, Trim};
pub use calibration::{
    Adaptive, AdaptiveError, Basis, BudgetError, Calibration, Drift, DriftError, DriftStatus,
    FalseAlarmBudget, NormalScores, Promise, Rule, Threshold, ThresholdError, Verdict,
};
pub use detector::{Detector, JudgeError};
pub use error::ScorerError;
pub use events::{Event, EventTracker};
pub use explain::Bar;
pub use file::{DetectorFileError, WatchState, WatchStateError};
pub use fit::{FitConfig, FitError, FitOptions, FitReport, Fitted, Store};
pub use judgement::{Explanation, Judgement, Segment, Share, Unknown};
pub use scorers::{Baseline, ModelDescription, NormalRows, Saved, Score, Scorer, TrainedModel, load};
