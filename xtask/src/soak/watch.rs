//! `ae detect watch --state … --out … --replay`, repeated until the stream is at its end: each line's verdict
//! exactly once.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use ae_records::seed::stream_rng;
use anyhow::Context;
use rand::RngExt;

use super::round::{Results, Subject, program_in, succeed};
use super::train::write;

/// Rows of a stream.
const ROWS: u64 = 4000;

/// What is watched.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    /// Rows of a table, each judged for itself.
    Table,
    /// A series with times, judged by windows, which are part of the state.
    Series,
}

pub(super) fn subjects() -> impl Iterator<Item = Box<dyn Subject>> {
    [Stream::Table, Stream::Series].into_iter().map(|stream| Box::new(stream) as Box<dyn Subject>)
}

impl Subject for Stream {
    fn kind(&self) -> &'static str {
        "watch"
    }

    fn name(&self) -> String {
        match self {
            Stream::Table => "watch-table".into(),
            Stream::Series => "watch-series".into(),
        }
    }

    fn prepare(&self, program: &Path, place: &Path) -> anyhow::Result<()> {
        self.fit(program, place)?;
        let rows: String = (0..ROWS).map(|index| self.row(index)).collect();
        write(place, "stream.csv", &format!("{}{rows}", self.header()))
    }

    fn command(&self, program: &Path, place: &Path) -> anyhow::Result<Command> {
        let words = "detect watch --model detector.safetensors --state state --out verdicts.jsonl --replay";
        let mut command = program_in(program, place, words);
        command.stdin(File::open(place.join("stream.csv")).context("cannot open the stream")?);
        Ok(command)
    }

    fn results(&self, place: &Path) -> anyhow::Result<Results> {
        let path = place.join("verdicts.jsonl");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        each_line_once(&text, 2..ROWS + 2)?;
        Ok(Results::from([("verdicts.jsonl".to_string(), text.into_bytes())]))
    }
}

impl Stream {
    /// Fits `detector.safetensors` in `place`.
    pub(super) fn fit(self, program: &Path, place: &Path) -> anyhow::Result<()> {
        let normal: String = (0..1500).map(|index| self.normal_row(index)).collect();
        write(place, "normal.csv", &format!("{}{normal}", self.header()))?;
        let words = "detect fit normal.csv --threads 1 --set training.epochs=5 --false-alarms 1%";
        succeed(program_in(program, place, words))
    }

    /// The first line.
    pub(super) fn header(self) -> &'static str {
        match self {
            Stream::Table => "a,b,c,kind\n",
            Stream::Series => "time,value\n",
        }
    }

    /// A line of the stream: now and then one that is no row, or holds what no training row had.
    pub(super) fn row(self, index: u64) -> String {
        match (self, index % 997, index % 991) {
            (_, 996, _) => format!("not a row {index}\n"),
            (Stream::Table, _, 990) => format!("{index}00000,2,-1,unseen {index}\n"),
            (Stream::Series, _, 990) => format!("{},{index}\n", time(index)),
            _ => self.normal_row(index),
        }
    }

    /// A function of its place.
    fn normal_row(self, index: u64) -> String {
        let mut rng = stream_rng(0, "soak rows", index);
        let mut text = String::new();
        match self {
            Stream::Table => {
                let x = rng.random_range(-5.0..5.0);
                let kind = if x < 0.0 { "low" } else { "high" };
                let mut noise = || rng.random_range(-0.1..0.1);
                let _ = writeln!(text, "{x:.4},{:.4},{:.4},{kind}", 2.0 * x + noise(), -x + noise());
            }
            Stream::Series => {
                let phase = index as f64 * std::f64::consts::TAU / 24.0;
                let _ = writeln!(text, "{},{:.4}", time(index), phase.sin() + rng.random_range(0.0..0.2));
            }
        }
        text
    }
}

/// Seconds since 1970, an hour apart.
fn time(index: u64) -> u64 {
    1_700_000_000 + 3600 * index
}

/// Verdicts are those of these lines, in order, each exactly once. Events and reports of drift stand between them.
fn each_line_once(text: &str, lines: std::ops::Range<u64>) -> anyhow::Result<()> {
    let mut expected = lines;
    let is_verdict = |line: &&str| !line.contains("\"drift\":{") && !line.contains("\"event\":{");
    for verdict in text.lines().filter(is_verdict) {
        let number = verdict.strip_prefix("{\"line\":").and_then(|rest| rest.split(',').next()?.parse().ok());
        let number: u64 = number.with_context(|| format!("not a verdict: {verdict}"))?;
        let next = expected.next();
        anyhow::ensure!(
            next == Some(number),
            "a verdict of line {number} where that of {} belongs",
            next.map_or("none".into(), |line| format!("line {line}"))
        );
    }
    anyhow::ensure!(expected.is_empty(), "line {} has no verdict", expected.start);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_that_is_missing_repeated_or_out_of_order_is_found() {
        let check = |lines: &[&str], expected: Result<(), &str>| {
            let verdicts = lines.iter().map(|line| format!("{{\"line\":{line},\"verdict\":\"normal\"}}\n"));
            let got = each_line_once(&verdicts.collect::<String>(), 2..5).map_err(|error| error.to_string());
            assert_eq!(got, expected.map_err(str::to_string));
        };
        check(&["2", "3", "4"], Ok(()));
        check(&["2", "3"], Err("line 4 has no verdict"));
        check(&["2", "2", "3", "4"], Err("a verdict of line 2 where that of line 3 belongs"));
        check(&["2", "4"], Err("a verdict of line 4 where that of line 3 belongs"));
        check(&["2", "3", "4", "5"], Err("a verdict of line 5 where that of none belongs"));
        assert!(each_line_once("{\"line\":2,\"ver\n{\"li", 2..3).is_err(), "half a line");
        let between = "{\"line\":2,\"verdict\":\"normal\"}\n{\"drift\":{}}\n{\"line\":2,\"event\":{\"state\":\"open\"}}\n";
        assert!(each_line_once(between, 2..3).is_ok());
    }

    #[test]
    fn rows_are_a_function_of_their_place_and_some_are_odd() {
        for stream in [Stream::Table, Stream::Series] {
            assert_eq!(stream.row(17), stream.row(17));
            assert_ne!(stream.row(17), stream.row(18));
            assert!(stream.row(996).starts_with("not a row"));
            assert_ne!(stream.row(990), stream.normal_row(990));
            assert!((0..2000).all(|index| stream.row(index).ends_with('\n')));
        }
    }
}
