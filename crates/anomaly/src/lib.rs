//! Anomaly scores, thresholds and detectors on reconstruction errors.
//!
//! A [`Detector`] is what is to be measured and where an alarm is to begin; fitting it to a trained model and
//! normal rows gives a [`FittedDetector`], which scores and judges rows. Anomaly is the positive class, and a higher
//! score is more anomalous. A [`Threshold`] is made from [`NormalScores`] alone, so that test labels cannot reach it.

pub mod detector;
pub mod score;
pub mod synthetic;
pub mod threshold;

pub use detector::{Detector, DetectorError, FittedDetector, NormalRows, Verdict};
pub use score::{Score, ScoreError};
pub use threshold::{NormalScores, Rule, Source, Threshold, ThresholdError};
