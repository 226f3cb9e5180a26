//! Draws series over a shared axis of time, one strip below the other, with what is normal and when it was not.

use crate::chart::{self, Area, INK, MUTED, SERIES, axes_labelled, faint, refused, stroke, text, units};
use crate::clock;
use crate::error::ReportError;
use crate::number;
use crate::picture::check_finite;
use crate::scale::Scale;
use ae_records::text::one_line;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::{Circle, DashedLineSeries, LineSeries, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};
use std::path::Path;

const WIDTH: u32 = 860;
/// Height of a strip, and of a row of names below all.
const STRIP: u32 = 190;
const LEGEND: u32 = 30;
/// Room for the line or shade before a name, and beside the first.
const KEY: i32 = 28;
const MARGIN: i32 = 12;
/// Characters of a name that are shown.
const MAX_LETTERS: usize = 60;
/// A line of at most this many points has a dot at each point.
const FEW: usize = 12;
/// Colours of the span, the peak and the threshold.
const EVENT: RGBColor = SERIES[3];
const NORMAL: RGBColor = SERIES[2];

/// What the values of the horizontal axis of a [`Timeline`] are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// Numbers.
    #[default]
    None,
    /// Seconds since 1970, which are written as dates and times of the day.
    Dates,
    /// Seconds since a midnight, which are written as times of the day.
    Clock,
}

/// Strips over a shared horizontal axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// The quantity of the horizontal axis and its unit.
    pub x_name: String,
    /// How its values are written.
    pub times: Times,
    /// The group that the lines are of, such as a machine; the range of normal values is that of all groups then.
    pub group: Option<String>,
    /// From where to where the event goes on: shaded in every strip.
    pub event: Option<(f64, f64)>,
    /// Its peak: a vertical line in every strip.
    pub peak: Option<f64>,
    /// From top to bottom.
    pub strips: Vec<Strip>,
}

/// One strip of a [`Timeline`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Strip {
    /// The title above it.
    pub title: String,
    /// The quantity of the vertical axis and its unit.
    pub y_name: String,
    /// Whether the vertical axis is logarithmic; if so, points at or below zero are left out.
    pub logarithmic: bool,
    /// Name and points of each line. A name has the same colour in every strip.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
    /// A value with its name, such as a threshold: a dashed horizontal line.
    pub level: Option<(String, f64)>,
    /// The range of normal values: shaded.
    pub normal: Option<(f64, f64)>,
}

/// Draws strips over a shared horizontal axis, the names of the lines at the bottom.
///
/// # Errors
/// No strips, no points in any, or a value that is not finite.
pub fn timeline(path: &Path, timeline: &Timeline) -> Result<(), ReportError> {
    let Timeline { x_name, times, group, event, peak, strips } = timeline;
    let mut names: Vec<String> = Vec::new();
    for strip in strips {
        check_finite(
            "coordinate",
            strip.lines.iter().flat_map(|(_, points)| points).flat_map(|&(x, y)| [x, y]),
        )?;
        check_finite("level", strip.level.iter().map(|(_, value)| *value))?;
        check_finite("normal range", strip.normal.iter().flat_map(|&(low, high)| [low, high]))?;
        for (name, _) in &strip.lines {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    check_finite("place of the event", event.iter().flat_map(|&(start, end)| [start, end]).chain(*peak))?;
    let points = || strips.iter().flat_map(|strip| &strip.lines).flat_map(|(_, points)| points);
    if points().next().is_none() {
        return Err(ReportError::Nothing { what: "points" });
    }
    let across = Scale::around(points().map(|point| point.0));
    let across = if *times == Times::None { across } else { across.of_dates() };
    let length = across.range().end - across.range().start;
    let entries = entries(timeline, &names)?;
    let rows = entries.last().map_or(0, |entry| entry.row + 1);
    let height = STRIP * strips.len() as u32 + LEGEND * rows;
    let drawing = chart::svg((WIDTH, height), |area| {
        let (above, below) = area.split_vertically(units(STRIP * strips.len() as u32));
        for (place, (strip, area)) in strips.iter().zip(above.split_evenly((strips.len(), 1))).enumerate() {
            let x_label = |value: f64| match times {
                Times::None => number::tick(value),
                Times::Dates => clock::label(value, length),
                Times::Clock => clock::of_day(value, length),
            };
            let title = match group {
                Some(group) if place == 0 => format!("{group}: {}", strip.title),
                _ => strip.title.clone(),
            };
            let x_name = if place + 1 == strips.len() { x_name.as_str() } else { "" };
            draw_strip(&area, (strip, &title), (across, x_name), x_label, (*event, *peak), &names)?;
        }
        entries.iter().try_for_each(|entry| draw_entry(&below, entry))
    })?;
    chart::write_png(path, &drawing)
}

fn colour_of(name: &str, names: &[String]) -> RGBColor {
    // The colours of the event and of what is normal are left out.
    const LINES: [usize; 6] = [0, 1, 4, 5, 7, 9];
    let place = names.iter().position(|other| other == name).unwrap_or(0);
    SERIES[LINES[place % LINES.len()]]
}

fn draw_strip(
    area: &Area<'_>,
    (strip, title): (&Strip, &str),
    x: (Scale, &str),
    x_label: impl Fn(f64) -> String,
    (event, peak): (Option<(f64, f64)>, Option<f64>),
    names: &[String],
) -> Result<(), ReportError> {
    let is_shown = |y: f64| !strip.logarithmic || y > 0.0;
    let heights = strip.lines.iter().flat_map(|(_, points)| points).map(|point| point.1);
    let others = strip.level.iter().map(|(_, value)| *value);
    let ends = strip.normal.iter().flat_map(|&(low, high)| [low, high]);
    let heights = heights.chain(others).chain(ends);
    let up = if strip.logarithmic { Scale::logarithmic(heights) } else { Scale::around(heights) };
    let range = up.range();
    let (bottom, top) = (range.start, range.end);
    let sides = x.0.range();
    let within = |value: f64| value.clamp(sides.start, sides.end);
    let title = chart::fitting(&one_line(title), &text(14, INK), WIDTH - 2 * MARGIN as u32)?;
    let y_name = chart::shortened(&one_line(&strip.y_name), MAX_LETTERS / 2);
    let mut axes = axes_labelled(area, &title, x, (up, y_name.as_str()), x_label)?;
    if let Some((start, end)) = event {
        let shade =
            Rectangle::new([(within(start), bottom), (within(end), top)], faint(EVENT, 0.12).filled());
        axes.draw_series([shade]).map_err(refused)?;
    }
    if let Some((low, high)) = strip.normal.filter(|(low, high)| is_shown(*low) && is_shown(*high)) {
        let shade = Rectangle::new([(sides.start, low), (sides.end, high)], faint(NORMAL, 0.10).filled());
        axes.draw_series([shade]).map_err(refused)?;
    }
    if let Some(peak) = peak {
        let line = vec![(within(peak), bottom), (within(peak), top)];
        axes.draw_series(LineSeries::new(line, stroke(EVENT, 1))).map_err(refused)?;
    }
    if let Some((_, level)) = strip.level.as_ref().filter(|(_, level)| is_shown(*level)) {
        let line = vec![(sides.start, *level), (sides.end, *level)];
        let dashed = DashedLineSeries::new(line, units(6), units(4), stroke(EVENT, 2));
        axes.draw_series(dashed).map_err(refused)?;
    }
    for (name, points) in &strip.lines {
        let colour = colour_of(name, names);
        let points: Vec<(f64, f64)> = points.iter().copied().filter(|&(_, y)| is_shown(y)).collect();
        if points.len() <= FEW {
            let dots = points.iter().map(|&point| Circle::new(point, units(3), colour.filled()));
            axes.draw_series(dots).map_err(refused)?;
        }
        axes.draw_series(LineSeries::new(points, stroke(colour, 2))).map_err(refused)?;
    }
    Ok(())
}

/// A name in the legend, and where it stands.
struct Entry {
    name: String,
    colour: RGBColor,
    is_shade: bool,
    row: u32,
    left: i32,
}

/// The names of all lines, levels and shades, from left to right in as many rows as they need.
fn entries(timeline: &Timeline, names: &[String]) -> Result<Vec<Entry>, ReportError> {
    let mut all: Vec<(String, RGBColor, bool)> =
        names.iter().map(|name| (name.clone(), colour_of(name, names), false)).collect();
    let levels = timeline.strips.iter().filter_map(|strip| strip.level.as_ref());
    for (name, _) in levels {
        if !all.iter().any(|(other, ..)| other == name) {
            all.push((name.clone(), EVENT, false));
        }
    }
    if timeline.strips.iter().any(|strip| strip.normal.is_some()) {
        let of_all = if timeline.group.is_some() { " of all groups" } else { "" };
        all.push((format!("training rows{of_all}"), NORMAL, true));
    }
    if timeline.event.is_some() {
        let peak = if timeline.peak.is_some() { "event and its peak" } else { "event" };
        all.push((peak.into(), EVENT, true));
    }
    let (mut entries, mut row, mut left) = (Vec::new(), 0, MARGIN);
    for (name, colour, is_shade) in all {
        let name = chart::shortened(&one_line(&name), MAX_LETTERS);
        let width = KEY + chart::widest(&text(12, MUTED), &[&name])? as i32;
        if left > MARGIN && left + width > WIDTH as i32 - MARGIN {
            (row, left) = (row + 1, MARGIN);
        }
        entries.push(Entry { name, colour, is_shade, row, left });
        left += width + 20;
    }
    Ok(entries)
}

fn draw_entry(area: &Area<'_>, entry: &Entry) -> Result<(), ReportError> {
    let Entry { name, colour, is_shade, row, left } = entry;
    let middle = units((LEGEND * row) as i32 + LEGEND as i32 / 2);
    let (from, to) = (units(*left), units(left + KEY - 6));
    if *is_shade {
        let half = units(6);
        let shade =
            Rectangle::new([(from, middle - half), (to, middle + half)], faint(*colour, 0.3).filled());
        area.draw(&shade).map_err(refused)?;
    } else {
        let line = vec![(from, middle), (to, middle)];
        area.draw(&PathElement::new(line, stroke(*colour, 3))).map_err(refused)?;
    }
    let label = text(12, INK).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw(&Text::new(name.as_str(), (units(left + KEY), middle), label)).map_err(refused)
}
