//! Options of tasks that can judge models and data of the user's own, and why the others cannot.

use super::{Task, TaskOption};

/// Models of the user's own in place of the task's presets.
const RUN: TaskOption = TaskOption {
    name: "run",
    value: "RUN",
    about: "Folder of a finished run, judged in place of the presets, on the data that it was trained with; may be given \
            several times",
    default: None,
    repeats: true,
    requires: None,
};

/// Data of the user's own for the presets.
const DATA: TaskOption = TaskOption {
    name: "data",
    value: "SET|FILE|FOLDER",
    about: "Data to train and judge the presets on, as `data.set` names them [default: those of the presets]",
    default: None,
    repeats: false,
    requires: None,
};

/// Settings of the presets.
const SET: TaskOption = TaskOption {
    name: "set",
    value: "KEY=VALUE",
    about: "Override a setting of every preset, such as data.label=class; model.vae.latent=8 is for presets of this variant \
            only; may be given several times",
    default: None,
    repeats: true,
    requires: None,
};

/// A small budget.
const QUICK: TaskOption = TaskOption {
    name: "quick",
    value: "",
    about: "A quick look, without a verdict: two epochs on at most 2,000 rows, judged on at most 500",
    default: None,
    repeats: false,
    requires: None,
};

/// Options of a task that can judge other models and data than those of its presets.
pub(super) const OWN: &[TaskOption] = &[RUN, DATA, SET, QUICK];

impl Task {
    /// Whether it judges runs that it is given, in place of its presets.
    pub fn takes_runs(&self) -> bool {
        self.options.iter().any(|option| option.name == RUN.name)
    }

    /// Why it does not, as the end of a sentence; empty if it does.
    pub fn why_no_runs(&self) -> &'static str {
        match self.name {
            "anomaly" | "benchmark" | "selection" => {
                "it fits its detectors itself; `ae detect score` judges with a detector of yours"
            }
            "compression" => "its rates and codecs belong to its own sets of pictures",
            "forecast" => "its rivals are fitted to the sequences of its own sets",
            "pretrain" | "regimes" => {
                "it trains one network in several ways to compare these; `ae compare RUN RUN` compares runs of yours"
            }
            "recommend" => "its rivals are fitted to the ratings of its own sets",
            "restore" => {
                "each of its networks is trained on one kind of damage; `ae restore` uses a network of yours"
            }
            "retrieval" => "its rivals are fitted to the documents of its own sets",
            _ => "",
        }
    }
}
