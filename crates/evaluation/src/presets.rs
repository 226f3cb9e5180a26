//! The presets, compiled into the program so that it works without a checkout.

use ae_records::config::{self, ConfigError};
use ae_training::Experiment;

/// One preset: an experiment with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What it is called on the command line.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        /// All presets, simplest first.
        pub const PRESETS: &[Preset] = &[
            $(Preset { name: $name, text: include_str!(concat!("../../../presets/", $name, ".toml")) }),*
        ];
    };
}

presets!["vanilla", "deep", "denoising", "vae", "ecg", "ecg-long"];

/// A preset that does not exist.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no preset `{name}`{}; `ae presets` lists them, and a file of your own ends in .toml",
    near(nearest)
)]
pub struct UnknownPreset {
    /// As it was written.
    pub name: String,
    /// Names that are spelled alike, nearest first.
    pub nearest: Vec<String>,
}

fn near(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!("; did you mean `{}`?", names.join("` or `")),
    }
}

impl Preset {
    /// Looks a preset up.
    ///
    /// # Errors
    /// Names the nearest ones where there is none.
    pub fn find(name: &str) -> Result<Preset, UnknownPreset> {
        if let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) {
            return Ok(*preset);
        }
        let known = PRESETS.iter().map(|preset| preset.name);
        Err(UnknownPreset { name: name.into(), nearest: config::nearest(name, known) })
    }

    /// The experiment, with overrides of the form `key.path=value`.
    ///
    /// # Errors
    /// Where an override does not fit; the presets themselves are tested.
    pub fn load(&self, overrides: &[String]) -> Result<Experiment, ConfigError> {
        config::load(&format!("presets/{}.toml", self.name), self.text, overrides)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_loads_says_what_it_is_and_lies_in_the_folder() {
        for preset in PRESETS {
            let experiment = preset.load(&[]).unwrap_or_else(|e| panic!("{}: {e}", preset.name));
            assert!(!experiment.description.is_empty(), "{}", preset.name);
            for expected in &experiment.expected {
                assert!(expected.at_most.is_some() || expected.at_least.is_some(), "{}", preset.name);
                assert!(!expected.source.is_empty(), "{}", preset.name);
            }
            experiment.training.check().unwrap();
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../presets");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), PRESETS.len());
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_ones() {
        let check = |name: &str, expected: &str| {
            let error = Preset::find(name).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("vea", "did you mean `vae`");
        check("denoise", "`denoising`");
        check("zzzzzzzz", "there is no preset `zzzzzzzz`; `ae presets`");
    }
}
