//! Runs the system's package clients, and watches what they have written.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::SourceError;
use crate::progress::Progress;
use crate::sink::Fault;

/// A program that is missing or failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// Not on this machine, or not on its `PATH`.
    #[error("{tool} is not installed; {install}")]
    Missing {
        /// The program.
        tool: String,
        /// What to do about it.
        install: String,
    },
    /// Ran and failed.
    #[error("{tool} failed: {reason}")]
    Failed {
        /// The program.
        tool: String,
        /// Its error message.
        reason: String,
    },
}

/// The command that runs pip on this machine, such as `["python3", "-m", "pip"]`.
///
/// # Errors
/// [`ToolError::Missing`], with what to install.
pub fn pip() -> Result<&'static [&'static str], ToolError> {
    static FOUND: OnceLock<Option<&[&str]>> = OnceLock::new();
    const WAYS: [&[&str]; 4] = [&["python3", "-m", "pip"], &["python", "-m", "pip"], &["pip3"], &["pip"]];
    let answers = |way: &&[&str]| {
        let mut command = Command::new(way[0]);
        command.args(&way[1..]).arg("--version");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    FOUND.get_or_init(|| WAYS.into_iter().find(answers)).ok_or_else(|| ToolError::Missing {
        tool: "python3 with pip".into(),
        install: "install it (Debian, Ubuntu: apt-get install python3-pip)".into(),
    })
}

/// Runs `command`, called `tool` in messages, until it ends, fails, or writes nothing into `folder` for `stall`.
pub(crate) fn run(
    tool: &str,
    install: &str,
    command: &mut Command,
    folder: &Path,
    stall: Duration,
    progress: &mut dyn Progress,
) -> Result<(), Fault> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            SourceError::from(ToolError::Missing { tool: tool.into(), install: install.into() })
        }
        _ => ToolError::Failed { tool: tool.into(), reason: error.to_string() }.into(),
    })?;
    let mut stderr = child.stderr.take().expect("stderr is piped");
    let words = thread::spawn(move || {
        let mut words = Vec::new();
        let _ = stderr.read_to_end(&mut words);
        String::from_utf8_lossy(&words).into_owned()
    });
    let (mut written, mut since) = (0, Instant::now());
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => {}
            Err(error) => {
                return Err(SourceError::from(ToolError::Failed {
                    tool: tool.into(),
                    reason: error.to_string(),
                })
                .into());
            }
        }
        let now = size_of(folder, 4);
        if now != written {
            (written, since) = (now, Instant::now());
            progress.advance(now);
        } else if since.elapsed() > stall {
            let _ = child.kill();
            let _ = child.wait();
            return Err(SourceError::Stalled { tool: tool.into(), after: stall }.into());
        }
        thread::sleep(Duration::from_millis(50));
    };
    let words = words.join().unwrap_or_default();
    if status.success() {
        return Ok(());
    }
    Err(SourceError::from(ToolError::Failed { tool: tool.into(), reason: last_words(&words, status) }).into())
}

/// The lines that say what went wrong, joined.
fn last_words(words: &str, status: std::process::ExitStatus) -> String {
    const MARKS: [&str; 5] = ["ERROR:", "E:", "npm error", "npm ERR!", "dpkg-deb: error:"];
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let marked: Vec<&str> = lines
        .iter()
        .filter_map(|line| MARKS.iter().find_map(|mark| line.strip_prefix(mark)))
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("A complete log"))
        .take(4)
        .collect();
    if !marked.is_empty() {
        return marked.join("; ");
    }
    lines.last().map_or_else(|| status.to_string(), ToString::to_string)
}

/// Bytes in the files of a folder that is being written to.
fn size_of(folder: &Path, depth: u32) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() && depth > 0 => size_of(&entry.path(), depth - 1),
            Ok(data) if data.is_file() => data.len(),
            _ => 0,
        })
        .sum()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::Silent;

    /// Runs a shell script, which must fail with this message.
    fn check(program: &str, script: &str, stall: Duration, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.args(["-c", script]).current_dir(folder.path());
        let failed = run("tool", "install it", &mut command, folder.path(), stall, &mut Silent);
        let Err(Fault::Source(error)) = failed else { panic!("{failed:?}") };
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn failures_say_what_the_program_said() {
        let long = Duration::from_secs(60);
        check(
            "sh",
            "echo 'ERROR: no such thing' >&2; echo noise >&2; exit 1",
            long,
            "tool failed: no such thing",
        );
        check("sh", "echo first >&2; echo last >&2; exit 3", long, "tool failed: last");
        check("sh", "exit 3", long, "tool failed: exit status: 3");
        check("no-such-program", "", long, "tool is not installed; install it");
    }

    #[test]
    fn a_program_that_does_nothing_is_stopped() {
        let begun = Instant::now();
        let expected = "tool made no progress for 0 seconds and was stopped";
        check("sh", "exec sleep 60", Duration::from_millis(100), expected);
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn what_a_program_writes_is_progress() {
        struct Most(u64);
        impl Progress for Most {
            fn advance(&mut self, bytes: u64) {
                self.0 = self.0.max(bytes);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "mkdir sub; echo hello > sub/file; sleep 0.3"]).current_dir(folder.path());
        let mut most = Most(0);
        run("sh", "", &mut command, folder.path(), Duration::from_secs(60), &mut most).unwrap();
        assert_eq!(most.0, 6);
    }
}
