//! Metrics of anomaly detection and reconstruction.
