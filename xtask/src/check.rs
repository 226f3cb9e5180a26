//! `cargo xtask check`: everything that can be wrong with the code but is not a failing test, cheapest first.

use std::ffi::OsString;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use crate::Usage;
use crate::setup;
use crate::workspace::{self, Workspace};

/// One check.
struct Step {
    name: &'static str,
    program: &'static str,
    args: &'static [&'static str],
    /// What to type after a failure.
    then: &'static str,
    needs: Needs,
}

/// What a check cannot do without.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Libtorch,
    /// A program that answers these arguments; where it does not, the check is left out and this is said.
    Tool(&'static [&'static str], &'static str),
}

const STEPS: [Step; 6] = [
    Step {
        name: "format",
        program: "cargo",
        args: &["fmt", "--all", "--check"],
        then: "cargo fmt --all",
        needs: Needs::Nothing,
    },
    Step {
        name: "tidy",
        program: "cargo",
        args: &["test", "--quiet", "--package", "xtask", "--test", "tidy"],
        then: "cargo test -p xtask --test tidy",
        needs: Needs::Nothing,
    },
    Step {
        name: "workflows",
        program: "actionlint",
        args: &[],
        then: "actionlint",
        needs: Needs::Tool(&["-version"], "https://github.com/rhysd/actionlint"),
    },
    Step {
        name: "licences and sources",
        program: "cargo",
        args: &["deny", "--all-features", "check", "licenses", "bans", "sources"],
        then: "cargo deny check licenses bans sources",
        needs: Needs::Tool(&["deny", "--version"], "cargo install cargo-deny --locked"),
    },
    Step {
        name: "clippy",
        program: "cargo",
        args: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
        then: "cargo clippy --workspace --all-targets",
        needs: Needs::Libtorch,
    },
    Step {
        name: "documentation",
        program: "cargo",
        args: &["doc", "--workspace", "--no-deps"],
        then: "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps",
        needs: Needs::Libtorch,
    },
];

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    if let Some(word) = args.first() {
        return Err(Usage(format!("check takes no arguments, got {}", word.display())).into());
    }
    let begun = Instant::now();
    for step in &STEPS {
        if step.needs == Needs::Libtorch {
            setup::ensure(workspace, None)?;
        }
        if let Needs::Tool(question, install) = step.needs
            && !answers(command(workspace, step.program, question))
        {
            println!("{:<22} left out: not installed here ({install})", step.name);
            continue;
        }
        let since = Instant::now();
        let mut command = command(workspace, step.program, step.args);
        command.env("RUSTDOCFLAGS", "-D warnings");
        let status = workspace::status(&mut command)?;
        println!(
            "{:<22} {} {:>6.1} s",
            step.name,
            if status.success() { "ok    " } else { "FAILED" },
            since.elapsed().as_secs_f64()
        );
        if !status.success() {
            anyhow::bail!("{} failed; run `{}`", step.name, step.then);
        }
    }
    println!("all checks passed in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(ExitCode::SUCCESS)
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
