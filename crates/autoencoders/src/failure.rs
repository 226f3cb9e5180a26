//! How the program fails: one line and a hint on standard error, and an exit code.

use std::fmt;
use std::process::ExitCode;

/// An error on its way to the user.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    usage: bool,
    interrupted: bool,
}

impl Failure {
    /// The user's arguments or configuration are wrong: exit code 2.
    pub(crate) fn usage(error: impl fmt::Display) -> Self {
        Failure { message: error.to_string(), usage: true, interrupted: false }
    }

    /// Something failed: exit code 1.
    pub(crate) fn new(error: impl fmt::Display) -> Self {
        Failure { message: error.to_string(), usage: false, interrupted: false }
    }

    /// The user stopped the program; everything is said already. Exit code 1.
    pub(crate) fn interrupted() -> Self {
        Failure { message: String::new(), usage: false, interrupted: true }
    }

    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if !self.interrupted {
            crate::output::error(&self.message, json);
        }
        ExitCode::from(if self.usage { 2 } else { 1 })
    }
}

impl From<ae_training::experiment::RunError> for Failure {
    fn from(error: ae_training::experiment::RunError) -> Self {
        if error.is_usage() { Failure::usage(error) } else { Failure::new(error) }
    }
}

impl From<ae_evaluation::EvaluationError> for Failure {
    fn from(error: ae_evaluation::EvaluationError) -> Self {
        if error.is_usage() { Failure::usage(error) } else { Failure::new(error) }
    }
}
