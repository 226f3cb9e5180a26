//! `ae completions`: prints a completion script for a shell.

use crate::cli::Cli;
use crate::failure::Failure;
use clap::CommandFactory;
use clap_complete::Shell;

pub(crate) fn run(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ae", &mut script);
    crate::output::result(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}
