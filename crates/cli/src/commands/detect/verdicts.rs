//! Writes verdicts as CSV or JSON lines.

use ae_anomaly::{Explanation, Judgement};
use ae_intake::{BadLine, Block};
use ae_records::text::{one_line, printable_json};
use rayon::prelude::*;
use serde::Serialize;
use std::io::Write;

/// The columns of a CSV file of verdicts.
pub(super) const HEADER: &str = "line,verdict,score,p_value,severity,threshold,reason\n";
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

    pub(super) fn to_text(self) -> String {
        let Counts { normal, anomalous, unknown, bad_lines } = self;
        format!("{anomalous} anomalous, {normal} normal, {unknown} not judged, {bad_lines} bad lines")
    }
}

/// A line of JSON about a row.
#[derive(Serialize)]
struct Row<'a> {
    line: u64,
    #[serde(flatten)]
    judgement: &'a Judgement,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a Explanation>,
}

/// A line of JSON about a line that could not be read.
#[derive(Serialize)]
struct Bad<'a> {
    line: u64,
    verdict: &'static str,
    reason: &'a str,
}

/// The verdicts of a block, one line each, in the order of its lines; `shift` is added to the line numbers.
pub(super) fn of_block(form: Form, block: &Block, judgements: &[Judgement], shift: u64) -> Vec<u8> {
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
            let rows = block.rows[start..end].iter().zip(&judgements[start..end]);
            for (row, (note, judgement)) in (start..).zip(rows) {
                while let Some((_, line)) = bad.next_if(|(place, _)| *place == row) {
                    bad_line(form, line, shift, &mut out);
                }
                one(form, note.line + shift, judgement, None, &mut out);
            }
            bad.for_each(|(_, line)| bad_line(form, line, shift, &mut out));
            out
        })
        .collect();
    pieces.concat()
}

/// A row's line.
pub(super) fn one(
    form: Form,
    line: u64,
    judgement: &Judgement,
    explanation: Option<&Explanation>,
    out: &mut Vec<u8>,
) {
    match form {
        Form::JsonLines => json_line(&Row { line, judgement, explanation }, out),
        Form::Csv => {
            let name = judgement.name();
            let written = match (judgement.verdict(), judgement) {
                (Some(v), _) => writeln!(
                    out,
                    "{line},{name},{},{:.6},{:.6},{},",
                    v.score, v.p_value, v.severity, v.threshold
                ),
                (None, Judgement::Unknown { reason }) => {
                    writeln!(out, "{line},{name},,,,,{}", quoted(&reason.to_string()))
                }
                (None, _) => writeln!(out, "{line},{name},,,,,"),
            };
            written.expect("memory can be written to");
        }
    }
}

fn bad_line(form: Form, bad: &BadLine, shift: u64, out: &mut Vec<u8>) {
    let (line, reason) = (bad.line + shift, bad.reason.to_string());
    match form {
        Form::JsonLines => json_line(&Bad { line, verdict: "bad_line", reason: &reason }, out),
        Form::Csv => {
            writeln!(out, "{line},bad_line,,,,,{}", quoted(&reason)).expect("memory can be written to");
        }
    }
}

/// A line of JSON, which cannot control a terminal.
pub(super) fn json_line(value: &impl Serialize, out: &mut Vec<u8>) {
    let text = serde_json::to_string(value).expect("verdicts are always JSON");
    out.extend_from_slice(printable_json(&text).as_bytes());
    out.push(b'\n');
}

/// A quoted CSV cell with arbitrary text, on one line and unable to control a terminal.
fn quoted(text: &str) -> String {
    format!("\"{}\"", one_line(text).replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_anomaly::{Unknown, Verdict};
    use ae_intake::{BadReason, RowNote, State};

    fn verdict(score: f64) -> Judgement {
        let verdict =
            Verdict { score, p_value: 0.5, threshold: 2.0, severity: 0.25, is_anomalous: score > 2.0 };
        if score > 2.0 { Judgement::Anomalous(verdict) } else { Judgement::Normal(verdict) }
    }

    /// Rows at the odd lines, and a bad line after every hundredth row and at both ends.
    fn block(n: u64) -> (Block, Vec<Judgement>) {
        let row = |line| RowNote { line, observed: 1.0, state: State::Ready };
        let bad = |line| BadLine { line, reason: BadReason::OpenQuote };
        let rows: Vec<RowNote> = (0..n).map(|at| row(2 * at + 3)).collect();
        let mut bad_lines: Vec<BadLine> = vec![bad(1), bad(2)];
        bad_lines.extend((0..n / 100).map(|at| bad(200 * at + 4)));
        bad_lines.push(bad(2 * n + 10));
        let judgements = (0..n).map(|at| verdict(at as f64)).collect();
        (Block { rows, bad: bad_lines, ..Block::default() }, judgements)
    }

    #[test]
    fn every_line_is_there_once_and_in_order() {
        for n in [0, 1, 99, 100, 4095, 4096, 4097, 9000] {
            let (block, judgements) = block(n);
            for form in [Form::Csv, Form::JsonLines] {
                let text = String::from_utf8(of_block(form, &block, &judgements, 5)).unwrap();
                let number = |line: &str| -> u64 {
                    let digits = line.trim_start_matches("{\"line\":");
                    digits.split(',').next().unwrap().parse().unwrap()
                };
                let got: Vec<u64> = text.lines().map(number).collect();
                let mut expected: Vec<u64> = block.rows.iter().map(|row| row.line + 5).collect();
                expected.extend(block.bad.iter().map(|bad| bad.line + 5));
                expected.sort_unstable();
                assert_eq!(got, expected, "{n} {form:?}");
            }
        }
    }

    #[test]
    fn a_reason_stays_one_cell_of_one_line() {
        let reason =
            BadReason::NotNumber { column: "\u{202e}c\n1,normal".into(), value: "\u{1b}[2J\"".into() };
        let bad = BadLine { line: 7, reason };
        let written = |form| {
            let mut out = Vec::new();
            bad_line(form, &bad, 0, &mut out);
            String::from_utf8(out).unwrap()
        };
        for line in [written(Form::Csv), written(Form::JsonLines)] {
            assert_eq!(line.lines().count(), 1, "{line}");
            assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line}");
        }
        let json: serde_json::Value = serde_json::from_str(&written(Form::JsonLines)).unwrap();
        assert_eq!(json["reason"], bad.reason.to_string(), "JSON says what was there");
        let csv = written(Form::Csv);
        assert!(csv.contains("\\u{1b}[2J\"\"") && csv.contains("\\u{202e}c\\n1,normal"), "{csv}");
    }

    #[test]
    fn lines_say_what_they_mean() {
        let line = |form, judgement: &Judgement| {
            let mut out = Vec::new();
            one(form, 7, judgement, None, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(line(Form::Csv, &verdict(3.0)), "7,anomalous,3,0.500000,0.250000,2,\n");
        let unknown = Judgement::Unknown { reason: Unknown::TooLittleObserved { observed: 0.25 } };
        assert_eq!(line(Form::Csv, &unknown), "7,unknown,,,,,\"only 25 % of the values were observed\"\n");
        assert_eq!(
            line(Form::JsonLines, &unknown),
            "{\"line\":7,\"verdict\":\"unknown\",\"reason\":\"too_little_observed\",\"observed\":0.25}\n"
        );
        assert_eq!(
            line(Form::JsonLines, &verdict(1.0)),
            "{\"line\":7,\"verdict\":\"normal\",\"score\":1.0,\"p_value\":0.5,\"threshold\":2.0,\"severity\":0.25,\
             \"is_anomalous\":false}\n"
        );
        assert_eq!(HEADER.matches(',').count(), line(Form::Csv, &verdict(3.0)).matches(',').count());
    }
}
