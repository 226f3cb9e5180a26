//! `cargo xtask check`: runs every check except the tests, cheapest first, or only the named checks.

use std::ffi::OsString;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::Context;

use crate::workspace::{self, Workspace};
use crate::{Usage, packages, readmes, settings, setup};

/// One check.
struct Step {
    name: &'static str,
    action: Action,
    needs: Needs,
}

/// What a check does.
#[derive(Clone, Copy)]
enum Action {
    /// Runs a program with these arguments.
    Run(&'static str, &'static [&'static str]),
    /// Calls a function; the text is the command to run after a failure.
    Call(fn(&Workspace) -> anyhow::Result<()>, &'static str),
    /// `cargo deny` with these arguments, which needs the network; without one it is skipped.
    Fetch(&'static [&'static str]),
}

/// How a check ended, unless it failed.
enum Done {
    Passed,
    /// It could not be made, and why.
    Skipped(String),
}

/// What a check requires.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Libtorch,
    /// A program that accepts these arguments; if it does not, the check is skipped and this hint is printed.
    Tool(&'static [&'static str], &'static str),
}

/// A check that is one call of cargo.
const fn cargo(name: &'static str, args: &'static [&'static str], needs: Needs) -> Step {
    Step { name, action: Action::Run("cargo", args), needs }
}

/// Checks the facade with only these features. All other crates are checked as well, so that they and their
/// dependencies are compiled once for all such checks; the examples are excluded because they need the
/// default features.
macro_rules! facade {
    ($features:literal) => {
        cargo(
            concat!("facade with ", $features),
            &[
                "clippy",
                "--workspace",
                "--exclude",
                "ae-examples",
                "--all-targets",
                "--no-default-features",
                "--features",
                concat!("autoencoders/", $features),
                "--",
                "-D",
                "warnings",
            ],
            Needs::Libtorch,
        )
    };
}

const STEPS: &[Step] = &[
    cargo("format", &["fmt", "--all", "--check"], Needs::Nothing),
    cargo(
        "tidy",
        // Of the whole workspace, so that what it depends on is compiled with the features that `xtask test` uses.
        &["test", "--quiet", "--workspace", "--test", "tidy", "--test", "packages"],
        Needs::Nothing,
    ),
    Step {
        name: "readmes",
        action: Action::Call(readmes::check, "cargo xtask readmes"),
        needs: Needs::Nothing,
    },
    Step {
        name: "settings",
        action: Action::Call(settings::check, "cargo xtask settings"),
        needs: Needs::Nothing,
    },
    Step {
        name: "workflows",
        action: Action::Run("actionlint", &[]),
        needs: Needs::Tool(&["-version"], "https://github.com/rhysd/actionlint"),
    },
    cargo(
        "licences and sources",
        &["deny", "--all-features", "check", "licenses", "bans", "sources"],
        Needs::Tool(&["deny", "--version"], "cargo install cargo-deny --locked"),
    ),
    Step {
        name: "advisories",
        action: Action::Fetch(&["deny", "--all-features", "check", "advisories"]),
        needs: Needs::Tool(&["deny", "--version"], "cargo install cargo-deny --locked"),
    },
    cargo("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], Needs::Libtorch),
    facade!("coding"),
    facade!("datasets"),
    facade!("intake"),
    facade!("metrics"),
    facade!("models"),
    facade!("network"),
    facade!("report"),
    facade!("training"),
    facade!("evaluation"),
    Step {
        name: "packages",
        action: Action::Call(packages::check, "cargo package --workspace"),
        needs: Needs::Libtorch,
    },
    cargo("documentation", &["doc", "--workspace", "--no-deps"], Needs::Libtorch),
];

/// What cargo-deny says when the database is out of reach. One that it cannot read is a failure.
const FETCH_FAILURE: &str = "failed to fetch advisory database";

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let known = || STEPS.iter().map(|step| format!("'{}'", step.name)).collect::<Vec<_>>().join(", ");
    if let Some(word) = args.iter().find(|word| STEPS.iter().all(|step| step.name != **word)) {
        return Err(Usage(format!("unknown check '{}'; known checks: {}", word.display(), known())).into());
    }
    let begun = Instant::now();
    for step in STEPS.iter().filter(|step| args.is_empty() || args.iter().any(|word| *word == *step.name)) {
        if step.needs == Needs::Libtorch {
            setup::ensure(workspace, None)?;
        }
        let program = match step.action {
            Action::Run(program, _) => program,
            Action::Call(..) | Action::Fetch(_) => "cargo",
        };
        if let Needs::Tool(question, install) = step.needs
            && !answers(command(workspace, program, question))
        {
            println!("{:<32} skipped: not installed ({install})", step.name);
            continue;
        }
        let since = Instant::now();
        let done = perform(workspace, step);
        if let Ok(Done::Skipped(why)) = &done {
            println!("{:<32} skipped: {why}", step.name);
            continue;
        }
        let verdict = if done.is_ok() { "ok    " } else { "FAILED" };
        println!("{:<32} {verdict} {:>6.1} s", step.name, since.elapsed().as_secs_f64());
        done?;
    }
    println!("passed in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(ExitCode::SUCCESS)
}

fn perform(workspace: &Workspace, step: &Step) -> anyhow::Result<Done> {
    match step.action {
        Action::Call(check, then) => {
            check(workspace).map_err(|error| error.context(format!("{} failed; run `{then}`", step.name)))?;
        }
        Action::Run(program, args) => {
            let mut command = command(workspace, program, args);
            command.env("RUSTDOCFLAGS", "-D warnings");
            let status = workspace::status(&mut command)?;
            anyhow::ensure!(status.success(), "{} failed; run `{}`", step.name, by_hand(program, args));
        }
        Action::Fetch(args) => {
            let output = workspace.cargo(args).stdin(Stdio::null()).output().context("cannot run cargo")?;
            let said = String::from_utf8_lossy(&output.stderr);
            if !output.status.success() {
                if let Some(why) = unreachable(&said) {
                    return Ok(Done::Skipped(format!("cannot fetch the database of advisories ({why})")));
                }
                eprint!("{said}");
                anyhow::bail!("{} failed; run `{}`", step.name, by_hand("cargo", args));
            }
        }
    }
    Ok(Done::Passed)
}

/// The line of cargo-deny that says that it could not fetch what it compares with. `None` if it fetched it: what
/// it complains about then is a finding.
fn unreachable(said: &str) -> Option<&str> {
    // The verdict, which ends a run that got that far.
    let compared = said.lines().any(|line| line.starts_with("advisories "));
    let line = said.lines().find(|line| line.contains(FETCH_FAILURE))?;
    (!compared).then_some(line.trim())
}

/// The command that shows the failure again.
fn by_hand(program: &str, args: &[&str]) -> String {
    let mut words = vec![program];
    words.extend(args);
    // Formatting the files is of more use than checking them again.
    words.join(" ").replace(" fmt --all --check", " fmt --all")
}

fn command(workspace: &Workspace, program: &str, args: &[&str]) -> Command {
    if program == "cargo" {
        return workspace.cargo(args);
    }
    let mut command = Command::new(program);
    command.args(args).current_dir(&workspace.root);
    command
}

fn answers(mut command: Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advisory_is_told_from_a_database_out_of_reach() {
        let check = |said: &str, expected: Option<&str>| assert_eq!(unreachable(said), expected, "{said}");
        let failure = "2026-08-10 17:17:58 [ERROR] failed to fetch advisory database https://github.com/RustSec/advisory-db";
        check(&format!("{failure}\nfatal: Could not resolve host: github.com\n"), Some(failure));
        let found = "error[vulnerability]: a hole\n  = ID: RUSTSEC-2025-0001\nadvisories FAILED\n";
        check(found, None);
        // The words of an advisory are not those of cargo-deny.
        check(&format!("  = {FETCH_FAILURE} of anybody\n{found}"), None);
        check("[ERROR] failed to load advisory database: parse error\n", None);
        check("error: unexpected argument\n", None);
        check("", None);
    }
}
