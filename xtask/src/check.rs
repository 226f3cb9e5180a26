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
    needs: Needs,
}

/// What a check cannot do without.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// Nothing, and is to show that: where libtorch lies is hidden from it.
    NoLibtorch,
    Libtorch,
    /// A program that answers these arguments; where it does not, the check is left out and this is said.
    Tool(&'static [&'static str], &'static str),
}

/// A check that is one call of cargo.
const fn cargo(name: &'static str, args: &'static [&'static str], needs: Needs) -> Step {
    Step { name, program: "cargo", args, needs }
}

/// The facade with some of its features, and what a program that takes them is built of.
macro_rules! facade {
    ($features:literal, $needs:expr) => {
        cargo(
            concat!("facade: ", $features),
            &["check", "--package", "autoencoders", "--no-default-features", "--features", $features],
            $needs,
        )
    };
}

const STEPS: &[Step] = &[
    cargo("format", &["fmt", "--all", "--check"], Needs::Nothing),
    cargo("tidy", &["test", "--quiet", "--package", "xtask", "--test", "tidy"], Needs::Nothing),
    Step {
        name: "workflows",
        program: "actionlint",
        args: &[],
        needs: Needs::Tool(&["-version"], "https://github.com/rhysd/actionlint"),
    },
    cargo(
        "licences and sources",
        &["deny", "--all-features", "check", "licenses", "bans", "sources"],
        Needs::Tool(&["deny", "--version"], "cargo install cargo-deny --locked"),
    ),
    facade!("", Needs::NoLibtorch),
    facade!("datasets,metrics,report", Needs::NoLibtorch),
    cargo("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], Needs::Libtorch),
    facade!("models", Needs::Libtorch),
    facade!("training", Needs::Libtorch),
    facade!("anomaly", Needs::Libtorch),
    facade!("evaluation", Needs::Libtorch),
    cargo("documentation", &["doc", "--workspace", "--no-deps"], Needs::Libtorch),
];

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    if let Some(word) = args.first() {
        return Err(Usage(format!("check takes no arguments, got {}", word.display())).into());
    }
    let begun = Instant::now();
    for step in STEPS {
        if step.needs == Needs::Libtorch {
            setup::ensure(workspace, None)?;
        }
        if let Needs::Tool(question, install) = step.needs
            && !answers(command(workspace, step.program, question))
        {
            println!("{:<32} left out: not installed here ({install})", step.name);
            continue;
        }
        let since = Instant::now();
        let mut command = command(workspace, step.program, step.args);
        command.env("RUSTDOCFLAGS", "-D warnings");
        if step.needs == Needs::NoLibtorch {
            command.env("LIBTORCH", "/there/is/none").env_remove("LIBTORCH_USE_PYTORCH");
        }
        let status = workspace::status(&mut command)?;
        println!(
            "{:<32} {} {:>6.1} s",
            step.name,
            if status.success() { "ok    " } else { "FAILED" },
            since.elapsed().as_secs_f64()
        );
        if !status.success() {
            anyhow::bail!("{} failed; run `{}`", step.name, by_hand(step));
        }
    }
    println!("all checks passed in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(ExitCode::SUCCESS)
}

/// What to type to see the failure again.
fn by_hand(step: &Step) -> String {
    let mut words = vec![step.program];
    words.extend(step.args.iter().map(|arg| if arg.is_empty() { "''" } else { arg }));
    // What rewrites the files is of more use than what complains about them.
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
