//! Draws the shares of a score as bars, and beside each bar where the value lies in what is normal.

use crate::chart::{self, Area, INK, MUTED, SERIES, faint, refused, shortened, stroke, text, units, widest};
use crate::error::ReportError;
use crate::number;
use crate::picture::check_finite;
use crate::scale::Scale;
use ae_records::text::one_line;
use plotters::prelude::{Circle, PathElement, Rectangle, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Width of the bars at 100 %, and of the ranges.
const BAR: u32 = 240;
const RANGE: u32 = 300;
const HEIGHT: u32 = 16;
/// From one bar to the next.
const STEP: u32 = 48;
const MARGIN: u32 = 12;
/// The row of names above the bars.
const HEAD: u32 = 28;
/// Room for the figure at the end of a bar.
const FIGURE: u32 = 70;
/// Characters of a name that are shown.
const MAX_LETTERS: usize = 60;

/// One bar of [`causes`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cause {
    /// The column.
    pub name: String,
    /// Its share of the score, from 0 to 1.
    pub share: f64,
    /// The observed value; `None` if it was not observed, or is no number.
    pub value: Option<f64>,
    /// The expected value.
    pub expected: Option<f64>,
    /// The least and the greatest normal value.
    pub normal: Option<(f64, f64)>,
    /// What is said below the range, such as the value of a category; empty for the numbers themselves.
    pub text: String,
}

/// Draws shares as bars from top to bottom, each with its range of normal values, the value observed in it (a dot) and
/// the one expected (a line). `group` names the group that the row is of, such as a machine; the ranges are those of all
/// groups then.
///
/// # Errors
/// No bars, a share outside 0 to 1, or a value that is not finite.
pub fn causes(path: &Path, causes: &[Cause], group: Option<&str>) -> Result<(), ReportError> {
    if causes.is_empty() {
        return Err(ReportError::Nothing { what: "bars" });
    }
    check_finite("share", causes.iter().map(|cause| cause.share))?;
    check_finite("value", causes.iter().flat_map(numbers))?;
    if let Some(Cause { name, share, .. }) = causes.iter().find(|cause| !(0.0..=1.0).contains(&cause.share)) {
        return Err(ReportError::Chart(format!(
            "the bar {name} has the share {share}; give a share from 0 to 1"
        )));
    }
    let names: Vec<String> =
        causes.iter().map(|cause| shortened(&one_line(&cause.name), MAX_LETTERS)).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let left = MARGIN + widest(&text(13, INK), &all)? + 10;
    let right = left + BAR + FIGURE;
    let size = (right + RANGE + 2 * MARGIN, HEAD + MARGIN + STEP * causes.len() as u32);
    let drawing = chart::svg(size, |area| {
        let beside = |h| Pos::new(h, VPos::Center);
        let middle = units(HEAD as i32 / 2);
        let head = |words: &str, at: i32| {
            let style = text(12, MUTED).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw(&Text::new(words.to_owned(), (units(at), middle), style)).map_err(refused)
        };
        let right_side = right as i32;
        let of_group = group.map(|group| format!(" of {}", one_line(group))).unwrap_or_default();
        let share = format!("share of the score{of_group}");
        head(&chart::fitting(&share, &text(12, MUTED), BAR + FIGURE - 10)?, left as i32)?;
        // The marks of the ranges, each before its name.
        let dot = Circle::new((units(right_side + 5), middle), units(5), SERIES[3].filled());
        area.draw(&dot).map_err(refused)?;
        head("observed", right_side + 16)?;
        let (above, below) = (middle - units(8), middle + units(8));
        let line = vec![(units(right_side + 88), above), (units(right_side + 88), below)];
        area.draw(&PathElement::new(line, stroke(SERIES[0], 3))).map_err(refused)?;
        head("expected", right_side + 96)?;
        let corners = [(units(right_side + 166), above), (units(right_side + 182), below)];
        area.draw(&Rectangle::new(corners, faint(SERIES[2], 0.35).filled())).map_err(refused)?;
        head(if group.is_some() { "all training rows" } else { "training rows" }, right_side + 188)?;
        for (place, (cause, name)) in causes.iter().zip(&names).enumerate() {
            let top = (HEAD + STEP * place as u32) as i32 + 6;
            let (start, end) = (units(left as i32), units((left + BAR) as i32));
            let length = f64::from(units(BAR as i32)) * cause.share;
            let (above, centre, below) =
                (units(top), units(top + HEIGHT as i32 / 2), units(top + HEIGHT as i32));
            let style = text(13, INK).pos(beside(HPos::Right));
            area.draw(&Text::new(name.as_str(), (start - units(10), centre), style)).map_err(refused)?;
            let ground = faint(SERIES[0], 0.12).filled();
            area.draw(&Rectangle::new([(start, above), (end, below)], ground)).map_err(refused)?;
            let bar = Rectangle::new([(start, above), (start + length as i32, below)], SERIES[0].filled());
            area.draw(&bar).map_err(refused)?;
            let figure = format!("{:.1} %", 100.0 * cause.share);
            let style = text(12, MUTED).pos(beside(HPos::Left));
            area.draw(&Text::new(figure, (end + units(8), centre), style)).map_err(refused)?;
            range(area, cause, right as i32, top)?;
        }
        Ok(())
    })?;
    chart::write_png(path, &drawing)
}

/// The numbers of a bar's range.
fn numbers(cause: &Cause) -> impl Iterator<Item = f64> {
    let ends = cause.normal.map(|(low, high)| [low, high]);
    cause.value.into_iter().chain(cause.expected).chain(ends.into_iter().flatten())
}

/// The range of normal values with the observed and the expected one, and the numbers below.
fn range(area: &Area<'_>, cause: &Cause, left: i32, top: i32) -> Result<(), ReportError> {
    let (above, middle, below) = (units(top), units(top + HEIGHT as i32 / 2), units(top + HEIGHT as i32));
    let is_drawn = numbers(cause).next().is_some();
    if is_drawn {
        let scale = Scale::around(numbers(cause));
        let x = |value: f64| units(left) + (f64::from(units(RANGE as i32)) * scale.share(value)) as i32;
        let axis = vec![(units(left), middle), (units(left + RANGE as i32), middle)];
        area.draw(&PathElement::new(axis, stroke(chart::GRID, 1))).map_err(refused)?;
        if let Some((low, high)) = cause.normal {
            let shade = Rectangle::new([(x(low), above), (x(high), below)], faint(SERIES[2], 0.35).filled());
            area.draw(&shade).map_err(refused)?;
        }
        if let Some(expected) = cause.expected {
            let line = vec![(x(expected), above), (x(expected), below)];
            area.draw(&PathElement::new(line, stroke(SERIES[0], 3))).map_err(refused)?;
        }
        if let Some(value) = cause.value {
            area.draw(&Circle::new((x(value), middle), units(5), SERIES[3].filled())).map_err(refused)?;
        }
    }
    let words = if cause.text.is_empty() { in_words(cause) } else { one_line(&cause.text).into_owned() };
    let style = text(11, MUTED).pos(Pos::new(HPos::Left, VPos::Center));
    let place = if is_drawn { units(top + HEIGHT as i32 + 10) } else { middle };
    let words = shortened(&words, MAX_LETTERS);
    area.draw(&Text::new(words, (units(left), place), style)).map_err(refused)
}

/// `7.5, expected 3.1, normal 1 to 4.2`.
fn in_words(cause: &Cause) -> String {
    let value = cause.value.map_or_else(|| "not observed".to_string(), number::short);
    let expected = cause.expected.map(|value| format!(", expected {}", number::short(value)));
    let normal =
        cause.normal.map(|(low, high)| format!(", normal {} to {}", number::short(low), number::short(high)));
    value + &expected.unwrap_or_default() + &normal.unwrap_or_default()
}
