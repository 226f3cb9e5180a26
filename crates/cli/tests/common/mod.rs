//! A place to run the program `ae` in: a temporary folder with small data, without the user's settings or a
//! network.

#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A small experiment on `rows.csv`: 36 training rows in batches of 8, 5 steps an epoch.
pub(crate) const EXPERIMENT: &str = r#"
description = "Waves"
[data]
set = "rows.csv"
scale = "min-max"
validation = 0.2
test = 0.2
[model.vanilla]
code = 2
[training]
epochs = 3
batch = 8
"#;

/// Settings of the user that must not reach a test.
const SETTINGS: [&str; 5] = ["AE_DATA_CACHE", "AE_DATA_MIRROR", "AE_RUNS", "AE_WEBHOOK", "RUST_LOG"];

/// A temporary folder that the program is run in.
pub(crate) struct Place {
    folder: TempDir,
}

/// The result of a run of the program.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Place {
    /// With `rows.csv`, 60 rows of 4 smooth numbers, and `mine.toml` ([`EXPERIMENT`]).
    pub(crate) fn new() -> Self {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        place.write("rows.csv", table(60));
        place.write("mine.toml", EXPERIMENT);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// `program` in this folder, in a clean environment.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        for name in SETTINGS {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).env("AE_DATA_CACHE", self.path("cache")).stdin(Stdio::null());
        command
    }

    /// `ae` with `arguments`, split at spaces.
    pub(crate) fn ae(&self, arguments: &str) -> Command {
        let mut command = self.command(AE);
        command.args(arguments.split_whitespace());
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Ran {
        self.ae(arguments).output().unwrap().into()
    }

    /// `ae` with `arguments` exits with `code`, and its output holds all of `expected`.
    pub(crate) fn check(&self, arguments: &str, code: i32, expected: &[&str]) -> Ran {
        check(self.ae(arguments), code, expected)
    }

    /// `ae` with `arguments` is refused with `code`: nothing on standard output, and on standard error one line that
    /// holds all of `expected`.
    pub(crate) fn check_refused(&self, arguments: &str, code: i32, expected: &[&str]) {
        check_refused(self.ae(arguments), code, expected);
    }
}

/// The program.
pub(crate) const AE: &str = env!("CARGO_BIN_EXE_ae");

/// `command` exits with `code`, and its output holds all of `expected`.
pub(crate) fn check(mut command: Command, code: i32, expected: &[&str]) -> Ran {
    let ran: Ran = command.output().unwrap().into();
    let Ran { stdout, stderr, .. } = &ran;
    assert_eq!(ran.code, Some(code), "{command:?}\n{stdout}\n{stderr}");
    for words in expected {
        assert!(stdout.contains(words) || stderr.contains(words), "{command:?}: {words}\n{stdout}\n{stderr}");
    }
    assert!(!stderr.contains("panicked"), "{command:?}\n{stderr}");
    ran
}

/// See [`Place::check_refused`].
pub(crate) fn check_refused(command: Command, code: i32, expected: &[&str]) {
    let called = format!("{command:?}");
    let ran = check(command, code, &[]);
    let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    let [error] = errors[..] else { panic!("{called}: one line tells the error, not\n{}", ran.stderr) };
    for words in expected {
        assert!(error.contains(words), "{called}: {words}\n{error}");
    }
    assert!(!error.ends_with('.') && error.contains(' '), "{called}: {error}");
    assert_eq!(ran.stdout, "", "{called}");
    let below = ran.stderr.lines().skip_while(|line| *line != error).skip(1);
    assert_eq!(below.collect::<Vec<_>>(), [""; 0], "{called}: nothing follows the error");
}

/// A table with a header and `n` rows of 4 smooth numbers.
pub(crate) fn table(n: usize) -> String {
    let value = |row: usize, column: usize| (row as f64 * 0.7 + column as f64).sin() * 3.0 + column as f64;
    let row = |row: usize| (0..4).map(|c| format!("{:.4}", value(row, c))).collect::<Vec<_>>().join(",");
    let rows = (0..n).map(|r| row(r) + "\n");
    std::iter::once("a,b,c,d\n".to_string()).chain(rows).collect()
}

/// A `.npy` file (version 1.0) of 32-bit floats.
pub(crate) fn npy(dims: &[usize], values: &[f32]) -> Vec<u8> {
    let dims = dims.iter().map(|d| format!("{d},")).collect::<String>();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({dims}), }}");
    let header = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// An idx file of bytes whose header states `dims`.
pub(crate) fn idx(dims: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    bytes.extend(dims.iter().flat_map(|d| d.to_be_bytes()));
    bytes.extend(values);
    bytes
}

/// Names of the files below `folder`, with `/`, in order.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// Names of what lies in `folder` itself, if it is there.
pub(crate) fn files_of(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
}
