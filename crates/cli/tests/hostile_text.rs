//! Text that is out to harm: in cells, column names and paths. It cannot control a terminal, break a CSV, JSON or a
//! shell's words, or make the program panic.

mod common;

use common::{AE, EXPERIMENT, Place, Ran, check, table};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::Command;

/// Column names: one colours a terminal, one turns the direction of writing and is markup.
const HEADER: &str = "a,\u{1b}[31mb\u{9b}2J,<script>\u{202e}|c,kind\n";
/// The levels of the last column: one sets the title of a terminal's window.
const LEVELS: [&str; 2] = ["\u{1b}]0;low\u{7}", "\u{2066}`high`"];

/// Normal rows: `b` is twice `a`, `c` is its negative, and the level is its sign.
fn normal() -> String {
    let mut text = HEADER.to_string();
    for row in 0..400 {
        let a = f64::from(row * 37 % 400) / 40.0 - 5.0;
        let noise = f64::from(row * 53 % 101) / 500.0;
        let level = LEVELS[usize::from(a >= 0.0)];
        writeln!(text, "{a:.4},{:.4},{:.4},{level}", 2.0 * a + noise, noise - a).unwrap();
    }
    text
}

/// Two anomalies, two lines that are no rows, and a level that no training row had.
fn new() -> String {
    let high = LEVELS[1];
    let rows = [
        format!("1,2,-1,{high}"),
        format!("4,-8,-4,{high}"),
        format!("1,\u{1b}[2J<b>\u{202e},-1,{high}"),
        "1,2,-1,never\u{1b}[2J\u{202e}seen".to_string(),
        format!("1000000,2,-1,{high}"),
        "1,2".to_string(),
    ];
    HEADER.to_string() + &rows.join("\n") + "\n"
}

fn fitted() -> Place {
    let place = Place::new();
    place.write("normal.csv", normal());
    place.write("new.csv", new());
    let ran = place.check("detect fit normal.csv --threads 1 --set training.epochs=5", 0, &["layout: table"]);
    check_inert(&ran);
    place
}

/// No character of the text acts on a terminal or on the text around it.
fn check_text(text: &str) {
    let acts = |c: &char| {
        let is_control = c.is_control() && *c != '\n' && *c != '\t';
        is_control || ('\u{202a}'..='\u{202e}').contains(c) || ('\u{2066}'..='\u{2069}').contains(c)
    };
    let found = text.chars().find(acts);
    assert_eq!(found, None, "{}", text.escape_debug());
}

fn check_inert(ran: &Ran) {
    check_text(&ran.stdout);
    check_text(&ran.stderr);
}

fn check_json_lines(text: &str, count: usize) {
    check_text(text);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(lines.len(), count, "{text}");
    let reason = lines[2]["reason"].as_str().unwrap();
    assert!(reason.contains("\u{1b}[2J<b>\u{202e}"), "JSON says what was there: {reason:?}");
}

#[test]
fn cells_and_column_names_are_shown_and_do_nothing() {
    let place = fitted();
    let score = "detect score new.csv --model detector.safetensors --threads 1";
    let told = ["2 bad lines", r"never\u{1b}[2J\u{202e}seen", "explanations: s.explained"];
    check_inert(&place.check(&format!("{score} --out s.csv --explain"), 0, &told));
    let csv = place.text("s.csv");
    check_text(&csv);
    assert_eq!(csv.lines().count(), 7, "{csv}");
    let bad = csv.lines().nth(3).unwrap();
    assert!(bad.starts_with("4,bad_line,,,,,\"column `") && bad.contains(r"\u{1b}[2J<b>\u{202e}"), "{bad}");
    check_text(&place.text("s.explained/alarms.jsonl"));
    assert!(place.path("s.explained/line-3.png").exists(), "the picture names the columns");

    let printed = place.check(score, 0, &[]);
    check_inert(&printed);
    assert_eq!(printed.stdout, csv, "to a terminal and to a file");
    place.check(&format!("{score} --out lines.jsonl"), 0, &[]);
    let ran = place.check(&format!("{score} --json"), 0, &[]);
    assert_eq!(ran.stdout, place.text("lines.jsonl"));
    check_json_lines(&ran.stdout, 6);

    let mut watch = place.ae("detect watch --model detector.safetensors --explain");
    watch.stdin(File::open(place.path("new.csv")).unwrap());
    let ran = check(watch, 0, &[r"never\u{1b}[2J\u{202e}seen"]);
    check_inert(&ran);
    check_json_lines(&ran.stdout, 6);

    check_inert(&place.check(
        "detect inspect detector.safetensors",
        0,
        &[r"\u{1b}[31mb\u{9b}2J", "<script>"],
    ));
    let ran = place.check("detect inspect detector.safetensors --json", 0, &[]);
    check_inert(&ran);
    let about: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(about["schema"]["fields"][1]["name"], "\u{1b}[31mb\u{9b}2J");
}

#[test]
fn an_error_about_a_file_cannot_control_the_terminal() {
    let place = Place::new();
    place.write("rows.csv", table(30).replace("a,b,c,d", "a,\u{1b}[2Jb\u{202e},c,d"));
    let ran = place.check("train mine.toml --set data.label=e --json", 2, &["no label column"]);
    check_inert(&ran);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(answer["error"].as_str().unwrap().contains("\u{1b}[2Jb"), "{answer}");
}

/// Runs a command line as a user would paste it, with `ae` on the path.
fn pasted(place: &Place, line: &str) -> Command {
    let mut shell = place.command("sh");
    let folder = Path::new(AE).parent().unwrap();
    let path = std::env::join_paths([folder, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    shell.args(["-c", line]).env("PATH", path);
    shell
}

#[test]
fn commands_can_be_pasted_into_a_shell() {
    let place = Place::new();
    place.write("it's $HOME.csv", table(60));
    place.write("my `id`.toml", EXPERIMENT);
    let train = |out: &str| {
        let mut command = place.ae("train --threads 1 --set");
        command.args(["data.set=it's $HOME.csv", "my `id`.toml", "--out", out]);
        command
    };
    let folder = "my \"run\" isn't $(id)";
    check(train(folder), 0, &[]);
    let command = place.json(&format!("{folder}/record.json"))["command"].as_str().unwrap().to_string();
    check(pasted(&place, &format!("{command} --out again")), 0, &[]);
    assert_eq!(place.text("again/metrics.jsonl"), place.text(&format!("{folder}/metrics.jsonl")));

    let refused = check(train(folder), 2, &["already holds a run"]).stderr;
    let (_, hint) = refused.split_once("continue it with ").unwrap();
    let (hint, _) = hint.split_once(", or choose").unwrap();
    check(pasted(&place, &format!("ae train {hint} --threads 1")), 0, &["resuming my `id` in "]);

    place.write("normal.csv", table(400));
    let mut fit = place.ae("detect fit normal.csv --threads 1 --set training.epochs=2 --out");
    fit.arg("it's a detector.safetensors");
    let told = check(fit, 0, &[]).stderr;
    let hint = told.lines().find_map(|line| line.strip_prefix("score new rows: ")).expect(&told);
    check(pasted(&place, &hint.replace("NEW.csv", "normal.csv")), 0, &["verdicts: scored.csv"]);
}

/// Other systems refuse such names.
#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_not_utf_8_is_as_good_as_any() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    place.write("normal.csv", table(400));
    place.write(
        "rows.toml",
        format!("{EXPERIMENT}[smoke]\nset = [\"training.epochs=40\", \"training.learning_rate=0.01\"]\n"),
    );
    let odd =
        |ending: &str| OsStr::from_bytes(&[b"odd \xff".as_slice(), ending.as_bytes()].concat()).to_owned();
    let json = |arguments: &str, path: &OsStr, code: i32| -> Value {
        let mut command = place.ae(arguments);
        command.arg(path).arg("--json");
        serde_json::from_str(&check(command, code, &[]).stdout).unwrap()
    };
    let shown = |ending: &str| format!("odd \u{fffd}{ending}");

    assert_eq!(json("train mine.toml --threads 1 --out", &odd("run"), 0)["status"]["state"], "finished");
    assert_eq!(json("report", &odd("run"), 0)["report"], shown("run/report.html"));
    let taken = json("train mine.toml --threads 1 --out", &odd("run"), 2);
    assert!(taken["error"].as_str().unwrap().contains(r"--resume $'odd \377run'"), "{taken}");
    assert_eq!(json("train --threads 1 --resume", &odd("run"), 0)["status"]["state"], "finished");

    let fit = "detect fit normal.csv --threads 1 --set training.epochs=2 --out";
    assert_eq!(json(fit, &odd("detector"), 0)["detector"], shown("detector"));
    let mut score = place.ae("detect score normal.csv --explain --json --out");
    score.arg(odd(".csv")).arg("--model").arg(odd("detector"));
    let scored: Value = serde_json::from_str(&check(score, 0, &[]).stdout).unwrap();
    assert_eq!(scored["out"], shown(".csv"));

    let cached = json("data verify --cache", &odd("cache"), 0);
    let path = cached[0]["path"].as_str().unwrap();
    assert!(path.starts_with(&shown("cache/")), "{path}");

    let reproduced = json("reproduce rows.toml --tier smoke --seeds 3 --runs", &odd("runs"), 0);
    assert_eq!(reproduced["rows"][0]["verdict"], "reached", "{reproduced}");
    let again = json("reproduce rows.toml --tier smoke --seeds 3 --runs", &odd("runs"), 0);
    assert_eq!(again["rows"], reproduced["rows"], "its runs are found again");
}

#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_is_full_is_an_error() {
    let place = Place::new();
    for arguments in ["presets", "presets --json", "doctor", "train vea --json"] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = place.ae(arguments);
        let output = command.stdout(full).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let output = output.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {told}");
        let last = told.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: cannot write standard output: "), "{arguments}: {told}");
    }
}
