//! The report of a fit, for the user and for the detector's file.

use super::FitConfig;
use super::groups::GroupThreshold;
use crate::calibrated::Trim;
use crate::detector::{About, Detector};
use ae_intake::{BadLine, Layout, Notice};
use ae_metrics::{Confusion, Interval, auroc, average_precision, prevalence, proportion_interval};
use ae_models::{CodeForm, ModelConfig};
use serde::{Deserialize, Serialize};

/// Most bad lines that are kept.
pub(super) const MAX_BAD_LINES: usize = 20;

/// Number of rows by purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Rows of the file.
    pub rows: usize,
    /// Lines of the file that could not be read as rows.
    pub bad_lines: usize,
    /// Normal rows or windows that were split.
    pub normal: usize,
    /// Training rows.
    pub train: usize,
    /// Validation rows: for early stopping, scaling scores and comparing detectors.
    pub validation: usize,
    /// Calibration rows, for the threshold.
    pub calibration: usize,
    /// Locked rows, used once at the end.
    pub test: usize,
    /// If the calibration rows are all rows: parts that each were scored by a detector that learned without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// Values of a sample.
    pub width: usize,
    /// Rows that were left out because too little of them was observed.
    pub too_little_observed: usize,
}

/// A row given as normal that may be an anomaly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// Its line, from 1; for a window, the line of its last step.
    pub line: u64,
    /// Its group; `None` without groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its score.
    pub score: f64,
    /// Whether the last training left it out.
    pub left_out: bool,
}

/// The results on the locked rows.
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
    /// Area under the ROC curve; `None` unless there are both kinds of rows.
    pub auroc: Option<f64>,
    /// Area under the precision-recall curve; `None` unless there are both kinds of rows.
    pub auprc: Option<f64>,
    /// Share of anomalous rows, which is the AUPRC expected by chance.
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

    /// The 95 % confidence interval of the false-alarm rate, by the number of normal rows. Only for independent rows,
    /// which overlapping windows are not.
    pub fn false_alarm_interval(&self) -> Option<Interval> {
        interval(self.false_alarm_rate, self.normal)
    }

    /// The 95 % confidence interval of the recall; see [`Self::false_alarm_interval`].
    pub fn recall_interval(&self) -> Option<Interval> {
        interval(self.recall, self.anomalous)
    }
}

/// The report of a fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitReport {
    /// How rows are laid out.
    pub layout: Layout,
    /// Why this layout was chosen.
    pub layout_because: String,
    /// Number of rows by purpose.
    pub sizes: Sizes,
    /// Peculiarities of the data.
    pub notices: Vec<Notice>,
    /// The first lines that could not be read as rows.
    pub bad: Vec<BadLine>,
    /// Share of rows that equal an earlier row: the parts share no row, but may share values.
    pub duplicates: f64,
    /// The model.
    pub model: ModelConfig,
    /// Values in its code, which is also the number of components of the PCA baseline.
    pub code: usize,
    /// What its code consists of, and with that its size in bits; not known of detectors fitted by a version
    /// that did not store it.
    #[serde(default)]
    pub code_form: Option<CodeForm>,
    /// Epochs of the first member's last training.
    pub epochs: u64,
    /// Whether it stopped early.
    pub stopped_early: bool,
    /// Its duration in seconds; not stored, so that the same rows give the same file.
    #[serde(skip)]
    pub seconds: f64,
    /// The stored scorer.
    pub scorer: String,
    /// Scores that were not compared, with the reason: one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The threshold in words.
    pub threshold: String,
    /// What it promises, in words; `None` for a rule without a promise for rows.
    pub promise: Option<String>,
    /// Calibration rows that were left out as possible anomalies; `None` unless the fit is robust.
    pub trim: Option<Trim>,
    /// The drift that was accepted, in words.
    pub accepted_drift: Option<String>,
    /// How each group is judged; empty without groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupThreshold>,
    /// Rows that may be anomalies; empty unless the fit is robust.
    pub suspects: Vec<Suspect>,
    /// Number of training rows that the last training left out.
    pub trimmed: usize,
    /// The results on the locked rows; `None` without labels.
    pub test: Option<TestFigures>,
}

/// A configuration and a report, as stored in a detector's file.
pub(super) fn about(config: &FitConfig, report: &FitReport) -> About {
    About {
        config: serde_json::to_value(config).expect("a configuration is always JSON"),
        report: serde_json::to_value(report).expect("a report is always JSON"),
        version: env!("CARGO_PKG_VERSION").into(),
    }
}

impl FitReport {
    /// What the code of one row consists of; numbers, if that was not stored.
    pub fn form_of_code(&self) -> CodeForm {
        self.code_form.unwrap_or(CodeForm::Numbers(self.code as i64))
    }

    /// The report of a detector.
    ///
    /// # Errors
    /// A file from another version whose report has different entries.
    pub fn of(detector: &Detector) -> Result<Self, serde_json::Error> {
        serde_json::from_value(detector.about().report.clone())
    }
}

impl FitConfig {
    /// The configuration of a detector.
    ///
    /// # Errors
    /// A file from another version whose configuration has different entries.
    pub fn of(detector: &Detector) -> Result<Self, serde_json::Error> {
        serde_json::from_value(detector.about().config.clone())
    }
}

fn interval(share: Option<f64>, rows: u64) -> Option<Interval> {
    proportion_interval((share? * rows as f64).round() as u64, rows, 0.95).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The intervals of 0 of 40 and of 9 of 10 are those of `scipy.stats.binomtest(k, n).proportion_ci()`.
    #[test]
    fn few_rows_say_little_about_a_rate() {
        let truth: Vec<bool> = (0..50).map(|row| row >= 40).collect();
        let flagged: Vec<bool> = (0..50).map(|row| row >= 41).collect();
        let scores: Vec<f64> = (0..50).map(f64::from).collect();
        let figures = TestFigures::of(&scores, &flagged, &truth);
        let check = |interval: Option<Interval>, low: f64, high: f64| {
            let Interval { low: from, high: to } = interval.unwrap();
            assert!((from - low).abs() < 1e-4 && (to - high).abs() < 1e-4, "{from} {to}");
        };
        check(figures.false_alarm_interval(), 0.0, 0.0881);
        check(figures.recall_interval(), 0.5550, 0.9975);
        // What a file may say.
        let odd = |recall| TestFigures { recall, ..figures }.recall_interval();
        assert!(odd(None).is_none() && odd(Some(1.5)).is_none() && odd(Some(f64::NAN)).is_some());
    }
}
