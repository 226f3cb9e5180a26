//! Draws shares as horizontal bars with names.

use crate::chart::{self, INK, MUTED, SERIES, refused, shortened, stroke, text, units, widest};
use crate::error::ReportError;
use crate::picture::check_finite;
use ae_records::text::one_line;
use plotters::prelude::{PathElement, Rectangle, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Width of the bars at 100 %.
const LENGTH: u32 = 420;
const HEIGHT: u32 = 16;
/// From one bar to the next.
const STEP: u32 = 28;
const MARGIN: u32 = 12;
/// Characters of a name that are shown.
const MAX_LETTERS: usize = 80;
/// Room for the figure at the end of a bar.
const FIGURE: u32 = 140;

/// One bar of [`bars`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bar {
    /// The name to the left of the bar.
    pub name: String,
    /// Length of the bar, from 0 to 1.
    pub share: f64,
    /// The interval of the share, from 0 to 1; `None` draws none.
    pub interval: Option<(f64, f64)>,
}

/// Draws shares as horizontal bars from top to bottom, each with its name, its interval and its percentage.
///
/// # Errors
/// No bars, or a share or an end of an interval outside 0 to 1.
pub fn bars(path: &Path, bars: &[Bar]) -> Result<(), ReportError> {
    if bars.is_empty() {
        return Err(ReportError::Nothing { what: "bars" });
    }
    let ends =
        |bar: &Bar| [Some(bar.share), bar.interval.map(|ends| ends.0), bar.interval.map(|ends| ends.1)];
    check_finite("share", bars.iter().flat_map(ends).flatten())?;
    let is_share = |share: f64| (0.0..=1.0).contains(&share);
    if let Some(bar) = bars.iter().find(|bar| !ends(bar).into_iter().flatten().all(is_share)) {
        let Bar { name, share, .. } = bar;
        let interval = bar.interval.map(|(low, high)| format!(" [{low}, {high}]")).unwrap_or_default();
        return Err(ReportError::Chart(format!(
            "the bar {name} has the share {share}{interval}; give shares from 0 to 1"
        )));
    }
    let names: Vec<String> = bars.iter().map(|bar| shortened(&one_line(&bar.name), MAX_LETTERS)).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let left = MARGIN + widest(&text(13, INK), &all)? + 10;
    let size = (left + LENGTH + FIGURE + MARGIN, 2 * MARGIN + STEP * bars.len() as u32);
    let drawing = chart::svg(size, |area| {
        let x = |share: f64| units((left as f64 + share.clamp(0.0, 1.0) * LENGTH as f64) as i32);
        for (place, (bar, name)) in bars.iter().zip(&names).enumerate() {
            let top = (MARGIN + STEP * place as u32) as i32 + (STEP - HEIGHT) as i32 / 2;
            let (top, middle, bottom) =
                (units(top), units(top + HEIGHT as i32 / 2), units(top + HEIGHT as i32));
            let beside = |h| Pos::new(h, VPos::Center);
            let style = text(13, INK).pos(beside(HPos::Right));
            area.draw(&Text::new(name.as_str(), (x(0.0) - units(10), middle), style)).map_err(refused)?;
            let ground = SERIES[0].mix(0.12).filled();
            area.draw(&Rectangle::new([(x(0.0), top), (x(1.0), bottom)], ground)).map_err(refused)?;
            let filled = SERIES[0].filled();
            area.draw(&Rectangle::new([(x(0.0), top), (x(bar.share), bottom)], filled)).map_err(refused)?;
            if let Some((low, high)) = bar.interval {
                let reach = vec![(x(low), middle), (x(high), middle)];
                area.draw(&PathElement::new(reach, stroke(INK, 2))).map_err(refused)?;
            }
            let interval =
                bar.interval.map(|(low, high)| format!(" [{:.1}, {:.1}]", 100.0 * low, 100.0 * high));
            let figure = format!("{:.1}{} %", 100.0 * bar.share, interval.unwrap_or_default());
            let style = text(12, MUTED).pos(beside(HPos::Left));
            area.draw(&Text::new(figure, (x(1.0) + units(8), middle), style)).map_err(refused)?;
        }
        Ok(())
    })?;
    chart::write_png(path, &drawing)
}
