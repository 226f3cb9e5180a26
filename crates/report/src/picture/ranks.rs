//! Draws the mean ranks of methods and which methods do not differ: the critical-difference diagram of Demšar
//! ("Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006, figure 1).

use crate::chart::{self, Area, INK, MUTED, SERIES, refused, shortened, stroke, text, units, widest};
use crate::error::ReportError;
use crate::number;
use crate::picture::check_finite;
use ae_records::text::one_line;
use plotters::prelude::{Circle, PathElement, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};
use std::ops::Range;
use std::path::Path;

/// Length of the axis.
const LENGTH: u32 = 440;
const MARGIN: u32 = 12;
/// Height of the text above the line of the critical difference.
const CAPTION: u32 = 18;
/// From that line to the axis, with the labels of the axis between them.
const ABOVE_AXIS: u32 = 38;
/// From the axis to the first bar, from one bar to the next, and from the last to the first name.
const TO_BAR: u32 = 11;
const BAR_STEP: u32 = 8;
const TO_NAME: u32 = 14;
const BAR_WIDTH: u32 = 4;
/// How far a bar reaches beyond its first and last method.
const OVERHANG: f64 = 2.0;
/// Bars that are nearer than this stand below each other, so that they do not look like one.
const BAR_GAP: f64 = 8.0;
/// From one name to the next.
const STEP: u32 = 22;
/// From the end of the axis to the mean ranks, and from a mean rank to the name.
const GAP: u32 = 14;
const NAME_GAP: u32 = 10;
/// Characters of a name that are shown.
const MAX_LETTERS: usize = 40;
/// More labels than this on the axis would touch.
const MAX_TICKS: usize = 20;
const TICK: f64 = 4.0;
const AXIS_NAME: &str = "mean rank, 1 is best";

/// One method of [`critical_difference`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RankedMethod {
    /// Its name.
    pub name: String,
    /// Mean of its ranks over the data sets, from 1, the best, to the number of methods.
    pub mean_rank: f64,
}

/// Draws methods along an axis of mean ranks, with the best at the right as in Demšar's figure. The better half
/// has its names on the right and the worse half on the left. Thick bars join methods that do not differ, and
/// the line above the axis is as long as `difference`, the least difference of two mean ranks that is
/// significant. Each group is a range of places in the order of mean ranks, from 0, the best; methods of equal
/// rank keep the order of `methods`, which is otherwise free. `ae_metrics` computes all of it: `mean_ranks`,
/// `nemenyi_difference` and `groups_within`.
///
/// # Errors
/// Fewer than two methods, a rank that is not between 1 and the number of methods, a difference that is not
/// above 0, or a group that is not a range of at least two methods.
pub fn critical_difference(
    path: &Path,
    methods: &[RankedMethod],
    difference: f64,
    groups: &[Range<usize>],
) -> Result<(), ReportError> {
    check(methods, difference, groups)?;
    let mut order: Vec<&RankedMethod> = methods.iter().collect();
    order.sort_by(|left, right| left.mean_rank.total_cmp(&right.mean_rank));
    let names: Vec<String> = order.iter().map(|m| shortened(&one_line(&m.name), MAX_LETTERS)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let n_right = methods.len().div_ceil(2);
    let figures: Vec<String> = order.iter().map(|method| format!("{:.2}", method.mean_rank)).collect();
    let figures: Vec<&str> = figures.iter().map(String::as_str).collect();
    // Widths of the mean ranks and of the names on both sides.
    let [right_figures, left_figures] =
        [widest(&text(12, MUTED), &figures[..n_right])?, widest(&text(12, MUTED), &figures[n_right..])?];
    let [right_names, left_names] =
        [widest(&text(13, INK), &names[..n_right])?, widest(&text(13, INK), &names[n_right..])?];
    let axis_name = widest(&text(11, MUTED), &[AXIS_NAME])?;
    let left = MARGIN + left_names + NAME_GAP + left_figures + GAP;
    let right = GAP + axis_name.max(right_figures + NAME_GAP + right_names) + MARGIN;
    let axis = MARGIN + CAPTION + ABOVE_AXIS;
    let x = |rank: f64| rank_place(left.into(), rank, methods.len());
    let span = |group: &Range<usize>| {
        (x(order[group.end - 1].mean_rank) - OVERHANG, x(order[group.start].mean_rank) + OVERHANG)
    };
    let spans: Vec<(f64, f64)> = groups.iter().map(span).collect();
    let levels = levels(&spans);
    let n_levels = levels.iter().max().map_or(0, |level| level + 1) as u32;
    let first_name = axis + TO_BAR + BAR_STEP * n_levels + TO_NAME;
    let height = first_name + STEP * (n_right as u32 - 1) + STEP / 2 + MARGIN;
    let layout = Layout { left: left.into(), axis: axis.into(), first_name: first_name.into() };
    let drawing = chart::svg((left + LENGTH + right, height), |area| {
        layout.draw_axis(area, methods.len())?;
        layout.draw_difference(area, difference, methods.len())?;
        for (place, method) in order.iter().enumerate() {
            // The outermost method of each side comes first, so that no lines cross.
            let (side, row, figure_width) = if place < n_right {
                (Side::Right, place, right_figures)
            } else {
                (Side::Left, methods.len() - 1 - place, left_figures)
            };
            let words = (figures[place], figure_width, names[place]);
            layout.draw_method(area, words, x(method.mean_rank), (side, row))?;
        }
        for (&(start, end), &level) in spans.iter().zip(&levels) {
            let y = f64::from(axis + TO_BAR + BAR_STEP * level as u32);
            draw_line(area, &[(start, y), (end, y)], SERIES[0], BAR_WIDTH)?;
        }
        Ok(())
    })?;
    chart::write_png(path, &drawing)
}

fn check(methods: &[RankedMethod], difference: f64, groups: &[Range<usize>]) -> Result<(), ReportError> {
    let n_methods = methods.len();
    if n_methods < 2 {
        return Err(ReportError::Chart(format!("ranks compare at least 2 methods, got {n_methods}")));
    }
    check_finite("mean rank", methods.iter().map(|method| method.mean_rank))?;
    check_finite("critical difference", [difference])?;
    if let Some(method) = methods.iter().find(|m| !(1.0..=n_methods as f64).contains(&m.mean_rank)) {
        let RankedMethod { name, mean_rank } = method;
        return Err(ReportError::Chart(format!(
            "the method {name} has the mean rank {mean_rank}; give a rank from 1 to {n_methods}, the number of methods"
        )));
    }
    if difference <= 0.0 {
        let text = format!("the critical difference is {difference}; give a number above 0");
        return Err(ReportError::Chart(text));
    }
    if let Some(Range { start, end }) = groups.iter().find(|g| g.end > n_methods || g.len() < 2) {
        return Err(ReportError::Chart(format!(
            "the group {start}..{end} is not a range of at least two of {n_methods} methods"
        )));
    }
    Ok(())
}

/// The level of each bar below the axis, from 0: the first on which it is not near an earlier bar. A bar is given
/// by its ends.
fn levels(bars: &[(f64, f64)]) -> Vec<usize> {
    let mut levels: Vec<usize> = Vec::new();
    for &(start, end) in bars {
        let is_near = |other: &(f64, f64)| other.0 < end + BAR_GAP && start < other.1 + BAR_GAP;
        let is_taken = |level: usize| levels.iter().zip(bars).any(|(&l, other)| l == level && is_near(other));
        let level = (0..).find(|&level| !is_taken(level)).expect("a level without bars is free");
        levels.push(level);
    }
    levels
}

/// The place of a rank on an axis with this left end; the best is at the right.
fn rank_place(left: f64, rank: f64, n_methods: usize) -> f64 {
    let last = n_methods as f64;
    left + f64::from(LENGTH) * (last - rank) / (last - 1.0)
}

/// The side of the axis on which a name stands.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// Where the parts of the diagram are, in pixels.
struct Layout {
    /// The end of the axis for the worst rank.
    left: f64,
    /// Height of the axis.
    axis: f64,
    /// Height of the first row of names.
    first_name: f64,
}

impl Layout {
    /// The end of the axis for rank 1.
    fn right(&self) -> f64 {
        self.left + f64::from(LENGTH)
    }

    fn draw_axis(&self, area: &Area<'_>, n_methods: usize) -> Result<(), ReportError> {
        draw_line(area, &[(self.left, self.axis), (self.right(), self.axis)], INK, 1)?;
        for rank in (1..=n_methods).step_by(n_methods.div_ceil(MAX_TICKS)) {
            let x = rank_place(self.left, rank as f64, n_methods);
            draw_line(area, &[(x, self.axis - TICK), (x, self.axis)], INK, 1)?;
            let at = (x, self.axis - TICK - 2.0);
            draw_text(area, &rank.to_string(), at, (11, MUTED), (HPos::Center, VPos::Bottom))?;
        }
        let beside = (self.right() + f64::from(GAP), self.axis - TICK - 2.0);
        draw_text(area, AXIS_NAME, beside, (11, MUTED), (HPos::Left, VPos::Bottom))
    }

    /// The line that is as long as the critical difference, from the left end of the axis. One that is longer
    /// than the axis ends with it, without a mark.
    fn draw_difference(&self, area: &Area<'_>, difference: f64, n_methods: usize) -> Result<(), ReportError> {
        let end = self.left + f64::from(LENGTH) * difference / (n_methods as f64 - 1.0);
        let is_longer = end > self.right();
        let end = end.min(self.right());
        let y = f64::from(MARGIN + CAPTION);
        draw_line(area, &[(self.left, y), (end, y)], INK, 2)?;
        let marks = if is_longer { vec![self.left] } else { vec![self.left, end] };
        for mark in marks {
            draw_line(area, &[(mark, y - TICK), (mark, y + TICK)], INK, 2)?;
        }
        let note = if is_longer { ", longer than the axis" } else { "" };
        let caption = format!("critical difference {}{note}", number::short(difference));
        draw_text(area, &caption, (self.left, y - TICK - 3.0), (12, INK), (HPos::Left, VPos::Bottom))
    }

    /// A line from `x` on the axis down to the row of the method and out to its mean rank, `figure`, and its name.
    fn draw_method(
        &self,
        area: &Area<'_>,
        (figure, figure_width, name): (&str, u32, &str),
        x: f64,
        (side, row): (Side, usize),
    ) -> Result<(), ReportError> {
        let y = self.first_name + f64::from(STEP) * row as f64;
        let (edge, outwards) = match side {
            Side::Left => (self.left, -1.0),
            Side::Right => (self.right(), 1.0),
        };
        let beside = |distance: u32| (edge + outwards * f64::from(distance), y);
        draw_line(area, &[(x, self.axis), (x, y), beside(GAP / 2)], MUTED, 1)?;
        let dot = Circle::new(place((x, self.axis)), units(3), INK.filled());
        area.draw(&dot).map_err(refused)?;
        // Mean ranks are aligned at their decimals, which are at their right.
        let (figure_end, towards) = match side {
            Side::Left => (GAP, HPos::Right),
            Side::Right => (GAP + figure_width, HPos::Left),
        };
        draw_text(area, figure, beside(figure_end), (12, MUTED), (HPos::Right, VPos::Center))?;
        let name_start = beside(GAP + figure_width + NAME_GAP);
        draw_text(area, name, name_start, (13, INK), (towards, VPos::Center))
    }
}

/// A place in the units of the drawing.
fn place((x, y): (f64, f64)) -> (i32, i32) {
    (units(x).round() as i32, units(y).round() as i32)
}

fn draw_line(
    area: &Area<'_>,
    points: &[(f64, f64)],
    colour: RGBColor,
    width: u32,
) -> Result<(), ReportError> {
    let points: Vec<(i32, i32)> = points.iter().copied().map(place).collect();
    area.draw(&PathElement::new(points, stroke(colour, width))).map_err(refused)
}

fn draw_text(
    area: &Area<'_>,
    words: &str,
    at: (f64, f64),
    (size, colour): (u32, RGBColor),
    (across, up): (HPos, VPos),
) -> Result<(), ReportError> {
    let style = text(size, colour).pos(Pos::new(across, up));
    area.draw(&Text::new(words, place(at), style)).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_bars_stand_below_each_other() {
        let check = |bars: &[(f64, f64)], expected: &[usize]| assert_eq!(levels(bars), expected, "{bars:?}");
        check(&[], &[]);
        check(&[(0.0, 10.0), (50.0, 60.0), (20.0, 30.0)], &[0, 0, 0]);
        check(&[(40.0, 90.0), (20.0, 60.0), (0.0, 39.0)], &[0, 1, 2]);
        check(&[(40.0, 90.0), (20.0, 60.0), (0.0, 30.0)], &[0, 1, 0]);
        check(&[(10.0, 10.0), (10.0, 10.0)], &[0, 1]);
    }

    #[test]
    fn the_best_rank_is_at_the_right() {
        let places = [1.0, 2.5, 4.0].map(|rank| rank_place(100.0, rank, 4));
        assert_eq!(places, [100.0 + f64::from(LENGTH), 100.0 + f64::from(LENGTH) / 2.0, 100.0]);
    }
}
