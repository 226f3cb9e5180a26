//! `ae report`: writes the report of a run again.

use crate::cli::{Cli, ReportArgs};
use crate::failure::Failure;
use crate::output;
use ae_records::run_dir::{RunDir, RunDirError};

pub(crate) fn run(args: &ReportArgs, cli: &Cli) -> Result<(), Failure> {
    let run = RunDir::new(&args.run);
    if !run.config().exists() {
        return Err(Failure::usage(RunDirError::NotARun(args.run.clone())));
    }
    let path = ae_report::html::write(&run).map_err(Failure::new)?;
    match cli.json {
        true => output::json(&serde_json::json!({ "report": path.display().to_string() })),
        false => output::result(&path.display().to_string()),
    }
    Ok(())
}
