//! `ae detect` in operation, where nobody reads along: what `--quiet` leaves, exit codes, metrics and webhooks.

#[path = "../common/mod.rs"]
mod common;
mod metrics;
mod webhook;

use common::{Place, Ran, check, table};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longer than anything here takes, even in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const HEADER: &str = "a,b,c,d\n";

/// With a detector `d.safetensors` of rows of four numbers.
fn fitted() -> Place {
    let place = Place::new();
    place.write("normal.csv", table(300));
    place.check(FIT, 0, &["detector: d.safetensors"]);
    place
}

const FIT: &str = "detect fit normal.csv --threads 1 --out d.safetensors --force --set training.epochs=5 \
                   --set input.layout=table";

/// A row like those of [`table`].
const USUAL: &str = "0,3.524,4.728,3.423\n";

/// `ae` with a file as its standard input.
fn fed(place: &Place, arguments: &str, input: &str) -> Command {
    let mut command = place.ae(arguments);
    command.stdin(File::open(place.path(input)).unwrap());
    command
}

/// A watch in the background, fed line by line.
struct Watching {
    child: Child,
    input: ChildStdin,
    verdicts: BufReader<ChildStdout>,
    notes: BufReader<ChildStderr>,
}

impl Watching {
    fn start(place: &Place, arguments: &str) -> Self {
        let mut command = place.ae(&format!("detect watch --model d.safetensors {arguments}"));
        for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
            command.env_remove(name).env_remove(name.to_ascii_lowercase());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Watching {
            input: child.stdin.take().unwrap(),
            verdicts: BufReader::new(child.stdout.take().unwrap()),
            notes: BufReader::new(child.stderr.take().unwrap()),
            child,
        }
    }

    fn feed(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).unwrap();
    }

    /// The next verdict; what is said of drift and events is left out.
    fn verdict(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.verdicts.read_line(&mut line).unwrap() > 0, "the watch has ended");
            let value: Value = serde_json::from_str(&line).expect(&line);
            if value.get("verdict").is_some() {
                return value;
            }
        }
    }

    /// The next line on standard error.
    fn told(&mut self) -> String {
        let mut line = String::new();
        self.notes.read_line(&mut line).unwrap();
        line.trim_end().to_string()
    }

    /// Ends the input, and returns what else is said.
    fn end(self) -> Ran {
        let Watching { mut child, input, mut verdicts, mut notes } = self;
        drop(input);
        let (mut stdout, mut stderr) = (String::new(), String::new());
        verdicts.read_to_string(&mut stdout).unwrap();
        notes.read_to_string(&mut stderr).unwrap();
        Ran { code: child.wait().unwrap().code(), stdout, stderr }
    }
}

/// What `found` finds, as soon as it does.
fn within<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(it) = found() {
            return it;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn quiet_commands_say_nothing_but_what_was_asked_for() {
    let place = fitted();
    // A value far outside, and more bad lines than a file to learn from may have.
    place.write("odd.csv", format!("{HEADER}900000,1,1,1\n1,2\n1,1,1,1\n1,2,3,4,5\n"));
    let quiet = |mut command: Command, begins: &str| {
        // What the environment says of the log is for other programs.
        command.arg("-q").env("RUST_LOG", "trace");
        let ran = check(command, 0, &[]);
        assert_eq!(ran.stderr, "", "{ran:?}");
        assert!(ran.stdout.starts_with(begins) && ran.stdout.is_empty() == begins.is_empty(), "{ran:?}");
    };
    let score = "detect score odd.csv --model d.safetensors";
    quiet(place.ae(FIT), "");
    quiet(place.ae(&format!("{FIT} --json")), "{");
    quiet(place.ae(&format!("{FIT} --show-config")), "seed = 0");
    quiet(place.ae("detect inspect d.safetensors"), "expects: table");
    quiet(place.ae(&format!("{score} --out s.csv --explain")), "");
    quiet(place.ae(&format!("{score} --out s.csv --force --json")), "{");
    quiet(place.ae(score), "line,verdict");
    quiet(fed(&place, "detect score - --model d.safetensors", "odd.csv"), "line,verdict");
    quiet(fed(&place, "detect watch --model d.safetensors", "odd.csv"), "{\"line\":2,");
    quiet(fed(&place, "detect watch --model d.safetensors --out w.jsonl", "odd.csv"), "");
    assert_eq!(place.text("w.jsonl").matches("\"verdict\":").count(), 4);
    // Errors are told.
    let ran = place.run("detect score missing.csv --model d.safetensors -q");
    assert!(ran.code == Some(1) && ran.stderr.starts_with("error: "), "{ran:?}");
}

#[test]
fn an_input_without_a_single_row_is_an_error() {
    let place = fitted();
    place.write("bad.csv", HEADER.to_string() + &"1,2\n".repeat(600));
    let told = [
        "bad.csv has no usable lines out of 600",
        "line 2: it has 2 cells instead of 4",
        "expected is CSV with the delimiter ',' and the columns a, b, c, d",
    ];
    place.write("s.csv", "mine");
    let score = "detect score bad.csv --model d.safetensors --out s.csv --force";
    place.check_refused(score, 1, &told);
    place.check_refused(&format!("{score} --check"), 1, &told);
    assert_eq!(place.text("s.csv"), "mine", "an output without a judged row replaces nothing");

    let watch = |input: &str, arguments: &str| -> Ran {
        let arguments = format!("detect watch --model d.safetensors {arguments}");
        fed(&place, &arguments, input).output().unwrap().into()
    };
    let ran = watch("bad.csv", "--state w.state --out w.jsonl");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.starts_with("error: standard input has no usable lines out of 600; "), "{ran:?}");
    assert!(told[1..].iter().all(|words| ran.stderr.contains(words)), "{ran:?}");
    assert_eq!(place.text("w.jsonl").lines().count(), 600, "each line has been answered all the same");
    assert_eq!(place.json("w.state")["line"], 601);
    // What was acknowledged stays so: the next watch continues, and has nothing to read.
    assert_eq!(watch("bad.csv", "--state w.state --out w.jsonl --replay").code, Some(0));
    place.write("good.csv", HEADER.to_string() + "1,2\n1,1,1,1\n");
    assert_eq!(watch("good.csv", "").code, Some(0), "a row among bad lines");
    place.write("none.csv", "");
    assert_eq!(watch("none.csv", "").code, Some(0), "a stream may end before its first line");
}

#[test]
fn many_bad_lines_are_told_and_change_no_verdict() {
    let place = fitted();
    let good = table(90);
    place.write("some.csv", good.clone() + &"1,2\n".repeat(10));
    place.write("few.csv", good + &"1,2\n".repeat(4));
    let score = |name: &str, more: &str| {
        place.run(&format!("detect score {name} --model d.safetensors --out s.csv --force{more}"))
    };
    let ran = score("some.csv", "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let told = "warning: 10 of the 100 lines of some.csv (10.00 %) could not be read, more than input.max_bad = 0.05 allowed in \
                the file that the detector learned from; the first: line 92: it has 2 cells instead of 4; expected is CSV";
    assert!(ran.stderr.contains(told), "{ran:?}");
    let scored = place.text("s.csv");
    assert_eq!(scored.lines().count(), 101);
    assert_eq!(scored.matches(",bad_line,").count(), 10);
    assert_eq!(score("some.csv", " --check").code, Some(3));
    let ran = score("few.csv", "");
    assert!(ran.code == Some(0) && ran.stderr.is_empty(), "{ran:?}");
}
