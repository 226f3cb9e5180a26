//! The pictures of a comparison on rows.

use super::problem::Problem;
use super::rivals::Rival;
use super::rows::{Comparison, TestScores};
use crate::error::EvaluationError;
use crate::spread::Figure;
use ae_metrics::{Interval, auroc, average_precision, precision_recall_curve, prevalence, roc_curve};
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture;

/// Points of a drawn curve, at most.
const MAX_CURVE_POINTS: usize = 300;

/// The scores of both classes, and the threshold.
pub(super) fn scores(
    gallery: &Gallery,
    comparison: &Comparison<'_>,
    place: u32,
    detector: &str,
    judged: &TestScores,
    truth: &[bool],
    seed: u64,
) -> Result<(), EvaluationError> {
    let of = |class: bool| -> Vec<f64> {
        // Logarithms, because the errors of anomalies span decades.
        let scores = judged.scores.iter().zip(truth).filter(|(_, is_anomaly)| **is_anomaly == class);
        scores.map(|(score, _)| score.max(1e-12).log10()).collect()
    };
    let entry = Entry {
        file: format!("{}-scores.png", comparison.name),
        order: place * 10,
        title: format!("{}: scores", comparison.title),
        caption: format!(
            "Logarithms (base 10) of the scores of the test rows by {detector}, seed {seed}. The dashed line is the threshold. \
             Bars are percentages of each class."
        ),
    };
    let threshold = judged.threshold.value().max(1e-12).log10();
    gallery.add(entry, |path| {
        picture::score_histograms(path, &of(false), &of(true), threshold, "logarithm (base 10) of the score")
    })?;
    Ok(())
}

/// ROC and precision-recall curves of all detectors.
pub(super) fn curves(
    gallery: &Gallery,
    comparison: &Comparison<'_>,
    place: u32,
    rivals: &[Rival],
    problem: &Problem,
    truth: &[bool],
    seed: u64,
) -> Result<(), EvaluationError> {
    let (mut roc, mut precision) = (Vec::new(), Vec::new());
    for rival in rivals {
        let metric = || EvaluationError::metric(rival.name.clone());
        let scores = rival.scorer.scores(&problem.test)?;
        let curve = roc_curve(&scores, truth).map_err(metric())?;
        let points = curve.iter().map(|point| (point.false_positive_rate, point.true_positive_rate));
        roc.push(line(rival, points.collect(), auroc(&scores, truth).map_err(metric())?));
        let curve = precision_recall_curve(&scores, truth).map_err(metric())?;
        let points = curve.iter().map(|point| (point.recall, point.precision));
        let area = average_precision(&scores, truth).map_err(metric())?;
        precision.push(line(rival, points.collect(), area));
    }
    let entry = |what: &str, order: u32, title: &str, caption: &str| Entry {
        file: format!("{}-{what}.png", comparison.name),
        order: place * 10 + order,
        title: format!("{}: {title}", comparison.title),
        caption: format!("{caption}, seed {seed}."),
    };
    let caption = "Recall (the share of anomalies flagged) against the false-positive rate (the share of normal rows flagged), \
                   with the area below each curve";
    gallery.add(entry("roc", 1, "ROC curves", caption), |path| picture::roc(path, &roc))?;
    let base_rate = prevalence(truth).map_err(EvaluationError::metric("the test rows"))?;
    let caption = "Precision (the share of flagged rows that are anomalies) against recall (the share of anomalies flagged), \
                   with the average precision of each; chance is the share of anomalies";
    gallery.add(entry("precision", 2, "precision-recall curves", caption), |path| {
        picture::precision_recall(path, &precision, base_rate)
    })?;
    Ok(())
}

/// A curve, thinned to about [`MAX_CURVE_POINTS`] points.
fn line(rival: &Rival, points: Vec<(f64, f64)>, area: f64) -> picture::DetectionCurve {
    let step = points.len().div_ceil(MAX_CURVE_POINTS).max(1);
    let last = points.last().copied();
    let points = points.into_iter().step_by(step).chain(last).collect();
    picture::DetectionCurve { name: rival.name.clone(), points, area }
}

/// The flagged share of each class, over all seeds.
pub(super) fn classes(
    gallery: &Gallery,
    comparison: &Comparison<'_>,
    place: u32,
    classes: &[(String, Figure)],
) -> Result<(), EvaluationError> {
    let mut bars = Vec::new();
    for (class, figure) in classes.iter().filter(|(_, figure)| !figure.is_empty()) {
        let summary = figure.summary()?;
        let interval = figure.interval()?.map(|Interval { low, high }| (low, high));
        bars.push(picture::Bar { name: class.clone(), share: summary.mean, interval });
    }
    let entry = Entry {
        file: format!("{}-classes.png", comparison.name),
        order: place * 10 + 3,
        title: format!("{}: flagged share of each class", comparison.title),
        caption: "Mean over the seeds with its 95 % interval, at the threshold. For the normal class this is the false-alarm \
                  rate, for the others the recall."
            .into(),
    };
    gallery.add(entry, |path| picture::bars(path, &bars))?;
    Ok(())
}
