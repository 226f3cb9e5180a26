//! Bad luck and bad people: small files that ask for much memory, devices and pipes, signals on a silent input, files
//! that are not ours, runs that would go on with something else, and flipped bits. Nothing here ends with exit code
//! 101, which is a bug by definition.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;
mod corpus;
mod memory;

use common::{Place, Ran, table};
use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longer than anything here takes, even in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);
/// How long a program may go on after a signal: it looks ten times a second, but tests run side by side.
const AFTER_SIGNAL: Duration = Duration::from_secs(10);

/// Runs a command to its end. Returns what it said, and its greatest resident memory in bytes (0 where the system does
/// not tell).
fn measured(place: &Place, mut command: Command) -> (Ran, u64) {
    let [out, err] = ["told.out", "told.err"].map(|name| place.path(name));
    command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
    let mut child = command.spawn().unwrap();
    let (begun, mut peak) = (Instant::now(), 0);
    let status = loop {
        peak = peak.max(resident(child.id()));
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if begun.elapsed() > PATIENCE => {
                child.kill().unwrap();
                panic!("{command:?} does not end\n{}", fs::read_to_string(&err).unwrap());
            }
            None => sleep(Duration::from_millis(2)),
        }
    };
    let text = |path| String::from_utf8(fs::read(path).unwrap()).expect("the program writes UTF-8");
    let ran = Ran { code: status.code(), stdout: text(out), stderr: text(err) };
    assert!(ran.code.is_some_and(|code| code != 101), "{command:?}: {status}\n{}", ran.stderr);
    (ran, peak)
}

/// The greatest resident memory of a process so far, in bytes.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}

const FIT: &str = "--threads 1 --out d.safetensors --force --set training.epochs=1 --set training.batch=32";

/// Memory of the program with libtorch and a detector, without much data.
fn own_memory(place: &Place) -> u64 {
    place.write("few.csv", table(300));
    let (ran, peak) = measured(place, place.ae(&format!("detect fit few.csv {FIT}")));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    peak
}

/// Only regular files are read and written: devices never end, and a pipe without a writer would hang.
#[cfg(target_os = "linux")]
#[test]
fn devices_and_pipes_are_refused_at_once() {
    let place = Place::new();
    own_memory(&place);
    let made = Command::new("mkfifo").arg(place.path("pipe")).arg(place.path("pipe.toml")).status().unwrap();
    assert!(made.success());
    let no_file = "a device or a pipe, not a file";
    for (arguments, expected) in [
        ("detect inspect /dev/zero", no_file),
        ("detect inspect pipe", no_file),
        ("detect fit /dev/zero", no_file),
        ("detect fit pipe", no_file),
        ("detect fit few.csv --config /dev/zero --out x", no_file),
        ("detect score pipe --model d.safetensors --out s.csv", "give - as the file"),
        ("detect score few.csv --model pipe --out s.csv", no_file),
        ("detect watch --model d.safetensors --state /dev/full", no_file),
        ("detect watch --model d.safetensors --state pipe", no_file),
        ("detect watch --model d.safetensors --out pipe", no_file),
        ("train pipe.toml", no_file),
    ] {
        let (ran, _) = measured(&place, place.ae(arguments));
        assert!(matches!(ran.code, Some(1 | 2)), "{arguments}: {ran:?}");
        assert!(ran.stderr.contains(expected), "{arguments}: {}", ran.stderr);
    }
}

/// `ae` with a pipe as its input that stays open and silent.
fn silent(place: &Place, arguments: &str) -> Child {
    let mut command = place.ae(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ends_soon(mut child: Child, what: &str) -> Ran {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > AFTER_SIGNAL {
            child.kill().unwrap();
            panic!("{what} goes on for more than {AFTER_SIGNAL:?}");
        }
        sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap().into()
}

/// Sends a signal once the program handles signals: before that, any program dies of it.
fn signal(child: &Child, name: &str) {
    wait_until("the program handles signals", || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        // The bit of SIGTERM; where the system does not tell, the waits before have to do.
        caught.is_none_or(|mask| mask & (1 << 14) != 0)
    });
    let sent = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_signal_ends_a_watch_and_a_score_that_wait_for_input() {
    let place = Place::new();
    own_memory(&place);
    for name in ["TERM", "INT", "HUP"] {
        let state = place.path(&format!("{name}.state"));
        let child = silent(&place, &format!("detect watch --model d.safetensors --state {name}.state"));
        wait_until("the watch begins", || state.exists());
        signal(&child, name);
        let ran = ends_soon(child, &format!("a watch after SIG{name}"));
        assert_eq!(ran.code, Some(0), "{ran:?}");

        // Some lines, and half a line that must not be judged.
        let mut child = silent(
            &place,
            &format!("detect watch --model d.safetensors --state {name}.state --out {name}.jsonl"),
        );
        let mut input = child.stdin.take().unwrap();
        write!(input, "{}0.1,0.2", table(5)).unwrap();
        let judged = || fs::read_to_string(place.path(&format!("{name}.jsonl"))).unwrap_or_default();
        wait_until("five verdicts", || judged().lines().count() == 5);
        signal(&child, name);
        assert_eq!(ends_soon(child, "a watch").code, Some(0));
        assert_eq!(judged().lines().count(), 5);
        assert_eq!(place.json(&format!("{name}.state"))["line"], 6);
        drop(input);

        let mut child = silent(&place, "detect score - --model d.safetensors --out s.csv --force");
        let mut input = child.stdin.take().unwrap();
        write!(input, "{}", table(3)).unwrap();
        sleep(Duration::from_secs(1));
        signal(&child, name);
        let ran = ends_soon(child, &format!("a score after SIG{name}"));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("interrupted before the end of the input"), "{}", ran.stderr);
        assert!(!place.path("s.csv").exists());
    }
}

#[test]
fn files_that_are_not_ours_stay_as_they_are() {
    let place = Place::new();
    own_memory(&place);
    for name in ["w.state.new", "victim"] {
        place.write(name, "mine");
    }
    for link in ["linked.state.new", ".writing-linked.state"] {
        std::os::unix::fs::symlink(place.path("victim"), place.path(link)).unwrap();
    }
    let watch = |arguments: &str| {
        let mut command = place.ae(&format!("detect watch --model d.safetensors {arguments}"));
        place.write("input", table(4));
        command.stdin(File::open(place.path("input")).unwrap());
        let (ran, _) = measured(&place, command);
        ran
    };
    assert_eq!(watch("--state w.state").code, Some(0));
    assert_eq!(watch("--state linked.state").code, Some(0));
    assert_eq!((place.text("w.state.new"), place.text("victim")), ("mine".into(), "mine".into()));
    // Verdicts beside a state of a similar name are all kept.
    assert_eq!(watch("--state v --out v.new").code, Some(0));
    assert_eq!(place.text("v.new").lines().count(), 4);
    let ran = watch("--state l --out l.lock");
    assert!(ran.code == Some(2) && ran.stderr.contains("would overwrite"), "{ran:?}");
    let litter: Vec<String> =
        common::files(&place.path(".")).into_iter().filter(|n| n.contains(".writing-")).collect();
    assert_eq!(litter, [".writing-linked.state"]);
}

#[test]
fn a_flipped_bit_is_never_adopted() {
    let place = Place::new();
    own_memory(&place);
    place.check("train mine.toml --threads 1 --out run", 0, &[]);
    place.write("input", table(4));
    let watch = || {
        let mut command = place.ae("detect watch --model d.safetensors --state w.state");
        command.stdin(File::open(place.path("input")).unwrap());
        measured(&place, command).0
    };
    assert_eq!(watch().code, Some(0));
    fs::remove_file(place.path("run/model.safetensors")).unwrap();
    let check = |name: &str, used: &dyn Fn() -> Ran| {
        let whole = place.read(name);
        for flip in 0..12 {
            let mut bytes = whole.clone();
            let bit = flip * (8 * bytes.len() - 1) / 11;
            bytes[bit / 8] ^= 1 << (bit % 8);
            place.write(name, &bytes);
            let ran = used();
            assert_eq!(ran.code, Some(1), "{name}, bit {bit}: {ran:?}");
        }
        place.write(name, &whole);
    };
    check("w.state", &watch);
    check("d.safetensors", &|| measured(&place, place.ae("detect inspect d.safetensors")).0);
    check("run/checkpoint/state.safetensors", &|| {
        measured(&place, place.ae("train --resume run --threads 1")).0
    });
}

#[test]
fn a_run_goes_on_with_what_it_began_with_or_not_at_all() {
    let place = Place::new();
    let longer = place.text("mine.toml").replace("epochs = 3", "epochs = 100000\nlog_every = 1");
    place.write("mine.toml", longer);
    let begin = |out: &str| {
        let child = silent(&place, &format!("train mine.toml --threads 1 --out {out}"));
        let checkpoint = place.path(&format!("{out}/checkpoint/state.safetensors"));
        wait_until("the first checkpoint", || checkpoint.exists());
        child
    };
    let child = begin("run");
    signal(&child, "TERM");
    assert_eq!(ends_soon(child, "a run after SIGTERM").code, Some(1));
    // Each resumption counts, also if the run is killed before its next checkpoint.
    for resumed in 1..=2 {
        let mut child = silent(&place, "train --resume run --threads 1");
        wait_until("the run is resumed", || place.json("run/record.json")["resumed"] == resumed);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    place.write("rows.csv", table(61));
    let told = ["the content of `rows.csv` has changed", "start a new run"];
    // What is refused changes nothing, least of all the checksum by which the data were recognised.
    let files = ["run/record.json", "run/config.toml"];
    let before = files.map(|file| place.read(file));
    for more in ["", " --set training.epochs=200000"] {
        place.check_refused(&format!("train --resume run --threads 1{more}"), 1, &told);
    }
    assert!(before == files.map(|file| place.read(file)));
    place.write("rows.csv", table(60));
    let config = place.text("run/config.toml");
    place.write("run/config.toml", config.replace("seed = 0", "seed = 1"));
    place.check_refused("train --resume run --threads 1", 1, &["`training.seed` was 0 and is 1"]);
    fs::remove_file(place.path("run/config.toml")).unwrap();
    fs::remove_file(place.path("run/record.json")).unwrap();
    fs::remove_file(place.path("run/metrics.jsonl")).unwrap();
    place.check_refused("train mine.toml --threads 1 --out run", 2, &["state.safetensors of a run", "--out"]);

    // The folder is moved away during the run: an error, and nothing is written where it was.
    let child = begin("moved");
    fs::rename(place.path("moved"), place.path("elsewhere")).unwrap();
    let ran = ends_soon(child, "a run without its folder");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("moved, removed or replaced"), "{}", ran.stderr);
    assert!(!place.path("moved").exists());
}

/// Records and logs that no run wrote: the report is written, or says what is wrong with them.
#[test]
fn a_report_of_hostile_records_ends() {
    let place = Place::new();
    place.check("train mine.toml --threads 1 --out run", 0, &[]);
    let (record, metrics) = (place.text("run/record.json"), place.text("run/metrics.jsonl"));
    // The page's own; those in the records must not become more.
    let scripts = place.text("run/report.html").matches("<script").count();
    let line = |value: &str| {
        let terms =
            format!("{{\"step\":1,\"epoch\":0,\"split\":\"train\",\"terms\":{{\"loss\":{value}}}}}\n");
        terms.clone() + &terms.replace("\"step\":1", "\"step\":18446744073709551615")
    };
    let logs = ["1e308", "-1e308", "1e-320", "0", "null", "[]", "1e999"].map(line);
    let logs = logs.into_iter().chain(["x".into(), "[".repeat(100_000), metrics.repeat(200), String::new()]);
    let records = [
        "{}".to_string(),
        "[".repeat(100_000),
        record.replace("finished", "\u{1b}[31m"),
        record.replace("\"train\": ", "\"train\": 9999999999"),
        record.replace("vanilla", &"<script>".repeat(1000)),
        record.replace("0.", "1e30"),
    ];
    let check = |name: &str, content: &str, whole: &str| {
        place.write(name, content);
        let (ran, _) = measured(&place, place.ae("report run"));
        assert!(matches!(ran.code, Some(0 | 1)), "{name}: {ran:?}");
        let html = place.text("run/report.html");
        assert!(html.matches("<script").count() <= scripts && !html.contains('\u{1b}'), "{name}");
        place.write(name, whole);
    };
    logs.for_each(|log| check("run/metrics.jsonl", &log, &metrics));
    records.iter().for_each(|content| check("run/record.json", content, &record));
}
