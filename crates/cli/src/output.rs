//! All output of the program: results on standard output, everything else on standard error. Text from files cannot
//! control the terminal; see [`ae_records::text`].

use crate::log;
use ae_records::files::FileError;
use ae_records::text::{printable, printable_json};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

static QUIET: AtomicBool = AtomicBool::new(false);

/// Sets what is printed and logged.
pub fn init(quiet: bool, verbose: u8) {
    QUIET.store(quiet, Ordering::Relaxed);
    log::init(quiet, verbose);
}

/// From now on only errors are printed, and results.
pub fn silence() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether only errors are wanted.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Width, in characters, of the terminal that results are written to; `None` for a file or a pipe.
pub fn width() -> Option<u16> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0)
}

/// Prints a status line, unless `--quiet` is given.
pub fn note(line: &str) {
    if !is_quiet() {
        to_stderr(line);
    }
}

/// Prints a line of the result.
pub fn result(line: &str) {
    write_out(format_args!("{}\n", printable(line)));
}

/// Prints a line about a result that was written to a file, unless `--quiet` is given: then the file is the whole
/// result.
pub fn summary(line: &str) {
    if !is_quiet() {
        result(line);
    }
}

/// Prints rows of the result in aligned columns.
pub fn columns<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) {
    aligned_within(rows.into_iter().map(Vec::from), width()).iter().for_each(|line| result(line));
}

/// `1 epoch`, `2 epochs`.
pub fn counted<N: fmt::Display + PartialEq + From<u8>>(n: N, one: &str) -> String {
    if n == N::from(1) { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// Rows laid out in aligned columns; a cell of several lines takes that many lines.
pub fn aligned<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) -> Vec<String> {
    aligned_within(rows.into_iter().map(Vec::from), None)
}

/// The same for rows whose number of columns is not known before.
pub fn aligned_rows(rows: impl IntoIterator<Item = Vec<String>>) -> Vec<String> {
    aligned_within(rows, None)
}

/// As [`aligned_rows`]; in a terminal of `width` characters the last column is wrapped between words.
fn aligned_within(rows: impl IntoIterator<Item = Vec<String>>, width: Option<u16>) -> Vec<String> {
    // Escaped before the widths are measured.
    let escaped =
        |cells: Vec<String>| cells.iter().map(|cell| printable(cell).into_owned()).collect::<Vec<_>>();
    let rows = rows.into_iter().map(escaped);
    let mut table = Table::new();
    table.load_style(presets::NOTHING).add_rows(rows);
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        let last = table.column_count().saturating_sub(1);
        for column in table.column_iter_mut().take(last) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    table.lines().map(|line| line.trim_end().to_string()).collect()
}

/// Four significant digits.
pub fn figure(value: f64) -> String {
    let digits = if value == 0.0 || !value.is_finite() { 0 } else { value.abs().log10().floor() as i32 };
    format!("{value:.*}", usize::try_from(3 - digits).unwrap_or(0).min(8))
}

/// Writes a line to standard error. If that is closed, the program goes on.
fn to_stderr(line: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(line));
}

/// Prints the result as JSON.
pub fn json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).expect("results are always JSON");
    write_out(format_args!("{}\n", printable_json(&text)));
}

/// Prints a line of JSON for another process.
pub fn json_line(value: &impl Serialize) {
    let text = serde_json::to_string(value).expect("events are always JSON");
    write_out(format_args!("{}\n", printable_json(&text)));
}

/// As [`json_line`], but goes on if nobody reads it: who was told may have been killed, and there is still something to save.
pub fn json_line_if_read(value: &impl Serialize) {
    let text = serde_json::to_string(value).expect("events are always JSON");
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", printable_json(&text)).and_then(|()| out.flush());
}

/// Standard output that cannot be written to, such as a file on a full disk, ends the program; a closed pipe
/// (`ae … | head`) does so without a message.
fn write_out(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_fmt(text).and_then(|()| out.flush()) {
        if error.kind() != io::ErrorKind::BrokenPipe {
            to_stderr(&format!("error: {}", FileError::new("write", "standard output")(error)));
        }
        process::exit(1);
    }
}

/// Prints the error that ends the program.
pub fn error(message: &str, as_json: bool) {
    to_stderr(&format!("error: {message}"));
    if as_json {
        json_line(&serde_json::json!({ "error": message }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_four_digits() {
        for (value, expected) in [
            (105.23456, "105.2"),
            (0.00395123, "0.003951"),
            (0.0, "0.000"),
            (12345.6, "12346"),
            (-1.0, "-1.000"),
        ] {
            assert_eq!(figure(value), expected);
        }
    }

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
    fn a_list_is_wrapped_between_words() {
        let rows = || {
            [["vae", "a variational autoencoder of digits"], ["ae", "short"]].map(|row| row.map(String::from))
        };
        let expected = ["vae  a variational", "     autoencoder of", "     digits", "ae   short"];
        assert_eq!(aligned_within(rows().map(Vec::from), Some(22)), expected);
        assert_eq!(aligned_within(rows().map(Vec::from), None).len(), 2);
    }

    #[test]
    fn a_cell_that_is_escaped_is_as_wide_as_it_is_shown() {
        let rows = ["a\u{1b}", "bcdefghij"].map(|cell| [cell.to_string(), "x".into()]);
        assert_eq!(aligned(rows), ["a\\u{1b}    x", "bcdefghij  x"]);
    }
}
