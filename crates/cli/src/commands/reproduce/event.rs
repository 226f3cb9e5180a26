//! What a child process tells its parent: one line of JSON for each event, on its standard output.

use ae_evaluation::reproduce::Ending;
use serde::{Deserialize, Serialize};

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// How far the training is.
    Training {
        step: u64,
        steps: u64,
        /// As a person reads it.
        message: String,
    },
    /// A measure is being computed.
    Measuring(String),
    /// The last line of a child that was not stopped.
    Ended(Ending),
}
