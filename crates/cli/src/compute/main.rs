//! The program `ae-compute`, to which `ae` hands over what computes; see the library of this package. It has every
//! command, so it can be run by itself.

mod commands;
mod progress;

use ae_cli::cli::{self, Command};
use ae_cli::{failure, lean, output};
use std::process::ExitCode;

fn main() -> ExitCode {
    ae_tensor::device::tune_allocator();
    ae_cli::program(|cli| {
        commands::kernels(cli).unwrap_or_default().choose();
        match &cli.command {
            Command::Lean(command) => lean::run(command, cli)?,
            Command::Computing(command) => commands::run(command, cli)?,
        }
        Ok(ExitCode::SUCCESS)
    })
}
