//! `ae presets`: lists the presets.

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output;
use ae_catalogue::presets::PRESETS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a list shows of a preset's file. The rest is the business of the models.
#[derive(Deserialize)]
struct Shown {
    description: String,
    model: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    variant: String,
    description: String,
}

pub fn list(cli: &Cli) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for preset in PRESETS {
        let Shown { description, model } = toml::from_str(preset.text).map_err(Failure::new)?;
        let variant = model.into_keys().next().unwrap_or_default();
        lines.push(Line { name: preset.name, variant, description });
    }
    if cli.json {
        output::json(&lines);
        return Ok(());
    }
    output::columns(lines.into_iter().map(|line| [line.name.to_string(), line.description]));
    Ok(())
}
