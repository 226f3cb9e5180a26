//! Draws maps of the same samples side by side: codes, and what a simpler method makes of the same data.

use crate::chart::{self, INK, MUTED, SERIES, axes, faint, refused, shortened, text, units};
use crate::error::ReportError;
use crate::explore::{Exploration, Samples, Scatter, ScatterMap};
use crate::picture::check_finite;
use crate::scale::{Scale, bounds};
use ndarray::{Array2, ArrayView1};
use plotters::prelude::{Circle, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};
use std::collections::BTreeMap;
use std::path::Path;

/// Size of a panel; its plot is square.
const PANEL: (u32, u32) = (450, 446);
const LEGEND: u32 = 150;
/// Characters of a label that fit into the legend.
const MAX_LETTERS: usize = 14;
const OTHERS: RGBColor = RGBColor(0xB8, 0xBE, 0xC5);
/// Samples that are shown when a reader points at them, at most, and the most values of all these images together: they
/// are part of the page.
const MAX_SAMPLES: usize = 1000;
const MAX_PIXELS: usize = 1_200_000;

/// A map of [`maps`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    /// The title above the map.
    pub title: String,
    /// Names of the horizontal and the vertical axis.
    pub axes: [String; 2],
    /// The place of each sample, `[N, 2]`.
    pub points: Array2<f32>,
}

/// What is known about each of the samples of [`maps`].
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    /// A label for each, or nothing.
    pub labels: &'a [String],
    /// The name of a figure, and its value for each, such as the error of its reconstruction.
    pub figures: Option<(&'a str, ArrayView1<'a, f32>)>,
    /// The samples themselves.
    pub samples: Option<Samples<'a>>,
}

/// Draws maps of `N` samples side by side, a unit as long on both axes of a map, coloured by label: the first ten labels
/// (numbers in ascending order, then words) have a colour each, the rest are grey. In a report, the reader can point at a
/// sample to see it in all maps, and colour by the figure; of more than a thousand samples, evenly spaced ones are kept for
/// that.
///
/// # Errors
/// No maps or points, arguments of different sizes, or a value that is not finite.
pub fn maps(path: &Path, maps: &[Map], about: About<'_>) -> Result<(), ReportError> {
    let n = check(maps, about)?;
    let colours = colours(about.labels);
    // Many points hide each other; smaller, fainter points show their density.
    let (radius, opacity) = match n {
        0..500 => (4, 0.8),
        500..5000 => (3, 0.6),
        _ => (2, 0.5),
    };
    let width = PANEL.0 * maps.len() as u32;
    let side = if about.labels.is_empty() { 90 } else { LEGEND };
    let drawing = chart::svg((width + side, PANEL.1), |area| {
        let (left, side) = area.split_horizontally(units(width));
        for (map, panel) in maps.iter().zip(left.split_evenly((1, maps.len()))) {
            let [across, up] = equal_scales(map);
            let [x_name, y_name] = &map.axes;
            let mut axes = axes(&panel, &map.title, (across, x_name), (up, y_name))?;
            let dots = map.points.outer_iter().enumerate().map(|(row, point)| {
                let colour = match about.labels.get(row) {
                    Some(label) => colours.get(label).map_or(OTHERS, |(_, colour)| *colour),
                    None => SERIES[0],
                };
                Circle::new(
                    (point[0].into(), point[1].into()),
                    units(radius),
                    faint(colour, opacity).filled(),
                )
            });
            axes.draw_series(dots).map_err(refused)?;
        }
        let mut rows: Vec<(usize, &str, RGBColor)> =
            colours.iter().map(|(label, (place, colour))| (*place, label.as_str(), *colour)).collect();
        rows.sort_by_key(|row| row.0);
        if about.labels.iter().any(|label| !colours.contains_key(label)) {
            rows.push((rows.len(), "others", OTHERS));
        }
        for (place, label, colour) in rows {
            legend_row(&side, 30 + 24 * place as i32, label, colour)?;
        }
        let count = format!("n = {}", crate::number::grouped(n as u64));
        let below = (units(4), units(PANEL.1 as i32 - 54));
        side.draw(&Text::new(count, below, text(12, MUTED))).map_err(refused)
    })?;
    chart::write_png(path, &drawing)?;
    Exploration::Scatter(explored(maps, about, &colours)?).write(path)
}

fn check(maps: &[Map], about: About<'_>) -> Result<usize, ReportError> {
    let n = maps.first().map_or(0, |map| map.points.nrows());
    if n == 0 {
        return Err(ReportError::Nothing { what: "points" });
    }
    let wrong = |what, got: &[usize], expected: &[usize]| {
        let (got, expected) = (got.to_vec(), expected.to_vec());
        if got == expected { Ok(()) } else { Err(ReportError::Shape { what, got, expected }) }
    };
    for map in maps {
        wrong("points", map.points.shape(), &[n, 2])?;
        check_finite("coordinate", map.points.iter().map(|&value| value.into()))?;
    }
    if !about.labels.is_empty() {
        wrong("labels", &[about.labels.len()], &[n])?;
    }
    if let Some((_, figures)) = about.figures {
        wrong("figures", figures.shape(), &[n])?;
        check_finite("figure", figures.iter().map(|&value| value.into()))?;
    }
    about.samples.map_or(Ok(()), |samples| wrong("samples", &[samples.len()], &[n]))?;
    Ok(n)
}

/// Scales around the points, of the same length, so that distances and angles are true in a square plot.
fn equal_scales(map: &Map) -> [Scale; 2] {
    let ends = [0, 1].map(|axis| {
        bounds(map.points.column(axis).iter().map(|&value| f64::from(value))).unwrap_or((0.0, 1.0))
    });
    let length = ends.iter().map(|(low, high)| high - low).fold(0.0, f64::max).max(1e-30);
    ends.map(|(low, high)| {
        let middle = low / 2.0 + high / 2.0;
        Scale::between(middle - 0.53 * length, middle + 0.53 * length)
    })
}

fn legend_row(side: &chart::Area<'_>, middle: i32, label: &str, colour: RGBColor) -> Result<(), ReportError> {
    let style = text(13, INK).pos(Pos::new(HPos::Left, VPos::Center));
    let at = |x: i32, y: i32| (units(x), units(middle + y));
    side.draw(&Rectangle::new([at(4, -6), at(16, 6)], colour.filled())).map_err(refused)?;
    side.draw(&Text::new(shortened(label, MAX_LETTERS), at(24, 0), style)).map_err(refused)
}

/// Labels in order, numbers first.
fn distinct(labels: &[String]) -> Vec<&String> {
    let mut distinct: Vec<&String> = labels.iter().collect();
    let number = |label: &String| label.parse::<f64>().unwrap_or(f64::INFINITY);
    distinct.sort_by(|left, right| number(left).total_cmp(&number(right)).then_with(|| left.cmp(right)));
    distinct.dedup();
    distinct
}

/// Position in the legend and colour of the first ten labels.
fn colours(labels: &[String]) -> BTreeMap<String, (usize, RGBColor)> {
    let places = distinct(labels).into_iter().zip(SERIES).enumerate();
    places.map(|(place, (label, colour))| (label.clone(), (place, colour))).collect()
}

/// The data for the script: of many samples, evenly spaced ones.
fn explored(
    maps: &[Map],
    about: About<'_>,
    colours: &BTreeMap<String, (usize, RGBColor)>,
) -> Result<Scatter, ReportError> {
    let n = maps[0].points.nrows();
    let size = match about.samples {
        Some(Samples::Images(images)) => images.len() / n,
        _ => 0,
    };
    let most = MAX_SAMPLES.min(MAX_PIXELS / size.max(1)).max(1);
    let kept: Vec<usize> = (0..n).step_by(n.div_ceil(most)).collect();
    let mut labels: Vec<String> = distinct(about.labels).into_iter().take(colours.len()).cloned().collect();
    let others = labels.len();
    let label = |row: &usize| colours.get(&about.labels[*row]).map_or(others, |(place, _)| *place);
    let label: Vec<usize> =
        if about.labels.is_empty() { Vec::new() } else { kept.iter().map(label).collect() };
    if label.contains(&others) {
        labels.push("others".into());
    }
    let rows = |array: &Array2<f32>| array.select(ndarray::Axis(0), &kept).into_iter().map(rounded).collect();
    let samples = match about.samples {
        Some(Samples::Images(images)) => {
            Some(Samples::Images(images.select(ndarray::Axis(0), &kept).view()).thumbnails()?)
        }
        Some(Samples::Rows(series)) => {
            Some(Samples::Rows(series.select(ndarray::Axis(0), &kept).view()).thumbnails()?)
        }
        None => None,
    };
    let map = |map: &Map| {
        let [x, y] = map.axes.clone();
        ScatterMap { title: map.title.clone(), x, y, points: rows(&map.points) }
    };
    let (figure, figures) = match about.figures {
        Some((name, figures)) => (name.to_string(), kept.iter().map(|&row| rounded(figures[row])).collect()),
        None => (String::new(), Vec::new()),
    };
    let maps = maps.iter().map(map).collect();
    Ok(Scatter { maps, labels, label, figure, figures, samples })
}

/// To five digits, more than a screen shows.
fn rounded(value: f32) -> f32 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_unit_is_as_long_on_both_axes() {
        let points = array![[0.0, -1.0], [10.0, 1.0], [5.0, 0.0]];
        let [across, up] = equal_scales(&Map { points, ..Map::default() });
        let length = |scale: Scale| 1.0 / (scale.share(1.0) - scale.share(0.0));
        assert!((length(across) - length(up)).abs() < 1e-9, "{across:?} {up:?}");
        assert!((up.share(0.0) - 0.5).abs() < 1e-9, "the shorter axis is centred");
    }

    #[test]
    fn labels_beyond_the_tenth_are_others() {
        let labels: Vec<String> = (0..12).rev().map(|label: i32| label.to_string()).collect();
        let points = Array2::from_shape_fn((12, 2), |(row, axis)| (row * (axis + 1)) as f32);
        let map = Map { points, ..Map::default() };
        let about = About { labels: &labels, ..About::default() };
        let scatter = explored(&[map], about, &colours(&labels)).unwrap();
        assert_eq!(scatter.labels.join(" "), "0 1 2 3 4 5 6 7 8 9 others");
        assert_eq!(scatter.label, [10, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    }
}
