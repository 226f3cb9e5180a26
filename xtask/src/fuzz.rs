//! `cargo xtask fuzz`: runs the fuzz targets under libFuzzer.
//!
//! No tool has to be installed. What `cargo fuzz` adds with a sanitizer needs a nightly compiler; coverage
//! alone does not, and in safe Rust a panic, a failed assertion or too much memory is what there is to find.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::Context;

use crate::Usage;
use crate::workspace::{self, Workspace};

const HELP: &str = "\
Run the fuzz targets under libFuzzer, one after another

Usage: cargo xtask fuzz [TARGET...] [--runs N] [--seconds N] [--max-len BYTES]

  TARGET           Folders of fuzz/corpus; all of them by default
  --runs N         Inputs for each target [default: 10000000]
  --seconds N      Most time for each target; 0 for no limit [default: 0]
  --max-len BYTES  Longest input; shorter ones are several times as fast [default: 4096]

Inputs that reach new code are kept in target/fuzz/corpus, and the next run starts from them.";

/// Instrumentation that tells libFuzzer which branches an input took and what it was compared with. Overflow
/// and debug assertions are findings, too.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cdebug-assertions",
];

/// What an input may take before it counts as a finding.
const LIMITS: &[&str] = &["-timeout=10", "-rss_limit_mb=1024"];

/// Longest input, in bytes, if none is asked for: what the targets promise a limit of memory for.
const MAX_LEN: u64 = 4096;

#[derive(Debug, PartialEq, Eq)]
struct Options {
    targets: Vec<String>,
    runs: u64,
    seconds: u64,
    max_len: u64,
}

/// What one target's run came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    executions: u64,
    /// Branches that were taken.
    edges: u64,
    /// Branches by how often they were taken, and comparisons by how near they came.
    features: u64,
    peak_mb: u64,
    /// The input that failed.
    failing: Option<PathBuf>,
}

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let Some(options) = options(&known(workspace)?, args)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let program = build(workspace)?;
    let mut table = format!(
        "{:<14} {:>12} {:>7} {:>9} {:>8} {:>8}\n",
        "target", "executions", "edges", "features", "seconds", "peak MB"
    );
    let mut failing = Vec::new();
    for target in &options.targets {
        let since = Instant::now();
        let figures = fuzz(workspace, &program, target, &options)?;
        let seconds = since.elapsed().as_secs();
        let Figures { executions, edges, features, peak_mb, .. } = figures;
        let row = format!("{target:<14} {executions:>12} {edges:>7} {features:>9} {seconds:>8} {peak_mb:>8}");
        println!("{row}");
        table.push_str(&format!("{row}\n"));
        if let Some(path) = figures.failing {
            failing.push((target, path));
        }
    }
    println!("\n{table}");
    for (target, path) in &failing {
        println!("{target} fails on {}; to reproduce:", path.display());
        println!("  cp {} fuzz/corpus/{target}/ && cargo test -p ae-fuzz", path.display());
    }
    Ok(if failing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The targets: a test of the crate keeps the folders and the list of targets alike.
fn known(workspace: &Workspace) -> anyhow::Result<BTreeSet<String>> {
    let corpus = workspace.root.join("fuzz/corpus");
    let entries = fs::read_dir(&corpus).with_context(|| format!("cannot read {}", corpus.display()))?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn options(known: &BTreeSet<String>, args: Vec<OsString>) -> anyhow::Result<Option<Options>> {
    use lexopt::Arg::{Long, Short, Value};
    use lexopt::ValueExt;
    let usage = |error: lexopt::Error| Usage(format!("{error}; see `cargo xtask fuzz --help`"));
    let mut options = Options { targets: Vec::new(), runs: 10_000_000, seconds: 0, max_len: MAX_LEN };
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(usage)? {
        match arg {
            Long("help") | Short('h') => return Ok(None),
            Long("runs") => options.runs = parser.value().and_then(|n| n.parse()).map_err(usage)?,
            Long("seconds") => options.seconds = parser.value().and_then(|n| n.parse()).map_err(usage)?,
            Long("max-len") => options.max_len = parser.value().and_then(|n| n.parse()).map_err(usage)?,
            Value(name) => {
                let name = name.to_string_lossy().into_owned();
                if !known.contains(&name) {
                    let known = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                    return Err(Usage(format!("unknown fuzz target '{name}'; known: {known}")).into());
                }
                options.targets.push(name);
            }
            other => return Err(usage(other.unexpected()).into()),
        }
    }
    if options.targets.is_empty() {
        options.targets.extend(known.iter().cloned());
    }
    Ok(Some(options))
}

/// Builds the program with instrumentation, in a folder of its own. Returns its path.
fn build(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let about = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let about = String::from_utf8_lossy(&about.stdout).into_owned();
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let output = folder(workspace);
    let mut cargo = workspace.cargo(["build", "--release", "--package", "ae-fuzz", "--bin", "libfuzzer"]);
    // With a target named, build scripts and procedural macros are compiled without the flags.
    cargo.args(["--features", "libfuzzer", "--target", host, "--target-dir"]).arg(&output);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
    anyhow::ensure!(workspace::status(&mut cargo)?.success(), "cannot build the fuzz targets");
    Ok(output.join(host).join("release").join(format!("libfuzzer{}", std::env::consts::EXE_SUFFIX)))
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.output().join("fuzz")
}

/// Runs one target. Its whole output goes into a log; what libFuzzer says now and then is shown.
fn fuzz(workspace: &Workspace, program: &Path, target: &str, options: &Options) -> anyhow::Result<Figures> {
    let output = folder(workspace);
    let (kept, found) = (output.join("corpus").join(target), output.join("found"));
    for folder in [&kept, &found] {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let log = output.join(format!("{target}.log"));
    let mut file = File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
    println!("{target}: the log is {}", log.display());
    let mut command = Command::new(program);
    command.env("AE_FUZZ_TARGET", target).current_dir(&workspace.root).args(LIMITS);
    command.arg(format!("-runs={}", options.runs)).arg(format!("-max_total_time={}", options.seconds));
    command.arg(format!("-max_len={}", options.max_len));
    command.args(["-seed=1", "-dict=fuzz/tokens.dict", "-print_final_stats=1"]);
    command.arg(format!("-artifact_prefix={}/{target}-", found.display()));
    command.arg(&kept).arg(workspace.root.join("fuzz/corpus").join(target));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let stderr = child.stderr.take().context("the output was asked for")?;
    let mut figures = Figures::default();
    for line in BufReader::new(stderr).split(b'\n') {
        let line = line?;
        file.write_all(&line)?;
        file.write_all(b"\n")?;
        let line = String::from_utf8_lossy(&line);
        figures.note(&line);
        if line.contains("\tpulse ") {
            println!("{target}: {}", line.replace('\t', " "));
        }
    }
    let status = child.wait()?;
    let explained = status.success() || figures.failing.is_some();
    anyhow::ensure!(explained, "{target} ended with {status}; see {}", log.display());
    Ok(figures)
}

impl Figures {
    /// Takes what a line of libFuzzer's output tells.
    fn note(&mut self, line: &str) {
        let number = |word: Option<&str>| word.and_then(|word| word.trim().parse::<u64>().ok());
        let behind = |start: &str| number(line.strip_prefix(start));
        if let Some(path) = line.rsplit_once("Test unit written to ").map(|(_, path)| path) {
            self.failing = Some(PathBuf::from(path.trim()));
        } else if let Some(executions) = behind("stat::number_of_executed_units:") {
            self.executions = executions;
        } else if let Some(peak) = behind("stat::peak_rss_mb:") {
            self.peak_mb = peak;
        } else if line.starts_with('#') {
            let mut words = line.split_ascii_whitespace();
            while let Some(word) = words.next() {
                match word {
                    "cov:" => self.edges = number(words.next()).unwrap_or(self.edges),
                    "ft:" => self.features = number(words.next()).unwrap_or(self.features),
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_taken_from_the_output_of_libfuzzer() {
        let output = "INFO: Running with entropic power schedule (0xFF, 100).\n\
            #2\tINITED cov: 11 ft: 12 corp: 1/1b exec/s: 0 rss: 30Mb\n\
            #8388608\tpulse  cov: 243 ft: 700 corp: 88/1170b lim: 4096 exec/s: 2796202 rss: 70Mb\n\
            #10000000\tDONE   cov: 244 ft: 712 corp: 90/1200b lim: 4096 exec/s: 2500000 rss: 71Mb\n\
            stat::number_of_executed_units: 10000000\n\
            stat::peak_rss_mb:              71\n";
        let mut figures = Figures::default();
        output.lines().for_each(|line| figures.note(line));
        let expected =
            Figures { executions: 10_000_000, edges: 244, features: 712, peak_mb: 71, failing: None };
        assert_eq!(figures, expected);
        figures.note("artifact_prefix='t/npy-'; Test unit written to t/npy-crash-0a1b");
        assert_eq!(figures.failing.as_deref(), Some(Path::new("t/npy-crash-0a1b")));
    }

    #[test]
    fn targets_and_limits_are_read_from_the_command_line() {
        let known = BTreeSet::from(["idx".to_string(), "npy".to_string()]);
        let read = |words: &[&str]| options(&known, words.iter().map(OsString::from).collect());
        let all = Options {
            targets: vec!["idx".into(), "npy".into()],
            runs: 10_000_000,
            seconds: 0,
            max_len: 4096,
        };
        assert_eq!(read(&[]).unwrap(), Some(all));
        let one = Options { targets: vec!["npy".into()], runs: 5, seconds: 60, max_len: 512 };
        let words = ["npy", "--runs=5", "--seconds", "60", "--max-len", "512"];
        assert_eq!(read(&words).unwrap(), Some(one));
        assert_eq!(read(&["--help"]).unwrap(), None);
        let error = read(&["csv"]).unwrap_err();
        assert_eq!(error.to_string(), "unknown fuzz target 'csv'; known: idx, npy");
        assert!(error.is::<Usage>() && read(&["--runs", "many"]).unwrap_err().is::<Usage>());
    }
}
