//! Volume under the surface (VUS): ranking metrics for series, whose labels are ranges of points.
//!
//! Paparrizos, Boniol, Palpanas, Tsay, Elmore, Franklin: "Volume Under the Surface: A New Accuracy Evaluation
//! Measure for Time-Series Anomaly Detection", PVLDB 15(11), 2022, section 4. A labelled range gets a soft
//! border of `l / 2` points on both sides, so that an alarm slightly early or late still counts in part. The
//! areas under the range ROC and range precision-recall curves are averaged over every border `l` from 0 to
//! the window. The results equal those of the authors' package TSB-AD 1.5 (Liu and Paparrizos, NeurIPS 2024),
//! digit for digit.
//!
//! Point-adjusted F1 is deliberately missing: it counts a whole range as found if a single point of it is
//! flagged, so random scores look excellent (Kim et al.: "Towards a Rigorous Evaluation of Time-Series
//! Anomaly Detection", AAAI 2022).

use crate::error::{MetricError, check_ranking};
use crate::events::events;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Thresholds at which the surface is sampled, as in TSB-AD: evenly spaced ranks of the sorted scores.
pub const VUS_THRESHOLDS: usize = 250;

/// Maximum points of a series that [`sliding_window`] uses, as in TSB-AD.
const POINTS_FOR_WINDOW: usize = 20_000;
/// The longest lag, as in TSB-AD.
const MAX_LAGS: usize = 400;
/// The shortest period, as in TSB-AD.
const MIN_PERIOD: usize = 3;
/// The window of a series without a clear period, as in TSB-AD.
pub const DEFAULT_VUS_WINDOW: usize = 125;

/// Both volumes of a series' scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vus {
    /// Volume under the range ROC surface, in `[0, 1]`. For random scores it is 0.5 without a border and
    /// grows with the window, because wide ranges are hit by chance.
    pub roc: f64,
    /// Volume under the range precision-recall surface, in `[0, 1]`. For random scores it is the prevalence
    /// without a border, and also grows with the window.
    pub pr: f64,
    /// The widest border, in points. Report it with the volumes: those of different windows are not
    /// comparable.
    pub window: usize,
}

/// VUS-ROC and VUS-PR of the scores of the consecutive points of one series, for borders of up to `window`
/// points (half on either side of a labelled range). The customary window is [`sliding_window`] of the
/// series. Only the ranks of the scores matter. Run time is proportional to window · points.
///
/// # Errors
/// Only one class, a NaN score, or different lengths.
pub fn vus(scores: &[f64], is_anomaly: &[bool], window: usize) -> Result<Vus, MetricError> {
    check_ranking(scores, is_anomaly)?;
    let surface = Surface::new(scores, is_anomaly);
    let (mut roc, mut pr) = (0.0, 0.0);
    for border in 0..=window {
        let areas = surface.areas(border);
        roc += areas.0;
        pr += areas.1;
    }
    let borders = window as f64 + 1.0;
    Ok(Vus { roc: roc / borders, pr: pr / borders, window })
}

/// The period of a series by its autocorrelation, in points, as TSB-AD chooses the window of [`vus`]: the lag
/// of the highest local maximum among the lags from 3 to 400, computed on the first 20,000 points. It is 125
/// if there is no local maximum, or if the highest is at a lag below 6 or above 303.
///
/// # Errors
/// No values, or a value that is not finite.
pub fn sliding_window(series: &[f64]) -> Result<usize, MetricError> {
    let what = "series";
    if series.is_empty() {
        return Err(MetricError::Empty { what });
    }
    if let Some((index, &value)) = series.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        return Err(MetricError::NotFinite { what, index, value });
    }
    let series = &series[..series.len().min(POINTS_FOR_WINDOW)];
    let mean = series.iter().sum::<f64>() / series.len() as f64;
    let centred: Vec<f64> = series.iter().map(|value| value - mean).collect();
    let covariance = |lag: usize| -> f64 { centred.iter().zip(&centred[lag..]).map(|(a, b)| a * b).sum() };
    let lags = MIN_PERIOD..series.len().min(MAX_LAGS + 1);
    // The original divides by the variance, which does not change the order of the maxima.
    let correlation: Vec<f64> = lags.map(covariance).collect();
    let is_peak =
        |at: &usize| correlation[*at] > correlation[*at - 1] && correlation[*at] > correlation[*at + 1];
    let peaks = (1..correlation.len().saturating_sub(1)).filter(is_peak);
    let highest = peaks.max_by(|a, b| correlation[*a].total_cmp(&correlation[*b]));
    // The original compares these limits with the index among the lags from 3 on, not with the lag itself.
    Ok(highest.filter(|at| (3..=300).contains(at)).map_or(DEFAULT_VUS_WINDOW, |at| at + MIN_PERIOD))
}

/// Quantities that do not depend on the border.
struct Surface {
    events: Vec<Range<usize>>,
    n_points: usize,
    /// For each point, the index of the first threshold, in descending order, that is at or below its score;
    /// 250 if there is none.
    found_at: Vec<usize>,
    /// Points at or above each threshold.
    flagged: Vec<f64>,
    /// Labelled points at or above each threshold.
    hits: Vec<f64>,
    /// Labelled points.
    n_anomalous: f64,
}

impl Surface {
    fn new(scores: &[f64], is_anomaly: &[bool]) -> Self {
        // Adding 0 turns −0 into 0, so that the total order agrees with the numeric order.
        let scores: Vec<f64> = scores.iter().map(|score| score + 0.0).collect();
        let mut sorted = scores.clone();
        sorted.sort_unstable_by(|a, b| b.total_cmp(a));
        let last = scores.len() - 1;
        // As `numpy.linspace(0, last, 250).astype(int)`.
        let step = last as f64 / (VUS_THRESHOLDS - 1) as f64;
        let rank = |k: usize| if k == VUS_THRESHOLDS - 1 { last } else { (k as f64 * step) as usize };
        let thresholds: Vec<f64> = (0..VUS_THRESHOLDS).map(|k| sorted[rank(k)]).collect();
        let found_at: Vec<usize> =
            scores.iter().map(|score| thresholds.partition_point(|threshold| threshold > score)).collect();
        let mut flagged = vec![0.0; VUS_THRESHOLDS];
        let mut hits = vec![0.0; VUS_THRESHOLDS];
        for (&at, &is_anomaly) in found_at.iter().zip(is_anomaly) {
            flagged[at] += 1.0;
            hits[at] += f64::from(is_anomaly);
        }
        accumulate(&mut flagged);
        accumulate(&mut hits);
        let n_anomalous = hits[VUS_THRESHOLDS - 1];
        Surface { events: events(is_anomaly), n_points: scores.len(), found_at, flagged, hits, n_anomalous }
    }

    /// Areas under the range ROC curve and the range precision-recall curve with this border.
    fn areas(&self, border: usize) -> (f64, f64) {
        let stretches = self.stretches(border / 2);
        let mut existing = vec![0.0; VUS_THRESHOLDS];
        for stretch in &stretches {
            let first = self.found_at[stretch.clone()].iter().min().expect("a stretch has points");
            existing[*first] += 1.0;
        }
        accumulate(&mut existing);
        let mut soft_hits = vec![0.0; VUS_THRESHOLDS];
        for (label, &at) in self.soft_labels(border).into_iter().zip(&self.found_at) {
            soft_hits[at] += label;
        }
        accumulate(&mut soft_hits);

        let (mut roc, mut pr) = (0.0, 0.0);
        let (mut false_rate_before, mut recall_before) = (0.0, 0.0);
        for k in 0..VUS_THRESHOLDS {
            let true_positives = self.hits[k] + soft_hits[k];
            // Equation 5: the mean of the labelled points with and without the flagged part of the border.
            let positives = self.n_anomalous + soft_hits[k] / 2.0;
            let recall = (true_positives / positives).min(1.0) * existing[k] / stretches.len() as f64;
            let false_rate = (self.flagged[k] - true_positives) / (self.n_points as f64 - positives);
            roc += (false_rate - false_rate_before) * (recall + recall_before) / 2.0;
            pr += (recall - recall_before) * true_positives / self.flagged[k];
            (false_rate_before, recall_before) = (false_rate, recall);
        }
        roc += (1.0 - false_rate_before) * (1.0 + recall_before) / 2.0;
        (roc, pr)
    }

    /// Labelled ranges, extended by `half` points on either side; those that overlap are merged.
    fn stretches(&self, half: usize) -> Vec<Range<usize>> {
        let mut wider: Vec<Range<usize>> = Vec::new();
        for event in &self.events {
            let end = (event.end + half).min(self.n_points);
            match wider.last_mut() {
                // The borders share a point; ends are exclusive.
                Some(last) if event.start <= (last.end - 1) + half => last.end = end,
                _ => wider.push(event.start.saturating_sub(half)..end),
            }
        }
        wider
    }

    /// The soft label of each point, in `[0, 1]`: `√(1 − distance / border)` in the borders, summed where
    /// borders overlap and capped at 1; 0 elsewhere, including the labelled points.
    fn soft_labels(&self, border: usize) -> Vec<f64> {
        let half = border / 2;
        let weight = |distance: usize| (1.0 - distance as f64 / border as f64).sqrt();
        let mut labels = vec![0.0; self.n_points];
        for event in &self.events {
            let after = event.end..(event.end + half).min(self.n_points);
            let before = event.start.saturating_sub(half)..event.start;
            after.for_each(|point| labels[point] += weight(point + 1 - event.end));
            before.for_each(|point| labels[point] += weight(event.start - point));
        }
        labels.iter_mut().for_each(|label: &mut f64| *label = label.min(1.0));
        self.events.iter().for_each(|event| labels[event.clone()].fill(0.0));
        labels
    }
}

fn accumulate(values: &mut [f64]) {
    let mut sum = 0.0;
    for value in values {
        sum += *value;
        *value = sum;
    }
}
