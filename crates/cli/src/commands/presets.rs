//! `ae presets`: lists the presets, or shows one.

use crate::cli::{Cli, PresetsArgs};
use crate::failure::Failure;
use crate::output;
use ae_evaluation::presets::{PRESETS, Preset};
use serde::Serialize;

#[derive(Serialize)]
struct Line {
    name: &'static str,
    variant: &'static str,
    description: String,
}

pub(crate) fn run(args: &PresetsArgs, cli: &Cli) -> Result<(), Failure> {
    if let Some(name) = &args.show {
        let experiment = Preset::find(name).map_err(Failure::usage)?.load(&[]).map_err(Failure::new)?;
        match cli.json {
            true => output::json(&experiment),
            false => output::result(ae_records::config::to_toml(&experiment).trim_end()),
        }
        return Ok(());
    }
    let mut lines = Vec::new();
    for preset in PRESETS {
        let experiment = preset.load(&[]).map_err(Failure::new)?;
        let variant = experiment.model.name();
        lines.push(Line { name: preset.name, variant, description: experiment.description });
    }
    if cli.json {
        output::json(&lines);
        return Ok(());
    }
    output::columns(lines.into_iter().map(|line| [line.name.to_string(), line.description]));
    Ok(())
}
