//! Draws histograms of the scores of two classes, with the threshold.

use crate::chart::{self, INK, SERIES, axes, faint, refused, stroke, units};
use crate::error::ReportError;
use crate::number;
use crate::picture::check_finite;
use crate::scale::{Scale, part};
use plotters::chart::SeriesLabelPosition;
use plotters::element::DashedPathElement;
use plotters::prelude::{DashedLineSeries, Polygon, Rectangle};
use plotters::style::Color;
use std::path::Path;

const SIZE: (u32, u32) = (860, 420);
const BINS: usize = 60;

/// Draws two overlaid histograms, each in percent of its own class (so that a rare class is visible), and the
/// threshold as a dashed line. `x_name` is the quantity and its unit, such as `score`. The last bar collects a long tail, and the axis says so.
///
/// # Errors
/// No scores, or a score or threshold that is not finite.
pub fn score_histograms(
    path: &Path,
    normal: &[f64],
    anomalous: &[f64],
    threshold: f64,
    x_name: &str,
) -> Result<(), ReportError> {
    check_finite("normal score", normal.iter().copied())?;
    check_finite("anomalous score", anomalous.iter().copied())?;
    check_finite("threshold", [threshold])?;
    let mut all: Vec<f64> = normal.iter().chain(anomalous).copied().collect();
    if all.is_empty() {
        return Err(ReportError::Nothing { what: "scores" });
    }
    all.sort_by(f64::total_cmp);
    let bins = Bins::new(&all, threshold);
    let shares = [bins.shares(normal), bins.shares(anomalous)];
    let tallest = shares.iter().flatten().fold(0.0, |top: f64, share| top.max(*share));
    let end = bins.edge(BINS);
    let beyond = all.iter().filter(|&&score| score > end).count();
    let x_name = match beyond {
        0 => x_name.to_string(),
        n => {
            format!(
                "{x_name} (the last bar holds {} beyond {})",
                number::grouped(n as u64),
                number::short(end)
            )
        }
    };
    let counts = [normal.len(), anomalous.len()].map(|n| number::grouped(n as u64));
    let names = [format!("normal, n = {}", counts[0]), format!("anomalous, n = {}", counts[1])];

    let drawing = chart::svg(SIZE, |area| {
        let top = tallest.max(1e-9) * 1.08;
        let up = Scale::between(0.0, top);
        let mut axes = axes(area, "", (bins.scale, &x_name), (up, "% of the class"))?;
        for ((shares, name), colour) in shares.iter().zip(&names).zip([SERIES[0], SERIES[3]]) {
            // One outline rather than separate bars, which would show hairlines between them.
            let steps = shares.iter().enumerate();
            let top = steps.flat_map(|(bin, &share)| [(bins.edge(bin), share), (bins.edge(bin + 1), share)]);
            let ends = [(end, 0.0), (bins.edge(0), 0.0)];
            let outline: Vec<(f64, f64)> = top.chain(ends).collect();
            let area = Polygon::new(outline, faint(colour, 0.55));
            let series = axes.draw_series([area]).map_err(refused)?;
            series.label(name.as_str()).legend(move |(x, y)| {
                Rectangle::new(
                    [(x, y - units(6)), (x + units(18), y + units(6))],
                    faint(colour, 0.55).filled(),
                )
            });
        }
        let line = [(threshold, 0.0), (threshold, top)];
        let dashed = DashedLineSeries::new(line, units(6), units(4), stroke(INK, 2));
        let series = axes.draw_series(dashed).map_err(refused)?;
        series.label(format!("threshold {}", number::short(threshold))).legend(|(x, y)| {
            DashedPathElement::new([(x, y), (x + units(18), y)], units(6), units(4), stroke(INK, 2))
        });
        chart::legend(&mut axes, SeriesLabelPosition::UpperRight)
    })?;
    chart::write_png(path, &drawing)
}

/// Bars of equal width.
struct Bins {
    scale: Scale,
}

impl Bins {
    fn new(sorted: &[f64], threshold: f64) -> Self {
        let start = sorted[0].min(threshold);
        let last = sorted[sorted.len() - 1];
        // A single outlier would squeeze all other scores into one bar.
        let most = sorted[(sorted.len() - 1) * 99 / 100];
        let tail = start + part(start, most.max(threshold), 1.5);
        let end = if last > tail { tail } else { last.max(threshold) };
        let end = if end > start { end } else { (start + start.abs().max(1.0) * 0.1).min(f64::MAX) };
        let room = part(start, end, 0.02);
        Bins { scale: Scale::between(start - room, end + room) }
    }

    /// Where a bar begins; `BINS` is the end of the last.
    fn edge(&self, bin: usize) -> f64 {
        self.scale.at(bin as f64 / BINS as f64)
    }

    /// Percentage of the scores in each bar.
    fn shares(&self, scores: &[f64]) -> Vec<f64> {
        let mut shares = vec![0.0; BINS];
        for score in scores {
            let place = self.scale.share(*score) * BINS as f64;
            shares[(place as usize).min(BINS - 1)] += 100.0 / scores.len() as f64;
        }
        shares
    }
}
