//! The keys of settings, by what they may be called on the command line, and what a shell completes.

use crate::cli::Cli;
use ae_catalogue::presets::PRESETS;
use clap::CommandFactory;
use clap_complete::CompleteEnv;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

/// A setting, from the list that `cargo xtask settings` writes; docs/settings.md describes each in full.
struct Setting {
    /// Its path in a configuration, such as `training.epochs`.
    key: &'static str,
    /// Its default, as TOML; `absent` or `needed` if it has none.
    default: &'static str,
    /// Its meaning in one sentence.
    about: &'static str,
}

/// All settings, in the order of docs/settings.md.
fn all() -> impl Iterator<Item = Setting> {
    include_str!("settings.tsv").lines().filter_map(|line| {
        let mut cells = line.splitn(3, '\t');
        Some(Setting { key: cells.next()?, default: cells.next()?, about: cells.next()? })
    })
}

/// The variable by which the script of `ae completions` asks for words.
pub(crate) const ASKED: &str = "AE_COMPLETE";

/// Answers a shell that asks how the words of a command may go on, and ends the process; does nothing otherwise.
pub(crate) fn complete() {
    CompleteEnv::with_factory(Cli::command).var(ASKED).complete();
}

/// Other names of settings.
const SYNONYMS: [(&str, &str); 7] = [
    ("lr", "learning_rate"),
    ("batch_size", "batch"),
    ("epoch", "epochs"),
    ("dataset", "set"),
    ("latent_dim", "latent"),
    ("optim", "optimizer"),
    ("scheduler", "schedule"),
];

/// The key of the setting that an option without its dashes may mean, such as `training.epochs`. Settings of a model are
/// those of the preset among the words.
pub(crate) fn of_option(option: &str, words: &[String]) -> Option<String> {
    let name = option.replace('-', "_");
    let name = SYNONYMS.iter().find(|(other, _)| *other == name).map_or(name.as_str(), |(_, name)| name);
    let model = variant_of(words).map(|variant| format!("model.{variant}"));
    let tables = ["training".to_owned(), "data".to_owned()].into_iter().chain(model);
    tables.map(|table| format!("{table}.{name}")).find(|key| all().any(|setting| setting.key == key))
}

/// The variant of the first preset among some words.
fn variant_of(words: &[String]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Shown {
        model: BTreeMap<String, serde::de::IgnoredAny>,
    }
    let preset = words.iter().find_map(|word| PRESETS.iter().find(|preset| preset.name == word))?;
    toml::from_str::<Shown>(preset.text).ok()?.model.into_keys().next()
}

/// Presets, and files that end in .toml.
pub(crate) fn experiments(current: &OsStr) -> Vec<CompletionCandidate> {
    let is_toml = |path: &Path| path.extension().is_some_and(|ending| ending == "toml");
    let mut found = presets(current);
    found.extend(PathCompleter::any().filter(is_toml).complete(current));
    found
}

/// Presets.
pub(crate) fn presets(current: &OsStr) -> Vec<CompletionCandidate> {
    let begin = current.to_string_lossy();
    let of = PRESETS.iter().filter(|preset| preset.name.starts_with(&*begin));
    of.map(|preset| CompletionCandidate::new(preset.name).help(described(preset.text).map(Into::into)))
        .collect()
}

/// The description in the text of a preset.
fn described(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("description = \""))?;
    Some(line.trim_end_matches('"').to_owned())
}

/// `key=` of each setting.
pub(crate) fn settings_for(current: &OsStr) -> Vec<CompletionCandidate> {
    let begin = current.to_string_lossy();
    let of = all().filter(|setting| setting.key.starts_with(&*begin));
    of.map(|Setting { key, default, about }| {
        CompletionCandidate::new(format!("{key}=")).help(Some(format!("{about} [default: {default}]").into()))
    })
    .collect()
}

/// Folders of runs in `runs`, newest first, and other paths.
pub(crate) fn runs(current: &OsStr) -> Vec<CompletionCandidate> {
    let begin = current.to_string_lossy();
    let below = |folder: &Path| -> Vec<_> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    };
    let runs = std::env::var_os("AE_RUNS").unwrap_or_else(|| "runs".into());
    let mut all: Vec<String> = below(Path::new(&runs))
        .iter()
        .flat_map(|preset| below(preset))
        .filter(|run| run.join("record.json").exists())
        .map(|run| run.display().to_string())
        .filter(|run| run.starts_with(&*begin))
        .collect();
    all.sort_by(|a, b| b.rsplit('/').next().cmp(&a.rsplit('/').next()));
    let mut found: Vec<CompletionCandidate> = all.into_iter().map(CompletionCandidate::new).collect();
    if found.is_empty() {
        found.extend(PathCompleter::any().complete(current));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(found: Vec<CompletionCandidate>) -> Vec<String> {
        found.into_iter().map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn presets_settings_and_runs_are_offered() {
        assert_eq!(offered(presets(OsStr::new("vae-"))), ["vae-levels", "vae-nll"]);
        assert!(offered(experiments(OsStr::new("vq"))).contains(&"vq_vae".to_owned()));
        assert_eq!(offered(settings_for(OsStr::new("training.epo"))), ["training.epochs="]);
        assert!(offered(settings_for(OsStr::new("model.vae.lat"))).contains(&"model.vae.latent=".to_owned()));
        let vae = presets(OsStr::new("vae")).remove(0);
        assert!(vae.get_help().is_some_and(|help| help.to_string().contains("variational")), "{vae:?}");
    }

    #[test]
    fn every_setting_is_listed_once() {
        let mut keys: Vec<&str> = all().map(|setting| setting.key).collect();
        let n = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!((keys.len(), include_str!("settings.tsv").lines().count()), (n, n));
    }
}
