//! The most severe alarms, explained: JSON lines and a picture each.

use crate::failure::Failure;
use ae_anomaly::{Explanation, Judgement, TrainedDetector, Verdict};
use ae_datasets::Samples;
use ae_datasets::intake::{Block, Layout};
use ae_records::files::{create_dir, write_atomic_bytes};
use ae_report::picture::{self, Axis, Line, Panel};
use serde::Serialize;
use std::path::Path;

/// Shares that are drawn for a row of a table.
const SHOWN: usize = 12;

/// An alarm that is kept until the end.
struct Alarm {
    line: u64,
    verdict: Verdict,
    row: Samples,
}

/// Keeps the most severe alarms; of equals the first.
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

    /// Writes `alarms.jsonl` and `line-N.png` into a folder, and says how many there are.
    pub(super) fn write(&self, detector: &TrainedDetector, folder: &Path) -> Result<usize, Failure> {
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
            serde_json::to_writer(&mut lines, &written).expect("explanations are always JSON");
            lines.push(b'\n');
        }
        write_atomic_bytes(&folder.join("alarms.jsonl"), &lines).map_err(Failure::new)?;
        Ok(self.alarms.len())
    }
}

fn draw(detector: &TrainedDetector, explanation: &Explanation, path: &Path) -> Result<(), Failure> {
    let schema = detector.schema();
    let drawn = match schema.layout {
        Layout::Table => {
            let shares = explanation.shares.iter().take(SHOWN).filter(|share| share.share > 0.0);
            let shares: Vec<_> = shares.collect();
            let points =
                shares.iter().enumerate().map(|(rank, share)| (rank as f64 + 1.0, 100.0 * share.share));
            let label = |share: &&&ae_anomaly::Share| match share.value {
                Some(value) => format!("{} = {value:.4}", share.feature),
                None => share.feature.clone(),
            };
            let line = Line {
                name: "share of the error".into(),
                points: points.collect(),
                labels: shares.iter().map(|share| label(&share)).collect(),
            };
            if line.points.is_empty() {
                return Ok(());
            }
            picture::lines(path, "rank", "share of the error, %", &[line])
        }
        Layout::Series | Layout::Windows => {
            picture::panels(path, &panels(schema.row_width(), schema, explanation))
        }
    };
    drawn.map_err(Failure::new)
}

/// For each channel what came, what was expected and the nearest normal series; and below where the error lies.
fn panels(channels: usize, schema: &ae_datasets::intake::Schema, explanation: &Explanation) -> Vec<Panel> {
    let channels = if schema.windows.is_some() { channels } else { 1 };
    let mut shares: Vec<_> = explanation.shares.iter().collect();
    shares.sort_by_key(|share| share.index);
    let mut panels = Vec::new();
    for channel in 0..channels {
        let of_channel = || shares.iter().filter(|share| share.index % channels == channel);
        let step = |index: usize| (index / channels) as f64;
        let line = |name: &str, points: Vec<(f64, f64)>| (name.to_string(), points);
        let mut lines = vec![
            line("the series", of_channel().filter_map(|s| Some((step(s.index), s.value?))).collect()),
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
        let title = if channels > 1 { name } else { "What came".into() };
        let (x, y) = (Axis { name: "step".into(), ..Axis::default() }, Axis::default());
        if !lines.is_empty() {
            panels.push(Panel { title, x, y, lines });
        }
    }
    let error: Vec<(f64, f64)> =
        shares.iter().map(|share| ((share.index / channels) as f64, 100.0 * share.share)).collect();
    if !error.is_empty() && channels == 1 {
        panels.push(Panel {
            title: "Where the error lies".into(),
            x: Axis { name: "step".into(), ..Axis::default() },
            y: Axis { name: "share of the error, %".into(), ..Axis::default() },
            lines: vec![("share of the error".into(), error)],
        });
    }
    panels
}
