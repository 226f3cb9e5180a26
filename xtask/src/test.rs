//! `cargo xtask test`: runs every test and documentation example of the workspace; with `--distributed`, those of
//! several workers as processes, which need the headers of Gloo; with `--browser`, those of reports in a browser; with
//! `--library`, that of a crate outside of the checkout.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::browser;
use crate::library;
use crate::setup;
use crate::workspace::{self, Workspace};

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    if args.first().is_some_and(|word| word == "--browser") {
        return browser::run(workspace, &args[1..]);
    }
    if args.first().is_some_and(|word| word == "--library") {
        return library::run(workspace);
    }
    setup::ensure(workspace, None)?;
    if args.first().is_some_and(|word| word == "--distributed") {
        let mut cargo = workspace.cargo(["test", "--features", "ae-tensor/distributed,ae-cli/distributed"]);
        cargo.args(["--package", "ae-tensor", "--package", "ae-cli", "--lib", "--test", "workers"]);
        return Ok(workspace::code(workspace::status(cargo.args(&args[1..]))?));
    }
    // Arguments such as `-p ae-models` choose packages themselves.
    let before_dashes = args.iter().take_while(|word| *word != "--");
    let chooses = before_dashes.filter_map(|word| word.to_str()).any(|word| {
        word.starts_with("-p")
            || word == "--package"
            || word.starts_with("--package=")
            || word == "--workspace"
    });
    let mut cargo = workspace.cargo(["test"]);
    // Several tests run at once, each with threads of its own: those that wait must not keep the others from working.
    if std::env::var_os("OMP_WAIT_POLICY").is_none() {
        cargo.env("OMP_WAIT_POLICY", "passive");
    }
    if !chooses {
        cargo.arg("--workspace");
    }
    Ok(workspace::code(workspace::status(cargo.args(args))?))
}
