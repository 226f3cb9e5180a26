//! Errors of a fetch and of its sources.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ae_records::files::FileError;

use crate::tool::ToolError;

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The artifact names no checksum, so nothing could be verified.
    #[error("{name} has no checksum to verify it with; give the SHA-256 of the right file")]
    NoDigest {
        /// The artifact.
        name: String,
    },
    /// A malformed checksum.
    #[error("the checksum of {name} is {sha256:?}, but a SHA-256 has 64 hexadecimal digits")]
    BadDigest {
        /// The artifact.
        name: String,
        /// What was given.
        sha256: String,
    },
    /// The destination cannot be written: no other source would help.
    #[error(transparent)]
    Local(#[from] FileError),
    /// Every source failed.
    #[error("no source has {name}{}\n  to continue, put the file at {} by hand, {ADVICE}",
            list(failures), destination.display())]
    AllFailed {
        /// The artifact.
        name: String,
        /// Where the file was to go.
        destination: PathBuf,
        /// Each source and why it failed, in the order in which they were tried.
        failures: Vec<Failure>,
    },
}

const ADVICE: &str = "name a mirror folder that has it, or try again when the network is back";

impl FetchError {
    /// For `map_err`: attaches the path and what was tried (`create`, `write`, `lock`).
    pub(crate) fn local(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FetchError {
        let with_path = FileError::new(action, path);
        move |source| with_path(source).into()
    }
}

fn list(failures: &[Failure]) -> String {
    if failures.is_empty() {
        return " (none is known)".into();
    }
    failures.iter().map(|failure| format!("\n  {failure}")).collect()
}

/// One source that failed.
#[derive(Debug)]
pub struct Failure {
    /// Description of the source.
    pub source: String,
    /// Why it failed.
    pub reason: SourceError,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.reason)
    }
}

/// Why one source failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// No such file in the mirror.
    #[error("no such file")]
    NoSuchFile,
    /// The file is there but cannot be read.
    #[error("cannot read it: {0}")]
    Unreadable(io::Error),
    /// The server answered, but not with the file.
    #[error("the server answered {status}{}", meaning(*status))]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// The server could not be reached, or the connection broke, after all retries.
    #[error("{reason} ({tries} {})", if *tries == 1 { "try" } else { "tries" })]
    Network {
        /// What happened last.
        reason: String,
        /// How often it was tried.
        tries: u32,
    },
    /// The whole time for a download is over.
    #[error(
        "not complete after {} s, with {bytes} bytes; fetching it again continues where it stopped",
        after.as_secs_f64()
    )]
    TooSlow {
        /// How long it was tried.
        after: Duration,
        /// How much has been received.
        bytes: u64,
    },
    /// The file was received, but has another checksum.
    #[error("wrong checksum, file deleted: expected sha256 {}, got {got} ({bytes} bytes)",
            expected.join(" or "))]
    Checksum {
        /// The accepted checksums.
        expected: Vec<String>,
        /// The checksum of the received file.
        got: String,
        /// The length of the received file.
        bytes: u64,
    },
    /// More bytes came than the file has; the rest was not read.
    #[error("more than the expected {limit} bytes, so it is not the right file")]
    TooLong {
        /// The largest accepted length.
        limit: u64,
    },
    /// A required program is missing or failed.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// A program showed no progress for a long time and was stopped.
    #[error("{tool} made no progress for {} seconds and was stopped", after.as_secs())]
    Stalled {
        /// The program.
        tool: String,
        /// How long it made no progress.
        after: Duration,
    },
    /// The package was fetched, but the file is not in it.
    #[error("{archive} has no member {member}")]
    NoMember {
        /// The archive's file name.
        archive: String,
        /// The member that was looked for.
        member: String,
    },
    /// The package was fetched, but cannot be unpacked.
    #[error("cannot unpack {archive}: {reason}")]
    Archive {
        /// The archive's file name.
        archive: String,
        /// What is wrong with it.
        reason: String,
    },
}

pub(crate) fn meaning(status: u16) -> &'static str {
    match status {
        401 | 403 => " (not allowed)",
        404 | 410 => " (not found)",
        429 => " (too many requests)",
        500..=599 => " (server error)",
        _ => "",
    }
}
