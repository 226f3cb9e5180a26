//! The training loop: batches, losses, optimizers, checkpoints and records, one for every model.
//!
//! A run that is killed at any moment and resumed gives the same bytes as one that was never interrupted: every
//! draw is a function of (seed, purpose, step), and a checkpoint holds everything else that a step depends on.
//!
//! [`trainer::train`] is the loop over tensors at hand; [`experiment::run`] is a whole run in a folder.

pub mod artifact;
pub mod checkpoint;
pub mod config;
pub mod data;
pub mod evaluate;
pub mod expected;
pub mod experiment;
pub mod observer;
pub mod outcome;
pub mod schedule;
pub mod tensorboard;
pub mod tensors;
pub mod tier;
pub mod trainer;

pub use config::{BatchSize, EarlyStopping, Experiment, GroupConfig, TrainingConfig};
pub use data::{EmptyData, Split, Splits};
pub use expected::{Better, Expected};
pub use observer::{Observer, Progress};
pub use outcome::{Outcome, TrainError};
pub use schedule::Schedule;
pub use tier::{Tier, TierPart, TierSettings};
pub use trainer::train;
