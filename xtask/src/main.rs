//! The project's task runner: `cargo xtask TASK …`. One file per task; never links libtorch.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a runner talks to whoever runs it")]

mod bench;
mod check;
mod doctor;
mod libtorch;
mod packages;
mod program;
mod readmes;
mod recipe;
mod setup;
mod test;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use workspace::Workspace;

const HELP: &str = "\
The project's task runner

Usage: cargo xtask TASK [ARGS]

Tasks that set up what is missing, build the program `ae` and run it:
  train      Train a preset or a TOML file, and write its report
  eval       Evaluate, training what is missing
  reproduce  Train presets in parallel and compare them with their references
  data       List, fetch or verify the data sets
  report     Write a run's report again
  …          Any other command of `ae`; `cargo xtask ae --help` lists them

Tasks of the project:
  setup      Bring libtorch: --cuda for the CUDA build, --mirror DIR, --force to bring it again
  test       Run every test of the workspace
  check      Format, tidy, clippy, packages, docs, workflows and licences, cheapest first: what CI runs
  bench      Run the benchmarks
  readmes    Write the README.md of each crate again, from its documentation
  doctor     Show what was found on this machine, and what to do about what is missing

Examples:
  cargo xtask train vae                 everything from a bare checkout: libtorch, data, build, train, report
  cargo xtask eval anomaly --json
  cargo xtask reproduce --tier smoke    every preset for seconds: does everything work here?
  cargo xtask setup --mirror /media/usb
  cargo xtask test -p ae-models registry

Exit codes: 0 done, 1 failed, 2 wrong usage; those of `ae` and of the tests are handed on.";

/// A mistake on the command line: exit code 2.
#[derive(Debug)]
struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

fn main() -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let task = if words.is_empty() { String::new() } else { words.remove(0).to_string_lossy().into_owned() };
    match run(&task, words) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

fn run(task: &str, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    match task {
        "" => Err(Usage("name a task; `cargo xtask --help` lists them".into()).into()),
        "-h" | "--help" | "help" => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        "bench" => bench::run(&workspace, args),
        "check" => check::run(&workspace, args),
        "doctor" => doctor::run(&workspace, args),
        "readmes" => readmes::run(&workspace, args),
        "setup" => setup::run(&workspace, args),
        "test" => test::run(&workspace, args),
        "ae" => program::run(&workspace, args),
        option if option.starts_with('-') => {
            Err(Usage(format!("unknown option {option}; `cargo xtask --help` lists the tasks")).into())
        }
        // The program knows its commands, and says so when there is no such one.
        command => {
            let args = std::iter::once(OsString::from(command)).chain(args).collect();
            program::run(&workspace, args)
        }
    }
}
