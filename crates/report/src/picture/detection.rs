//! Draws ROC and precision-recall curves, each with its area and with what chance would give.

use crate::chart::{self, Area, INK, MUTED, SERIES, axes, refused, stroke, text, units};
use crate::error::ReportError;
use crate::picture::check_finite;
use crate::scale::Scale;
use plotters::prelude::{DashedLineSeries, LineSeries, PathElement, Text};
use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Size of a panel; its plot is about square.
const PANEL: (u32, u32) = (440, 400);
/// Height of a line of the legend.
const LINE: u32 = 22;
/// The part of the horizontal axis that a second panel enlarges.
const NEAR: f64 = 0.1;

/// A curve of [`roc`] or [`precision_recall`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DetectionCurve {
    /// Name in the legend.
    pub name: String,
    /// Points from 0 to 1, joined in order: false-positive rate and recall, or recall and precision.
    pub points: Vec<(f64, f64)>,
    /// The AUROC or the average precision, which the legend shows.
    pub area: f64,
}

/// Draws ROC curves with the diagonal of chance. Where most of the rise lies in the first tenth, a second panel enlarges it.
///
/// # Errors
/// No points, or a value outside of 0 to 1.
pub fn roc(path: &Path, curves: &[DetectionCurve]) -> Result<(), ReportError> {
    check(curves)?;
    let chance = vec![(0.0, 0.0), (1.0, 1.0)];
    let ends = if rise_early(curves) { vec![1.0, NEAR] } else { vec![1.0] };
    draw(path, curves, ("chance", 0.5, chance), ("false-positive rate", "recall"), &ends)
}

/// Draws precision-recall curves with the line of chance, which is the share of anomalies, `base_rate`. They begin with the
/// first anomaly found: before it there is no precision.
///
/// # Errors
/// No points, or a value outside of 0 to 1.
pub fn precision_recall(path: &Path, curves: &[DetectionCurve], base_rate: f64) -> Result<(), ReportError> {
    let begun = |curve: &DetectionCurve| DetectionCurve {
        points: curve.points.iter().copied().filter(|(recall, _)| *recall > 0.0).collect(),
        ..curve.clone()
    };
    let curves: Vec<DetectionCurve> = curves.iter().map(begun).collect();
    check(&curves)?;
    check_finite("base rate", [base_rate])?;
    let chance = vec![(0.0, base_rate), (1.0, base_rate)];
    draw(path, &curves, ("chance", base_rate, chance), ("recall", "precision"), &[1.0])
}

fn check(curves: &[DetectionCurve]) -> Result<(), ReportError> {
    let values = || curves.iter().flat_map(|curve| &curve.points).flat_map(|&(x, y)| [x, y]);
    if values().next().is_none() {
        return Err(ReportError::Nothing { what: "points" });
    }
    check_finite("coordinate", values())?;
    match values().find(|value| !(0.0..=1.0).contains(value)) {
        Some(value) => Err(ReportError::Chart(format!("a rate of {value} is outside of 0 to 1"))),
        None => Ok(()),
    }
}

/// Whether most curves have risen above a half within [`NEAR`].
fn rise_early(curves: &[DetectionCurve]) -> bool {
    let rises = |curve: &&DetectionCurve| curve.points.iter().any(|&(x, y)| x <= NEAR && y > 0.5);
    2 * curves.iter().filter(rises).count() > curves.len()
}

/// The name, the area and the points of the dashed line of chance.
type Chance<'a> = (&'a str, f64, Vec<(f64, f64)>);

fn draw(
    path: &Path,
    curves: &[DetectionCurve],
    (chance, chance_area, line): Chance<'_>,
    (x_name, y_name): (&str, &str),
    ends: &[f64],
) -> Result<(), ReportError> {
    let named = |name: &str, area: f64| format!("{area:.3}  {name}");
    let mut names: Vec<String> = curves.iter().map(|curve| named(&curve.name, curve.area)).collect();
    names.push(named(chance, chance_area));
    let style = text(13, INK).pos(Pos::new(HPos::Left, VPos::Center));
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let legend = chart::widest(&style, &all)? + 46;
    let width = PANEL.0 * ends.len() as u32;
    let height = PANEL.1.max(LINE * names.len() as u32 + 60);
    let drawing = chart::svg((width + legend, height), |area| {
        let (left, side) = area.split_horizontally(units(width));
        let (left, _) = left.split_vertically(units(PANEL.1));
        for (panel, end) in left.split_evenly((1, ends.len())).iter().zip(ends) {
            let title = match ends {
                [_] => "",
                _ if *end < 1.0 => "the first tenth",
                _ => "all",
            };
            let across = (Scale::between(0.0, *end), x_name);
            let mut axes = axes(panel, title, across, (Scale::between(0.0, 1.0), y_name))?;
            let dashed = DashedLineSeries::new(cut(&line, *end), units(6), units(4), stroke(MUTED, 1));
            axes.draw_series(dashed).map_err(refused)?;
            // The first curve last, so that it lies on top.
            for (place, curve) in curves.iter().enumerate().rev() {
                let colour = SERIES[place % SERIES.len()];
                axes.draw_series(LineSeries::new(cut(&curve.points, *end), stroke(colour, 2)))
                    .map_err(refused)?;
            }
        }
        for (place, name) in names.iter().enumerate() {
            let middle = 30 + LINE * place as u32;
            let is_chance = place == curves.len();
            let colour = if is_chance { MUTED } else { SERIES[place % SERIES.len()] };
            sample(&side, middle as i32, colour, is_chance)?;
            side.draw(&Text::new(name.as_str(), (units(32), units(middle as i32)), style.clone()))
                .map_err(refused)?;
        }
        Ok(())
    })?;
    chart::write_png(path, &drawing)
}

/// The line of the legend as it is drawn in the plot.
fn sample(side: &Area<'_>, middle: i32, colour: RGBColor, dashed: bool) -> Result<(), ReportError> {
    let (pieces, width) = if dashed { (vec![(4, 10), (14, 20), (24, 26)], 1) } else { (vec![(4, 26)], 3) };
    for (start, end) in pieces {
        let line = vec![(units(start), units(middle)), (units(end), units(middle))];
        side.draw(&PathElement::new(line, stroke(colour, width))).map_err(refused)?;
    }
    Ok(())
}

/// The part of a line up to `end`, with a last point there.
fn cut(points: &[(f64, f64)], end: f64) -> Vec<(f64, f64)> {
    let within = points.iter().take_while(|point| point.0 <= end).count();
    let mut kept = points[..within].to_vec();
    if let (Some(&(x0, y0)), Some(&(x1, y1))) = (kept.last(), points.get(within)) {
        kept.push((end, y0 + (y1 - y0) * (end - x0) / (x1 - x0)));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_the_panel_ends() {
        assert_eq!(
            cut(&[(0.0, 0.0), (0.05, 0.6), (0.25, 0.8), (1.0, 1.0)], 0.1),
            [(0.0, 0.0), (0.05, 0.6), (0.1, 0.65)]
        );
        assert_eq!(cut(&[(0.0, 0.0), (1.0, 1.0)], 1.0), [(0.0, 0.0), (1.0, 1.0)]);
        assert_eq!(cut(&[(0.5, 0.0)], 0.1), []);
    }

    #[test]
    fn the_first_tenth_is_enlarged_where_most_curves_rise_in_it() {
        let curve = |points: &[(f64, f64)]| DetectionCurve { points: points.into(), ..Default::default() };
        let (early, late) =
            (curve(&[(0.0, 0.0), (0.02, 0.9), (1.0, 1.0)]), curve(&[(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)]));
        assert!(rise_early(&[early.clone(), early.clone(), late.clone()]));
        assert!(!rise_early(&[early, late.clone(), late]));
    }
}
