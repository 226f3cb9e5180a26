//! Draws two-dimensional codes, coloured by label.

use crate::chart::{self, INK, MUTED, SERIES, axes, faint, refused, shortened, text, units};
use crate::error::ReportError;
use crate::picture::check_finite;
use crate::scale::Scale;
use ndarray::ArrayView2;
use plotters::prelude::{Circle, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

const SIZE: (u32, u32) = (760, 640);
const LEGEND: u32 = 150;
/// Characters of a label that fit into the legend.
const MAX_LETTERS: usize = 14;
const OTHERS: RGBColor = RGBColor(0xB8, 0xBE, 0xC5);

/// Draws points `[N, 2]`, each with a label. The first ten labels (numbers in ascending order, then words)
/// have a colour each; the rest are grey.
///
/// # Errors
/// No points, arguments of different sizes, or a value that is not finite.
pub fn scatter<L: Display>(path: &Path, points: ArrayView2<f32>, labels: &[L]) -> Result<(), ReportError> {
    if points.is_empty() {
        return Err(ReportError::Nothing { what: "points" });
    }
    if points.ncols() != 2 || labels.len() != points.nrows() {
        let (got, expected) = (points.shape().to_vec(), vec![labels.len(), 2]);
        return Err(ReportError::Shape { what: "points", got, expected });
    }
    check_finite("coordinate", points.iter().map(|&v| v.into()))?;
    let labels: Vec<String> = labels.iter().map(|label| label.to_string()).collect();
    let legend = colours(&labels);
    let range = |axis: usize| Scale::around(points.column(axis).iter().map(|&v| f64::from(v)));
    // Many points hide each other; smaller, fainter points show their density.
    let (radius, opacity) = match labels.len() {
        0..500 => (4, 0.8),
        500..5000 => (3, 0.6),
        _ => (2, 0.5),
    };
    let drawing = chart::svg(SIZE, |area| {
        let (plot, side) = area.split_horizontally(units(SIZE.0 - LEGEND));
        let mut axes = axes(&plot, "", (range(0), "first latent"), (range(1), "second latent"))?;
        let dots = points.outer_iter().zip(&labels).map(|(point, label)| {
            let colour = legend.get(label).map_or(OTHERS, |(_, colour)| *colour);
            Circle::new((point[0].into(), point[1].into()), units(radius), faint(colour, opacity).filled())
        });
        axes.draw_series(dots).map_err(refused)?;

        let mut rows: Vec<(usize, String, RGBColor)> =
            legend.iter().map(|(label, (place, colour))| (*place, label.clone(), *colour)).collect();
        rows.sort_by_key(|row| row.0);
        if labels.iter().any(|label| !legend.contains_key(label)) {
            rows.push((rows.len(), "others".into(), OTHERS));
        }
        for (place, label, colour) in rows {
            let middle = 24 + 24 * place as i32;
            legend_row(&side, middle, &label, colour)?;
        }
        let count = format!("n = {}", crate::number::grouped(labels.len() as u64));
        let below = (units(4), units(SIZE.1 as i32 - 54));
        side.draw(&Text::new(count, below, text(12, MUTED))).map_err(refused)
    })?;
    chart::write_png(path, &drawing)
}

fn legend_row(side: &chart::Area<'_>, middle: i32, label: &str, colour: RGBColor) -> Result<(), ReportError> {
    let style = text(13, INK).pos(Pos::new(HPos::Left, VPos::Center));
    let at = |x: i32, y: i32| (units(x), units(middle + y));
    side.draw(&Rectangle::new([at(4, -6), at(16, 6)], colour.filled())).map_err(refused)?;
    side.draw(&Text::new(shortened(label, MAX_LETTERS), at(24, 0), style)).map_err(refused)
}

/// Position in the legend and colour of the first ten labels.
fn colours(labels: &[String]) -> BTreeMap<String, (usize, RGBColor)> {
    let mut distinct: Vec<&String> = labels.iter().collect();
    let number = |label: &String| label.parse::<f64>().unwrap_or(f64::INFINITY);
    distinct.sort_by(|left, right| number(left).total_cmp(&number(right)).then_with(|| left.cmp(right)));
    distinct.dedup();
    let places = distinct.into_iter().zip(SERIES).enumerate();
    places.map(|(place, (label, colour))| (label.clone(), (place, colour))).collect()
}
