//! Draws named lines, with optional labels at their points.

use crate::chart::{self, INK, MUTED, SERIES, axes, refused, stroke, text, units, widest};
use crate::error::ReportError;
use crate::picture::check_finite;
use crate::scale::Scale;
use plotters::chart::SeriesLabelPosition;
use plotters::prelude::{Circle, LineSeries, PathElement, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

const SIZE: (u32, u32) = (760, 480);

/// One line of [`lines`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Name in the legend.
    pub name: String,
    /// Points `(x, y)`, joined in order.
    pub points: Vec<(f64, f64)>,
    /// A label for each point, or empty for no labels.
    pub labels: Vec<String>,
}

/// A line of more points has no dots, which would hide it.
const MAX_DOTS: usize = 60;

/// Draws lines over one pair of axes, in different colours.
///
/// # Errors
/// No points, a number of labels other than the number of points, or a coordinate that is not finite.
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
    // Labels need room to the right of their points.
    let has_labels = lines.iter().any(|line| !line.labels.is_empty());
    let across = Scale::around(points().map(|point| point.0)).extended(if has_labels { 0.08 } else { 0.0 });
    let up = Scale::around(points().map(|point| point.1));
    let legend = free_place(lines, across, up)?;
    let drawing = chart::svg(SIZE, |area| {
        let mut axes = axes(area, "", (across, x_name), (up, y_name))?;
        for (line, &colour) in lines.iter().zip(SERIES.iter().cycle()) {
            let path = LineSeries::new(line.points.iter().copied(), stroke(colour, 2));
            let series = axes.draw_series(path).map_err(refused)?;
            series
                .label(line.name.as_str())
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + units(16), y)], stroke(colour, 2)));
            if line.points.len() <= MAX_DOTS {
                let dots = line.points.iter().map(|&point| Circle::new(point, units(3), colour.filled()));
                axes.draw_series(dots).map_err(refused)?;
            }
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

/// The position where the legend hides the least of the lines.
fn free_place(lines: &[Line], across: Scale, up: Scale) -> Result<SeriesLabelPosition, ReportError> {
    use SeriesLabelPosition::*;
    let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    // Size of the legend as shares of the picture, including its padding.
    let width = f64::from(widest(&text(12, MUTED), &names)? + 56) / f64::from(SIZE.0);
    let height = (20 * lines.len() + 16) as f64 / f64::from(SIZE.1);
    let place = |&(x, y): &(f64, f64)| (across.share(x), 1.0 - up.share(y));
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

/// Points on the straight line between two points.
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
    fn the_legend_avoids_the_lines() {
        let place = |points: &[(f64, f64)]| {
            let line = Line { name: "one".into(), points: points.into(), labels: Vec::new() };
            let unit = Scale::between(0.0, 1.0);
            format!("{:?}", free_place(&[line], unit, unit).unwrap())
        };
        assert_eq!(place(&[(0.0, 0.0), (1.0, 0.0)]), "UpperRight");
        assert_eq!(place(&[(0.0, 0.0), (1.0, 1.0)]), "UpperLeft");
        assert_eq!(place(&[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]), "LowerRight");
    }
}
