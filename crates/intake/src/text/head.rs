//! Reads the first lines of a file: its format, and whether its first line is a header.

use crate::decode::whole::{self, Whole, after_lines};
use crate::error::IntakeError;
use crate::error::TableError;
use crate::input::{FormatChoice, InputConfig};
use crate::schema::notice::Notice;
use crate::schema::{MAX_COLUMNS, MAX_NAME};
use crate::text::cells::{self, Cell, trimmed};
use crate::text::parse::{MAX_LINE, Syntax, cells_of, is_blank, lines};
use crate::text::recognise::{COMPARED, looks_like_header};
use crate::text::written;
use memchr::memchr_iter;
use std::borrow::Cow;

/// How a file is written.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    /// The file as UTF-8 text with one record a line.
    pub text: Cow<'a, [u8]>,
    /// How it was decoded.
    pub notices: Vec<Notice>,
    pub syntax: Syntax,
    /// Number of cells in its first line; 0 for JSON.
    pub width: usize,
    /// Names of the columns.
    pub header: Option<Vec<String>>,
    /// Offset of its first row, in bytes.
    pub body: usize,
    /// Number of the line at that offset, from 1.
    pub body_line: u64,
}

/// Decodes a file, and recognises its format from its first lines.
pub(crate) fn look_at<'a>(
    content: &'a [u8],
    name: &str,
    config: &InputConfig,
) -> Result<Head<'a>, IntakeError> {
    let table_error = |source: TableError| IntakeError::Table { name: name.to_owned(), source };
    let Whole { text, syntax, preamble, notices } = whole::decode(content, name, config)?;
    let mut body = text.len() - after_lines(&text, preamble).len();
    let mut first = None;
    for line in text[body..].split_inclusive(|&byte| byte == b'\n') {
        if !is_blank(line) {
            first = Some(line.len());
            break;
        }
        body += line.len();
    }
    let Some(first) = first else { return Err(table_error(TableError::Empty)) };
    let body_line = memchr_iter(b'\n', &text[..body]).count() as u64 + 1;
    let head = Head { text, notices, syntax, width: 0, header: None, body, body_line };
    let Syntax::Csv { delimiter } = syntax else { return Ok(head) };
    let rest = &head.text[body..];
    let mut following =
        lines(rest).filter(|line| !is_blank(line) && line.len() <= MAX_LINE).take(COMPARED + 1);
    let cells = following.next().map(|line| cells_of(line, delimiter));
    let Some(Ok(cells)) = cells else {
        // The bad line is reported when rows are read; the next good one gives their width.
        let width = following.find_map(|line| cells_of(line, delimiter).ok()).map_or(1, |cells| cells.len());
        drop(following);
        return Ok(Head { width, ..head });
    };
    if cells.len() > MAX_COLUMNS {
        let error = TableError::TooWide { got: cells.len(), most: MAX_COLUMNS };
        return Err(table_error(error));
    }
    let sample: Vec<Vec<Vec<u8>>> = following.filter_map(|line| cells_of(line, delimiter).ok()).collect();
    let texts: Vec<String> = cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
    let has_header = config.header.unwrap_or_else(|| is_header(&texts, &cells, &sample, config));
    if !has_header {
        return Ok(Head { width: cells.len(), ..head });
    }
    if let Some(long) = texts.iter().find(|name| name.len() > MAX_NAME) {
        let value = crate::text::recognise::shorten(long);
        return Err(table_error(TableError::LongName { value, most: MAX_NAME }));
    }
    let (width, body, body_line) = (cells.len(), body + first, body_line + 1);
    Ok(Head { width, header: Some(texts), body, body_line, ..head })
}

/// Whether a first line that is not blank is JSON.
pub(crate) fn begins_json(line: &[u8], format: FormatChoice) -> bool {
    match format {
        FormatChoice::Json => true,
        FormatChoice::Csv => false,
        FormatChoice::Auto => matches!(line.trim_ascii_start().first(), Some(b'{' | b'[')),
    }
}

/// A first line is a header if it contains no number or contains a name that was asked for. It is also a
/// header if it numbers the columns and the next line does not, or if most of its cells are texts above
/// columns of numbers.
fn is_header(texts: &[String], cells: &[Vec<u8>], sample: &[Vec<Vec<u8>>], config: &InputConfig) -> bool {
    let asked = config.columns.iter().chain(&config.ignore).chain(&config.categories);
    let asked = asked.chain(&config.label).chain(&config.timestamp).chain(&config.clock).chain(&config.group);
    if cells.iter().all(|cell| cells::is_missing(trimmed(cell))) {
        return false;
    }
    if begins_with_written_numbers(cells, sample) {
        return false;
    }
    if looks_like_header(texts.iter().map(String::as_str), asked) {
        return true;
    }
    // The first of numbers that go up by one.
    let counts_from = |cells: &[Vec<u8>]| {
        // An unnamed first cell heads the row numbers that some programs write.
        let named = if cells.first().is_some_and(Vec::is_empty) { &cells[1..] } else { cells };
        let number =
            |cell: &Vec<u8>| std::str::from_utf8(cell).ok().and_then(|text| text.parse::<u64>().ok());
        let numbers: Vec<u64> = named.iter().map(number).collect::<Option<_>>()?;
        let count =
            numbers.len() >= 3 && numbers.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]));
        count.then(|| numbers[0])
    };
    if counts_from(cells).is_some_and(|first| first <= 1) {
        return sample.first().is_some_and(|row| counts_from(row).is_none());
    }
    let is_number = |cell: &[u8]| {
        let cell = trimmed(cell);
        matches!(cells::parse(cell), Cell::Number(_)) || written::take_apart(cell).is_some()
    };
    let texts_above_numbers = (0..cells.len()).filter(|&column| {
        let below = || sample.iter().filter_map(|row| row.get(column));
        cells::parse(trimmed(&cells[column])) == Cell::Text
            && below().count() > 0
            && below().all(|cell| is_number(cell))
    });
    2 * texts_above_numbers.count() > cells.len()
}

/// Whether the first line holds a number that is written as those below it: with the same unit, or with a comma
/// in it. The name of a column, such as `5 min`, has no such numbers below it.
fn begins_with_written_numbers(cells: &[Vec<u8>], sample: &[Vec<Vec<u8>>]) -> bool {
    (0..cells.len()).any(|column| {
        if cells::parse(trimmed(&cells[column])) != Cell::Text {
            return false;
        }
        let Some(unit) = written(&cells[column]) else { return false };
        let mut below = sample.iter().filter_map(|row| row.get(column)).peekable();
        below.peek().is_some() && below.all(|cell| written(cell).is_some_and(|found| found == unit))
    })
}

/// The currency and the unit of a cell that is a number.
fn written(cell: &[u8]) -> Option<(&str, &str)> {
    written::take_apart(trimmed(cell)).map(|found| (found.prefix, found.suffix))
}
