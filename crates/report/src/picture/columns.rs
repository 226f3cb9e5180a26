//! Draws rows of a table with their reconstructions, column by column: no line joins what has no order.

use crate::chart::{self, Area, GRID, INK, MUTED, SERIES, faint, fitting, refused, stroke, text, units};
use crate::error::ReportError;
use crate::number;
use crate::picture::check_finite;
use crate::scale::Scale;
use ae_records::text::one_line;
use plotters::prelude::{Circle, PathElement, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Widths of a panel's parts: the name of a column, its range, its figures.
const NAME: u32 = 130;
const RANGE: u32 = 150;
const FIGURES: u32 = 156;
const MARGIN: u32 = 14;
/// From one column of the table to the next.
const STEP: u32 = 22;
/// The title of a panel.
const HEAD: u32 = 30;
const LEGEND: u32 = 30;
const PANELS: usize = 3;

/// A column of the table, for [`table_rows`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// The least and the greatest value of the training rows.
    pub range: (f64, f64),
}

/// A row of the table, for [`table_rows`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableRow {
    /// What stands above it.
    pub title: String,
    /// The value of each column; `None` if it was not observed.
    pub values: Vec<Option<f64>>,
    /// Its reconstruction, in the same units.
    pub reconstruction: Vec<f64>,
}

/// Draws a panel for each row, three beside one another: a line for each column, with the range of its values, the value of
/// the row (a dot), its reconstruction (a ring), and both as numbers.
///
/// # Errors
/// No rows or columns, rows of another length than the columns, or a value that is not finite.
pub fn table_rows(path: &Path, columns: &[TableColumn], rows: &[TableRow]) -> Result<(), ReportError> {
    if columns.is_empty() || rows.is_empty() {
        return Err(ReportError::Nothing { what: "rows of a table" });
    }
    for row in rows {
        let got = vec![row.values.len(), row.reconstruction.len()];
        if got != [columns.len(); 2] {
            return Err(ReportError::Shape {
                what: "values of a row",
                got,
                expected: vec![columns.len(); 2],
            });
        }
    }
    check_finite("end of a range", columns.iter().flat_map(|column| [column.range.0, column.range.1]))?;
    check_finite("value", rows.iter().flat_map(|row| row.values.iter().flatten().copied()))?;
    check_finite(
        "value of the reconstructions",
        rows.iter().flat_map(|row| row.reconstruction.iter().copied()),
    )?;
    let width = NAME + RANGE + FIGURES + 3 * MARGIN;
    let height = HEAD + STEP * columns.len() as u32 + MARGIN;
    let across = rows.len().min(PANELS);
    let down = rows.len().div_ceil(across);
    let size = (width * across as u32, LEGEND + height * down as u32);
    let drawing = chart::svg(size, |area| {
        legend(area)?;
        for (index, row) in rows.iter().enumerate() {
            let left = width as i32 * (index % across) as i32 + MARGIN as i32;
            let top = (LEGEND + height * (index / across) as u32) as i32;
            let style = text(14, INK).pos(Pos::new(HPos::Left, VPos::Center));
            let title = fitting(&one_line(&row.title), &style, width - 2 * MARGIN)?;
            area.draw(&Text::new(title, (units(left), units(top + 14)), style)).map_err(refused)?;
            for (place, column) in columns.iter().enumerate() {
                let middle = top + (HEAD + STEP * place as u32 + STEP / 2) as i32;
                line(area, column, row.values[place], row.reconstruction[place], (left, middle))?;
            }
        }
        Ok(())
    })?;
    chart::write_png(path, &drawing)
}

/// One column of one row.
fn line(
    area: &Area<'_>,
    column: &TableColumn,
    value: Option<f64>,
    reconstruction: f64,
    (left, middle): (i32, i32),
) -> Result<(), ReportError> {
    let style = text(12, INK).pos(Pos::new(HPos::Right, VPos::Center));
    let name = fitting(&one_line(&column.name), &style, NAME)?;
    let (start, y) = (left + NAME as i32 + 10, units(middle));
    area.draw(&Text::new(name, (units(start - 10), y), style)).map_err(refused)?;
    let scale = Scale::between(column.range.0, column.range.1);
    // What lies beyond the range stands just outside of it.
    let x = |value: f64| {
        units(start) + (f64::from(units(RANGE as i32)) * scale.share(value).clamp(-0.04, 1.04)) as i32
    };
    let axis = vec![(units(start), y), (units(start + RANGE as i32), y)];
    area.draw(&PathElement::new(axis, stroke(GRID, 2))).map_err(refused)?;
    let [blue, orange, ..] = SERIES;
    if let Some(value) = value {
        let error = vec![(x(value), y), (x(reconstruction), y)];
        area.draw(&PathElement::new(error, faint(orange, 0.35).stroke_width(units(5)))).map_err(refused)?;
        area.draw(&Circle::new((x(value), y), units(4), blue.filled())).map_err(refused)?;
    }
    area.draw(&Circle::new((x(reconstruction), y), units(4), stroke(orange, 2))).map_err(refused)?;
    let value = value.map_or_else(|| "not observed".to_owned(), number::short);
    let figures = format!("{value} → {}", number::short(reconstruction));
    let style = text(11, MUTED).pos(Pos::new(HPos::Left, VPos::Center));
    let figures = fitting(&figures, &style, FIGURES)?;
    area.draw(&Text::new(figures, (units(start + RANGE as i32 + 14), y), style)).map_err(refused)
}

fn legend(area: &Area<'_>) -> Result<(), ReportError> {
    let [blue, orange, ..] = SERIES;
    let middle = units(LEGEND as i32 / 2);
    let words = |words: &str, x: i32| {
        let style = text(13, INK).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(words.to_owned(), (units(x), middle), style)).map_err(refused)
    };
    let left = MARGIN as i32;
    area.draw(&Circle::new((units(left + 6), middle), units(4), blue.filled())).map_err(refused)?;
    words("value", left + 18)?;
    area.draw(&Circle::new((units(left + 76), middle), units(4), stroke(orange, 2))).map_err(refused)?;
    words("reconstruction", left + 88)?;
    let range = vec![(units(left + 206), middle), (units(left + 236), middle)];
    area.draw(&PathElement::new(range, stroke(GRID, 2))).map_err(refused)?;
    words("range in training", left + 244)
}
