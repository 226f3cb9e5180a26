//! Draws figures of several series as dots on one logarithmic axis, a row for each thing that they were measured on.

use crate::chart::{self, GRID, INK, MUTED, SERIES, refused, shortened, stroke, text, units, widest};
use crate::error::ReportError;
use crate::number;
use crate::picture::check_finite;
use crate::scale::Scale;
use ae_records::text::one_line;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::{Circle, PathElement, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Length of the axis.
const LENGTH: u32 = 460;
const MARGIN: u32 = 14;
/// Height of the legend.
const LEGEND: u32 = 24;
/// From one row to the next.
const STEP: u32 = 24;
/// Room for the labels of the axis and its name.
const AXIS: u32 = 40;
/// Characters of a name that are shown.
const MAX_LETTERS: usize = 60;
const RADIUS: u32 = 4;
/// Labels on the axis, about.
const MAX_TICKS: usize = 8;

/// One row of [`dots`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DotRow {
    /// The name to the left of the row.
    pub name: String,
    /// One value for each series, above 0; `None` draws no dot.
    pub values: Vec<Option<f64>>,
}

/// Draws rows from top to bottom, in each a dot for every series, in the series' colour, along a logarithmic axis
/// named `x_name`. A vertical line stands at `mark`, which the axis is made to include.
///
/// # Errors
/// No dots, more or fewer values in a row than series, more than ten series, or a value or mark that is not finite and
/// above 0.
pub fn dots(
    path: &Path,
    x_name: &str,
    series: &[&str],
    rows: &[DotRow],
    mark: f64,
) -> Result<(), ReportError> {
    check(series, rows, mark)?;
    let values = rows.iter().flat_map(|row| row.values.iter().copied().flatten());
    let scale = Scale::logarithmic(values.chain([mark]));
    let names: Vec<String> = rows.iter().map(|row| shortened(&one_line(&row.name), MAX_LETTERS)).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let left = MARGIN + widest(&text(13, INK), &all)? + 12;
    let mut legend = Vec::new();
    let mut next = left;
    for name in series {
        legend.push((next, *name));
        next += 2 * RADIUS + 8 + widest(&text(12, MUTED), &[name])? + 20;
    }
    let top = MARGIN + LEGEND;
    let bottom = top + STEP * rows.len() as u32;
    let size = ((left + LENGTH).max(next) + MARGIN + 16, bottom + AXIS + MARGIN);
    let drawing = chart::svg(size, |area| {
        let x = |value: f64| (f64::from(left) + scale.share(value) * f64::from(LENGTH)).round() as i32;
        let at = |x: i32, y: u32| (units(x), units(y as i32));
        let centred = |h, v| Pos::new(h, v);
        for tick in scale.key_points(MAX_TICKS) {
            let line = vec![at(x(tick), top), at(x(tick), bottom)];
            area.draw(&PathElement::new(line, stroke(GRID, 1))).map_err(refused)?;
            let style = text(11, MUTED).pos(centred(HPos::Center, VPos::Top));
            area.draw(&Text::new(number::tick(tick), at(x(tick), bottom + 5), style)).map_err(refused)?;
        }
        let line = vec![at(x(mark), top), at(x(mark), bottom)];
        area.draw(&PathElement::new(line, stroke(INK, 1))).map_err(refused)?;
        let style = text(12, MUTED).pos(centred(HPos::Center, VPos::Top));
        let middle = (left + LENGTH / 2) as i32;
        area.draw(&Text::new(x_name, at(middle, bottom + 22), style)).map_err(refused)?;
        for (&(place, name), colour) in legend.iter().zip(SERIES) {
            let (place, y) = (place as i32, MARGIN + LEGEND / 3);
            area.draw(&Circle::new(at(place + RADIUS as i32, y), units(RADIUS as i32), colour.filled()))
                .map_err(refused)?;
            let style = text(12, MUTED).pos(centred(HPos::Left, VPos::Center));
            let beside = at(place + 2 * RADIUS as i32 + 6, y);
            area.draw(&Text::new(name, beside, style)).map_err(refused)?;
        }
        for (place, (row, name)) in rows.iter().zip(&names).enumerate() {
            let y = top + STEP * place as u32 + STEP / 2;
            let style = text(13, INK).pos(centred(HPos::Right, VPos::Center));
            area.draw(&Text::new(name.as_str(), at(left as i32 - 12, y), style)).map_err(refused)?;
            let line = vec![at(left as i32, y), at((left + LENGTH) as i32, y)];
            area.draw(&PathElement::new(line, stroke(GRID, 1))).map_err(refused)?;
            // The first series last, so that it lies on top.
            for (value, colour) in row.values.iter().zip(SERIES).rev() {
                let Some(value) = *value else { continue };
                area.draw(&Circle::new(at(x(value), y), units(RADIUS as i32), colour.filled()))
                    .map_err(refused)?;
            }
        }
        Ok(())
    })?;
    chart::write_png(path, &drawing)
}

fn check(series: &[&str], rows: &[DotRow], mark: f64) -> Result<(), ReportError> {
    let values = || rows.iter().flat_map(|row| row.values.iter().copied().flatten());
    if values().next().is_none() {
        return Err(ReportError::Nothing { what: "dots" });
    }
    if series.len() > SERIES.len() {
        let (got, most) = (series.len(), SERIES.len());
        return Err(ReportError::Chart(format!("there are {got} series of dots; give at most {most}")));
    }
    if let Some(row) = rows.iter().find(|row| row.values.len() != series.len()) {
        let (got, expected) = (vec![row.values.len()], vec![series.len()]);
        return Err(ReportError::Shape { what: "values of a row of dots", got, expected });
    }
    check_finite("dot", values().chain([mark]))?;
    if let Some(value) = values().chain([mark]).find(|value| *value <= 0.0) {
        return Err(ReportError::Chart(format!(
            "a dot at {value} has no place on a logarithmic axis; give values above 0"
        )));
    }
    Ok(())
}
