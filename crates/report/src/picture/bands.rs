//! Draws lines with their spread as a band, over a logarithmic axis.

use crate::chart::{self, SERIES, axes, faint, refused, stroke, units};
use crate::error::ReportError;
use crate::picture::check_finite;
use crate::scale::Scale;
use plotters::chart::SeriesLabelPosition;
use plotters::prelude::{Circle, LineSeries, PathElement, Polygon};
use plotters::style::Color;
use std::path::Path;

const SIZE: (u32, u32) = (620, 380);

/// One line of [`bands`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band {
    /// Name in the legend.
    pub name: String,
    /// Points `(x, y, spread)` in ascending order of `x`, which must be above zero; the band is `y ± spread`.
    pub points: Vec<(f64, f64, f64)>,
}

/// Draws lines over a logarithmic `x` axis, each in a band of `y ± spread`.
///
/// # Errors
/// No points, an `x` that is not above zero, or a value that is not finite.
pub fn bands(path: &Path, x_name: &str, y_name: &str, bands: &[Band]) -> Result<(), ReportError> {
    let points = || bands.iter().flat_map(|band| &band.points);
    check_finite("coordinate", points().flat_map(|&(x, y, spread)| [x.ln(), y, spread]))?;
    if points().next().is_none() {
        return Err(ReportError::Nothing { what: "points" });
    }
    let drawing = chart::svg(SIZE, |area| {
        let x = Scale::logarithmic(points().map(|point| point.0));
        let y = Scale::around(points().flat_map(|&(_, y, spread)| [y - spread, y + spread]));
        let mut axes = axes(area, "", (x, x_name), (y, y_name))?;
        for (band, colour) in bands.iter().zip(SERIES.into_iter().cycle()) {
            let above = band.points.iter().map(|&(x, y, spread)| (x, y + spread));
            let below = band.points.iter().rev().map(|&(x, y, spread)| (x, y - spread));
            let outline: Vec<(f64, f64)> = above.chain(below).collect();
            axes.draw_series([Polygon::new(outline, faint(colour, 0.2))]).map_err(refused)?;
            let line = || band.points.iter().map(|&(x, y, _)| (x, y));
            let series = axes.draw_series(LineSeries::new(line(), stroke(colour, 2))).map_err(refused)?;
            series
                .label(band.name.as_str())
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + units(16), y)], stroke(colour, 2)));
            let dots = line().map(|point| Circle::new(point, units(3), colour.filled()));
            axes.draw_series(dots).map_err(refused)?;
        }
        chart::legend(&mut axes, SeriesLabelPosition::UpperRight)
    })?;
    chart::write_png(path, &drawing)
}
