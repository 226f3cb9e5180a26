//! How `ae` hands a command over to `ae-compute`, the program beside it that links libtorch.

use crate::failure::Failure;
use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Runs `ae-compute` with the arguments of this program.
///
/// # Errors
/// It cannot be run, because it is missing for example.
pub(crate) fn to_compute() -> Result<ExitCode, Failure> {
    let program =
        beside().map_err(|error| Failure::new(format!("cannot find this program's file: {error}")))?;
    let mut args = env::args_os();
    let name = args.next();
    become_it(Command::new(&program).args(args), name.as_deref())
        .map_err(|error| Failure::new(not_run(&program, &error)))
}

/// `ae-compute` in the folder of this program, links to it resolved.
fn beside() -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    let this = this.canonicalize().unwrap_or(this);
    Ok(this.with_file_name(format!("ae-compute{}", env::consts::EXE_SUFFIX)))
}

fn not_run(program: &Path, error: &io::Error) -> String {
    format!(
        "cannot run {}: {error}; it is the part of `ae` that computes, and belongs into the same folder: `cargo install \
         ae-cli` installs both, `cargo build --package ae-cli` builds both",
        program.display()
    )
}

/// On Unix the other program replaces this one: same process, same files and signals, its exit code.
#[cfg(unix)]
fn become_it(command: &mut Command, name: Option<&std::ffi::OsStr>) -> io::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.arg0(name.unwrap_or("ae".as_ref())).exec())
}

/// Elsewhere this program waits for the other, which gets Ctrl-C as well and decides what becomes of it.
#[cfg(not(unix))]
fn become_it(command: &mut Command, _name: Option<&std::ffi::OsStr>) -> io::Result<ExitCode> {
    let _ = ctrlc::set_handler(|| {});
    let code = command.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
