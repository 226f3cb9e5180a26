//! `ae detect`.

mod explain;
mod fit;
mod inspect;
mod score;
mod verdicts;
mod watch;
mod words;

use crate::cli::{Cli, DetectAction, DetectArgs};
use crate::failure::Failure;
use ae_anomaly::TrainedDetector;
use ae_datasets::intake::IntakeError;
use std::path::Path;

pub(crate) fn run(args: &DetectArgs, cli: &Cli) -> Result<(), Failure> {
    match &args.action {
        DetectAction::Fit(args) => fit::run(args, cli),
        DetectAction::Inspect { detector } => inspect::run(detector, cli),
        DetectAction::Score(args) => score::run(args, cli),
        DetectAction::Watch(args) => watch::run(args),
    }
}

fn load(path: &Path) -> Result<TrainedDetector, Failure> {
    TrainedDetector::load(path).map_err(Failure::new)
}

/// Refuses to replace a file unless told to.
fn keep(path: &Path, force: bool) -> Result<(), Failure> {
    if force || !path.exists() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} is there already; give another name, or --force to replace it",
        path.display()
    )))
}

fn reading(error: IntakeError) -> Failure {
    Failure::new(error)
}
