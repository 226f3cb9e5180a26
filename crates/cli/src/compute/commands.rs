//! One file for each command.

pub(crate) mod apply;
pub(crate) mod compress;
pub(crate) mod detect;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod presets;
pub(crate) mod recommend;
pub(crate) mod reproduce;
pub(crate) mod restore;
pub(crate) mod sample;
pub(crate) mod search;
pub(crate) mod train;

use crate::cli::{Cli, ComputeArgs, ComputingCommand, Machine, TierName};
use crate::failure::Failure;
pub(crate) use ae_cli::lean::{downloads, sources};
use ae_datasets::{DataError, TableError};
use ae_tensor::{Device, DeviceChoice, Kernels, device};
use ae_training::Tier;
use ae_training::experiment::RunError;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) fn run(command: &ComputingCommand, cli: &Cli) -> Result<(), Failure> {
    match command {
        ComputingCommand::Train(args) => train::run(args, cli),
        ComputingCommand::Eval(args) => eval::run(args, cli),
        ComputingCommand::Reproduce(args) => reproduce::run(args, cli),
        ComputingCommand::Detect(args) => detect::run(args, cli),
        ComputingCommand::Encode(args) => apply::encode(args, cli),
        ComputingCommand::Reconstruct(args) => apply::reconstruct(args, cli),
        ComputingCommand::Interpolate(args) => apply::interpolate(args, cli),
        ComputingCommand::Sample(args) => sample::run(args, cli),
        ComputingCommand::Restore(args) => restore::run(args, cli),
        ComputingCommand::Recommend(args) => recommend::run(args, cli),
        ComputingCommand::Search(args) => search::run(args, cli),
        ComputingCommand::Compress(args) => compress::compress(args, cli),
        ComputingCommand::Decompress(args) => compress::decompress(args, cli),
        ComputingCommand::Presets(args) => match &args.show {
            Some(name) => presets::show(name, cli),
            None => ae_cli::lean::presets::list(cli),
        },
        ComputingCommand::Doctor(args) => doctor::run(args, cli),
    }
}

/// Sets the threads and reads the device's name.
pub(crate) fn compute(args: &ComputeArgs) -> Result<DeviceChoice, Failure> {
    device::set_threads(args.threads);
    args.device.parse().map_err(Failure::usage)
}

/// The kernels that were asked for.
pub(crate) fn kernels(cli: &Cli) -> Option<Kernels> {
    cli.kernels.as_ref().map(|name| name.parse().expect("the command line takes the names only"))
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

/// The device of a network, after the number of threads has been set for the whole program.
///
/// # Errors
/// There is no such device.
pub(crate) fn chosen(machine: &Machine) -> Result<Device, Failure> {
    device::set_threads(machine.threads);
    let choice: DeviceChoice = machine.device.parse().map_err(Failure::usage)?;
    choice.resolve().map_err(Failure::usage)
}

pub(crate) fn tier(name: TierName) -> Tier {
    match name {
        TierName::Smoke => Tier::Smoke,
        TierName::Cpu => Tier::Cpu,
        TierName::Full => Tier::Full,
    }
}

/// What becomes of the error of a run.
pub(crate) fn of_run(error: RunError) -> Failure {
    let usage = error.is_usage() || matches!(&error, RunError::Data(error) if is_setting(error));
    if usage { Failure::usage(error) } else { Failure::new(error) }
}

/// Whether the error lies in the `[data]` settings rather than in the data.
fn is_setting(error: &DataError) -> bool {
    match error {
        DataError::UnknownSet { .. }
        | DataError::OutOfRange { .. }
        | DataError::Shape { .. }
        | DataError::NormalLabel { .. }
        | DataError::NoLabels { .. }
        | DataError::ChannelsLast { .. }
        | DataError::Protocol { .. } => true,
        DataError::Table { source, .. } => matches!(
            source,
            TableError::NoColumn { .. } | TableError::AmbiguousColumn { .. } | TableError::NoData { .. }
        ),
        _ => false,
    }
}
