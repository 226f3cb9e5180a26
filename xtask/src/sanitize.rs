//! `cargo xtask sanitize`: the unsafe code under tools that see what tests do not: Miri over the kernels in Rust,
//! AddressSanitizer and UndefinedBehaviorSanitizer over the C++ shim.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::Context;

use crate::workspace::{self, Workspace};
use crate::{Usage, setup};

const HELP: &str = "\
Run the unsafe code under tools that find wrong accesses to memory and undefined behaviour

Usage: cargo xtask sanitize [miri] [kernels] [shim]

  miri     Miri (nightly Rust) runs the tests of the kernels for dense and recurrent layers and for losses
  kernels  AddressSanitizer (nightly Rust) watches all kernels while their tests run
  shim     AddressSanitizer and UndefinedBehaviorSanitizer (g++) watch the C++ while the tests of ae-tensor run;
           libtorch itself is not instrumented

Without arguments all are run. Exit code 1 if one finds something, or if its tools are missing.";

/// The tests that are small enough for Miri, which takes a thousand times as long.
const SMALL: [&str; 3] = ["dense::", "losses::", "recurrence::"];

/// Flags for g++. Checking virtual tables needs type information that libtorch does not have for all its types.
const SANITIZERS: &str = "-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined \
                          -fno-omit-frame-pointer -g";

/// What a part found.
enum Outcome {
    /// Everything ran, and nothing was found.
    Clean,
    /// It could not run; what to install.
    Missing(String),
}

/// One part.
struct Part {
    name: &'static str,
    title: &'static str,
    run: fn(&Workspace) -> anyhow::Result<Outcome>,
}

const PARTS: [Part; 3] = [
    Part { name: "miri", title: "Miri over the kernels", run: miri },
    Part { name: "kernels", title: "sanitizer over the kernels", run: kernels },
    Part { name: "shim", title: "sanitizers over the shim", run: shim },
];

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    if args.iter().any(|word| word == "--help" || word == "-h") {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(word) = args.iter().find(|word| PARTS.iter().all(|part| *part.name != **word)) {
        return Err(
            Usage(format!("unknown part '{}': expected miri, kernels or shim", word.display())).into()
        );
    }
    let mut lines = Vec::new();
    let mut is_clean = true;
    for part in PARTS.iter().filter(|part| args.is_empty() || args.iter().any(|word| *word == *part.name)) {
        let begun = Instant::now();
        let (verdict, clean) = match (part.run)(workspace) {
            Ok(Outcome::Clean) => ("ok: nothing found".to_string(), true),
            Ok(Outcome::Missing(install)) => (format!("not run: {install}"), false),
            Err(error) => (format!("FAILED: {error:#}"), false),
        };
        is_clean &= clean;
        lines.push(format!("{:<26} {:>6.1} s  {verdict}", part.title, begun.elapsed().as_secs_f64()));
    }
    println!("{}", lines.join("\n"));
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the small tests for each set of instructions that Miri knows.
fn miri(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let nightly = |words: &[&str]| {
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo", "miri"]).args(words);
        command
    };
    if !answers(&mut nightly(&["--version"])) {
        let install = "rustup toolchain install nightly --component miri,rust-src";
        return Ok(Outcome::Missing(format!("Miri of nightly Rust is missing; {install}")));
    }
    let mut test = nightly(&["test", "--package", "ae-kernels", "--lib", "--"]);
    test.args(SMALL)
        .current_dir(&workspace.root)
        .env("CARGO_TARGET_DIR", workspace.output().join("sanitize/miri"))
        .env("MIRIFLAGS", "-Zmiri-strict-provenance")
        .env(
            "RUSTFLAGS",
            if cfg!(target_arch = "x86_64") { "-Ctarget-feature=+avx2,+fma,+avx512f" } else { "" },
        );
    anyhow::ensure!(workspace::status(&mut test)?.success(), "Miri's report is above");
    Ok(Outcome::Clean)
}

/// Compiles the kernels with the sanitizer in a folder of their own, and runs their tests.
fn kernels(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let nightly = |words: &[&str]| {
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo"]).args(words);
        command
    };
    if !answers(&mut nightly(&["--version"])) {
        let install = "rustup toolchain install nightly";
        return Ok(Outcome::Missing(format!("nightly Rust is missing; {install}")));
    }
    // With a target named, the flags are for the tests alone, not for build scripts and macros.
    let mut test = nightly(&["test", "--package", "ae-kernels", "--lib", "--target", &host()?]);
    test.current_dir(&workspace.root)
        .env("CARGO_TARGET_DIR", workspace.output().join("sanitize/kernels"))
        .env("RUSTFLAGS", "-Zsanitizer=address");
    anyhow::ensure!(workspace::status(&mut test)?.success(), "the report is above");
    Ok(Outcome::Clean)
}

/// Compiles the shim, and the C++ of torch-sys, with the sanitizers in a folder of their own, and runs the tests
/// of ae-tensor.
fn shim(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let Some([address, _]) = runtimes() else {
        return Ok(Outcome::Missing(
            "the sanitizers of g++ are missing (Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++ \
             libasan libubsan)"
                .into(),
        ));
    };
    setup::ensure(workspace, None)?;
    let host = host()?;
    let (lower, upper) = (host.replace('-', "_"), host.replace('-', "_").to_uppercase());
    let mut test = workspace.cargo(["test", "--package", "ae-tensor", "--lib", "--tests"]);
    // With a target named, these are for the tests alone, not for build scripts and macros. A preloaded runtime
    // sees the allocations of libtorch as well.
    test.args(["--target", &host])
        .env("CARGO_TARGET_DIR", workspace.output().join("sanitize/shim"))
        .env(format!("CXX_{lower}"), "g++")
        .env(format!("CXXFLAGS_{lower}"), SANITIZERS)
        .env(format!("CARGO_TARGET_{upper}_RUSTFLAGS"), "-Clink-arg=-lasan -Clink-arg=-lubsan")
        .env(format!("CARGO_TARGET_{upper}_RUNNER"), runner(&address));
    test.env_remove("RUSTFLAGS");
    anyhow::ensure!(workspace::status(&mut test)?.success(), "the report is above");
    Ok(Outcome::Clean)
}

/// The command that runs a test with the runtime. What libtorch keeps until the end is no leak.
fn runner(address: &Path) -> String {
    format!(
        "env LD_PRELOAD={} ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1",
        address.display()
    )
}

/// The libraries of AddressSanitizer and UndefinedBehaviorSanitizer that g++ uses, if it has them.
fn runtimes() -> Option<[PathBuf; 2]> {
    let find = |name: &str| {
        let output =
            Command::new("g++").arg(format!("-print-file-name={name}")).stdin(Stdio::null()).output();
        let path = PathBuf::from(String::from_utf8(output.ok()?.stdout).ok()?.trim());
        // A name without a folder means that there is none.
        path.is_absolute().then(|| path.canonicalize().ok()).flatten()
    };
    Some([find("libasan.so")?, find("libubsan.so")?])
}

/// The triple of this machine.
fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let about = String::from_utf8_lossy(&output.stdout);
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_string())
}

fn answers(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_small_tests_are_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for module in SMALL {
            let name = format!("crates/kernels/src/{}.rs", module.trim_end_matches("::"));
            let text = fs::read_to_string(root.join(&name)).unwrap();
            assert!(text.contains("mod tests"), "{name} has nothing to run");
        }
    }

    #[test]
    fn an_unknown_part_is_refused() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf();
        let error = run(&Workspace { root }, vec!["shims".into()]).unwrap_err();
        assert!(error.is::<Usage>(), "{error}");
    }
}
