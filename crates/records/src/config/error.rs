//! Errors in configurations, with advice on how to fix them.

use crate::names::{did_you_mean, list};
use std::fmt;

/// A mistake in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The text is not TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// The line.
        place: Place,
        /// What the parser says.
        message: String,
    },
    /// A key that does not exist.
    #[error("{place}: unknown key `{key}`{}", names.advice("keys known here"))]
    UnknownKey {
        /// Where it was written.
        place: Place,
        /// Full dotted key.
        key: String,
        /// Full dotted keys.
        names: Box<Names>,
    },
    /// A choice that does not exist.
    #[error("{place}: `{key}` cannot be `{got}`{}", names.advice("choices"))]
    UnknownChoice {
        /// Where it was written.
        place: Place,
        /// Full dotted key of the choice.
        key: String,
        /// The name that was given.
        got: String,
        /// The choices.
        names: Box<Names>,
    },
    /// A value of the wrong type, or out of range, or missing.
    #[error("{place}: `{key}` {message}")]
    Value {
        /// Where it was written.
        place: Place,
        /// Full dotted key.
        key: String,
        /// What is expected, and what was given.
        message: String,
    },
    /// An override that is not `key=value`.
    #[error("`--set {given}` {reason}; write it as key.path=value, for example --set training.epochs=50")]
    Malformed {
        /// The override.
        given: String,
        /// What it lacks.
        reason: &'static str,
    },
    /// An override of settings that belong to another choice.
    #[error(
        "{place}: `{key}` is `{current}` here, so `{key}.{wanted}` does not exist; \
         put --set {key}={wanted} before it to change `{key}` to `{wanted}`"
    )]
    NotChosen {
        /// The override.
        place: Place,
        /// Full dotted key of the choice.
        key: String,
        /// What is chosen.
        current: String,
        /// The choice that the override belongs to.
        wanted: String,
    },
}

/// Names that would be valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Those that may have been meant, nearest first.
    pub nearest: Vec<String>,
    /// All that are known at this point.
    pub known: Vec<String>,
}

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of the text, counted from 1.
    Line {
        /// The text's name.
        origin: String,
        /// From 1.
        line: usize,
    },
    /// An override, as it was given: `key=value`.
    Set(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line { origin, line } => write!(f, "{origin}:{line}"),
            Place::Set(given) => write!(f, "--set {given}"),
        }
    }
}

impl Names {
    fn advice(&self, what: &str) -> String {
        match (self.nearest.as_slice(), self.known.as_slice()) {
            ([], []) => format!("; there are no {what}"),
            ([], known) => format!("; {what}: {}", list(known, ", ")),
            (nearest, _) => did_you_mean(nearest),
        }
    }
}
