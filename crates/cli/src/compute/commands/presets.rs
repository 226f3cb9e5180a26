//! `ae presets --show`: the whole configuration of a preset, with every default of its variant.

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output;
use ae_evaluation::presets::Preset;

pub(crate) fn show(name: &str, cli: &Cli) -> Result<(), Failure> {
    let experiment = Preset::find(name)
        .map_err(Failure::usage)?
        .load::<ae_training::Experiment>(&[])
        .map_err(Failure::new)?;
    match cli.json {
        true => output::json(&experiment),
        false => output::result(ae_records::config::to_toml(&experiment).trim_end()),
    }
    Ok(())
}
