//! The project's task runner: `cargo xtask TASK …`. One file per task; never links libtorch.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a runner talks to whoever runs it")]

mod bench;
mod browser;
mod check;
mod dist;
mod doctor;
mod fuzz;
mod library;
mod libtorch;
mod packages;
mod program;
mod readmes;
mod recipe;
mod sanitize;
mod settings;
mod setup;
#[cfg(unix)]
mod soak;
mod test;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use workspace::Workspace;

const HELP: &str = "\
The project's task runner

Usage: cargo xtask TASK [ARGS]

Tasks that install libtorch if it is missing, then build and run the program `ae`:
  train      Train a preset or a TOML file, and write its report
  eval       Run an evaluation, training missing models
  reproduce  Train presets in parallel and compare them with their references
  data       List, fetch or verify the data sets
  report     Write a run's report again
  …          Any other command of `ae`; `cargo xtask ae --help` lists them

Tasks of the project:
  setup      Install libtorch: --cuda for the CUDA build, --mirror DIR, --force to install it again
  test       Run every test of the workspace; --distributed: those of several workers, which need libgloo-dev;
             --browser: those of reports in a headless Chromium, or of the reports named after it;
             --library: builds and runs a crate outside of the checkout with `autoencoders` as its only dependency
  check      Format, tidy, clippy, packages, docs, workflows, licences and advisories: what CI runs
  soak       Kill, stop and starve the program at random moments; what it leaves must not differ
  sanitize   Run the unsafe code under Miri and the sanitizers of g++
  bench      Run the benchmarks; --against-pytorch: compare the speed of training with PyTorch's
  fuzz       Run the fuzz targets for long: --runs N, --seconds N, or only the named ones
  install    Install the program with its libtorch, so that it runs without this checkout
  dist       Pack the program with its libtorch into an archive that runs from any folder
  readmes    Regenerate the README.md of each crate from its documentation
  settings   Regenerate docs/settings.md, the page of every setting
  doctor     Check this machine, and say how to fix what is missing

Examples:
  cargo xtask train vae                 everything from a bare checkout: libtorch, data, build, train, report
  cargo xtask eval anomaly --json
  cargo xtask reproduce --tier smoke    every preset for a few seconds, to see that everything works
  cargo xtask setup --mirror /media/usb
  cargo xtask test -p ae-models registry

Exit codes: 0 success, 1 failure, 2 usage error; those of `ae` and of the tests are passed on.";

/// A mistake on the command line: exit code 2.
#[derive(Debug)]
struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Ends quietly when nobody reads on, as under `| head`: `println!` panics then.
fn end_with_the_reader() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let is_closed = info
            .payload()
            .downcast_ref::<String>()
            .is_some_and(|text| text.starts_with("failed printing to stdout"));
        if is_closed {
            std::process::exit(1);
        }
        usual(info);
    }));
}

fn main() -> ExitCode {
    end_with_the_reader();
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
        "dist" => dist::run(&workspace, args),
        "doctor" => doctor::run(&workspace, args),
        "fuzz" => fuzz::run(&workspace, args),
        "install" => dist::install(&workspace, args),
        "readmes" => readmes::run(&workspace, args),
        "sanitize" => sanitize::run(&workspace, args),
        "settings" => settings::run(&workspace, args),
        "setup" => setup::run(&workspace, args),
        // Signals and file systems are those of Unix.
        #[cfg(unix)]
        "soak" => soak::run(&workspace, args),
        "test" => test::run(&workspace, args),
        "ae" => program::run(&workspace, args),
        option if option.starts_with('-') => {
            Err(Usage(format!("unknown option {option}; `cargo xtask --help` lists the tasks")).into())
        }
        // The program itself refuses a command that does not exist.
        command => {
            let args = std::iter::once(OsString::from(command)).chain(args).collect();
            program::run(&workspace, args)
        }
    }
}
