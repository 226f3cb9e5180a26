//! The presets, compiled into the program so that it works without a copy of the repository.

use crate::error::EvaluationError;
use ae_records::config::{self, ConfigError};
use ae_records::files;
use ae_records::names::{did_you_mean, nearest};
use ae_training::Experiment;
use std::path::Path;

/// One preset: an experiment with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name on the command line.
    pub name: &'static str,
    /// The content of its TOML file.
    pub text: &'static str,
}

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        /// All presets, simplest first.
        pub const PRESETS: &[Preset] = &[
            $(Preset { name: $name, text: include_str!(concat!("../presets/", $name, ".toml")) }),*
        ];
    };
}

presets![
    "linear",
    "vanilla",
    "deep",
    "hinton",
    "sparse",
    "sparse-kl",
    "sparse-topk",
    "contractive",
    "denoising",
    "denoising-masking",
    "denoising-salt",
    "restoring",
    "restoring-watermark",
    "restoring-downscale",
    "colouring",
    "conv",
    "conv-unpool",
    "vae",
    "cvae-conv",
    "beta_vae",
    "cvae",
    "vae-levels",
    "vae-nll",
    "iwae",
    "gan",
    "aae",
    "vae_gan",
    "vq_vae",
    "factorised",
    "hyperprior",
    "ecg",
    "ecg-long",
    "ecg-best",
    "lstm",
    "gru",
    "tcn",
    "mae",
    "text",
    "classifier",
    "stacked",
    "stacked-few",
    "autorec",
    "autorec-users",
    "mult_vae",
    "mult_dae",
    "composite-ecg",
    "composite",
    "conv_lstm"
];

/// A preset that does not exist.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no preset `{name}`{}; `ae presets` lists the presets, and your own file must end in .toml",
    did_you_mean(nearest)
)]
pub struct UnknownPreset {
    /// The name as given.
    pub name: String,
    /// Similar names, nearest first.
    pub nearest: Vec<String>,
}

impl Preset {
    /// Looks up a preset.
    ///
    /// # Errors
    /// An unknown name; the error lists the nearest names.
    pub fn find(name: &str) -> Result<Preset, UnknownPreset> {
        if let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) {
            return Ok(*preset);
        }
        let known = PRESETS.iter().map(|preset| preset.name);
        Err(UnknownPreset { name: name.into(), nearest: nearest(name, known) })
    }

    /// The experiment, with overrides of the form `key.path=value`.
    ///
    /// # Errors
    /// An invalid override; the presets themselves are tested.
    pub fn load(&self, overrides: &[String]) -> Result<Experiment, ConfigError> {
        config::load(&format!("presets/{}.toml", self.name), self.text, overrides)
    }
}

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

    /// The experiment, with overrides of the form `key.path=value`.
    ///
    /// # Errors
    /// The first mistake, with its location and a remedy.
    pub fn load(&self, overrides: &[String]) -> Result<Experiment, ConfigError> {
        config::load(&self.origin, &self.text, overrides)
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
            let experiment = preset.load(&[]).unwrap_or_else(|e| panic!("{}: {e}", preset.name));
            assert!(!experiment.description.is_empty(), "{}", preset.name);
            for tier in [Tier::Smoke, Tier::Cpu, Tier::Full] {
                let at = experiment.at(tier).unwrap_or_else(|e| panic!("{}: {e}", preset.name));
                if let Some(experiment) = at {
                    check(preset.name, &experiment);
                }
            }
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/presets");
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
