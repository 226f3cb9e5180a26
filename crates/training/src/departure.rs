//! What becomes of a preset's claims when its settings are changed.

use crate::config::{Experiment, TrainingConfig};
use ae_datasets::DataConfig;

/// Settings that change no result that a preset claims: its expectations hold for every seed.
const NEUTRAL: [&str; 6] = [
    "training.seed",
    "training.log_every",
    "training.checkpoint_every",
    "measures",
    "expected",
    "description",
];

impl Experiment {
    /// Whether data, model or training differ from those of `original` in more than the seed and the intervals of logs and
    /// checkpoints, so that results of one say nothing about the other.
    pub fn departs_from(&self, original: &Experiment) -> bool {
        let compared = |training: &TrainingConfig| {
            let TrainingConfig { log_every, checkpoint_every, .. } = TrainingConfig::default();
            TrainingConfig { seed: 0, log_every, checkpoint_every, ..training.clone() }
        };
        self.data != original.data
            || self.model != original.model
            || compared(&self.training) != compared(&original.training)
    }

    /// This experiment, which `overrides` made from the preset `original`, for data of the user's own: what the preset says about
    /// the form of its own set (scale, size, shape, normal label) is as by default, unless it is among the overrides.
    pub fn for_own_data(mut self, original: &Experiment, overrides: &[String]) -> Self {
        if self.data.set == original.data.set || !ae_datasets::is_own(&self.data) {
            return self;
        }
        let is_said = |field: &str| {
            let key = |setting: &String| setting.split_once('=').map_or("", |(key, _)| key).trim().to_owned();
            overrides.iter().map(key).any(|key| key == "data" || key == format!("data.{field}"))
        };
        let usual = DataConfig::default();
        if !is_said("scale") {
            self.data.scale = usual.scale;
        }
        if !is_said("resize") {
            self.data.resize = usual.resize;
        }
        if !is_said("shape") {
            self.data.shape = usual.shape;
        }
        if !is_said("normal_label") {
            self.data.normal_label = usual.normal_label;
        }
        self
    }

    /// This experiment, which `overrides` made from `original`, the preset or file `name`. If it departs from that, it loses
    /// what the original says about itself: the description becomes the list of what differs, and the expected results
    /// go, those of tiers included. A description or expectations among the overrides stay.
    pub fn without_claims_of(mut self, original: &Experiment, name: &str, overrides: &[String]) -> Self {
        if !self.departs_from(original) {
            return self;
        }
        if self.description == original.description {
            let changes = changes(overrides).join(", ");
            // A run that is made longer has been changed before, perhaps.
            let earlier = original.description.strip_prefix(&format!("{name} with "));
            let earlier = earlier.map_or(String::new(), |earlier| format!("{earlier}, "));
            self.description = format!("{name} with {earlier}{changes}");
        }
        if self.expected == original.expected {
            self.expected.clear();
        }
        for part in [&mut self.smoke, &mut self.cpu, &mut self.full] {
            part.forget_expected();
        }
        self
    }
}

/// The overrides that may change a result, as given.
fn changes(overrides: &[String]) -> Vec<&str> {
    let key = |setting: &str| setting.split_once('=').map_or("", |(key, _)| key).trim().to_owned();
    let is_neutral = |setting: &str| {
        let key = key(setting);
        NEUTRAL.iter().any(|neutral| {
            key == *neutral || key.strip_prefix(neutral).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    overrides.iter().map(String::as_str).filter(|setting| !is_neutral(setting)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_records::config;

    const PRESET: &str = "description = 'The plain autoencoder, on MNIST'\n[model.vanilla]\n[[expected]]\n\
        metric = 'test/mse'\nat_most = 0.1\nsource = 'a'\n[smoke]\n[[smoke.expected]]\nmetric = 'test/mse'\n\
        at_most = 1.0\nsource = 'b'\n[cpu]\nseeds = [0, 1]\n";

    fn loaded(overrides: &[&str]) -> Experiment {
        let overrides: Vec<String> = overrides.iter().map(|setting| setting.to_string()).collect();
        let original: Experiment = config::load("p.toml", PRESET, &[]).unwrap();
        let changed: Experiment = config::load("p.toml", PRESET, &overrides).unwrap();
        changed.without_claims_of(&original, "vanilla", &overrides)
    }

    #[test]
    fn claims_stay_only_with_the_settings_that_they_are_about() {
        let keeps = |overrides: &[&str]| {
            let it = loaded(overrides);
            assert_eq!((it.expected.len(), it.description.contains("MNIST")), (1, true), "{overrides:?}");
            assert!(it.smoke.settings().is_some_and(|smoke| smoke.expected.len() == 1));
        };
        keeps(&[]);
        keeps(&["training.seed=3", "training.log_every=7", "training.checkpoint_every=9"]);
        keeps(&["training.epochs=10", "data.set=mnist"]); // the values that it has
        let loses = |overrides: &[&str], description: &str| {
            let it = loaded(overrides);
            assert_eq!((it.expected.as_slice(), it.description.as_str()), (&[][..], description));
            assert!(it.smoke.settings().is_some_and(|smoke| smoke.expected.is_empty()));
            assert_eq!(it.cpu.settings().map(|cpu| cpu.seeds.len()), Some(2));
        };
        loses(&["training.epochs=2", "training.seed=1"], "vanilla with training.epochs=2");
        loses(
            &["data.set=waves.csv", "model.vanilla.code=3"],
            "vanilla with data.set=waves.csv, model.vanilla.code=3",
        );
    }

    #[test]
    fn what_the_user_claims_stays() {
        let given = "expected=[{metric='test/mse', at_most=2.0, source='me'}]";
        let it = loaded(&["training.epochs=2", given, "description=Mine"]);
        assert_eq!((it.description.as_str(), it.expected[0].at_most), ("Mine", Some(2.0)));
    }

    #[test]
    fn own_data_are_not_given_the_form_of_a_presets_set() {
        let preset = "[model.lstm]\n[data]\nset = 'ecg5000'\nscale = 'none'\nresize = [4, 4]\nnormal_label = '1'\nvalidation = 0.2\n";
        let load = |overrides: &[&str]| {
            let overrides: Vec<String> = overrides.iter().map(|setting| setting.to_string()).collect();
            let original: Experiment = config::load("p.toml", preset, &[]).unwrap();
            let changed: Experiment = config::load("p.toml", preset, &overrides).unwrap();
            (changed.clone().for_own_data(&original, &overrides).data, changed.data)
        };
        let (own, _) = load(&["data.set='mine.csv'"]);
        let usual = DataConfig::default();
        assert_eq!((own.scale, own.resize, own.normal_label), (usual.scale, None, None));
        assert_eq!(own.validation, 0.2, "what is not about the form stays");
        let (said, changed) = load(&["data.set='mine.csv'", "data.scale='none'", "data.normal_label = 'a'"]);
        assert_eq!((said.scale, said.normal_label), (changed.scale, Some("a".into())));
        for other in [&["data.set='mnist'"][..], &["data.validation=0.1"]] {
            let (same, changed) = load(other);
            assert_eq!(same, changed, "{other:?}");
        }
    }
}
