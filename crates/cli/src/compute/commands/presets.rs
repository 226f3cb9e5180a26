//! `ae presets --show`: the whole configuration of a preset, with every default of its variant.

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output;
use ae_evaluation::presets::Preset;
use ae_records::config;
use ae_training::{Expected, Experiment, TierPart};
use serde::Serialize;

pub(crate) fn show(name: &str, cli: &Cli) -> Result<(), Failure> {
    let experiment =
        Preset::find(name).map_err(Failure::usage)?.load::<Experiment>(&[]).map_err(Failure::new)?;
    match cli.json {
        true => output::json(&experiment),
        false => output::result(start(experiment).trim_end()),
    }
    Ok(())
}

/// The configuration as a start for another one: what the preset says about its own results is a comment, because it holds
/// for no other data or settings.
fn start(mut experiment: Experiment) -> String {
    #[derive(Serialize)]
    struct Claims {
        expected: Vec<Expected>,
    }
    let description = std::mem::take(&mut experiment.description);
    let expected = std::mem::take(&mut experiment.expected);
    for part in [&mut experiment.smoke, &mut experiment.cpu, &mut experiment.full] {
        *part = TierPart::default();
    }
    let mut text = format!("# {description}\n{}", config::to_toml(&experiment));
    if !expected.is_empty() {
        text.push_str("\n# What the preset reaches as shipped; for other data or settings these results mean nothing.\n");
        let claims = config::to_toml(&Claims { expected });
        text.extend(claims.lines().map(|line| format!("# {line}").trim_end().to_owned() + "\n"));
    }
    text
}
