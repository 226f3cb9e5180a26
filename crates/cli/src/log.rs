//! The log on standard error.

use ae_records::text::printable;
use std::collections::HashSet;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use tracing::Metadata;
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{self, Writer};

/// Sets what is logged. `RUST_LOG` refines it, unless `quiet` is set: what a user types outweighs a setting that may be
/// meant for another program.
pub(crate) fn init(quiet: bool, verbose: u8) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "info",
        _ => "debug",
    };
    // The drawing libraries warn about bars and lines of zero length; that is no use to the user.
    let usual = || EnvFilter::new(format!("{level},usvg=error,tiny_skia=error"));
    let filter = if quiet { usual() } else { EnvFilter::try_from_default_env().unwrap_or_else(|_| usual()) };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .fmt_fields(format::debug_fn(log_field))
        .with_writer(Once::to(io::stderr))
        .with_ansi(io::stderr().is_terminal())
        .with_target(verbose > 0)
        .without_time()
        .init();
}

/// Writes a field of a log line: the message first, then ` name=value`.
fn log_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let text = format!("{value:?}");
    match field.name() {
        "message" => writer.write_str(&printable(&text)),
        // The place in the source of a library that logs in the older way.
        name if name.starts_with("log.") => Ok(()),
        name => write!(writer, " {name}={}", printable(&text)),
    }
}

/// Says the same about data once, however often an evaluation reads them.
struct Once<M> {
    writer: M,
    told: Arc<Mutex<HashSet<Vec<u8>>>>,
}

impl<M> Once<M> {
    fn to(writer: M) -> Self {
        Once { writer, told: Arc::default() }
    }
}

/// Writes the lines that `told` does not hold; all without it.
struct New<W> {
    writer: W,
    told: Option<Arc<Mutex<HashSet<Vec<u8>>>>>,
}

/// What is remembered at most: data that differ each time would fill the memory.
const REMEMBERED: usize = 1024;

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Once<M> {
    type Writer = New<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        New { writer: self.writer.make_writer(), told: None }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Self::Writer {
        let told = of.target().starts_with("ae_datasets").then(|| Arc::clone(&self.told));
        New { writer: self.writer.make_writer_for(of), told }
    }
}

impl<W: Write> Write for New<W> {
    /// Each event comes in one piece.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        if let Some(told) = &self.told {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.contains(event) {
                return Ok(event.len());
            }
            if told.len() < REMEMBERED {
                told.insert(event.into());
            }
        }
        self.writer.write_all(event).map(|()| event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek;

    fn logged(log: impl FnOnce()) -> String {
        let mut file = tempfile::tempfile().unwrap();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(format::debug_fn(log_field))
            .with_writer(Once::to(file.try_clone().unwrap()))
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        file.rewind().unwrap();
        io::read_to_string(file).unwrap()
    }

    #[test]
    fn a_warning_cannot_control_the_terminal() {
        let shown = "b\\u{1b}[31m\\u{9b}2J\\u{202e}";
        let expected = format!(" WARN cannot read {shown} path={shown} rows=3\n");
        let log = || {
            let name = "b\u{1b}[31m\u{9b}2J\u{202e}";
            tracing::warn!(path = %name, rows = 3, "cannot read {name}");
        };
        assert_eq!(logged(log), expected);
    }

    #[test]
    fn the_same_about_data_is_said_once_and_anything_else_each_time() {
        let log = || {
            for name in ["a.csv", "a.csv", "b.csv"] {
                tracing::warn!(target: "ae_datasets::cells", "{name}: left out id");
                tracing::warn!(target: "ae_training", "NaN");
            }
        };
        let expected = [
            " WARN a.csv: left out id",
            " WARN NaN",
            " WARN NaN",
            " WARN b.csv: left out id",
            " WARN NaN",
            "",
        ];
        assert_eq!(logged(log), expected.join("\n"));
    }
}
