//! `ae train`, resumed until it is finished: the same model and the same log of losses.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::round::{Results, Subject, program_in};

/// An experiment on `rows.csv` with a checkpoint after each step, without its model and the end of `[training]`.
const EXPERIMENT: &str = r#"
description = "Waves"
[data]
set = "rows.csv"
scale = "min-max"
validation = 0.2
test = 0.2
"#;

/// The rest of `[training]`, after the model.
const TRAINING: &str = "[training]\nepochs = 300\nbatch = 8\nlog_every = 3\ncheckpoint_every = 1\n";

/// What is trained: name, model, and settings that leave different state to be resumed.
const CASES: &[(&str, &str, &str)] = &[
    (
        "adam",
        "[model.vanilla]\ncode = 2\n",
        "ema = 0.9\n[training.schedule.cosine]\nwarmup = 10\nfloor = 0.01\n",
    ),
    ("sgd", "[model.vanilla]\ncode = 2\n", "[training.optimizer.sgd]\nmomentum = 0.9\nnesterov = true\n"),
    (
        "adamw",
        "[model.deep]\ncode = 2\n",
        "[training.early_stopping]\npatience = 297\nmin_delta = 1.0\n\
         [training.optimizer.adamw]\nweight_decay = 0.01\n",
    ),
    ("vae", "[model.vae]\nlatent = 2\n", ""),
];

/// One case of [`CASES`].
struct Train {
    name: &'static str,
    model: &'static str,
    settings: &'static str,
}

pub(super) fn subjects() -> impl Iterator<Item = Box<dyn Subject>> {
    CASES.iter().map(|&(name, model, settings)| Box::new(Train { name, model, settings }) as Box<dyn Subject>)
}

impl Subject for Train {
    fn kind(&self) -> &'static str {
        "train"
    }

    fn name(&self) -> String {
        format!("train-{}", self.name)
    }

    fn prepare(&self, _: &Path, place: &Path) -> anyhow::Result<()> {
        let Train { model, settings, .. } = self;
        write(place, "rows.csv", &rows())?;
        write(place, "mine.toml", &format!("{EXPERIMENT}{model}{TRAINING}{settings}"))
    }

    fn command(&self, program: &Path, place: &Path) -> anyhow::Result<Command> {
        let words = match place.join("run/config.toml").exists() {
            true => "train --resume run --threads 1",
            false => "train mine.toml --threads 1 --out run",
        };
        Ok(program_in(program, place, words))
    }

    fn results(&self, place: &Path) -> anyhow::Result<Results> {
        results_of(&place.join("run"), "run")
    }
}

/// The files of a finished run that must not differ, as `NAME/FILE`.
pub(super) fn results_of(run: &Path, name: &str) -> anyhow::Result<Results> {
    let read = |file: &str| {
        let path = run.join(file);
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((format!("{name}/{file}"), content))
    };
    ["model.safetensors", "metrics.jsonl"].into_iter().map(read).collect()
}

pub(super) fn write(place: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = place.join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// A table of 60 rows of 4 smooth numbers.
pub(super) fn rows() -> String {
    let value = |row: usize, column: usize| (row as f64 * 0.7 + column as f64).sin() * 3.0 + column as f64;
    let mut text = String::from("a,b,c,d\n");
    for row in 0..60 {
        let cells: Vec<String> = (0..4).map(|column| format!("{:.4}", value(row, column))).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}
