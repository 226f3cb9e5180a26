//! Draws named lines in several panels with one shared legend.

use crate::chart::{self, Area, Axes, INK, SERIES, axes, refused, stroke, text, units};
use crate::error::ReportError;
use crate::picture::check_finite;
use crate::scale::Scale;
use plotters::prelude::{Circle, DashedLineSeries, LineSeries, PathElement, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};
use std::path::Path;

const PANEL: (u32, u32) = (460, 340);
const COLUMNS: usize = 2;
const LINE: u32 = 22;
/// A line of at most this many points has a dot at each point.
const FEW: usize = 12;

/// One panel of [`panels`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// The title above the panel.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// Name and points of each line. A name has the same colour in every panel.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
}

/// An axis of a [`Panel`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// The quantity and its unit.
    pub name: String,
    /// Whether the axis is logarithmic; if so, points at or below zero are left out.
    pub logarithmic: bool,
}

/// Colour of a line, and whether it is dashed.
type Look = (RGBColor, bool);

/// Draws lines in panels, two per row. Panels whose vertical axes are the same have the same range. From the eleventh name on, the colours repeat with dashed lines.
///
/// # Errors
/// No panels, a panel without points, or a value that is not finite.
pub fn panels(path: &Path, panels: &[Panel]) -> Result<(), ReportError> {
    let mut names: Vec<&str> = Vec::new();
    for panel in panels {
        for (name, points) in &panel.lines {
            check_finite("coordinate", points.iter().flat_map(|&(x, y)| [x, y]))?;
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    if panels.is_empty() {
        return Err(ReportError::Nothing { what: "panels" });
    }
    let label = text(13, INK).pos(Pos::new(HPos::Left, VPos::Center));
    let legend = chart::widest(&label, &names)? + 46;
    let columns = panels.len().min(COLUMNS);
    let (width, rows) = (PANEL.0 * columns as u32, panels.len().div_ceil(columns));
    let height = (PANEL.1 * rows as u32).max(LINE * names.len() as u32 + 40);
    let look = |name: &str| {
        let place = names.iter().position(|other| *other == name).unwrap_or(0);
        (SERIES[place % SERIES.len()], place >= SERIES.len())
    };
    let drawing = chart::svg((width + legend, height), |area| {
        let (left, side) = area.split_horizontally(units(width));
        for (panel, area) in panels.iter().zip(left.split_evenly((rows, columns))) {
            // The same quantity has the same range in every panel.
            let alike = |other: &&Panel| other.y == panel.y && !panel.y.name.is_empty();
            let others: Vec<&Panel> = panels.iter().filter(alike).collect();
            draw_panel(&area, panel, &others, look)?;
        }
        for (place, name) in names.iter().enumerate() {
            let middle = units(30 + (LINE as usize * place) as i32);
            let (colour, dashed) = look(name);
            let ends = if dashed { [(4, 12), (16, 24)] } else { [(4, 14), (14, 24)] };
            for (start, end) in ends {
                let line = vec![(units(start), middle), (units(end), middle)];
                side.draw(&PathElement::new(line, stroke(colour, 3))).map_err(refused)?;
            }
            side.draw(&Text::new(*name, (units(32), middle), label.clone())).map_err(refused)?;
        }
        Ok(())
    })?;
    chart::write_png(path, &drawing)
}

/// `alike` are the panels of the same vertical axis.
fn draw_panel(
    area: &Area<'_>,
    panel: &Panel,
    alike: &[&Panel],
    look: impl Fn(&str) -> Look,
) -> Result<(), ReportError> {
    let kept = drawn(panel);
    let mut points = kept.iter().flat_map(|(_, points)| points).copied().peekable();
    if points.peek().is_none() {
        return Err(ReportError::Nothing { what: "points" });
    }
    let x = scale(&panel.x, points.map(|point| point.0));
    let own = [panel];
    let alike = if alike.is_empty() { &own[..] } else { alike };
    let heights =
        alike.iter().flat_map(|panel| drawn(panel)).flat_map(|(_, points)| points).map(|point| point.1);
    let y = scale(&panel.y, heights);
    draw(axes(area, &panel.title, (x, &panel.x.name), (y, &panel.y.name))?, &kept, look)
}

fn scale(axis: &Axis, values: impl Iterator<Item = f64>) -> Scale {
    if axis.logarithmic { Scale::logarithmic(values) } else { Scale::around(values) }
}

/// The points of each line that its axes can show.
fn drawn(panel: &Panel) -> Vec<(&str, Vec<(f64, f64)>)> {
    let fits = |axis: &Axis, value: f64| !axis.logarithmic || value > 0.0;
    let shown = |point: &&(f64, f64)| fits(&panel.x, point.0) && fits(&panel.y, point.1);
    panel
        .lines
        .iter()
        .map(|(name, points)| (name.as_str(), points.iter().filter(shown).copied().collect()))
        .collect()
}

fn draw<'a: 'b, 'b>(
    mut axes: Axes<'a, 'b>,
    lines: &[(&str, Vec<(f64, f64)>)],
    look: impl Fn(&str) -> Look,
) -> Result<(), ReportError> {
    for (name, points) in lines {
        let (colour, dashed) = look(name);
        let points = points.iter().copied();
        if dashed {
            let line = DashedLineSeries::new(points.clone(), units(6), units(4), stroke(colour, 2));
            axes.draw_series(line).map_err(refused)?;
        } else {
            axes.draw_series(LineSeries::new(points.clone(), stroke(colour, 2))).map_err(refused)?;
        }
        if points.len() <= FEW {
            let dots = points.map(|point| Circle::new(point, units(3), colour.filled()));
            axes.draw_series(dots).map_err(refused)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_quantity_has_the_same_range_in_every_panel() {
        let axis = |name: &str| Axis { name: name.into(), logarithmic: false };
        let panel = |title: &str, y: &str, top: f64| Panel {
            title: title.into(),
            x: axis("x"),
            y: axis(y),
            lines: vec![("a".into(), vec![(0.0, 0.0), (1.0, top)])],
        };
        let labels = |all: &[Panel]| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.png");
            chart::for_a_page(|| panels(&path, all)).unwrap();
            let svg = std::fs::read_to_string(path.with_extension("svg")).unwrap();
            svg.matches("\n80\n").count()
        };
        assert_eq!(labels(&[panel("one", "accuracy", 90.0), panel("two", "accuracy", 1.0)]), 2);
        assert_eq!(labels(&[panel("one", "accuracy", 90.0), panel("two", "loss", 1.0)]), 1);
    }
}
