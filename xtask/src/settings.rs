//! `cargo xtask settings`: writes docs/settings.md, every setting with its type, default, range and meaning, and the list of
//! keys that the program completes, from the code and its documentation.

mod code;
mod defaults;
mod page;
mod ranges;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::Usage;
use crate::workspace::Workspace;
use code::Code;

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    if let Some(word) = args.first() {
        return Err(Usage(format!("settings takes no arguments, got {}", word.display())).into());
    }
    for (path, text) in all(workspace)? {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails if a file differs from the code.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    for (path, text) in all(workspace)? {
        let is_same = fs::read_to_string(&path).unwrap_or_default() == text;
        anyhow::ensure!(is_same, "{} differs from the code", path.display());
    }
    Ok(())
}

/// Path and text of each file.
fn all(workspace: &Workspace) -> anyhow::Result<[(PathBuf, String); 2]> {
    let code = Code::read(&workspace.root)?;
    let (page, keys) = page::write(&code)?;
    let lines = keys.iter().map(|key| format!("{}\t{}\t{}\n", key.key, key.default, key.about));
    Ok([
        (workspace.root.join("docs/settings.md"), page),
        (workspace.root.join("crates/cli/src/settings.tsv"), lines.collect()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_meaning_and_the_files_are_those_of_the_code() {
        let workspace = Workspace::find().unwrap();
        let code = Code::read(&workspace.root).unwrap();
        let (text, keys) = page::write(&code).unwrap();
        let meaningless: Vec<&str> =
            keys.iter().filter(|key| key.about.is_empty()).map(|key| &*key.key).collect();
        assert!(meaningless.is_empty(), "{meaningless:?}");
        let default = |name: &str| keys.iter().find(|key| key.key == name).map(|key| key.default.as_str());
        assert_eq!(default("training.epochs"), Some("10"));
        assert_eq!(default("training.learning_rate"), Some("0.001"));
        assert_eq!(default("data.set"), Some("\"mnist\""));
        assert_eq!(default("model.vae.latent"), Some("20"));
        assert_eq!(default("training.early_stopping.patience"), Some("10"));
        assert!(
            text.contains("| `epochs` | whole number | `10` | at least 1 | Passes over the training data."),
            "{text}"
        );
        // Ranges from a loop over checks, from a check in another file, and from a meaning.
        for row in [
            "| `decoder_heads` | whole number | `4` | at least 1 |",
            "| `latent` | whole number | `20` | at least 1 |",
            "| `rise` | number | `0.3` | between 0 and 1 |",
            "| `decay` | number | `0.99` | [0, 1) |",
        ] {
            assert!(text.contains(row), "{row}");
        }
        check(&workspace).unwrap();
    }
}
