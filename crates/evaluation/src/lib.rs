//! The presets, the pictures of a run, and the tasks of `ae eval`, one file each.
//!
//! A task ([`TASKS`]) is a function from a [`Context`] to an [`Evaluation`]. It asks the context for trained
//! models: the context reuses an earlier run with the same settings and data, or trains a new one. The task
//! computes its figures on held-out rows for several seeds, and writes `evaluation.json`, `evaluation.md`,
//! `report.html` and `images/`.

pub mod apply;
pub mod context;
pub mod density;
pub mod error;
pub mod finder;
pub mod measures;
pub mod outcome;
pub mod pictures;
pub mod presets;
pub mod recommender;
pub mod reproduce;
pub mod restoring;
pub mod sampling;
pub mod scan;
pub mod tasks;

mod anomaly;
mod benchmark;
mod codes;
mod compression;
pub mod compressor;
mod contest;
mod denoise;
mod dimension;
mod draft;
mod entrants;
mod features;
mod forecast;
mod generate;
mod held_out;
mod images;
mod likelihood;
mod maps;
mod pretrain;
mod probe;
mod recommend;
mod reconstruction;
mod regimes;
mod restore;
mod retrieval;
mod search;
mod selection;
mod spread;
mod subject;
#[cfg(test)]
mod testing;
mod words;
mod yardstick;

pub use context::{Context, Wanted};
// For `sampling::Wish`.
pub use ae_models::Sampler;
pub use error::EvaluationError;
pub use outcome::{Evaluation, ResultTable};
pub use subject::Subject;
pub use tasks::{OptionValues, TASKS, Task, TaskOption};
