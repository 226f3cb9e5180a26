//! Anomaly scores, thresholds and detectors on reconstruction errors.
