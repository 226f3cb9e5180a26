//! Draws an explained row, or an event of windows with what surrounds it.

use super::SHOWN;
use super::around::{Around, Tile};
use crate::commands::detect::times::Times;
use crate::failure::Failure;
use ae_anomaly::events::{Event, Moment};
use ae_anomaly::{Detector, Explanation, Share};
use ae_intake::{FieldKind, Layout, Samples, Schema, StampFormat, StampStyle};
use ae_report::picture::{self, Axis, Cause, Panel, Strip, Timeline};
use std::collections::HashMap;
use std::path::Path;

/// Channels that are drawn, those with the largest shares.
const MAX_CHANNELS: usize = 6;
/// A score is drawn on a logarithmic scale if its values differ by more than this factor.
const WIDE: f64 = 30.0;

/// Draws a row of a table or a whole series, of a group if there are groups.
pub(super) fn of_row(
    detector: &Detector,
    group: Option<&str>,
    explanation: &Explanation,
    path: &Path,
) -> Result<(), Failure> {
    let schema = detector.schema();
    let drawn = if schema.layout == Layout::Table {
        let shares = explanation.shares.iter().take(SHOWN).filter(|share| share.share > 0.0);
        let causes: Vec<Cause> = shares.map(|share| cause(schema, share)).collect();
        if causes.is_empty() {
            return Ok(());
        }
        picture::causes(path, &causes, group)
    } else {
        let panels = panels(explanation);
        if panels.is_empty() {
            return Ok(());
        }
        picture::panels(path, &panels)
    };
    drawn.map_err(Failure::new)
}

/// The bar of a value, with the range of its column.
fn cause(schema: &Schema, share: &Share) -> Cause {
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let (name, part) = (share.feature.to_string(), share.share.clamp(0.0, 1.0));
    match &schema.field_of(share.index).kind {
        FieldKind::Category { .. } => {
            Cause { name, share: part, text: of_category(share), ..Cause::default() }
        }
        FieldKind::Number { min, max, .. } => Cause {
            name,
            share: part,
            value: finite(share.value),
            expected: finite(share.expected),
            normal: Some((f64::from(*min), f64::from(*max))),
            text: String::new(),
        },
    }
}

/// `mode is eco (expected night)`.
fn of_category(share: &Share) -> String {
    let level = share.feature.level.as_deref().unwrap_or_default();
    let Some(value) = share.value else { return format!("{} was not observed", share.feature.column) };
    let is = value >= 0.5;
    let not = if is { "" } else { "not " };
    let expected = match &share.expected_level {
        Some(expected) if (expected == level) != is => format!(" (expected {expected})"),
        _ => String::new(),
    };
    format!("{} is {not}{level}{expected}", share.feature.column)
}

/// For a whole series, the observed, the expected and the nearest normal one, and the steps that would have to change
/// with their shares.
fn panels(explanation: &Explanation) -> Vec<Panel> {
    let mut shares: Vec<&Share> = explanation.shares.iter().collect();
    shares.sort_by_key(|share| share.index);
    let step = |index: usize| index as f64;
    let mut lines: Vec<(String, Vec<(f64, f64)>)> = vec![
        ("observed".into(), shares.iter().filter_map(|s| Some((step(s.index), s.value?))).collect()),
        ("expected".into(), shares.iter().filter_map(|s| Some((step(s.index), s.expected?))).collect()),
    ];
    if let Some(nearest) = &explanation.nearest {
        let values = nearest.values.iter().enumerate();
        lines.push((
            "nearest normal".into(),
            values.filter_map(|(at, value)| Some((step(at), (*value)?))).collect(),
        ));
    }
    lines.retain(|(_, points)| !points.is_empty());
    let axis = |name: &str| Axis { name: name.into(), ..Axis::default() };
    let mut panels = Vec::new();
    if !lines.is_empty() {
        let title = "Observed and expected".into();
        panels.push(Panel { title, x: axis("step"), y: axis("value"), lines });
    }
    let steps = shares.last().map_or(0, |share| share.index + 1);
    if steps > 0 {
        let parts = location(&explanation.shares, steps);
        let points = parts.into_iter().enumerate().map(|(at, part)| (step(at), part)).collect();
        let lines = vec![("share of the alarm".into(), points)];
        let title = "Location of the alarm".into();
        panels.push(Panel { title, x: axis("step"), y: axis("share of the alarm, %"), lines });
    }
    panels
}

/// The share of each of `steps` steps in per cent, where that of a segment is spread over its steps.
fn location(shares: &[Share], steps: usize) -> Vec<f64> {
    let mut percent = vec![0.0; steps];
    for share in shares {
        let Some(segment) = share.segment else { continue };
        let length = (segment.last + 1).saturating_sub(segment.first).max(1) as f64;
        let named = percent.iter_mut().take(segment.last + 1).skip(segment.first);
        named.for_each(|part| *part += 100.0 * share.share / length);
    }
    percent
}

/// Draws an event of windows: its channels, observed and expected, the share of each step in the score of the strongest
/// window, and the scores of the windows with the threshold that the strongest was judged by.
pub(super) fn of_event(
    detector: &Detector,
    times: &Times,
    event: &Event,
    row: &Samples,
    (around, explanation, threshold): (&Around, &Explanation, f64),
    path: &Path,
) -> Result<(), Failure> {
    let schema = detector.schema();
    let axis = TimeAxis::new(schema, times, event);
    let middle = event.strongest.at;
    let mut strips = channels(detector, &axis, middle, row, around, explanation)?;
    let steps = row.width() / schema.row_width().max(1);
    let parts = location(&explanation.shares, steps);
    if !explanation.shares.is_empty() {
        let points = parts.iter().enumerate();
        let points = points.filter_map(|(step, part)| Some((axis.step(middle, steps - 1 - step)?, *part)));
        strips.push(Strip {
            title: "steps that would have to change to make the strongest window normal".into(),
            y_name: "share, %".into(),
            lines: vec![("share".into(), points.collect())],
            ..Strip::default()
        });
    }
    let scores: Vec<(f64, f64)> =
        around.scores.iter().filter_map(|(at, score)| Some((axis.at(*at)?, *score))).collect();
    let values = || scores.iter().map(|point| point.1).chain([threshold]);
    let (least, most) = values().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
    strips.push(Strip {
        title: "score of the window that ends here".into(),
        y_name: "score".into(),
        logarithmic: least > 0.0 && most / least > WIDE,
        lines: vec![("score".into(), scores)],
        level: Some(("threshold".into(), threshold)),
        normal: None,
    });
    let timeline = Timeline {
        x_name: axis.name.clone(),
        times: axis.times,
        group: event.group.clone(),
        event: axis.at(event.start).zip(axis.at(event.end)),
        peak: axis.at(event.peak),
        strips,
    };
    picture::timeline(path, &timeline).map_err(Failure::new)
}

/// A strip for each channel with a large share.
fn channels(
    detector: &Detector,
    axis: &TimeAxis,
    middle: Moment,
    row: &Samples,
    around: &Around,
    explanation: &Explanation,
) -> Result<Vec<Strip>, Failure> {
    let schema = detector.schema();
    let width = schema.row_width();
    let mut shares = vec![0.0; width];
    for share in &explanation.shares {
        shares[share.index % width] += share.share;
    }
    let mut order: Vec<usize> = (0..width).collect();
    // A stable sort keeps channels of equal shares in the order of their columns.
    order.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]));
    order.truncate(MAX_CHANNELS);
    let first = axis.step(middle, row.width() / width - 1).unwrap_or(f64::MIN);
    let last = axis.at(middle).unwrap_or(f64::MAX);
    let mut drawn: HashMap<usize, [Vec<(f64, f64)>; 2]> = HashMap::new();
    let named: HashMap<usize, f64> =
        explanation.shares.iter().filter_map(|share| Some((share.index, share.expected?))).collect();
    let tile = |tile: &Option<Tile>| tile.as_ref().map(|tile| (tile.at, tile.window.clone()));
    // Each with the places between which it is drawn: the strongest window as a whole, the others beside it.
    let tiles = [
        (tile(&around.before), f64::MIN, first),
        (Some((middle, row.clone())), f64::MIN, f64::MAX),
        (tile(&around.after), last.next_up(), f64::MAX),
    ];
    for (tile, from, to) in tiles {
        let Some((at, window)) = tile else { continue };
        // What the strongest window should have been; beside it, what the detector makes of the others.
        let of_others = match at == middle {
            true => None,
            false => detector.scorer().reconstruct(&window).map_err(Failure::new)?,
        };
        let expected = |index: usize| match &of_others {
            Some(expected) => Some(schema.in_units(index, expected[[0, index]])),
            None => named.get(&index).copied().filter(|_| at == middle),
        };
        let steps = window.width() / width;
        for &channel in &order {
            let [observed, predicted] = drawn.entry(channel).or_default();
            for step in 0..steps {
                let index = step * width + channel;
                let x = axis.step(at, steps - 1 - step).filter(|x| (from..to).contains(x));
                let Some(x) = x else { continue };
                if window.is_observed(0, index) {
                    observed.push((x, schema.in_units(index, window.values[[0, index]])));
                }
                predicted.extend(expected(index).map(|expected| (x, expected)));
            }
        }
    }
    let features = schema.features();
    let mut strips = Vec::new();
    for channel in order {
        let [observed, predicted] = drawn.remove(&channel).unwrap_or_default();
        let mut lines = vec![("observed".to_string(), observed), ("expected".to_string(), predicted)];
        for (_, points) in &mut lines {
            points.retain(|(x, y)| x.is_finite() && y.is_finite());
        }
        lines.retain(|(_, points)| !points.is_empty());
        let field = schema.field_of(channel);
        let normal = match field.kind {
            FieldKind::Number { min, max, .. } => Some((f64::from(min), f64::from(max))),
            FieldKind::Category { .. } => None,
        };
        let level = features[channel].level.as_ref();
        let name = level.map_or_else(|| field.name.clone(), |level| format!("{}={level}", field.name));
        let share = match explanation.shares.is_empty() {
            true => String::new(),
            false => format!(": {:.0} % of the alarm", 100.0 * shares[channel]),
        };
        strips.push(Strip {
            title: format!("{name}{share}"),
            y_name: field.name.clone(),
            lines,
            normal,
            ..Strip::default()
        });
    }
    Ok(strips)
}

/// `UTC`, or `UTC+01:00` for a clock that is ahead of it by these seconds.
fn utc(offset: f64) -> String {
    let minutes = (offset / 60.0).round() as i64;
    let sign = if minutes < 0 { '-' } else { '+' };
    match minutes.abs() {
        0 => "UTC".into(),
        ahead => format!("UTC{sign}{:02}:{:02}", ahead / 60, ahead % 60),
    }
}

/// Where lines lie on the horizontal axis: by their times if these are regular, else by their numbers.
struct TimeAxis {
    name: String,
    times: picture::Times,
    /// By how much the clock of the input is ahead of UTC, in seconds.
    offset: f64,
    /// The usual step between two times.
    step: Option<f64>,
}

impl TimeAxis {
    fn new(schema: &Schema, times: &Times, event: &Event) -> Self {
        let moments = [event.start, event.end, event.peak, event.strongest.at];
        let has_times = moments.iter().all(|moment| moment.time.is_some());
        let stamp = schema.timestamp.as_ref().filter(|_| has_times);
        let Some((stamp, step)) = stamp.and_then(|stamp| Some((stamp, stamp.step?))) else {
            return TimeAxis { name: "line".into(), times: picture::Times::None, offset: 0.0, step: None };
        };
        let drawn = match stamp.format {
            StampFormat::Number => picture::Times::None,
            StampFormat::Clock => picture::Times::Clock,
            _ => picture::Times::Dates,
        };
        // The axis shows the clock of the input, so that what is seen there is found in the file.
        let offset = times.style().map_or(0.0, StampStyle::offset);
        let name = match times.style().filter(|style| style.names_offset()) {
            Some(_) => format!("{}, {}", stamp.name, utc(offset)),
            None => stamp.name.clone(),
        };
        TimeAxis { name, times: drawn, offset, step: Some(step) }
    }

    /// The place of a line; `None` for one without a time on an axis of times.
    fn at(&self, moment: Moment) -> Option<f64> {
        match self.step {
            Some(_) => moment.time.map(|time| time + self.offset),
            None => Some(moment.line as f64),
        }
    }

    /// The place of the step this many steps before a line.
    fn step(&self, moment: Moment, ago: usize) -> Option<f64> {
        Some(self.at(moment)? - self.step.unwrap_or(1.0) * ago as f64)
    }
}
