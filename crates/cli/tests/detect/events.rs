//! Alarms as events: one fault is one event, in a file and in a stream, also through kills.

use super::{HEADER, fitted, is_verdict, series, table};
use crate::common::Place;
use serde_json::Value;
use std::fs::File;
use std::io::Write as _;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

/// The steps of the fault; step 0 is on line 2.
const FAULT: std::ops::Range<usize> = 200..231;

/// A detector of windows of 48 steps, and `stream.csv`, a series with a fault.
fn place() -> Place {
    let place = Place::new();
    place.write("normal.csv", series(1500));
    place.check(
        "detect fit normal.csv --threads 1 --set training.epochs=5 --set input.window=48 --store pca --false-alarms 1%",
        0,
        &["layout: windows"],
    );
    place.write("stream.csv", with_fault(500));
    place
}

fn with_fault(n: usize) -> String {
    let raised = |(step, line): (usize, &str)| match line.split_once(',') {
        Some((time, value)) if step > 0 && FAULT.contains(&(step - 1)) => {
            format!("{time},{:.4}\n", value.parse::<f64>().unwrap() + 3.0)
        }
        _ => format!("{line}\n"),
    };
    series(n).lines().enumerate().map(raised).collect()
}

fn values(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn a_fault_in_a_file_is_one_event_with_one_picture() {
    let place = place();
    let score = "detect score stream.csv --model detector.safetensors --out scored.csv";
    let told = ["events: scored.events.jsonl", "explanations: scored.explained"];
    place.check(&format!("{score} --explain"), 0, &told);
    let events = values(&place.text("scored.events.jsonl"));
    let event = events.iter().max_by_key(|event| event["alarms"].as_u64()).expect("an event");
    let line = |place: &str| event[place]["line"].as_u64().unwrap() as usize - 2;
    assert!(event["strongest"]["score"].as_f64().unwrap() > 0.0, "{event}");
    assert!(FAULT.contains(&line("peak")), "{event}");
    assert!(line("start").abs_diff(FAULT.start) <= 4 && line("end").abs_diff(FAULT.end - 1) <= 4, "{event}");
    assert!(event["alarms"].as_u64().unwrap() > 60, "{event}");
    assert_eq!(event["cause"], "value");
    assert_eq!(event["peak"]["time"], (1_700_000_000 + 3600 * line("peak")) as f64);

    let explained = values(&place.text("scored.explained/alarms.jsonl"));
    assert_eq!(explained.len(), events.len(), "one explanation an event");
    let explained = &explained[0];
    assert_eq!((&explained["event"], &explained["line"]), (event, &event["peak"]["line"]));
    assert!(place.path(&format!("scored.explained/line-{}.png", explained["line"])).exists());

    let scored = place.text("scored.csv");
    let mut lines = scored.lines();
    assert!(lines.next().unwrap().ends_with(",reason,cause,time"), "{scored}");
    for (step, line) in lines.enumerate() {
        let (line, time) = line.rsplit_once(',').unwrap();
        assert_eq!(time, (1_700_000_000 + 3600 * step).to_string());
        assert_eq!(line.ends_with(",value"), line.contains(",anomalous,"), "{line}");
    }
    place.check_refused(score, 2, &["scored.csv already exists"]);
    std::fs::remove_file(place.path("scored.csv")).unwrap();
    place.check_refused(score, 2, &["scored.events.jsonl already exists", "--force"]);
}

#[test]
fn columns_of_the_input_stand_beside_the_verdicts() {
    let place = fitted();
    let rows = ["7,1,2,-1,high,\"x, y\"", "8,4,-8,-4,high,z", "9,1,2"];
    place.write("new.csv", format!("id,{}note\n{}\n", HEADER.replace('\n', ","), rows.join("\n")));
    let score = "detect score new.csv --model detector.safetensors --out s.csv --force";
    place.check(&format!("{score} --id note --id id"), 0, &[]);
    let scored = place.text("s.csv");
    let lines: Vec<&str> = scored.lines().collect();
    assert!(lines[0].ends_with(",reason,cause,note,id"), "{scored}");
    assert!(lines[1].ends_with(",,,\"x, y\",7") && lines[3].ends_with(",,,"), "{scored}");
    let cause = lines[2].rsplit(',').nth(2).unwrap();
    assert!(["a", "b", "c", "kind"].contains(&cause), "{scored}");
    place.check(&format!("{score} --keep"), 0, &[]);
    let header = place.text("s.csv").lines().next().unwrap().to_owned();
    assert!(header.ends_with(",reason,cause,id,a,b,c,kind,note"), "{header}");
    place.check_refused(&format!("{score} --id host"), 1, &["no column `host` to copy", "`note`"]);
    // In a table, each alarm is an event.
    place.write("new.csv", table(&["4,-8,-4,high".into(), "-3,-6,3,high".into()]));
    let ran = place.check(&format!("{score} --json"), 0, &[]);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["counts"]["events"], told["counts"]["anomalous"]);
    assert_eq!(place.text("s.events.jsonl").lines().count() as u64, told["counts"]["events"]);
}

#[test]
fn a_stream_tells_each_event_once_whenever_it_is_cut_or_killed() {
    let place = place();
    let watch = "detect watch --model detector.safetensors";
    let run = |arguments: &str, input: &str| {
        let mut command = place.ae(&format!("{watch} {arguments}"));
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{arguments}: {}", String::from_utf8_lossy(&ended.stderr));
    };
    let stream = place.text("stream.csv");
    run("--state whole.state --out whole.jsonl", &stream);
    let whole = place.text("whole.jsonl");
    let told: Vec<Value> = whole
        .lines()
        .filter(|line| line.contains("\"event\""))
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let told_of =
        |state: &str| -> Vec<&Value> { told.iter().filter(|told| told["event"]["state"] == state).collect() };
    let (opened, ended) = (told_of("open"), told_of("closed"));
    let number = |told: &&Value| told["event"]["number"].as_u64().unwrap();
    assert!(opened.iter().map(number).eq(1..=opened.len() as u64), "{told:?}");
    assert!(ended.iter().map(number).eq(1..=ended.len() as u64), "{told:?}");
    let fault = ended.iter().max_by_key(|told| told["event"]["alarms"].as_u64()).expect("the fault");
    let beginning = opened.iter().find(|told| number(told) == number(fault)).expect("it began");
    let (open, closed) = (beginning["line"].as_u64().unwrap(), fault["line"].as_u64().unwrap());
    assert!((202..=210).contains(&open), "as soon as the fault shows: {open}");
    assert_eq!(whole.lines().filter(|line| is_verdict(line)).count(), 500);
    // The event is that of the file.
    place.check("detect score stream.csv --model detector.safetensors --out s.csv", 0, &[]);
    let mut of_stream: Vec<Value> = ended.iter().map(|told| told["event"].clone()).collect();
    of_stream.iter_mut().for_each(|event| drop(event.as_object_mut().unwrap().remove("state")));
    let of_file = values(&place.text("s.events.jsonl"));
    // The file ends, and with it the event that goes on.
    assert!(of_file.starts_with(&of_stream) && of_file.len() <= of_stream.len() + 1, "{of_file:?}");

    // In two parts, cut before, in and after the event, and at its ends.
    for (place_of_cut, cut) in [open - 1, open, open + 60, closed - 1, closed].into_iter().enumerate() {
        let (first, second): (Vec<&str>, Vec<&str>) = {
            let lines: Vec<&str> = stream.split_inclusive('\n').collect();
            (lines[..cut as usize].to_vec(), lines[cut as usize..].to_vec())
        };
        let files = format!("--state cut{place_of_cut}.state --out cut{place_of_cut}.jsonl");
        run(&files, &first.concat());
        run(&files, &second.concat());
        assert_eq!(place.text(&format!("cut{place_of_cut}.jsonl")), whole, "cut after line {cut}");
    }

    // Killed at arbitrary moments; the input starts over each time.
    let again = format!("{watch} --state killed.state --out killed.jsonl --replay");
    for wait in [120u64, 180, 240, 300] {
        let input = File::open(place.path("stream.csv")).unwrap();
        let mut child = place.ae(&again).stdin(input).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(wait));
        let _ = child.kill();
        child.wait().unwrap();
    }
    run("--state killed.state --out killed.jsonl --replay", &stream);
    assert!(place.text("killed.jsonl") == whole, "after four kills");

    // Without a state nothing can go on, so that the end of the input ends an event.
    let until_fault = stream.split_inclusive('\n').take(230).collect::<String>();
    run("--out ended.jsonl", &until_fault);
    let last: Value = serde_json::from_str(place.text("ended.jsonl").lines().last().unwrap()).unwrap();
    assert_eq!(last["event"]["state"], "closed");
    assert_eq!(last["line"], 230);
}
