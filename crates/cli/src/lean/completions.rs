//! `ae completions`: prints a script that lets a shell ask this program for the words that may follow: commands, options,
//! presets, runs and settings.

use crate::failure::Failure;
use crate::keys;
use clap_complete::Shell;
use clap_complete::env::Shells;

pub(crate) fn run(shell: Shell) -> Result<(), Failure> {
    let name = shell.to_string();
    let completer = Shells::builtins();
    let completer = completer.completer(&name).expect("every shell of the list can ask");
    let mut script = Vec::new();
    completer.write_registration(keys::ASKED, "ae", "ae", "ae", &mut script).map_err(Failure::new)?;
    crate::output::result(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}
