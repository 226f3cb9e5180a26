//! The Python that runs PyTorch.

use anyhow::{Context, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The version that this project's libtorch has.
const TORCH: &str = "2.11.0";
/// What `peers.py` needs beside it; scikit-learn is for its figures on held-out data.
const OTHERS: [&str; 2] = ["numpy", "scikit-learn"];
/// Where PyTorch's project keeps builds without CUDA, a fifth of the size.
const CPU_INDEX: &str = "https://download.pytorch.org/whl/cpu";

/// A Python with PyTorch: that of the user, or one in a virtual environment below `target`, which is made first if
/// it is not there.
pub(crate) fn find(given: Option<&Path>, target: &Path, device: &str) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        let version = torch_version(given)
            .with_context(|| format!("{} cannot import torch and numpy", given.display()))?;
        ensure!(
            without_build(&version) == TORCH,
            "{} has torch {version}; give one with torch {TORCH}, the version of this project's libtorch",
            given.display()
        );
        return Ok(given.into());
    }
    let folder = target.join(format!("pytorch-{TORCH}-{device}"));
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if torch_version(&python).is_ok_and(|version| without_build(&version) == TORCH) {
        return Ok(python);
    }
    install(&folder, &python, device)?;
    torch_version(&python)
        .with_context(|| format!("torch was installed into {}, but cannot be imported", folder.display()))?;
    Ok(python)
}

fn install(folder: &Path, python: &Path, device: &str) -> anyhow::Result<()> {
    eprintln!("installing PyTorch {TORCH} into {}; this is done once", folder.display());
    let system = if cfg!(windows) { "python" } else { "python3" };
    let mut venv = Command::new(system);
    let made = venv.args(["-m", "venv", "--clear"]).arg(folder).stdout(Stdio::null()).status();
    let advice = "install Python 3.10 or newer with its module venv (Debian, Ubuntu: `apt install python3-venv`), or \
                  give a Python that has torch with --python";
    let made = made.with_context(|| format!("cannot run {system}; {advice}"))?;
    ensure!(made.success(), "cannot make a virtual environment; {advice}");
    let torch = format!("torch=={TORCH}");
    let pip = |args: &[&str]| -> anyhow::Result<bool> {
        let mut pip = Command::new(python);
        pip.args(["-m", "pip", "install", "-qq"]).args(args);
        // The table alone goes to standard output.
        pip.stdout(Stdio::null());
        Ok(pip.status().context("cannot run pip")?.success())
    };
    // Of equal versions, pip takes the one that names its build; without the small one, any other will do.
    let cpu_only = ["--extra-index-url", CPU_INDEX, "--retries", "1"];
    let index: &[&str] = if device == "cpu" { &cpu_only } else { &[] };
    if !pip(&[&[torch.as_str()], index].concat())? {
        bail!("cannot install {torch}; see pip's message above, or give a Python that has it with --python");
    }
    ensure!(pip(&OTHERS)?, "cannot install {}; see pip's message above", OTHERS.join(" and "));
    Ok(())
}

/// The version of torch that this Python imports, such as `2.11.0+cpu`.
fn torch_version(python: &Path) -> anyhow::Result<String> {
    let mut command = Command::new(python);
    let output = command.args(["-c", "import numpy, torch; print(torch.__version__)"]).output()?;
    ensure!(output.status.success(), "{}", last_line(&output.stderr));
    Ok(last_line(&output.stdout))
}

/// The version without the name of the build after a `+`.
fn without_build(version: &str) -> &str {
    version.split('+').next().unwrap_or(version)
}

/// The last line of what a program said that is not blank.
pub(crate) fn last_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_without_their_build() {
        assert_eq!(without_build("2.11.0+cpu"), TORCH);
        assert_eq!(without_build("2.11.0"), TORCH);
        assert_ne!(without_build("2.11.1+cu130"), TORCH);
    }

    #[test]
    fn the_last_line_is_what_an_error_says() {
        assert_eq!(last_line(b"Traceback\n\nImportError: no\n\n"), "ImportError: no");
        assert_eq!(last_line(b""), "");
    }
}
