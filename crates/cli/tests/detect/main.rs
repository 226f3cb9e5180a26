//! `ae detect` as a user runs it: fits on a file, scores another, watches a stream, and handles errors.

mod adapt;
#[path = "../common/mod.rs"]
mod common;
mod events;
mod groups;
mod order;
mod safety;

use ae_records::arrays;
use common::{Place, Ran, check};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

const FIT: &str = "detect fit normal.csv --threads 1 --set training.epochs=30 --set training.batch=16";

/// Rows of two numbers that follow each other and a category, from a simple generator.
fn rows(n: usize, seed: u64) -> Vec<String> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut unit = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let row = |_| {
        let x = 10.0 * unit() - 5.0;
        let kind = if x < 0.0 { "low" } else { "high" };
        format!("{:.4},{:.4},{:.4},{kind}", x, 2.0 * x + 0.2 * (unit() - 0.5), -x + 0.2 * (unit() - 0.5))
    };
    (0..n).map(row).collect()
}

const HEADER: &str = "a,b,c,kind\n";

fn table(rows: &[String]) -> String {
    format!("{HEADER}{}\n", rows.join("\n"))
}

fn place() -> Place {
    let place = Place::new();
    place.write("normal.csv", table(&rows(400, 1)));
    place
}

fn fitted() -> Place {
    let place = place();
    place.check(
        FIT,
        0,
        &["layout: table", "threshold:", "false-alarm rate 0.01", "detector: detector.safetensors"],
    );
    place
}

/// Column `index` of each line of a CSV file but the first.
fn column(text: &str, index: usize) -> Vec<String> {
    text.lines().skip(1).map(|line| line.split(',').nth(index).unwrap_or_default().to_string()).collect()
}

#[test]
fn the_same_file_gives_the_same_detector_and_a_broken_pairing_is_found() {
    let place = fitted();
    let first = place.read("detector.safetensors");
    place.check(&format!("{FIT} --force"), 0, &[]);
    assert!(place.read("detector.safetensors") == first, "the same bytes");

    let mut new = rows(200, 2);
    new[17] = "4,-8,-4,high".into();
    new[99] = "-3,-6,3,high".into();
    place.write("new.csv", table(&new));
    let told = ["anomalous", "verdicts: scored.csv", "explanations: scored.explained"];
    place.check("detect score new.csv --model detector.safetensors --out scored.csv --explain", 0, &told);
    let scored = place.text("scored.csv");
    let (lines, verdicts) = (column(&scored, 0), column(&scored, 1));
    assert_eq!(lines.len(), 200);
    assert_eq!(lines[17], "19", "lines are counted from 1, the header is the first");
    assert_eq!(verdicts[17], "anomalous");
    let alarms = verdicts.iter().filter(|verdict| *verdict == "anomalous").count();
    assert!(alarms <= 12, "{alarms} alarms among 200 rows");
    let explained = place.text("scored.explained/alarms.jsonl");
    let worst: serde_json::Value = serde_json::from_str(explained.lines().next().unwrap()).unwrap();
    assert!(worst["severity"].as_f64().unwrap() > 0.5);
    let shares = worst["shares"].as_array().unwrap();
    let sum: f64 = shares.iter().map(|share| share["share"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-6, "{sum}");
    assert!(place.path(&format!("scored.explained/line-{}.png", worst["line"])).exists());
    place.check("detect inspect detector.safetensors", 0, &["kind  2 values: high, low", "golden rows: 8"]);
}

#[test]
fn nothing_is_lost_whatever_a_file_holds() {
    let place = fitted();
    let bad = [
        "1,2,-1,high",
        "1,2",
        "1,2,-1,high,5",
        "one,2,-1,high",
        "1,inf,-1,high",
        "1,1e400,-1,high",
        "1,NaN,,high",
        ",,,",
        "1,2,-1,never seen",
        "\"1,2,-1,high",
        "1000000,2,-1,high",
        "\u{0}\u{1}\u{2}",
        "2,4,-2,high",
    ];
    place.write("new.csv", format!("{HEADER}{}\n", bad.join("\n")));
    let told = [
        "5 bad lines",
        "`never seen`, which no training row had",
        "is 1000000, far outside the training range",
        "verdicts: scored.csv",
    ];
    let ran = place.run("detect score new.csv --model detector.safetensors --out scored.csv");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let scored = place.text("scored.csv");
    let verdicts = column(&scored, 1);
    assert_eq!(column(&scored, 0), (2..2 + bad.len()).map(|line| line.to_string()).collect::<Vec<_>>());
    for (place, expected) in [
        (0, "normal"),
        (1, "bad_line"),
        (2, "bad_line"),
        (3, "bad_line"),
        (4, "bad_line"),
        (5, "bad_line"),
        (7, "unknown"),
        (9, "bad_line"),
        (10, "anomalous"),
        (11, "bad_line"),
        (12, "normal"),
    ] {
        assert_eq!(verdicts[place], expected, "{}: {scored}", bad[place]);
    }
    for expected in &told[1..] {
        assert!(ran.stdout.contains(expected), "{expected}: {}", ran.stdout);
    }
    place.check("detect score new.csv --model detector.safetensors --out scored.csv --force --check", 3, &[]);
}

#[test]
fn requests_that_cannot_be_met_are_refused_in_one_line() {
    let place = fitted();
    let refused = |arguments: &str, code, expected: &[&str]| place.check_refused(arguments, code, expected);
    refused(FIT, 2, &["detector.safetensors already exists", "--force"]);
    place.write("empty.csv", "");
    place.write("header.csv", HEADER);
    place.write("few.csv", table(&rows(12, 3)));
    place.write("junk.csv", [0u8, 255, 254, 7, 10, 0, 3, 200, 10].repeat(50));
    let fit = |file: &str| format!("detect fit {file} --out other.safetensors");
    refused(&fit("missing.csv"), 1, &["missing.csv"]);
    refused(&fit("empty.csv"), 1, &["empty.csv"]);
    refused(&fit("header.csv"), 1, &["header.csv"]);
    refused(&fit("few.csv"), 1, &["12 normal rows are too few", "18 are needed"]);
    assert_eq!(place.run(&fit("junk.csv")).code, Some(1));
    refused(&format!("{} --label klass", fit("normal.csv")), 1, &["`klass`", "kind"]);
    refused(&format!("{} --label kind", fit("normal.csv")), 2, &["which values", "low"]);
    refused(&format!("{} --label kind --normal none", fit("normal.csv")), 2, &["none", "high"]);
    refused(&format!("{} --false-alarms lots", fit("normal.csv")), 2, &["`lots`", "2 per day"]);
    refused(
        &format!("{} --false-alarms 0.1%", fit("normal.csv")),
        1,
        &["999", "calibration takes", "allow more false alarms"],
    );
    refused(&format!("{} --variant dep", fit("normal.csv")), 2, &["\"dep\"", "deep"]);
    refused(&format!("{} --set sede=3", fit("normal.csv")), 2, &["`sede`", "`seed`"]);
    refused("detect score new.csv --model rows.csv", 1, &["rows.csv", "safetensors"]);
    refused("detect score missing.csv --model detector.safetensors", 1, &["missing.csv"]);
    for empty in ["empty.csv", "header.csv"] {
        refused(&format!("detect score {empty} --model detector.safetensors --out s.csv"), 1, &[empty]);
        assert!(!place.path("s.csv").exists(), "an output without rows is none");
    }
    place.write("other.csv", "x,y\n1,2\n3,4\n");
    let ran = place.run("detect score other.csv --model detector.safetensors --out s.csv");
    assert_ne!(ran.code, Some(0), "another table is no input: {ran:?}");
}

/// A stream's verdicts, as `watch` prints them.
fn watched(place: &Place, arguments: &str, input: &str) -> Vec<String> {
    let mut command = place.ae(&format!("detect watch --model detector.safetensors {arguments}"));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(String::from).collect()
}

/// Runs a watch of `stream.csv` into `verdicts.jsonl`, killed each time after so many milliseconds, and then to its end.
/// The input starts over each time. Returns how many of the watches were still running.
fn watched_despite_kills(place: &Place, waits: &[u64]) -> u32 {
    let watch = "detect watch --model detector.safetensors --state state --out verdicts.jsonl --replay";
    let input = || std::fs::File::open(place.path("stream.csv")).unwrap();
    let mut kills = 0;
    for wait in waits {
        let mut child = place.ae(watch).stdin(input()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(*wait));
        kills += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
    }
    let ran: Ran = place.ae(watch).stdin(input()).output().unwrap().into();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    kills
}

#[test]
fn files_streams_and_json_lines_get_the_same_scores() {
    let place = fitted();
    let new = rows(120, 5);
    place.write("new.csv", table(&new));
    place.check("detect score new.csv --model detector.safetensors --out scored.jsonl", 0, &[]);
    let whole: Vec<String> = place.text("scored.jsonl").lines().map(String::from).collect();
    assert_eq!(watched(&place, "", &table(&new)), whole, "a stream");
    let mut json = String::new();
    for row in &new {
        let cells: Vec<&str> = row.split(',').collect();
        // In another order, and matched by name.
        let [a, b, c, kind] = cells[..] else { panic!("four cells") };
        writeln!(json, "{{\"kind\":\"{kind}\",\"c\":{c},\"b\":{b},\"a\":{a}}}").unwrap();
    }
    let by_name = watched(&place, "", &json);
    let number = |line: &str, key: &str| -> serde_json::Value {
        serde_json::from_str::<serde_json::Value>(line).unwrap()[key].clone()
    };
    for (row, (json, csv)) in by_name.iter().zip(&whole).enumerate() {
        assert_eq!(number(json, "line"), row + 1, "JSON lines have no header");
        assert_eq!(number(json, "score"), number(csv, "score"), "row {row}");
    }
    for one in [3, 77] {
        let alone = watched(&place, "", &format!("{HEADER}{}\n", new[one]));
        assert_eq!(number(&alone[0], "score"), number(&whole[one], "score"), "a row alone");
    }
}

#[test]
fn a_watch_unpacks_names_what_is_no_text_and_tells_odd_times() {
    let place = Place::new();
    let text = series(400);
    place.write("normal.csv", &text);
    place.check(&format!("{FIT} --set input.window=10"), 0, &["layout: windows"]);
    let mut lines: Vec<&str> = text.lines().take(60).collect();
    lines.swap(30, 31);
    lines[50] = lines[49];
    let odd = lines.join("\n") + "\n";
    let watch = |input: &[u8]| {
        let mut command = place.ae("detect watch --model detector.safetensors");
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Refused input is not read to its end.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    };
    let (done, verdicts, notes) = watch(odd.as_bytes());
    assert!(done && verdicts.lines().filter(|line| is_verdict(line)).count() == 59, "{notes}");
    for told in [
        "line 32: the time in column",
        "is earlier than the previous one",
        "line 51:",
        "equals the previous one",
    ] {
        assert_eq!(notes.matches(told).count(), 1, "{told}: {notes}");
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(odd.as_bytes()).unwrap();
    assert_eq!(watch(&packed.finish().unwrap()), (true, verdicts.clone(), notes.clone()));
    let wide: Vec<u8> = format!("\u{feff}{odd}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (done, of_wide, told) = watch(&wide);
    assert!(done && told.starts_with("note: read as UTF-16 text"), "{told}");
    assert_eq!((of_wide, told.split_once('\n').unwrap().1), (verdicts, notes.as_str()));
    let (done, _, notes) = watch(b"PK\x03\x04\0\0");
    assert!(!done && notes.contains("a zip archive or a spreadsheet"), "{notes}");
}

/// Whether a line of a watch is about a line, not about an event or the scores as a whole.
fn is_verdict(line: &str) -> bool {
    line.contains("\"verdict\"")
}

/// A long series with a column of times.
fn series(n: usize) -> String {
    let mut text = String::from("time,value\n");
    for step in 0..n {
        let noise = ((step * 7919) % 101) as f64 / 500.0;
        let value = (step as f64 * std::f64::consts::TAU / 24.0).sin() + noise;
        writeln!(text, "{},{value:.4}", 1_700_000_000 + 3600 * step).unwrap();
    }
    text
}

#[test]
fn a_watch_that_is_killed_goes_on_without_losing_or_repeating_a_line() {
    let place = Place::new();
    place.write("normal.csv", series(1500));
    place.check(
        "detect fit normal.csv --threads 1 --set training.epochs=5 --false-alarms 1%",
        0,
        &["layout: windows", "a period of the series"],
    );
    let mut stream = series(400);
    stream.push_str("not a line\n1701440000,5\n");
    place.write("stream.csv", &stream);
    place.check(
        "detect score stream.csv --model detector.safetensors --out whole.jsonl",
        0,
        &["1 bad lines"],
    );
    let whole: Vec<String> = place.text("whole.jsonl").lines().map(String::from).collect();
    assert_eq!(whole.len(), 402);
    assert!(whole[0].contains("warming_up") && whole[399].contains("score"), "{} {}", whole[0], whole[399]);

    // Killed again and again at arbitrary moments.
    let kills = watched_despite_kills(&place, &[150, 220, 260, 310, 200, 400]);
    let verdicts: Vec<String> =
        place.text("verdicts.jsonl").lines().filter(|line| is_verdict(line)).map(String::from).collect();
    assert_eq!(verdicts, whole, "after {kills} kills");

    // The same in two parts, the second without the header: a continued stream.
    let cut = stream.lines().take(201).map(str::len).sum::<usize>() + 201;
    let mut parts = watched(&place, "--state two", &stream[..cut]);
    parts.extend(watched(&place, "--state two", &stream[cut..]));
    parts.retain(|line| is_verdict(line));
    assert_eq!(parts, whole);
}

#[test]
fn a_detector_that_was_tampered_with_is_refused() {
    let place = fitted();
    let whole = place.read("detector.safetensors");
    let header = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let refused = |bytes: &[u8], expected: &[&str]| {
        place.write("bad.safetensors", bytes);
        place.check_refused("detect inspect bad.safetensors", 1, expected);
    };
    for length in [0, 7, 100, 8 + header, whole.len() - 1] {
        refused(&whole[..length], &["bad.safetensors", "not a complete safetensors file"]);
    }
    // A mean that differs: the checksum notices, and in a file with a new checksum the golden rows.
    let text = String::from_utf8(whole[8..8 + header].to_vec()).unwrap();
    let at = text.find("mean\\\":").expect("a mean is in the schema") + 7;
    let digit = text[at..].find(|c: char| ('1'..='8').contains(&c)).unwrap() + at;
    let mut bytes = whole.clone();
    bytes[8 + digit] += 1;
    refused(&bytes, &["is damaged: its content has the SHA-256"]);
    assert!(arrays::sign(&mut bytes));
    refused(&bytes, &["does not score as it did", "golden rows"]);
    // Calibration scores that differ: they come first.
    let mut bytes = whole.clone();
    for byte in &mut bytes[8 + header + 200..8 + header + 400] {
        *byte ^= 0x11;
    }
    assert!(arrays::sign(&mut bytes));
    assert_eq!(check_code(&place, &bytes), Some(1), "other calibration scores");
    // Any byte may differ: refused as it is, and with a new checksum refused or read without harm, but never a panic.
    let mut state = 7u64;
    for _ in 0..24 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut bytes = whole.clone();
        let place_of = (state >> 20) as usize % bytes.len();
        bytes[place_of] ^= 1 << (state >> 60 & 7);
        assert_eq!(check_code(&place, &bytes), Some(1), "byte {place_of}");
        arrays::sign(&mut bytes);
        let code = check_code(&place, &bytes);
        assert!(matches!(code, Some(0 | 1)), "byte {place_of}: {code:?}");
    }
}

fn check_code(place: &Place, bytes: &[u8]) -> Option<i32> {
    place.write("bad.safetensors", bytes);
    place.run("detect inspect bad.safetensors").code
}

#[test]
fn help_shows_the_way_in() {
    let place = Place::new();
    check(place.ae("detect --help"), 0, &["fit", "score", "watch", "inspect", "ae detect fit normal.csv"]);
    place.check("detect fit x.csv --show-config", 0, &["[input]", "layout = \"auto\"", "members = 1"]);
}
