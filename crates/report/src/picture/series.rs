//! Draws series with their reconstructions, and shades the error between them.

use crate::chart::{self, Area, INK, SERIES, axes, faint, refused, stroke, text, units};
use crate::error::ReportError;
use crate::picture::check_finite;
use crate::scale::Scale;
use ndarray::{ArrayView1, ArrayView2};
use plotters::prelude::{LineSeries, PathElement, Polygon, Rectangle, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Size of one panel and height of the legend above, in pixels.
const PANEL: (u32, u32) = (340, 220);
pub(super) const LEGEND: u32 = 34;
const COLUMNS: usize = 3;

/// Draws a panel with a title for each pair, three per row: the original series, its reconstruction, and the
/// area between them shaded. `originals` and `reconstructions` are `[N, T]`; all panels share one scale.
///
/// # Errors
/// No series, arguments of different sizes, or a value that is not finite.
pub fn series_pairs<T: AsRef<str>>(
    path: &Path,
    originals: ArrayView2<f32>,
    reconstructions: ArrayView2<f32>,
    titles: &[T],
) -> Result<(), ReportError> {
    if originals.is_empty() {
        return Err(ReportError::Nothing { what: "series" });
    }
    if reconstructions.dim() != originals.dim() {
        let (got, expected) = (reconstructions.shape().to_vec(), originals.shape().to_vec());
        return Err(ReportError::Shape { what: "reconstructions", got, expected });
    }
    if titles.len() != originals.nrows() {
        let (got, expected) = (vec![titles.len()], vec![originals.nrows()]);
        return Err(ReportError::Shape { what: "titles", got, expected });
    }
    check_finite("value of the originals", originals.iter().map(|&v| v.into()))?;
    check_finite("value of the reconstructions", reconstructions.iter().map(|&v| v.into()))?;

    let range = Scale::around(originals.iter().chain(reconstructions.iter()).map(|&v| f64::from(v)));
    let columns = originals.nrows().min(COLUMNS);
    let rows = originals.nrows().div_ceil(columns);
    // A single panel is narrower than the legend.
    let size = ((PANEL.0 * columns as u32).max(400), LEGEND + PANEL.1 * rows as u32);
    let drawing = chart::svg(size, |area| {
        let (top, panels) = area.split_vertically(units(LEGEND));
        legend(&top)?;
        for (index, panel) in panels.split_evenly((rows, columns)).iter().enumerate() {
            if let Some(title) = titles.get(index) {
                pair(panel, title.as_ref(), originals.row(index), reconstructions.row(index), range)?;
            }
        }
        Ok(())
    })?;
    chart::write_png(path, &drawing)
}

pub(super) fn pair(
    area: &Area<'_>,
    title: &str,
    original: ArrayView1<f32>,
    reconstruction: ArrayView1<f32>,
    range: Scale,
) -> Result<(), ReportError> {
    let [blue, orange, ..] = SERIES;
    let end = (original.len() as f64 - 1.0).max(1.0);
    let mut axes = axes(area, title, (Scale::between(0.0, end), ""), (range, ""))?;
    let points = |series: ArrayView1<f32>| -> Vec<(f64, f64)> {
        series.iter().enumerate().map(|(time, &value)| (time as f64, f64::from(value))).collect()
    };
    let (upper, lower) = (points(original), points(reconstruction));
    let outline: Vec<_> = upper.iter().chain(lower.iter().rev()).copied().collect();
    axes.draw_series([Polygon::new(outline, faint(orange, 0.25))]).map_err(refused)?;
    axes.draw_series(LineSeries::new(upper, stroke(blue, 2))).map_err(refused)?;
    axes.draw_series(LineSeries::new(lower, stroke(orange, 2))).map_err(refused)?;
    Ok(())
}

pub(super) fn legend(area: &Area<'_>) -> Result<(), ReportError> {
    let [blue, orange, ..] = SERIES;
    let label = text(13, INK).pos(Pos::new(HPos::Left, VPos::Center));
    let at = |x: i32, y: i32| (units(x), units(LEGEND as i32 / 2 + y));
    let line = |x: i32| vec![at(x, 0), at(x + 22, 0)];
    area.draw(&PathElement::new(line(52), stroke(blue, 3))).map_err(refused)?;
    area.draw(&Text::new("original", at(80, 0), label.clone())).map_err(refused)?;
    area.draw(&PathElement::new(line(156), stroke(orange, 3))).map_err(refused)?;
    area.draw(&Text::new("reconstruction", at(184, 0), label.clone())).map_err(refused)?;
    let corners = [at(304, -6), at(326, 6)];
    area.draw(&Rectangle::new(corners, faint(orange, 0.25).filled())).map_err(refused)?;
    area.draw(&Text::new("error", at(332, 0), label)).map_err(refused)?;
    Ok(())
}
