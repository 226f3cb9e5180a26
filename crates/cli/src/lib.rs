//! The program `ae`: train, evaluate and use autoencoders on the command line.
//!
//! ```sh
//! ae train vae                                  # a preset; data are downloaded on first use
//! ae detect fit normal.csv --out detector.safetensors
//! ae detect score new.csv --model detector.safetensors --out scored.csv
//! ae reproduce                                  # every preset against its reference
//! ```
//!
//! `ae --help` lists the rest. Building needs libtorch 2.11 in the folder named by `LIBTORCH`; in a checkout
//! of the project, `cargo xtask train vae` downloads it.
//!
//! The package has two programs, which belong into one folder: `ae` reads the command line and does what needs no
//! tensors, in milliseconds; every other command it hands over to `ae-compute`, which takes 0.2 s to load libtorch.

mod arguments;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod failure;
mod hand_over;
mod keys;
#[doc(hidden)]
pub mod lean;
mod log;
#[doc(hidden)]
pub mod output;
mod panics;

use cli::{Cli, Command, ComputingCommand, PresetsArgs};
use failure::Failure;
use std::process::ExitCode;

/// The program `ae`.
pub fn ae() -> ExitCode {
    program(|cli| match &cli.command {
        Command::Lean(command) => lean::run(command, cli).map(|()| ExitCode::SUCCESS),
        Command::Computing(ComputingCommand::Presets(PresetsArgs { show: None })) => {
            lean::presets::list(cli).map(|()| ExitCode::SUCCESS)
        }
        Command::Computing(_) => hand_over::to_compute(),
    })
}

/// A program with the command line of `ae`, which `run` obeys. What becomes of a failure or a panic.
pub fn program(run: impl FnOnce(&Cli) -> Result<ExitCode, Failure>) -> ExitCode {
    panics::collect();
    keys::complete();
    let cli = arguments::parse();
    output::init(cli.quiet, cli.verbose);
    panics::caught(|| run(&cli)).unwrap_or_else(|failure| failure.report(cli.json))
}
