//! `cargo xtask train …` and every other command of `ae`: sets up libtorch, then builds and runs the program.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::setup;
use crate::workspace::{self, Workspace};

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let features: &[&str] = if trains_with_workers(&args) { &["--features", "distributed"] } else { &[] };
    let program = build_with(workspace, mirror_in(&args), features)?;
    become_it(Command::new(&program).args(args)).with_context(|| format!("cannot run {}", program.display()))
}

/// Builds the program, with libtorch if that is missing; its path.
pub(crate) fn build(workspace: &Workspace, mirror: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    build_with(workspace, mirror, &[])
}

fn build_with(workspace: &Workspace, mirror: Option<PathBuf>, features: &[&str]) -> anyhow::Result<PathBuf> {
    setup::ensure(workspace, mirror)?;
    let mut cargo = workspace.cargo(["build", "--release", "--package", "ae-cli"]);
    let built = workspace::status(cargo.args(features))?;
    if !built.success() {
        anyhow::bail!("cannot build the program; run `cargo xtask doctor` to see what is missing");
    }
    Ok(workspace.output().join("release").join(format!("ae{}", std::env::consts::EXE_SUFFIX)))
}

/// On Unix the program replaces this process, so that signals and exit codes are its own.
#[cfg(unix)]
fn become_it(command: &mut Command) -> anyhow::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec().into())
}

#[cfg(not(unix))]
fn become_it(command: &mut Command) -> anyhow::Result<ExitCode> {
    Ok(workspace::code(command.status()?))
}

/// The mirror folder among the program's arguments; libtorch is looked for there, too.
fn mirror_in(args: &[OsString]) -> Option<PathBuf> {
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if word == "--mirror" {
            return words.next().map(PathBuf::from);
        }
        if let Some(folder) = word.to_str().and_then(|word| word.strip_prefix("--mirror=")) {
            return Some(folder.into());
        }
    }
    None
}

/// Whether the command is `train` with several workers: `--workers`, or a launcher's variables.
fn trains_with_workers(args: &[OsString]) -> bool {
    let launched = ["WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE"];
    let mut words = args.iter().filter_map(|word| word.to_str());
    words.clone().any(|word| word == "train")
        && (words.any(|word| word == "--workers" || word.starts_with("--workers="))
            || launched.iter().any(|name| std::env::var_os(name).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_found_among_the_arguments() {
        let check = |words: &[&str], expected: Option<&str>| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(mirror_in(&words), expected.map(PathBuf::from));
        };
        check(&["train", "vae", "--mirror", "/m", "-q"], Some("/m"));
        check(&["train", "--mirror=/m"], Some("/m"));
        check(&["train", "--mirror"], None);
        check(&["train", "vae"], None);
    }
}
