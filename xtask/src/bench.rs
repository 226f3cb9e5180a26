//! `cargo xtask bench`: runs the benchmarks.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::setup;
use crate::workspace::{self, Workspace};

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    setup::ensure(workspace, None)?;
    let mut cargo = workspace.cargo(["bench", "--package", "ae-benches"]);
    Ok(workspace::code(workspace::status(cargo.args(args))?))
}
