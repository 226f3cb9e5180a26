//! `cargo xtask test`: runs every test and documentation example of the workspace.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::setup;
use crate::workspace::{self, Workspace};

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    setup::ensure(workspace, None)?;
    // Arguments such as `-p ae-models` choose packages themselves.
    let before_dashes = args.iter().take_while(|word| *word != "--");
    let chooses = before_dashes.filter_map(|word| word.to_str()).any(|word| {
        word.starts_with("-p")
            || word == "--package"
            || word.starts_with("--package=")
            || word == "--workspace"
    });
    let mut cargo = workspace.cargo(["test"]);
    if !chooses {
        cargo.arg("--workspace");
    }
    Ok(workspace::code(workspace::status(cargo.args(args))?))
}
