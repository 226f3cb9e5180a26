//! How a detector came about, for people and for its file.

use super::FitConfig;
use super::select::{Judged, Role};
use crate::detector::{About, Detector};
use ae_intake::{BadLine, Layout, Notice};
use ae_metrics::{Confusion, auroc, average_precision, prevalence};
use ae_models::ModelConfig;
use serde::{Deserialize, Serialize};

/// Bad lines that are kept by text.
pub(super) const MAX_BAD_LINES: usize = 20;

/// How many rows did what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Rows of the file.
    pub rows: usize,
    /// Lines of the file that are no rows.
    pub bad_lines: usize,
    /// Normal rows, or windows, that were split.
    pub normal: usize,
    /// The model learned from these.
    pub train: usize,
    /// Training stopped by these, scores were scaled and detectors compared on them.
    pub validation: usize,
    /// The threshold comes from these.
    pub calibration: usize,
    /// Looked at once, at the end.
    pub test: usize,
    /// Values of a sample.
    pub width: usize,
    /// Rows that were left out because too little of them was observed.
    pub too_little_observed: usize,
}

/// A row that may be an anomaly among rows that were given as normal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// Its line, from 1; of a window that of its last step.
    pub line: u64,
    /// Its score.
    pub score: f64,
    /// Whether the last training left it out.
    pub left_out: bool,
}

/// What became of the locked rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestFigures {
    /// Normal rows.
    pub normal: u64,
    /// Anomalous rows.
    pub anomalous: u64,
    /// Share of the normal rows that were flagged.
    pub false_alarm_rate: Option<f64>,
    /// Share of the anomalous rows that were flagged.
    pub recall: Option<f64>,
    /// Area under the ROC curve; none without both kinds of rows.
    pub auroc: Option<f64>,
    /// Area under the precision-recall curve; none without both kinds of rows.
    pub auprc: Option<f64>,
    /// Share of anomalous rows: what AUPRC would be by chance.
    pub prevalence: f64,
}

impl TestFigures {
    pub(super) fn of(scores: &[f64], flagged: &[bool], truth: &[bool]) -> Self {
        let anomalous = truth.iter().filter(|&&anomalous| anomalous).count() as u64;
        let normal = truth.len() as u64 - anomalous;
        let counts = Confusion::count(flagged, truth).ok();
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        TestFigures {
            normal,
            anomalous,
            false_alarm_rate: counts.as_ref().and_then(|c| share(c.false_positives, normal)),
            recall: counts.as_ref().and_then(|c| share(c.true_positives, anomalous)),
            auroc: auroc(scores, truth).ok(),
            auprc: average_precision(scores, truth).ok().filter(|_| normal > 0),
            prevalence: prevalence(truth).unwrap_or(0.0),
        }
    }
}

/// All that is worth knowing about a fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitReport {
    /// What a row is.
    pub layout: Layout,
    /// Why.
    pub layout_because: String,
    /// How many rows did what.
    pub sizes: Sizes,
    /// What is odd about the data.
    pub notices: Vec<Notice>,
    /// The first lines that are no rows.
    pub bad: Vec<BadLine>,
    /// Share of the rows that are equal to an earlier one: the parts are disjoint as rows, not as values.
    pub duplicates: f64,
    /// The model.
    pub model: ModelConfig,
    /// Numbers in its code, where it was chosen; components of the PCA beside it.
    pub code: usize,
    /// Epochs of the last training of the first member.
    pub epochs: u64,
    /// Whether it stopped early.
    pub stopped_early: bool,
    /// Seconds that it took; not kept in the detector's file, so that the same rows give the same bytes.
    #[serde(skip)]
    pub seconds: f64,
    /// What is stored.
    pub scorer: String,
    /// The comparison on made-up anomalies.
    pub judged: Vec<Judged>,
    /// Which of them is stored, and why.
    pub stored: String,
    /// The threshold in words.
    pub threshold: String,
    /// Rows that may be anomalies; only where asked for.
    pub suspects: Vec<Suspect>,
    /// Training rows that the last training left out.
    pub trimmed: usize,
    /// What became of the locked rows; only where there are labels.
    pub test: Option<TestFigures>,
}

/// A configuration and a report as a detector's file holds them.
pub(super) fn about(config: &FitConfig, report: &FitReport) -> About {
    About {
        config: serde_json::to_value(config).expect("a configuration is always JSON"),
        report: serde_json::to_value(report).expect("a report is always JSON"),
        version: env!("CARGO_PKG_VERSION").into(),
    }
}

impl FitReport {
    /// How a detector came about.
    ///
    /// # Errors
    /// A file of another version, whose report has other entries.
    pub fn of(detector: &Detector) -> Result<Self, serde_json::Error> {
        serde_json::from_value(detector.about().report.clone())
    }

    /// The detectors that tell damaged copies of normal rows from the rows as well as the autoencoder does, within a
    /// standard error.
    pub fn as_good(&self) -> Vec<&Judged> {
        let Some(own) = self.judged.iter().find(|judged| judged.role == Role::Autoencoder) else {
            return Vec::new();
        };
        let others =
            self.judged.iter().filter(|other| matches!(other.role, Role::Baseline | Role::Untrained));
        others.filter(|other| other.auroc >= own.auroc - own.standard_error).collect()
    }
}

impl FitConfig {
    /// What a detector was asked to be.
    ///
    /// # Errors
    /// A file of another version, whose configuration has other entries.
    pub fn of(detector: &Detector) -> Result<Self, serde_json::Error> {
        serde_json::from_value(detector.about().config.clone())
    }
}
