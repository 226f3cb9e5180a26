//! Errors as the user sees them: one line with a hint on standard error, and an exit code.

use ae_records::blame::Blame;
use std::fmt;
use std::process::ExitCode;

/// An error on its way to the user.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
    /// The user has already been told, so nothing more is printed.
    told: bool,
}

impl Failure {
    /// The user's arguments or configuration are wrong: exit code 2.
    pub fn usage(error: impl fmt::Display) -> Self {
        Failure { message: error.to_string(), code: 2, told: false }
    }

    /// Something failed: exit code 1.
    pub fn new(error: impl fmt::Display) -> Self {
        Failure { message: error.to_string(), code: 1, told: false }
    }

    /// What the user is told.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same failure, of one worker of several.
    pub fn of_worker(self, rank: usize) -> Self {
        Failure { message: format!("worker {rank}: {}", self.message), ..self }
    }

    /// A failure of a child that has told the user itself.
    pub fn of_child(code: u8) -> Self {
        Failure { code, ..Failure::told() }
    }

    /// A panic: exit code 101, as that of any Rust program.
    pub fn bug(message: String) -> Self {
        Failure { message, code: 101, told: false }
    }

    /// The user interrupted the program, or the printed result already says what failed. Exit code 1.
    pub fn told() -> Self {
        Failure { message: String::new(), code: 1, told: true }
    }

    /// `--check` found something, and the printed result already says so. Exit code 3.
    pub fn found() -> Self {
        Failure { code: 3, ..Failure::told() }
    }

    pub fn report(&self, json: bool) -> ExitCode {
        if !self.told {
            crate::output::error(&self.message, json);
        }
        ExitCode::from(self.code)
    }
}

impl<E: Blame> From<E> for Failure {
    fn from(error: E) -> Self {
        if error.is_usage() { Failure::usage(error) } else { Failure::new(error) }
    }
}
