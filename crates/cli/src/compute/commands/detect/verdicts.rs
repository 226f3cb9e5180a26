//! Writes verdicts as CSV or JSON lines.

use super::times::{self, Times};
use ae_anomaly::events::Parts;
use ae_anomaly::{Explanation, Judgement};
use ae_intake::{BadLine, Block, Keep, Schema};
use ae_records::text::{one_line, printable_json};
use rayon::prelude::*;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::io::Write;

/// The columns that every CSV file of verdicts has.
const HEADER: &str = "line,verdict,score,p_value,severity,threshold,reason,cause";
/// Number of rows that one thread formats at a time.
const PIECE: usize = 4096;

/// The format of written verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Csv,
    JsonLines,
}

/// Counts of the verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    pub(super) normal: u64,
    pub(super) anomalous: u64,
    pub(super) unknown: u64,
    pub(super) bad_lines: u64,
    /// Alarms that belong together; see [`ae_anomaly::events`].
    pub(super) events: u64,
    /// Alarms of which no cause was looked for, because there were too many.
    pub(super) without_cause: u64,
}

impl Counts {
    pub(super) fn add(&mut self, judgements: &[Judgement], bad: usize) {
        for judgement in judgements {
            match judgement {
                Judgement::Normal(_) => self.normal += 1,
                Judgement::Anomalous(_) => self.anomalous += 1,
                Judgement::Unknown { .. } => self.unknown += 1,
            }
        }
        self.bad_lines += bad as u64;
    }

    /// Lines that were judged or reported as bad.
    pub(super) fn lines(self) -> u64 {
        self.normal + self.anomalous + self.unknown + self.bad_lines
    }

    pub(super) fn to_text(self) -> String {
        let Counts { normal, anomalous, unknown, bad_lines, events, .. } = self;
        let in_events = match events {
            // Of independent rows, each alarm is an event.
            _ if events == anomalous => String::new(),
            1 => " in 1 event".into(),
            _ => format!(" in {events} events"),
        };
        format!(
            "{anomalous} anomalous{in_events}, {normal} normal, {unknown} not judged, {bad_lines} bad lines"
        )
    }
}

/// How verdicts are written: the format, and what stands beside each verdict.
pub(super) struct Sheet {
    form: Form,
    /// Whether rows have groups.
    grouped: bool,
    times: Times,
    /// Place among the kept cells of a row, and name, of each that is copied.
    copied: Vec<(usize, String)>,
}

/// A line of JSON about a row.
#[derive(Serialize)]
struct Row<'a> {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Cow<'a, str>>,
    #[serde(flatten)]
    judgement: &'a Judgement,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a Explanation>,
    #[serde(skip_serializing_if = "Cells::is_empty")]
    columns: Cells<'a>,
}

/// Kept cells with the names of their columns.
#[derive(Default)]
struct Cells<'a>(Vec<(&'a str, &'a str)>);

impl Cells<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// A line of JSON about a line that could not be read.
#[derive(Serialize)]
struct Bad<'a> {
    line: u64,
    verdict: &'static str,
    reason: &'a str,
}

impl Sheet {
    /// For a reader of rows with this schema that was to keep these cells, and keeps those of the columns `kept`.
    pub(super) fn new(form: Form, schema: &Schema, keep: &Keep, kept: &[String]) -> Self {
        Self::with(Times::new(schema, kept), form, schema, keep, kept)
    }

    /// As [`Sheet::new`], with the lines of rows that were sorted.
    pub(super) fn with(times: Times, form: Form, schema: &Schema, keep: &Keep, kept: &[String]) -> Self {
        let mut copied = times::copied(keep, &times, kept);
        copied.extend(kept.iter().cloned().enumerate().skip(times.cells()));
        Sheet { form, grouped: schema.group.is_some(), times, copied }
    }

    /// The line that names the columns of a CSV file; nothing for JSON lines. A copied column whose name is taken
    /// is called `input_…`.
    pub(super) fn header(&self) -> String {
        if self.form == Form::JsonLines {
            return String::new();
        }
        let mut header = HEADER.to_owned();
        let own = [self.grouped.then_some("group"), self.has_times().then_some("time")];
        let own: Vec<&str> = own.into_iter().flatten().collect();
        own.iter().for_each(|name| header.push_str(&format!(",{name}")));
        for (_, name) in &self.copied {
            let is_taken = HEADER.split(',').chain(own.iter().copied()).any(|own| own == name);
            let name = if is_taken { format!("input_{name}") } else { name.clone() };
            header.push(',');
            header.push_str(&cell(&name));
        }
        header.push('\n');
        header
    }

    /// The verdicts of a block, one line each, in the order of its lines; `shift` is added to the line numbers.
    /// `parts` are those of the flagged rows, ascending.
    pub(super) fn of_block(
        &self,
        block: &Block,
        judgements: &[Judgement],
        parts: &[(usize, Parts)],
        shift: u64,
    ) -> Vec<u8> {
        // Where each bad line belongs among the rows.
        let mut places: Vec<(usize, &BadLine)> = Vec::with_capacity(block.bad.len());
        for bad in &block.bad {
            places.push((block.rows.partition_point(|row| row.line < bad.line), bad));
        }
        let pieces: Vec<Vec<u8>> = (0..judgements.len().max(1))
            .into_par_iter()
            .step_by(PIECE)
            .map(|start| {
                let end = (start + PIECE).min(judgements.len());
                let mut out = Vec::with_capacity((end - start) * 96);
                let first = places.partition_point(|(place, _)| *place < start);
                // Bad lines after the last row go with the last piece.
                let is_last = end == judgements.len();
                let last = places.partition_point(|(place, _)| *place < end || (is_last && *place == end));
                let mut bad = places[first..last].iter().peekable();
                let mut parts = parts[parts.partition_point(|(row, _)| *row < start)..].iter().peekable();
                for (row, judgement) in (start..end).zip(&judgements[start..end]) {
                    while let Some((_, line)) = bad.next_if(|(place, _)| *place == row) {
                        self.bad_line(line, shift, &mut out);
                    }
                    let parts = parts.next_if(|(at, _)| *at == row).map(|(_, parts)| parts);
                    self.row(block, row, judgement, parts, None, shift, &mut out);
                }
                bad.for_each(|(_, line)| self.bad_line(line, shift, &mut out));
                out
            })
            .collect();
        pieces.concat()
    }

    /// The line of row `row` of a block.
    #[expect(clippy::too_many_arguments, reason = "a row, its verdict and what is known about it")]
    pub(super) fn row(
        &self,
        block: &Block,
        row: usize,
        judgement: &Judgement,
        parts: Option<&Parts>,
        explanation: Option<&Explanation>,
        shift: u64,
        out: &mut Vec<u8>,
    ) {
        let line = self.times.line(block.rows[row].line) + shift;
        let cause = parts.and_then(|parts| parts.cause.as_deref());
        let kept: Vec<&str> = block.kept.of_row(row).collect();
        let time = self.times.text(block, row);
        let group = block.groups.name(row).filter(|_| self.grouped);
        if self.form == Form::JsonLines {
            let named = self.copied.iter().map(|(place, name)| (name.as_str(), kept.get(*place)));
            let columns = Cells(named.filter_map(|(name, cell)| Some((name, *cell?))).collect());
            return json_line(&Row { line, group, time, judgement, cause, explanation, columns }, out);
        }
        let name = judgement.name();
        let written = match (judgement.verdict(), judgement) {
            (Some(v), _) => {
                write!(out, "{line},{name},{},{:.6},{:.6},{},,", v.score, v.p_value, v.severity, v.threshold)
            }
            (None, Judgement::Unknown { reason }) => {
                write!(out, "{line},{name},,,,,{},", quoted(&reason.to_string()))
            }
            (None, _) => write!(out, "{line},{name},,,,,,"),
        };
        written.expect("memory can be written to");
        out.extend_from_slice(cell(cause.unwrap_or_default()).as_bytes());
        let group = self.grouped.then(|| group.unwrap_or_default());
        let copied = self.copied.iter().filter_map(|(place, _)| kept.get(*place).copied());
        for text in group.into_iter().chain(time.as_deref()).chain(copied) {
            out.push(b',');
            out.extend_from_slice(cell(text).as_bytes());
        }
        out.push(b'\n');
    }

    fn has_times(&self) -> bool {
        self.times.cells() > 0
    }

    fn bad_line(&self, bad: &BadLine, shift: u64, out: &mut Vec<u8>) {
        let (line, reason) = (self.times.line(bad.line) + shift, bad.reason.to_string());
        match self.form {
            Form::JsonLines => json_line(&Bad { line, verdict: "bad_line", reason: &reason }, out),
            Form::Csv => {
                let own = usize::from(self.grouped) + usize::from(self.has_times());
                let empty = ",".repeat(1 + own + self.copied.len());
                writeln!(out, "{line},bad_line,,,,,{}{empty}", quoted(&reason))
                    .expect("memory can be written to");
            }
        }
    }
}

/// A line of JSON, which cannot control a terminal.
pub(super) fn json_line(value: &impl Serialize, out: &mut Vec<u8>) {
    let text = serde_json::to_string(value).expect("verdicts are always JSON");
    out.extend_from_slice(printable_json(&text).as_bytes());
    out.push(b'\n');
}

/// A CSV cell, in quotes if it needs them.
fn cell(text: &str) -> Cow<'_, str> {
    let is_plain = !text.contains([',', '"', '\n', '\r']) && text.trim() == text;
    if is_plain { one_line(text) } else { quoted(text).into() }
}

/// A quoted CSV cell with arbitrary text, on one line and unable to control a terminal.
fn quoted(text: &str) -> String {
    format!("\"{}\"", one_line(text).replace('"', "\"\""))
}

#[cfg(test)]
#[path = "verdicts_tests.rs"]
mod tests;
