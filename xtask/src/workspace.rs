//! Finds the checkout, and runs commands in it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::Context;

/// The checkout that this runner belongs to.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the root manifest.
    pub(crate) root: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> anyhow::Result<Self> {
        // Cargo names the folder of the manifest; without cargo, it is the folder at build time.
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest).parent().map(Path::to_path_buf);
        let root = root.filter(|root| root.join("xtask/libtorch.toml").is_file());
        let root = root.context("cannot find the checkout; run `cargo xtask` inside it")?;
        Ok(Workspace { root })
    }

    /// Cargo's output folder: this program lies in `<output>/debug`.
    pub(crate) fn output(&self) -> PathBuf {
        let here = env::current_exe().ok();
        let output = here.as_deref().and_then(Path::parent).and_then(Path::parent);
        output.map_or_else(|| self.root.join("target"), Path::to_path_buf)
    }

    /// Cargo with these arguments, run in the checkout's root.
    pub(crate) fn cargo<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
        cargo.args(args).current_dir(&self.root);
        // Cargo sets these for this program; nested builds must not see them change from run to run.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(&name);
            }
        }
        cargo
    }
}

/// Removes a file or a folder, if it is there.
pub(crate) fn remove(path: &Path) -> anyhow::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Runs a command to its end, with this program's standard input and output.
pub(crate) fn status(command: &mut Command) -> anyhow::Result<ExitStatus> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.status().with_context(|| format!("cannot run {name}"))
}

/// The exit code of a process; 1 if it was killed.
pub(crate) fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
