//! How `ae` hands a command over to `ae-compute`, the program beside it that links libtorch.

#[cfg(unix)]
mod libtorch;

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
    #[cfg(unix)]
    libtorch::check(&program)?;
    let mut args = env::args_os();
    let name = args.next();
    let mut command = Command::new(&program);
    wait_briefly(command.args(args), |name| env::var_os(name).is_some());
    become_it(&mut command, name.as_deref()).map_err(|error| Failure::new(not_run(&program, &error)))
}

/// How often a thread of OpenMP looks for work before it sleeps: for about a tenth of a millisecond, longer than it waits in
/// most steps of a training. By itself OpenMP looks a hundred times as long, which gains little on an idle machine, and on a
/// busy one costs up to twenty times the throughput, because the threads that are waited for have to wait for the waiting ones
/// (benches/LOG.md).
const LOOKS: &str = "3000";

/// Sets how long the threads of the program wait, unless the user did, as `is_set` says of a variable. OpenMP reads it when it
/// is loaded, so that the program cannot do it itself.
fn wait_briefly(command: &mut Command, is_set: impl Fn(&str) -> bool) {
    if !["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"].into_iter().any(is_set) {
        command.env("GOMP_SPINCOUNT", LOOKS);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_threads_wait_is_the_users_choice_first() {
        let chosen = |set: &str| {
            let mut command = Command::new("ae-compute");
            wait_briefly(&mut command, |name| name == set);
            command.get_envs().count()
        };
        assert_eq!([chosen(""), chosen("OMP_WAIT_POLICY"), chosen("GOMP_SPINCOUNT")], [1, 0, 0]);
    }
}
