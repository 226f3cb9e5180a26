//! Tiers: how much compute is spent on reproducing a preset's reference.
//!
//! A preset by itself is what the tier `cpu` runs. `[smoke]`, `[cpu]` and `[full]` say what differs:
//!
//! ```toml
//! [smoke]
//! set = ["training.epochs=1"]
//! [[smoke.expected]]
//! metric = "test/mse"
//! at_most = 0.05
//! source = "ten times what this tier gives"
//!
//! [cpu]
//! seeds = [0, 1, 2]
//! ```
//!
//! and `cpu = false` leaves the preset out of a tier.

use crate::config::Experiment;
use crate::expected::Expected;
use ae_records::config::{self, ConfigError};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Training rows in the tier `smoke`, unless the preset says otherwise.
const SMOKE_TRAIN: usize = 2000;
/// Test rows in the tier `smoke`, unless the preset says otherwise.
const SMOKE_TEST: usize = 500;
/// Epochs in the tier `smoke`, unless the preset says otherwise.
const SMOKE_EPOCHS: u64 = 2;

/// How much compute is spent on a preset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Seconds: few rows and epochs, to see that everything works.
    Smoke,
    /// Minutes on a few cores.
    #[default]
    Cpu,
    /// The published schedule, for a GPU.
    Full,
}

/// A preset's entry for a tier.
#[derive(Clone, Debug, PartialEq)]
pub enum TierPart {
    /// The preset does not run in this tier.
    Off,
    /// The preset runs, with these settings.
    On(TierSettings),
}

/// Settings of a tier that differ from the preset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TierSettings {
    /// Overrides of the form `key.path=value`; in `smoke` they are applied after the defaults of 2,000
    /// training rows, 500 test rows and 2 epochs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// Seeds that the preset is run with; empty: seed 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<u64>,
    /// Expected results. If empty: in `smoke` a run must finish with finite figures and a loss that fell; in
    /// the other tiers the expectations of the preset apply.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<Expected>,
}

impl Default for TierPart {
    fn default() -> Self {
        TierPart::On(TierSettings::default())
    }
}

impl TierPart {
    /// The settings; `None` if the preset does not run in this tier.
    pub fn settings(&self) -> Option<&TierSettings> {
        match self {
            TierPart::Off => None,
            TierPart::On(settings) => Some(settings),
        }
    }

    /// Takes the expected results away.
    pub(crate) fn forget_expected(&mut self) {
        if let TierPart::On(settings) = self {
            settings.expected.clear();
        }
    }

    /// Whether nothing differs.
    pub fn is_default(&self) -> bool {
        *self == TierPart::default()
    }
}

impl<'de> Deserialize<'de> for TierPart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Part;
        impl<'de> Visitor<'de> for Part {
            type Value = TierPart;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("false, or a table with `set`, `seeds` and `expected`")
            }

            fn visit_bool<E: serde::de::Error>(self, on: bool) -> Result<TierPart, E> {
                Ok(if on { TierPart::default() } else { TierPart::Off })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TierPart, A::Error> {
                TierSettings::deserialize(MapAccessDeserializer::new(map)).map(TierPart::On)
            }
        }
        deserializer.deserialize_any(Part)
    }
}

impl Serialize for TierPart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            TierPart::Off => serializer.serialize_bool(false),
            TierPart::On(settings) => settings.serialize(serializer),
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tier::Smoke => "smoke",
            Tier::Cpu => "cpu",
            Tier::Full => "full",
        })
    }
}

impl Experiment {
    /// The settings of a tier; `None` if the preset does not run in it.
    pub fn tier(&self, tier: Tier) -> Option<&TierSettings> {
        match tier {
            Tier::Smoke => self.smoke.settings(),
            Tier::Cpu => self.cpu.settings(),
            Tier::Full => self.full.settings(),
        }
    }

    /// The overrides that turn this into the experiment of a tier; `None` if it does not run in it.
    pub fn tier_overrides(&self, tier: Tier) -> Option<Vec<String>> {
        let settings = self.tier(tier)?;
        let mut overrides = Vec::new();
        if tier == Tier::Smoke {
            let (data, training) = (&self.data, &self.training);
            if data.max_train.is_none_or(|most| most > SMOKE_TRAIN) {
                overrides.push(format!("data.max_train={SMOKE_TRAIN}"));
            }
            if data.max_test.is_none_or(|most| most > SMOKE_TEST) {
                overrides.push(format!("data.max_test={SMOKE_TEST}"));
            }
            if training.epochs > SMOKE_EPOCHS {
                overrides.push(format!("training.epochs={SMOKE_EPOCHS}"));
            }
            // With so few steps every one is a point of the curve, so that its fall is visible.
            overrides.push("training.log_every=1".into());
        }
        overrides.extend(settings.set.iter().cloned());
        Some(overrides)
    }

    /// The experiment of a tier, with its expectations and without the settings of tiers; `None` if the
    /// preset does not run in it. In `smoke` it has only the measures that its expectations refer to.
    ///
    /// # Errors
    /// If an override does not fit.
    pub fn at(&self, tier: Tier) -> Result<Option<Experiment>, ConfigError> {
        let (Some(settings), Some(overrides)) = (self.tier(tier), self.tier_overrides(tier)) else {
            return Ok(None);
        };
        let origin = format!("the tier {tier}");
        let mut experiment: Experiment = config::load(&origin, &config::to_toml(self), &overrides)?;
        if tier == Tier::Smoke || !settings.expected.is_empty() {
            experiment.expected.clone_from(&settings.expected);
        }
        if tier == Tier::Smoke {
            let Experiment { measures, expected, .. } = &mut experiment;
            measures.retain(|name| expected.iter().any(|it| it.measure() == Some(name)));
        }
        for part in [&mut experiment.smoke, &mut experiment.cpu, &mut experiment.full] {
            *part = TierPart::default();
        }
        Ok(Some(experiment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRESET: &str = r#"
cpu = false
measures = ["pca", "likelihood"]
[model.vanilla]
[[expected]]
metric = "test/mse"
at_most = 1.0
source = "a"
[smoke]
set = ["training.epochs=1", "data.max_train=100"]
[[smoke.expected]]
metric = "pca/ratio"
at_most = 2.0
source = "b"
[full]
set = ["training.epochs=300"]
seeds = [0, 1]
"#;

    fn load(text: &str) -> Result<Experiment, String> {
        config::load("p.toml", text, &[]).map_err(|e| e.to_string())
    }

    #[test]
    fn a_tier_changes_what_it_says_and_nothing_else() {
        let preset = load(PRESET).unwrap();
        assert_eq!(load(&config::to_toml(&preset)).unwrap(), preset, "written and read it is the same");
        assert_eq!(preset.at(Tier::Cpu).unwrap(), None);
        let smoke = preset.at(Tier::Smoke).unwrap().unwrap();
        assert_eq!((smoke.training.epochs, smoke.training.log_every), (1, 1));
        assert_eq!((smoke.data.max_train, smoke.data.max_test), (Some(100), Some(500)));
        assert_eq!((smoke.expected.len(), &*smoke.expected[0].metric), (1, "pca/ratio"));
        assert_eq!(smoke.measures, ["pca"]);
        assert!(!config::to_toml(&smoke).contains("smoke"));
        let full = preset.at(Tier::Full).unwrap().unwrap();
        assert_eq!((full.training.epochs, full.expected.clone()), (300, preset.expected.clone()));
        assert_eq!((full.data.clone(), full.measures), (preset.data.clone(), preset.measures.clone()));
        assert_eq!(preset.tier(Tier::Full).unwrap().seeds, [0, 1]);
    }

    #[test]
    fn without_a_word_on_tiers_smoke_is_small_and_full_is_the_preset() {
        let preset = load("[model.vanilla]\n[data]\nmax_test = 10\n[training]\nepochs = 1").unwrap();
        let smoke = preset.at(Tier::Smoke).unwrap().unwrap();
        assert_eq!((smoke.data.max_train, smoke.data.max_test), (Some(2000), Some(10)));
        assert_eq!(smoke.training.epochs, 1);
        for tier in [Tier::Cpu, Tier::Full] {
            assert_eq!(preset.at(tier).unwrap().unwrap(), preset);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let check = |text: &str, words: &[&str]| {
            let error = load(&format!("{text}\n[model.vanilla]")).unwrap_err();
            assert!(words.iter().all(|word| error.contains(word)), "{text}: {error}");
        };
        check("smoke = 3", &["p.toml:1", "`smoke`", "false, or a table"]);
        check("[smoke]\nsets = []", &["p.toml:2", "`smoke.sets`", "`smoke.set`"]);
        check(
            "[[full.expected]]\nmetric = 'test/mse'",
            &["p.toml", "`full.expected[0]` must have a `value`"],
        );
        let preset = load("[model.vanilla]\n[full]\nset = ['training.epoch=1']").unwrap();
        let error = preset.at(Tier::Full).unwrap_err().to_string();
        assert!(error.contains("training.epoch=1") && error.contains("`training.epochs`"), "{error}");
    }
}
