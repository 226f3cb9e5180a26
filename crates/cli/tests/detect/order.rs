//! Files of a series as people have them: in another order, with the times of their country, unlike what was learned.

use crate::common::{Place, check};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// A series of `n` steps of an hour, with days and times of the day as in `14.03.2024;10:00`, or in one column. The
/// values of the last third are raised by `by`.
fn series(n: usize, by: f64, between: char) -> Vec<String> {
    let value = |step: usize| {
        let raised = if step >= n - n / 3 { by } else { 0.0 };
        (step as f64 / 24.0 * std::f64::consts::TAU).sin() + 0.01 * ((step * 7919) % 13) as f64 + raised
    };
    let day = |step: usize| (1 + step / 24 % 28, 1 + step / 24 / 28 % 12, 2024 + step / 24 / 28 / 12);
    let line = |step: usize| {
        let (day, month, year) = day(step);
        format!("{day:02}.{month:02}.{year}{between}{:02}:00;{:.4}", step % 24, value(step))
    };
    (0..n).map(line).collect()
}

fn file(lines: &[String], between: char) -> String {
    let mut text = format!("Datum{};wert\n", if between == ';' { ";Uhrzeit" } else { "" });
    lines.iter().for_each(|line| writeln!(text, "{line}").unwrap());
    text
}

/// With a detector of windows of 24 steps.
fn place(between: char) -> Place {
    let place = Place::new();
    place.write("normal.csv", file(&series(1400, 0.0, between), between));
    place.check(
        "detect fit normal.csv --threads 1 --set training.epochs=3 --set input.window=24 --store pca --false-alarms 1%",
        0,
        &["layout: windows"],
    );
    place
}

const SCORE: &str = "detect score new.csv --model detector.safetensors --force --out";

/// The verdict and the cause of each row of a CSV file of verdicts, by its time, sorted.
fn by_time(text: &str) -> Vec<(String, String)> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        (cells[8].to_owned(), format!("{} {} {}", cells[1], cells[2], cells[7]))
    };
    let mut rows: Vec<(String, String)> = text.lines().skip(1).map(row).collect();
    rows.sort();
    rows
}

#[test]
fn a_file_in_reverse_is_scored_as_in_order_and_its_rows_stay_where_they_are() {
    let place = place(' ');
    let mut lines = series(300, 4.0, ' ');
    place.write("new.csv", file(&lines, ' '));
    place.check(&format!("{SCORE} whole.csv"), 0, &["anomalous"]);
    lines.reverse();
    place.write("new.csv", file(&lines, ' '));
    place.check(
        &format!("{SCORE} s.csv --explain"),
        0,
        &["299 times are earlier", "rows are sorted by time"],
    );
    let scored = place.text("s.csv");
    assert_eq!(by_time(&scored), by_time(&place.text("whole.csv")));
    for (at, line) in scored.lines().skip(1).enumerate() {
        let time = lines[at].split(';').next().unwrap();
        assert!(line.starts_with(&format!("{},", at + 2)) && line.ends_with(&format!(",{time}")), "{line}");
    }
    // An event names lines and times of the file.
    let event: Value = serde_json::from_str(place.text("s.events.jsonl").lines().next().unwrap()).unwrap();
    for name in ["start", "end", "peak", "first_alarm", "last_alarm"] {
        let line = event[name]["line"].as_u64().unwrap() as usize;
        assert!(lines[line - 2].starts_with(event[name]["time"].as_str().unwrap()), "{name}: {event}");
    }
    assert!(place.path(&format!("s.explained/line-{}.png", event["peak"]["line"])).exists());
    // A stream is read once.
    let refused = {
        let mut child: Command = place.ae("detect score - --model detector.safetensors --out t.csv");
        let mut child = child.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(file(&lines, ' ').as_bytes());
        child.wait_with_output().unwrap()
    };
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("column `Datum` of standard input go back") && told.contains("a file"), "{told}");
    assert!(!place.path("t.csv").exists());
}

#[test]
fn a_file_of_alarms_is_called_unlike_what_was_learned() {
    let place = place(';');
    let raised: Vec<String> = series(900, 5.0, ';').split_off(700);
    place.write("new.csv", file(&raised, ';'));
    let told = ["all 177 judged rows are anomalous", "units", "--adapt", "--explain"];
    let ran = place.check(&format!("{SCORE} s.csv --id Datum"), 0, &told[..3]);
    assert!(!ran.stdout.contains(told[3]), "each alarm has the cause of its event: {}", ran.stdout);
    // A time in two columns is one, as in the events.
    let scored = place.text("s.csv");
    let mut lines = scored.lines();
    assert!(lines.next().unwrap().ends_with(",cause,time,Datum"), "{scored}");
    let event: Value = serde_json::from_str(place.text("s.events.jsonl").lines().next().unwrap()).unwrap();
    let first = event["first_alarm"]["line"].as_u64().unwrap();
    let line = lines.find(|line| line.starts_with(&format!("{first},"))).unwrap();
    let time = event["first_alarm"]["time"].as_str().unwrap();
    assert!(line.contains(&format!(",wert,{time},{}", &time[..10])), "{line} {event}");
    // Of normal rows nothing of the kind is said.
    place.write("new.csv", file(&series(200, 0.0, ';'), ';'));
    let ran = check(place.ae(&format!("{SCORE} n.csv")), 0, &[]);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
}
