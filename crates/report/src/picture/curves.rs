//! Draws loss curves, one panel for each term.

use crate::chart::{self, Area, Axes, SERIES, axes, refused, stroke, units};
use crate::error::ReportError;
use crate::scale::{self, Scale, bounds};
use ae_records::metrics::MetricLine;
use plotters::chart::SeriesLabelPosition;
use plotters::coord::CoordTranslate;
use plotters::prelude::{Circle, LineSeries, PathElement};
use plotters::style::Color;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Size of one panel, in pixels.
const PANEL: (u32, u32) = (460, 290);
const COLUMNS: usize = 2;
/// Maximum points of a curve; more would not be visible, but would make the report large.
const MAX_POINTS: usize = 600;
/// The axis is logarithmic if the ratio of the greatest to the least value exceeds this.
const LOG_RATIO: f64 = 20.0;
/// Greater values are drawn, but not by the script.
const MAX_INTERACTIVE: f64 = 1e100;

/// Draws each loss term over the training steps, with a panel for each term and a line for each split.
///
/// # Errors
/// No finite values.
pub fn curves(path: &Path, lines: &[MetricLine]) -> Result<(), ReportError> {
    let names = term_names(lines);
    if names.is_empty() {
        return Err(ReportError::Nothing { what: "metrics" });
    }
    let columns = names.len().min(COLUMNS);
    let rows = names.len().div_ceil(columns);
    let drawing = chart::svg((PANEL.0 * columns as u32, PANEL.1 * rows as u32), |area| {
        let panels = area.split_evenly((rows, columns));
        panels.iter().zip(&names).try_for_each(|(panel, name)| term(panel, name, lines))
    })?;
    chart::write_png(path, &drawing)
}

/// The panel of one term as SVG with a transparent background.
pub(crate) fn curve_svg(lines: &[MetricLine], name: &str) -> Result<String, ReportError> {
    chart::svg(PANEL, |area| term(area, name, lines))
}

/// All terms with a finite value, `loss` first, then by name.
pub(crate) fn term_names(lines: &[MetricLine]) -> Vec<String> {
    let finite = |line: &'_ MetricLine| -> Vec<String> {
        line.terms.iter().filter(|(_, v)| v.is_finite()).map(|(name, _)| name.clone()).collect()
    };
    let names: BTreeSet<String> = lines.iter().flat_map(finite).collect();
    let (mut first, rest): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| name == "loss");
    first.extend(rest);
    first
}

struct Curve {
    split: String,
    /// Index in [`SERIES`].
    colour: usize,
    points: Vec<(f64, f64)>,
}

/// What the curves of all terms share, for the script that draws them.
#[derive(Debug, Serialize)]
pub(crate) struct Steps {
    last: u64,
    /// The step at which each epoch ended.
    epochs: Vec<u64>,
}

impl Steps {
    pub(crate) fn of(lines: &[MetricLine]) -> Self {
        let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
        for line in lines.iter().filter(|line| line.epoch > 0) {
            let end = ends.entry(line.epoch).or_insert(line.step);
            *end = line.step.min(*end);
        }
        let last = lines.iter().map(|line| line.step).max().unwrap_or(0).max(1);
        Steps { last, epochs: ends.into_values().collect() }
    }
}

/// The curves of one term, for the script that draws them.
#[derive(Debug, Serialize)]
pub(crate) struct TermCurves<'a> {
    name: &'a str,
    logarithmic: bool,
    splits: Vec<SplitCurve>,
}

#[derive(Debug, Serialize)]
struct SplitCurve {
    name: String,
    colour: usize,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl<'a> TermCurves<'a> {
    /// `None` for values so large that the script could not compute with them.
    pub(crate) fn of(lines: &[MetricLine], name: &'a str) -> Option<Self> {
        let curves = split_curves(lines, name);
        let logarithmic = is_logarithmic(&curves);
        let mut points = curves.iter().flat_map(|curve| &curve.points);
        points.all(|(x, y)| x.max(y.abs()) < MAX_INTERACTIVE).then_some(())?;
        let split = |curve: Curve| {
            let (x, y) = curve.points.into_iter().map(|(x, y)| (x, rounded(y))).unzip();
            SplitCurve { name: curve.split, colour: curve.colour, x, y }
        };
        Some(TermCurves { name, logarithmic, splits: curves.into_iter().map(split).collect() })
    }
}

/// To seven digits, more than any screen shows; what is zero but for rounding is zero.
fn rounded(value: f64) -> f64 {
    if value.abs() < scale::NOTHING {
        return 0.0;
    }
    format!("{value:.6e}").parse().unwrap_or(value)
}

fn term(area: &Area<'_>, name: &str, lines: &[MetricLine]) -> Result<(), ReportError> {
    let curves = split_curves(lines, name);
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let last = points().map(|point| point.0).fold(1.0, f64::max);
    let values = || points().map(|point| point.1);
    let (title, values) = match is_logarithmic(&curves) {
        true => (format!("{name} (logarithmic)"), Scale::logarithmic(values())),
        false => (name.to_string(), Scale::around(values())),
    };
    draw(axes(area, &title, (Scale::between(0.0, last), "step"), (values, ""))?, &curves)
}

fn is_logarithmic(curves: &[Curve]) -> bool {
    let values = curves.iter().flat_map(|curve| &curve.points).map(|point| point.1);
    bounds(values).is_some_and(|(low, high)| low > 0.0 && high / low > LOG_RATIO)
}

fn split_curves(lines: &[MetricLine], name: &str) -> Vec<Curve> {
    // Known splits have the same colour in every run.
    let mut splits = vec!["train", "validation", "test"];
    splits.extend(
        lines.iter().map(|line| line.split.as_str()).filter(|s| !splits.contains(s)).collect::<BTreeSet<_>>(),
    );
    let curve = |(index, split): (usize, &str)| {
        let of_split = lines.iter().filter(|line| line.split == split);
        let points = of_split.filter_map(|line| Some((line.step as f64, *line.terms.get(name)?)));
        let points = thinned(points.filter(|(_, value)| value.is_finite()).collect());
        Curve { split: split.to_string(), colour: index % SERIES.len(), points }
    };
    splits.into_iter().enumerate().map(curve).filter(|curve| !curve.points.is_empty()).collect()
}

/// Averages neighbouring points so that at most [`MAX_POINTS`] are left.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let group = points.len().div_ceil(MAX_POINTS).max(1);
    let mean = |group: &[(f64, f64)]| {
        let sum = group.iter().map(|p| p.1 / group.len() as f64).sum();
        (group[group.len() - 1].0, sum)
    };
    points.chunks(group).map(mean).collect()
}

fn draw<'a: 'b, 'b>(mut axes: Axes<'a, 'b>, curves: &[Curve]) -> Result<(), ReportError> {
    let place = legend_place(&axes, curves);
    for curve in curves {
        let colour = SERIES[curve.colour];
        let line = LineSeries::new(curve.points.iter().copied(), stroke(colour, 2));
        let series = axes.draw_series(line).map_err(refused)?;
        series
            .label(curve.split.as_str())
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + units(16), y)], stroke(colour, 2)));
        if curve.points.len() <= 30 {
            let dots = curve.points.iter().map(|&point| Circle::new(point, units(3), colour.filled()));
            axes.draw_series(dots).map_err(refused)?;
        }
    }
    chart::legend(&mut axes, place)
}

/// The right-hand corner that holds fewer points of the curves.
fn legend_place(axes: &Axes<'_, '_>, curves: &[Curve]) -> SeriesLabelPosition {
    let (area, spec) = (axes.plotting_area(), axes.as_coord_spec());
    let (right, below) = (area.get_x_axis_pixel_range(), area.get_y_axis_pixel_range());
    let (start, middle) = ((right.start + right.end) / 2, (below.start + below.end) / 2);
    let places = curves.iter().flat_map(|curve| &curve.points).map(|point| spec.translate(point));
    let (low, high): (Vec<i32>, Vec<i32>) =
        places.filter(|place| place.0 > start).map(|place| place.1).partition(|&height| height > middle);
    if high.len() > low.len() { SeriesLabelPosition::LowerRight } else { SeriesLabelPosition::UpperRight }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_are_thinned_and_keep_their_mean() {
        let points: Vec<(f64, f64)> = (0..6000).map(|i| (f64::from(i), f64::from(i % 10))).collect();
        let few = thinned(points);
        assert_eq!((few.len(), few[599]), (600, (5999.0, 4.5)));
        assert_eq!(thinned(vec![(1.0, 2.0)]), [(1.0, 2.0)]);
    }

    #[test]
    fn the_total_comes_first_and_unknown_splits_are_drawn() {
        let line = |split: &str, terms: &[(&str, f64)]| MetricLine {
            step: 1,
            epoch: 0,
            split: split.into(),
            terms: terms.iter().map(|(name, value)| (name.to_string(), *value)).collect(),
        };
        let lines =
            [line("train", &[("loss", 1.0), ("kl", 2.0)]), line("odd", &[("loss", 1.0), ("nan", f64::NAN)])];
        assert_eq!(term_names(&lines), ["loss", "kl"]);
        let splits: Vec<String> = split_curves(&lines, "loss").into_iter().map(|curve| curve.split).collect();
        assert_eq!(splits, ["train", "odd"]);
    }
}
