//! The presets, compiled into the program so that it works without a copy of the repository.

use ae_records::config::{self, ConfigError};
use ae_records::names::{did_you_mean, nearest};
use serde::Serialize;
use serde::de::DeserializeOwned;

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

    /// The experiment, with overrides of the form `key.path=value`; or what another type takes from the file.
    ///
    /// # Errors
    /// An invalid override; the presets themselves are tested.
    pub fn load<E: Serialize + DeserializeOwned>(&self, overrides: &[String]) -> Result<E, ConfigError> {
        config::load(&format!("presets/{}.toml", self.name), self.text, overrides)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
