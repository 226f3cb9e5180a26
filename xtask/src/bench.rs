//! `cargo xtask bench`: runs the benchmarks, or compares the speed of training with PyTorch's.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::workspace::{self, Workspace};
use crate::{program, setup};

/// What chooses the comparison instead of the benchmarks.
const AGAINST: &str = "--against-pytorch";

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    if args.iter().any(|word| word == AGAINST) {
        return against_pytorch(workspace, args);
    }
    setup::ensure(workspace, None)?;
    let mut cargo = workspace.cargo(["bench", "--package", "ae-benches", "--package", "ae-kernels"]);
    Ok(workspace::code(workspace::status(cargo.args(args))?))
}

/// Builds the program and what compares it with PyTorch, and runs the latter, which knows its arguments.
fn against_pytorch(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let ae = program::build(workspace, None)?;
    let name = AGAINST.trim_start_matches('-');
    let words = ["build", "--release", "--package", "ae-benches", "--bin", name];
    anyhow::ensure!(workspace::status(&mut workspace.cargo(words))?.success(), "cannot build {name}");
    let comparison = ae.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    Ok(workspace::code(workspace::status(Command::new(comparison).args(args))?))
}
