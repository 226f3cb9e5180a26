//! One file for each command.

pub(crate) mod completions;
pub(crate) mod compress;
pub(crate) mod data;
pub(crate) mod detect;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod presets;
pub(crate) mod recommend;
pub(crate) mod report;
pub(crate) mod reproduce;
pub(crate) mod restore;
pub(crate) mod sample;
pub(crate) mod search;
pub(crate) mod train;

use crate::cli::{ComputeArgs, SourceArgs};
use crate::failure::Failure;
use ae_datasets::Sources;
use ae_fetch::Progress;
use ae_tensor::{DeviceChoice, device};
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// The sources of data, from the arguments and the environment.
pub(crate) fn sources(args: &SourceArgs) -> Sources {
    let mut sources = Sources::from_env();
    sources.mirror = args.mirror.clone().or(sources.mirror);
    sources.offline |= args.offline;
    if let Some(cache) = &args.cache {
        sources.cache.clone_from(cache);
    }
    sources
}

/// Shows downloads as bars on a terminal, as lines elsewhere, not at all with `--quiet`.
pub(crate) fn downloads() -> Box<dyn Progress> {
    if crate::output::is_quiet() { Box::new(ae_fetch::Silent) } else { Box::new(ae_fetch::Bar::new()) }
}

/// Sets the threads and reads the device's name.
pub(crate) fn compute(args: &ComputeArgs) -> Result<DeviceChoice, Failure> {
    device::set_threads(args.threads);
    args.device.parse().map_err(Failure::usage)
}

/// Set by Ctrl-C or a termination signal; a second one ends the program at once.
pub(crate) fn stop_flag() -> &'static AtomicBool {
    static STOP: AtomicBool = AtomicBool::new(false);
    let handler = || {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        crate::output::note("stopping after this step (press Ctrl-C again to stop at once)");
    };
    // Setting fails only if this handler is already set.
    let _ = ctrlc::set_handler(handler);
    &STOP
}

/// This program, even if its file has been replaced by a newer one: all runs must use one version.
pub(crate) fn program() -> Result<Command, Failure> {
    let this = Path::new("/proc/self/exe");
    if this.exists() {
        return Ok(Command::new(this));
    }
    let path = std::env::current_exe();
    Ok(Command::new(path.map_err(|e| Failure::new(format!("cannot find this program's file: {e}")))?))
}

/// Waits until the parent, which holds this process's standard input open and never writes to it, closes it or dies.
pub(crate) fn wait_for_parent() {
    let _ = std::io::stdin().read(&mut [0]);
}
