//! `ae reproduce --tier smoke` of two small presets side by side, repeated until it is done: the same models.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::round::{Results, Subject, program_in};
use super::train::{results_of, rows, write};

/// A preset on `rows.csv`, without its model.
const PRESET: &str = r#"
description = "Waves"
[data]
set = "rows.csv"
scale = "min-max"
validation = 0.2
test = 0.2
[training]
epochs = 3
batch = 8
checkpoint_every = 1
[smoke]
set = ["training.epochs=150", "training.learning_rate=0.01"]
"#;

/// The presets: name and model.
const PRESETS: [(&str, &str); 2] =
    [("small", "[model.vanilla]\ncode = 2\n"), ("random", "[model.vae]\nlatent = 2\n")];

/// Runs, in the folder of the work.
const RUNS: &str = "runs";

struct Reproduce;

pub(super) fn subjects() -> impl Iterator<Item = Box<dyn Subject>> {
    std::iter::once(Box::new(Reproduce) as Box<dyn Subject>)
}

impl Subject for Reproduce {
    fn kind(&self) -> &'static str {
        "reproduce"
    }

    fn name(&self) -> String {
        "reproduce".into()
    }

    fn prepare(&self, _: &Path, place: &Path) -> anyhow::Result<()> {
        write(place, "rows.csv", &rows())?;
        for (name, model) in PRESETS {
            write(place, &format!("{name}.toml"), &format!("{PRESET}{model}"))?;
        }
        Ok(())
    }

    fn command(&self, program: &Path, place: &Path) -> anyhow::Result<Command> {
        let files: Vec<String> = PRESETS.iter().map(|(name, _)| format!("{name}.toml")).collect();
        let words = format!("reproduce {} --tier smoke --jobs 2 --offline --runs {RUNS}", files.join(" "));
        Ok(program_in(program, place, &words))
    }

    /// Of the one finished run of each preset: work that was cut short is continued, not done again.
    fn results(&self, place: &Path) -> anyhow::Result<Results> {
        let mut results = Results::new();
        for (name, _) in PRESETS {
            let folder = place.join(RUNS).join(name);
            let entries =
                fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
            let runs: Vec<_> = entries
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|run| run.join("model.safetensors").exists())
                .collect();
            let [run] = &runs[..] else { anyhow::bail!("{} runs of {name} are finished, not 1", runs.len()) };
            results.extend(results_of(run, name)?);
        }
        Ok(results)
    }
}
