//! All output of the program: results on standard output, everything else on standard error.

use comfy_table::{Table, presets};
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing_subscriber::EnvFilter;

static QUIET: AtomicBool = AtomicBool::new(false);

/// Sets what is printed. `RUST_LOG` refines the log.
pub(crate) fn init(quiet: bool, verbose: u8) {
    QUIET.store(quiet, Ordering::Relaxed);
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "info",
        _ => "debug",
    };
    // The drawing library warns about bars of zero width; that is no use to the user.
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(format!("{level},usvg=error")));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(verbose > 0)
        .without_time()
        .init();
}

/// Whether only errors are wanted.
pub(crate) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Width, in characters, of the terminal that results are written to; `None` for a file or a pipe.
pub(crate) fn width() -> Option<u16> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0)
}

/// Prints a status line, unless `--quiet` is given.
pub(crate) fn note(line: &str) {
    if !is_quiet() {
        to_stderr(line);
    }
}

/// Prints a line of the result.
pub(crate) fn result(line: &str) {
    write_out(format_args!("{}\n", printable(line)));
}

/// Prints rows of the result in aligned columns.
pub(crate) fn columns<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) {
    aligned(rows).iter().for_each(|line| result(line));
}

/// Rows laid out in aligned columns; a cell of several lines takes that many lines.
pub(crate) fn aligned<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).add_rows(rows);
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    table.lines().map(|line| line.trim_end().to_string()).collect()
}

/// Writes a line to standard error. If that is closed, the program goes on.
fn to_stderr(line: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(line));
}

/// Escapes control characters other than line ends and tabs (`\u{1b}`), so that text from a file cannot
/// control the terminal.
fn printable(text: &str) -> Cow<'_, str> {
    let is_control = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(is_control) {
        return text.into();
    }
    text.chars().map(|c| if is_control(c) { c.escape_default().to_string() } else { c.into() }).collect()
}

/// Prints the result as JSON.
pub(crate) fn json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).expect("results are always JSON");
    write_out(format_args!("{text}\n"));
}

/// Prints a line of JSON for another process.
pub(crate) fn json_line(value: &impl Serialize) {
    let text = serde_json::to_string(value).expect("events are always JSON");
    write_out(format_args!("{text}\n"));
}

/// A closed pipe (`ae … | head`) ends the program without a message.
fn write_out(text: std::fmt::Arguments<'_>) {
    if io::stdout().write_fmt(text).is_err() {
        process::exit(1);
    }
}

/// Prints the error that ends the program.
pub(crate) fn error(message: &str, as_json: bool) {
    to_stderr(&format!("error: {message}"));
    if as_json {
        let _ = writeln!(io::stdout(), "{}", serde_json::json!({ "error": message }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_below_one_another() {
        let row = |cells: [&str; 3]| cells.map(String::from);
        let check = |rows: &[[&str; 3]], expected: &[&str]| {
            assert_eq!(aligned(rows.iter().map(|cells| row(*cells))), expected);
        };
        check(&[], &[]);
        check(&[["a", "b", ""]], &["a  b"]);
        check(&[["ab", "ß", "x"], ["a", "日本", "y"]], &["ab  ß     x", "a   日本  y"]);
        check(&[["a", "one\ntwo", "b"]], &["a  one  b", "   two"]);
    }

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(printable("a\u{1b}[31mb\0"), "a\\u{1b}[31mb\\u{0}");
        assert_eq!(printable("å\tb\nc"), "å\tb\nc");
    }
}
