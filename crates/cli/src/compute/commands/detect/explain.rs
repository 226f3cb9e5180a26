//! Explains the most severe events: a line of JSON and a picture each.

mod around;
mod pictures;

use self::around::{Around, Surroundings};
use super::events::Closed;
use super::times::Times;
use super::verdicts::json_line;
use crate::failure::Failure;
use ae_anomaly::events::{Change, Event, Followed, Moment};
use ae_anomaly::{Bar, Detector, Explanation, Judgement, Verdict};
use ae_intake::{Block, Layout, Samples};
use ae_records::files::{FileError, create_dir, write_atomic_bytes};
use serde::Serialize;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Maximum number of shares shown for a row of a table.
const SHOWN: usize = 12;
/// Groups whose windows are kept to draw what surrounds an event.
const MAX_GROUPS: usize = 1000;

/// An event to explain at the end, by its strongest row.
struct Alarm {
    event: Event,
    verdict: Verdict,
    row: Samples,
    /// What is drawn around the window; `None` if rows are independent.
    around: Option<Around>,
}

/// Keeps the most severe events; among equals, the first.
pub(super) struct Severest {
    most: usize,
    alarms: Vec<Alarm>,
    /// Steps in a window; `None` if rows are independent.
    length: Option<usize>,
    /// Of the windows of each group: the strongest row of the open event so far, and what surrounds it.
    surroundings: HashMap<String, Surroundings>,
}

#[derive(Serialize)]
struct Written<'a> {
    /// The line of the event's peak.
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(flatten)]
    verdict: &'a Verdict,
    event: Closed<'a>,
    picture: &'a str,
    #[serde(flatten)]
    explanation: &'a Explanation,
}

impl Severest {
    pub(super) fn new(most: usize, detector: &Detector) -> Self {
        let windows = detector.schema().windows.filter(|_| most > 0);
        let length = windows.map(|windows| windows.length);
        Severest { most, alarms: Vec::new(), length, surroundings: HashMap::new() }
    }

    /// Looks at the rows of a block, whose alarms are joined into events.
    pub(super) fn look_at(&mut self, block: &Block, judgements: &[Judgement], followed: &Followed) {
        if self.most == 0 {
            return;
        }
        let mut changes = followed.changes.iter().peekable();
        for (row, judgement) in judgements.iter().enumerate() {
            let line = block.rows[row].line;
            let mut opens = false;
            while let Some(Change { closed, opened, .. }) = changes.next_if(|change| change.line <= line) {
                if let Some(event) = closed {
                    self.close(event, block, row, judgement);
                }
                opens |= opened.is_some();
            }
            let time = block.stamps.get(row).copied().unwrap_or(f64::NAN);
            let group = block.groups.name(row).unwrap_or_default();
            if let Some(surroundings) = self.surroundings_of(group) {
                surroundings.pass(Moment::new(line, time), &block.samples, row, judgement, opens);
            }
        }
        // Of bad lines after the last row, which belong to windows.
        for Change { closed, .. } in changes {
            if let Some(event) = closed {
                self.end(event);
            }
        }
    }

    /// Takes the event that was open at the end of the input.
    pub(super) fn end(&mut self, event: &Event) {
        let group = event.group.as_deref().unwrap_or_default();
        if let Some((verdict, row, around)) = self.surroundings.get_mut(group).and_then(Surroundings::take) {
            self.insert(event, verdict, Some(around), || row);
        }
    }

    /// What surrounds the windows of a group; `None` for independent rows, and for a group too many.
    fn surroundings_of(&mut self, group: &str) -> Option<&mut Surroundings> {
        let length = self.length?;
        if !self.surroundings.contains_key(group) {
            if self.surroundings.len() >= MAX_GROUPS {
                return None;
            }
            self.surroundings.insert(group.to_owned(), Surroundings::new(length));
        }
        self.surroundings.get_mut(group)
    }

    /// Takes an event that ended before row `row`, or with it if rows are independent.
    fn close(&mut self, event: &Event, block: &Block, row: usize, judgement: &Judgement) {
        if self.length.is_some() {
            self.end(event);
        } else if let Judgement::Anomalous(verdict) = judgement {
            self.insert(event, *verdict, None, || block.samples.select(&[row]));
        }
    }

    fn insert(
        &mut self,
        event: &Event,
        verdict: Verdict,
        around: Option<Around>,
        row: impl FnOnce() -> Samples,
    ) {
        let rank = |alarm: &Alarm| alarm.verdict.severity >= verdict.severity;
        let place = self.alarms.partition_point(rank);
        if place < self.most {
            self.alarms.insert(place, Alarm { event: event.clone(), verdict, row: row(), around });
            self.alarms.truncate(self.most);
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

    /// Writes `alarms.jsonl` and `line-N.png` into a folder, where `N` is the line of an event's peak, and returns
    /// the number of events.
    pub(super) fn write(&self, detector: &Detector, times: &Times, folder: &Path) -> Result<usize, Failure> {
        if self.alarms.is_empty() {
            return Ok(0);
        }
        create_dir(folder).map_err(Failure::new)?;
        let mut lines = Vec::new();
        for Alarm { event, verdict, row, around } in &self.alarms {
            let all = detector.schema().width();
            let bar = Bar { group: event.group.as_deref(), threshold: verdict.threshold };
            let mut explanation = detector.explain_by(row, 0, bar, all).map_err(Failure::new)?;
            let line = times.line(event.peak.line);
            let name = format!("line-{line}.png");
            let path = folder.join(&name);
            match around {
                Some(around) => {
                    let parts = (around, &explanation, verdict.threshold);
                    pictures::of_event(detector, times, event, row, parts, &path)?;
                }
                None => pictures::of_row(detector, event.group.as_deref(), &explanation, &path)?,
            }
            if detector.schema().layout == Layout::Table {
                explanation.shares.truncate(SHOWN.max(1));
            }
            let group = event.group.as_deref();
            let (event, explanation) = (Closed::new(times, event), &explanation);
            let written = Written { line, group, verdict, event, picture: &name, explanation };
            json_line(&written, &mut lines);
        }
        write_atomic_bytes(&folder.join("alarms.jsonl"), &lines).map_err(Failure::new)?;
        Ok(self.alarms.len())
    }
}
