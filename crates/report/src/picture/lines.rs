//! Lines through few points, with a name for each line and, where wanted, for each point.

use crate::chart::{self, INK, MUTED, SERIES, axes, padded, refused, stroke, text, units, widest};
use crate::error::ReportError;
use crate::picture::check_finite;
use plotters::chart::SeriesLabelPosition;
use plotters::prelude::{Circle, LineSeries, PathElement, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;
use std::path::Path;

const SIZE: (u32, u32) = (760, 480);

/// One line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// In the legend.
    pub name: String,
    /// Places, joined in their order.
    pub points: Vec<(f64, f64)>,
    /// What stands beside each point; empty: nothing.
    pub labels: Vec<String>,
}

/// A line of more points is drawn without dots, which would hide it.
const MAX_DOTS: usize = 60;

/// Lines over one pair of axes, in the colours of their order.
///
/// # Errors
/// No points, labels that are not as many as points, a coordinate that is not finite.
pub fn lines(path: &Path, x_name: &str, y_name: &str, lines: &[Line]) -> Result<(), ReportError> {
    let points = || lines.iter().flat_map(|line| line.points.iter().copied());
    if points().next().is_none() {
        return Err(ReportError::Nothing { what: "points" });
    }
    check_finite("coordinate", points().flat_map(|(x, y)| [x, y]))?;
    if let Some(line) = lines.iter().find(|l| !l.labels.is_empty() && l.labels.len() != l.points.len()) {
        let (got, expected) = (vec![line.labels.len()], vec![line.points.len()]);
        return Err(ReportError::Shape { what: "labels", got, expected });
    }
    let range = |pick: fn((f64, f64)) -> f64| {
        let bounds =
            points().map(pick).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        padded(bounds.0, bounds.1)
    };
    // A label stands to the right of its point: it needs room there.
    let mut across = range(|p| p.0);
    if lines.iter().any(|line| !line.labels.is_empty()) {
        across.end += 0.08 * (across.end - across.start);
    }
    let up = range(|p| p.1);
    let legend = free_place(lines, &across, &up)?;
    let drawing = chart::svg(SIZE, |area| {
        let mut axes = axes(area, "", (across, x_name), (up, y_name))?;
        for (line, &colour) in lines.iter().zip(SERIES.iter().cycle()) {
            let path = LineSeries::new(line.points.iter().copied(), stroke(colour, 2));
            let series = axes.draw_series(path).map_err(refused)?;
            series
                .label(line.name.as_str())
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + units(16), y)], stroke(colour, 2)));
            let is_sparse = line.points.len() <= MAX_DOTS;
            let dots = line
                .points
                .iter()
                .filter(|_| is_sparse)
                .map(|&point| Circle::new(point, units(3), colour.filled()));
            axes.draw_series(dots).map_err(refused)?;
            let style = text(12, INK).pos(Pos::new(HPos::Left, VPos::Bottom));
            let beside = line.points.iter().zip(&line.labels);
            let words = beside.map(|(&point, label)| {
                plotters::element::EmptyElement::at(point)
                    + Text::new(label.clone(), (units(5), -units(4)), style.clone())
            });
            axes.draw_series(words).map_err(refused)?;
        }
        chart::legend(&mut axes, legend)
    })?;
    chart::write_png(path, &drawing)
}

/// Where the legend hides least of the lines.
fn free_place(
    lines: &[Line],
    across: &Range<f64>,
    up: &Range<f64>,
) -> Result<SeriesLabelPosition, ReportError> {
    use SeriesLabelPosition::*;
    let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    // As shares of the picture, with the room around its words.
    let width = f64::from(widest(&text(12, MUTED), &names)? + 56) / f64::from(SIZE.0);
    let height = (20 * lines.len() + 16) as f64 / f64::from(SIZE.1);
    let place = |&(x, y): &(f64, f64)| {
        ((x - across.start) / (across.end - across.start), (up.end - y) / (up.end - up.start))
    };
    let drawn: Vec<(f64, f64)> = lines
        .iter()
        .flat_map(|line| line.points.windows(2).flat_map(|ends| between(place(&ends[0]), place(&ends[1]))))
        .chain(lines.iter().flat_map(|line| line.points.iter().map(place)))
        .collect();
    let (middle, right) = (0.5 - width / 2.0, 1.0 - width);
    let (centre, bottom) = (0.5 - height / 2.0, 1.0 - height);
    let places = [
        (UpperRight, right, 0.0),
        (UpperLeft, 0.0, 0.0),
        (LowerRight, right, bottom),
        (LowerLeft, 0.0, bottom),
        (MiddleRight, right, centre),
        (MiddleLeft, 0.0, centre),
        (LowerMiddle, middle, bottom),
        (UpperMiddle, middle, 0.0),
        (MiddleMiddle, middle, centre),
    ];
    let hidden = |left: f64, top: f64| {
        let inside =
            |&&(x, y): &&(f64, f64)| (left..=left + width).contains(&x) && (top..=top + height).contains(&y);
        drawn.iter().filter(inside).count()
    };
    let best = places.into_iter().min_by_key(|&(_, left, top)| hidden(left, top));
    Ok(best.map_or(UpperRight, |(position, ..)| position))
}

/// Points on the way from one to another.
fn between(from: (f64, f64), to: (f64, f64)) -> impl Iterator<Item = (f64, f64)> {
    let at = move |step: i32| {
        let share = f64::from(step) / 32.0;
        (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1))
    };
    (1..32).map(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legend_keeps_off_the_lines() {
        let place = |points: &[(f64, f64)]| {
            let line = Line { name: "one".into(), points: points.into(), labels: Vec::new() };
            format!("{:?}", free_place(&[line], &(0.0..1.0), &(0.0..1.0)).unwrap())
        };
        assert_eq!(place(&[(0.0, 0.0), (1.0, 0.0)]), "UpperRight");
        assert_eq!(place(&[(0.0, 0.0), (1.0, 1.0)]), "UpperLeft");
        assert_eq!(place(&[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]), "LowerRight");
    }
}
