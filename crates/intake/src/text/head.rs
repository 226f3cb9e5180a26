//! Reads the first lines of a file: its format, and whether its first line is a header.

use crate::error::IntakeError;
use crate::error::TableError;
use crate::input::{FormatChoice, InputConfig};
use crate::schema::{MAX_COLUMNS, MAX_NAME};
use crate::text::cells::{self, Cell, trimmed};
use crate::text::parse::{MAX_LINE, Syntax, cells_of, is_blank, lines};
use crate::text::recognise::{DELIMITERS, looks_like_header, recognise_delimiter};

/// How a file is written.
#[derive(Debug)]
pub(crate) struct Head {
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

/// The byte order mark that some programs put before UTF-8 text.
pub(crate) const MARK: &[u8] = b"\xef\xbb\xbf";
/// Rows that are compared with the first line.
const COMPARED: usize = 20;

/// Recognises the format of a file from its first lines.
pub(crate) fn look_at(content: &[u8], name: &str, config: &InputConfig) -> Result<Head, IntakeError> {
    let table_error = |source: TableError| IntakeError::Table { name: name.to_owned(), source };
    ensure_text(name, content)?;
    let mark = if content.starts_with(MARK) { MARK.len() } else { 0 };
    let mut body = mark;
    let mut body_line = 1;
    let mut first = None;
    for line in content[mark..].split_inclusive(|&byte| byte == b'\n') {
        if !is_blank(line) {
            first = Some(line);
            break;
        }
        body += line.len();
        body_line += 1;
    }
    let Some(first) = first else { return Err(table_error(TableError::Empty)) };
    ensure_line_feeds(name, first)?;
    if begins_json(first, config.format) {
        return Ok(Head { syntax: Syntax::Json, width: 0, header: None, body, body_line });
    }
    let rest = &content[body..];
    let lower = name.to_lowercase();
    let plain = lower.strip_suffix(".gz").unwrap_or(&lower);
    let tabs = plain.ends_with(".tsv") || plain.ends_with(".tab");
    let delimiter = match config.delimiter {
        Some(delimiter) => delimiter as u8,
        None if tabs => b'\t',
        None => recognise(rest),
    };
    let syntax = Syntax::Csv { delimiter };
    let mut following =
        lines(rest).filter(|line| !is_blank(line) && line.len() <= MAX_LINE).take(COMPARED + 1);
    let cells = following.next().map(|line| cells_of(line, delimiter));
    let Some(Ok(cells)) = cells else {
        // The bad line is reported when rows are read; the next good one gives their width.
        let width = following.find_map(|line| cells_of(line, delimiter).ok()).map_or(1, |cells| cells.len());
        return Ok(Head { syntax, width, header: None, body, body_line });
    };
    if cells.len() > MAX_COLUMNS {
        let error = TableError::TooWide { got: cells.len(), most: MAX_COLUMNS };
        return Err(table_error(error));
    }
    let sample: Vec<Vec<Vec<u8>>> = following.filter_map(|line| cells_of(line, delimiter).ok()).collect();
    let texts: Vec<String> = cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
    let has_header = config.header.unwrap_or_else(|| is_header(&texts, &cells, &sample, config));
    if !has_header {
        return Ok(Head { syntax, width: cells.len(), header: None, body, body_line });
    }
    if let Some(long) = texts.iter().find(|name| name.len() > MAX_NAME) {
        let value = crate::text::recognise::shorten(long);
        return Err(table_error(TableError::LongName { value, most: MAX_NAME }));
    }
    Ok(Head {
        syntax,
        width: cells.len(),
        header: Some(texts),
        body: body + first.len(),
        body_line: body_line + 1,
    })
}

/// First bytes of formats that are often mistaken for text, their names, and what to do.
const NO_TEXT: [(&[u8], &str, &str); 5] = [
    (b"\x1f\x8b", "gz data", "decompress it first, for example with `gunzip -c`"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV"),
    (b"\x28\xb5\x2f\xfd", "zstd data", "decompress it first, for example with `zstd -dc`"),
    (b"\xfd7zXZ\0", "xz data", "decompress it first, for example with `xz -dc`"),
    (b"PAR1", "a Parquet file", "export it as CSV or JSON lines"),
];

/// Refuses an input whose first bytes show that it is not UTF-8 text; `name` is what messages call it.
///
/// # Errors
/// [`IntakeError::Utf16`] or [`IntakeError::NotText`], with what to do.
pub fn ensure_text(name: &str, first: &[u8]) -> Result<(), IntakeError> {
    if first.starts_with(b"\xff\xfe") || first.starts_with(b"\xfe\xff") {
        return Err(IntakeError::Utf16 { name: name.to_owned() });
    }
    match NO_TEXT.iter().find(|(mark, ..)| first.starts_with(mark)) {
        Some(&(_, what, remedy)) => Err(IntakeError::NotText { name: name.to_owned(), what, remedy }),
        None => Ok(()),
    }
}

/// Refuses a first "line" that is really many lines, each ending with a carriage return only.
pub(crate) fn ensure_line_feeds(name: &str, first: &[u8]) -> Result<(), IntakeError> {
    let many = !first.ends_with(b"\n") && first.trim_ascii().contains(&b'\r');
    if many { Err(IntakeError::CarriageReturns { name: name.to_owned() }) } else { Ok(()) }
}

/// The delimiter that splits the first lines into numbers, if it gives every line the same number of cells;
/// otherwise the one that does so with the most cells.
fn recognise(rest: &[u8]) -> u8 {
    let by_numbers = recognise_delimiter(rest);
    let width = |delimiter: u8| {
        let mut widths = lines(rest)
            .filter(|line| !is_blank(line) && line.len() <= MAX_LINE)
            .take(COMPARED)
            .map(|line| cells_of(line, delimiter).map_or(0, |cells| cells.len()));
        let first = widths.next().unwrap_or(0);
        if widths.all(|width| width == first) { first } else { 0 }
    };
    if width(by_numbers) > 1 {
        return by_numbers;
    }
    let widest = DELIMITERS.into_iter().rev().max_by_key(|&delimiter| width(delimiter));
    widest.filter(|&delimiter| width(delimiter) > 1 && delimiter != b' ').unwrap_or(by_numbers)
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
    let asked = asked.chain(&config.label).chain(&config.timestamp);
    if cells.iter().all(|cell| cells::is_missing(trimmed(cell))) {
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
    let is_number = |cell: &[u8]| matches!(cells::parse(trimmed(cell)), Cell::Number(_));
    let texts_above_numbers = (0..cells.len()).filter(|&column| {
        let below = || sample.iter().filter_map(|row| row.get(column));
        cells::parse(trimmed(&cells[column])) == Cell::Text
            && below().count() > 0
            && below().all(|cell| is_number(cell))
    });
    2 * texts_above_numbers.count() > cells.len()
}
