//! Experiments named on the command line: presets and files.

use crate::error::EvaluationError;
pub use ae_catalogue::presets::{PRESETS, Preset, UnknownPreset};
use ae_records::config::{self, ConfigError};
use ae_records::files;
use ae_training::Experiment;
use std::path::Path;

/// An experiment named on the command line: a preset or the user's own file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// As the user gave it.
    pub given: String,
    /// Name of the preset, or of the file without its extension; also the name of the folder of its runs.
    pub name: String,
    /// The name of the text in messages.
    pub origin: String,
    /// The TOML text.
    pub text: String,
}

impl Given {
    /// Opens a file if `given` ends in `.toml` or contains a slash, otherwise a preset.
    ///
    /// # Errors
    /// An unknown preset, or a file that cannot be read.
    pub fn open(given: &str) -> Result<Self, EvaluationError> {
        if given.ends_with(".toml") || given.contains(['/', '\\']) {
            let path = Path::new(given);
            let text = files::read_to_string(path)?;
            let name = path.file_stem().map_or("run".into(), |stem| stem.to_string_lossy().into_owned());
            return Ok(Given { given: given.into(), name, origin: given.into(), text });
        }
        let preset = Preset::find(given)?;
        let origin = format!("presets/{}.toml", preset.name);
        Ok(Given { given: given.into(), name: given.into(), origin, text: preset.text.into() })
    }

    /// The experiment, with overrides of the form `key.path=value`. If they change what is learned, or how, it loses the
    /// description and the expected results of the text; see [`Experiment::without_claims_of`].
    ///
    /// # Errors
    /// The first mistake, with its location and a remedy.
    pub fn load(&self, overrides: &[String]) -> Result<Experiment, ConfigError> {
        let experiment: Experiment = config::load(&self.origin, &self.text, overrides)?;
        if overrides.is_empty() {
            return Ok(experiment);
        }
        let shipped = config::load(&self.origin, &self.text, &[])?;
        let is_preset = Preset::find(&self.given).is_ok();
        let experiment = if is_preset { experiment.for_own_data(&shipped, overrides) } else { experiment };
        Ok(experiment.without_claims_of(&shipped, &self.name, overrides))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measures;
    use ae_training::Tier;

    fn check(name: &str, experiment: &Experiment) {
        for expected in &experiment.expected {
            assert!(!expected.source.is_empty(), "{name}: {} has no source", expected.metric);
            let listed =
                expected.measure().is_none_or(|measure| experiment.measures.iter().any(|it| it == measure));
            assert!(listed, "{name}: {} needs its measure in `measures`", expected.metric);
        }
        for measure in &experiment.measures {
            measures::find(measure).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        experiment.training.check().unwrap();
    }

    #[test]
    fn every_preset_loads_says_what_it_is_and_lies_in_the_folder() {
        for preset in PRESETS {
            let experiment =
                preset.load::<Experiment>(&[]).unwrap_or_else(|e| panic!("{}: {e}", preset.name));
            assert!(!experiment.description.is_empty(), "{}", preset.name);
            for tier in [Tier::Smoke, Tier::Cpu, Tier::Full] {
                let at = experiment.at(tier).unwrap_or_else(|e| panic!("{}: {e}", preset.name));
                if let Some(experiment) = at {
                    check(preset.name, &experiment);
                }
            }
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../catalogue/presets");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), PRESETS.len());
    }
}
