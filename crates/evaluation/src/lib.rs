//! What the program evaluates: the presets, the pictures of a run, and the tasks of `ae eval`, each in one file.
//!
//! A task is a function from a [`Context`] to an [`Evaluation`]. It asks the context for trained models, which
//! are taken from earlier runs of the same settings and data or trained; computes its figures on held-out rows,
//! for several seeds; and leaves `evaluation.json`, `evaluation.md`, `report.html` and `images/` behind.

pub mod anomaly;
pub mod context;
pub mod denoise;
pub mod density;
pub mod dimension;
pub mod error;
pub mod features;
pub mod generate;
pub mod likelihood;
pub mod measures;
pub mod outcome;
pub mod pictures;
pub mod presets;
pub mod pretrain;
pub mod reconstruction;
pub mod regimes;
pub mod reproduce;
pub mod selection;

mod codes;
mod held_out;
mod probe;
mod spread;
#[cfg(test)]
mod testing;
mod yardstick;

pub use context::{Context, Wanted};
pub use error::EvaluationError;
pub use outcome::{Evaluation, Table};
