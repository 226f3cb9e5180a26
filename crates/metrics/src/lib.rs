//! Metrics for anomaly detection, retrieval, reconstruction, codes and samples, on plain slices and `ndarray`
//! arrays. Sums are in `f64`.
//!
//! Anomalies are the positive class, and a higher score is more anomalous. If a metric is undefined for the
//! data, it returns a [`MetricError`] instead of NaN; the few quotients with a customary value
//! (`zero_division` in scikit-learn) say so. Metrics are tested against scikit-learn, scikit-image, SciPy or
//! the authors' own program; see `tests/golden/` and `tests/reference/`.
//!
//! ```
//! let scores = [0.1, 0.4, 0.35, 0.8];
//! let is_anomaly = [false, false, true, true];
//! assert_eq!(ae_metrics::auroc(&scores, &is_anomaly)?, 0.75);
//! # Ok::<(), ae_metrics::MetricError>(())
//! ```

mod alarm_rate;
mod colour;
mod confusion;
mod distribution;
mod error;
mod events;
mod forecast;
mod matrix;
mod neighbours;
mod operating;
mod ranking;
mod ranks;
mod rate;
mod reconstruction;
mod retrieval;
mod ssim;
mod subspace;
mod summary;
mod top;
mod volume;

pub use alarm_rate::{AlarmBand, conformal_alarm_band, proportion_interval};
pub use colour::ciede2000;
pub use confusion::Confusion;
pub use distribution::{Bandwidth, frechet_distance, mmd_rbf};
pub use error::MetricError;
pub use events::{EventDetection, detect_events, events};
pub use forecast::conformal_radius;
pub use neighbours::{knn_accuracy, trustworthiness};
pub use operating::{ClassRecall, OracleF1, best_f1, class_recalls, recall_at_false_positive_rate};
pub use ranking::{
    PrecisionRecallPoint, RocPoint, auroc, average_precision, precision_recall_curve, prevalence, roc_curve,
};
pub use ranks::{FriedmanTest, friedman_test, groups_within, mean_ranks, nemenyi_difference};
pub use rate::bd_rate;
pub use reconstruction::{mae, mse, psnr, psnr_per_sample};
pub use retrieval::Ranking;
pub use ssim::{SSIM_WINDOW, ms_ssim, ssim};
pub use subspace::principal_angles;
pub use summary::{Interval, MeanStd, mean_std};
pub use top::{ndcg_at, recall_at};
pub use volume::{DEFAULT_VUS_WINDOW, VUS_THRESHOLDS, Vus, sliding_window, vus};
