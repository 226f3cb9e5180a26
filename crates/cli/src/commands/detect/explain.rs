//! Explains the most severe alarms: a line of JSON and a picture each.

use super::verdicts::json_line;
use crate::failure::Failure;
use crate::progress;
use ae_anomaly::{Detector, Explanation, Judgement, Share, Verdict};
use ae_intake::Samples;
use ae_intake::{Block, Layout, Schema};
use ae_records::files::{FileError, create_dir, write_atomic_bytes};
use ae_report::picture::{self, Axis, Bar, Panel};
use serde::Serialize;
use std::fs;
use std::path::Path;

/// Maximum number of shares shown for a row of a table.
const SHOWN: usize = 12;

/// An alarm to explain at the end.
struct Alarm {
    line: u64,
    verdict: Verdict,
    row: Samples,
}

/// Keeps the most severe alarms; among equals, the first.
pub(super) struct Severest {
    most: usize,
    alarms: Vec<Alarm>,
}

#[derive(Serialize)]
struct Written<'a> {
    line: u64,
    #[serde(flatten)]
    verdict: &'a Verdict,
    picture: &'a str,
    #[serde(flatten)]
    explanation: &'a Explanation,
}

impl Severest {
    pub(super) fn new(most: usize) -> Self {
        Severest { most, alarms: Vec::new() }
    }

    pub(super) fn look_at(&mut self, block: &Block, judgements: &[Judgement]) {
        if self.most == 0 {
            return;
        }
        for (row, judgement) in judgements.iter().enumerate() {
            let Judgement::Anomalous(verdict) = judgement else { continue };
            let rank = |alarm: &Alarm| alarm.verdict.severity >= verdict.severity;
            let place = self.alarms.partition_point(rank);
            if place < self.most {
                let (line, row) = (block.rows[row].line, block.samples.select(&[row]));
                self.alarms.insert(place, Alarm { line, verdict: *verdict, row });
                self.alarms.truncate(self.most);
            }
        }
    }

    /// Removes what an earlier call wrote into a folder, and the folder itself if nothing else is in it.
    pub(super) fn clear(folder: &Path) -> Result<(), Failure> {
        let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix("line-").and_then(|name| name.strip_suffix(".png"));
            if name == "alarms.jsonl" || number.is_some_and(|number| number.parse::<u64>().is_ok()) {
                fs::remove_file(entry.path())
                    .map_err(FileError::new("remove", entry.path()))
                    .map_err(Failure::new)?;
            }
        }
        // Fails if other files are left; they stay, and so does the folder.
        let _ = fs::remove_dir(folder);
        Ok(())
    }

    /// Writes `alarms.jsonl` and `line-N.png` into a folder, and returns the number of alarms.
    pub(super) fn write(&self, detector: &Detector, folder: &Path) -> Result<usize, Failure> {
        if self.alarms.is_empty() {
            return Ok(0);
        }
        create_dir(folder).map_err(Failure::new)?;
        let mut lines = Vec::new();
        for Alarm { line, verdict, row } in &self.alarms {
            let all = detector.schema().width();
            let mut explanation = detector.explain(row, 0, all).map_err(Failure::new)?;
            let name = format!("line-{line}.png");
            draw(detector, &explanation, &folder.join(&name))?;
            if detector.schema().layout == Layout::Table {
                explanation.shares.truncate(SHOWN.max(1));
            }
            let written = Written { line: *line, verdict, picture: &name, explanation: &explanation };
            json_line(&written, &mut lines);
        }
        write_atomic_bytes(&folder.join("alarms.jsonl"), &lines).map_err(Failure::new)?;
        Ok(self.alarms.len())
    }
}

fn draw(detector: &Detector, explanation: &Explanation, path: &Path) -> Result<(), Failure> {
    let schema = detector.schema();
    let drawn = match schema.layout {
        Layout::Table => {
            let shares = explanation.shares.iter().take(SHOWN).filter(|share| share.share > 0.0);
            let bar = |share: &Share| Bar { name: in_words(share), share: share.share, spread: 0.0 };
            let bars: Vec<Bar> = shares.map(bar).collect();
            if bars.is_empty() {
                return Ok(());
            }
            picture::bars(path, &bars)
        }
        Layout::Series | Layout::Windows => {
            picture::panels(path, &panels(schema.row_width(), schema, explanation))
        }
    };
    drawn.map_err(Failure::new)
}

/// `press = 7.5 (expected 3.1)`, `mode is eco (not expected)`.
fn in_words(share: &Share) -> String {
    let figure = |value: f64| progress::figure(value);
    match (share.value, share.expected, &share.feature.level) {
        (None, ..) => share.feature.to_string(),
        (Some(value), expected, Some(level)) => {
            let is = value >= 0.5;
            let surprise = expected.is_some_and(|expected| (expected >= 0.5) != is);
            let not = if is { "" } else { "not " };
            format!(
                "{} is {not}{level}{}",
                share.feature.column,
                if surprise { " (not expected)" } else { "" }
            )
        }
        (Some(value), Some(expected), None) => {
            format!("{} = {} (expected {})", share.feature, figure(value), figure(expected))
        }
        (Some(value), None, None) => format!("{} = {}", share.feature, figure(value)),
    }
}

/// For each channel, the observed, the expected and the nearest normal series. A single channel also gets a
/// panel with the share of the error at each step.
fn panels(channels: usize, schema: &Schema, explanation: &Explanation) -> Vec<Panel> {
    let channels = if schema.windows.is_some() { channels } else { 1 };
    let mut shares: Vec<_> = explanation.shares.iter().collect();
    shares.sort_by_key(|share| share.index);
    let mut panels = Vec::new();
    for channel in 0..channels {
        let of_channel = || shares.iter().filter(|share| share.index % channels == channel);
        let step = |index: usize| (index / channels) as f64;
        let line = |name: &str, points: Vec<(f64, f64)>| (name.to_string(), points);
        let mut lines = vec![
            line("observed", of_channel().filter_map(|s| Some((step(s.index), s.value?))).collect()),
            line("expected", of_channel().filter_map(|s| Some((step(s.index), s.expected?))).collect()),
        ];
        if let Some(nearest) = &explanation.nearest {
            let own = nearest.values.iter().enumerate().filter(|(index, _)| index % channels == channel);
            lines.push(line(
                "nearest normal",
                own.filter_map(|(at, value)| Some((step(at), (*value)?))).collect(),
            ));
        }
        lines.retain(|(_, points)| !points.is_empty());
        let name = schema.fields.get(channel).map_or(String::new(), |field| field.name.clone());
        let part: f64 = of_channel().map(|share| share.share).sum();
        let title = match channels {
            1 => "Observed and expected".into(),
            _ => format!("{name}: {:.0} % of the error", 100.0 * part),
        };
        let (x, y) = (Axis { name: "step".into(), ..Axis::default() }, Axis::default());
        if !lines.is_empty() {
            panels.push(Panel { title, x, y, lines });
        }
    }
    let error: Vec<(f64, f64)> =
        shares.iter().map(|share| ((share.index / channels) as f64, 100.0 * share.share)).collect();
    if !error.is_empty() && channels == 1 {
        panels.push(Panel {
            title: "Location of the error".into(),
            x: Axis { name: "step".into(), ..Axis::default() },
            y: Axis { name: "share of the error, %".into(), ..Axis::default() },
            lines: vec![("share of the error".into(), error)],
        });
    }
    panels
}
