//! What a child process reports to its parent: one line of JSON per event, on its standard output.

use ae_evaluation::reproduce::Ending;
use serde::{Deserialize, Serialize};

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// Progress of the training.
    Training {
        step: u64,
        steps: u64,
        /// Text for the user.
        message: String,
    },
    /// A measure is being computed.
    Measuring(String),
    /// The last line of a child that was not stopped.
    Ended(Ending),
}
