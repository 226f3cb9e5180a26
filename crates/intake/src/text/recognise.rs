//! Recognises the delimiter of a table, and whether its first line is a header.

use crate::Column;
use crate::text::cells::trimmed;
use crate::text::parse::{MAX_LINE, cells_of, is_blank, lines};
use crate::text::written;

/// Delimiters to try if none is given, the most likely first.
pub(crate) const DELIMITERS: [u8; 5] = *b",\t;| ";
/// The delimiter is recognised from this many bytes.
const SAMPLE_BYTES: usize = 1 << 16;
/// The delimiter is recognised from this many rows.
const SAMPLE_ROWS: usize = 20;

/// Rows that are compared with the first line.
pub(crate) const COMPARED: usize = 20;

/// Whether cells can be split at this character.
pub fn splits_cells(delimiter: char) -> bool {
    delimiter.is_ascii() && !"\"\r\n".contains(delimiter)
}

/// The delimiter that splits the first rows into many numbers and little else. Ties go to the one that gives
/// every row the same number of cells, then to the one that gives more cells.
pub(crate) fn recognise_delimiter(content: &[u8]) -> u8 {
    let sample = &content[..content.len().min(SAMPLE_BYTES)];
    let score = |delimiter: u8| {
        let rows: Vec<Vec<Vec<u8>>> = lines(sample)
            .filter(|line| !is_blank(line))
            .take(SAMPLE_ROWS)
            .filter_map(|line| cells_of(line, delimiter).ok())
            .collect();
        let cells = rows.iter().map(Vec::len).sum::<usize>();
        let is_number = |cell: &&Vec<u8>| {
            is_number(&String::from_utf8_lossy(cell)) || written::take_apart(trimmed(cell)).is_some()
        };
        let numbers = rows.iter().flatten().filter(is_number).count();
        let width = rows.first().map_or(0, Vec::len);
        let even = width > 1 && rows.iter().all(|row| row.len() == width);
        // The count of numbers times their share.
        (numbers * numbers * 1000 / cells.max(1), even, width)
    };
    // Reversed, because `max_by_key` returns the last of equals.
    DELIMITERS.into_iter().rev().max_by_key(|&delimiter| score(delimiter)).unwrap_or(b',')
}

/// The delimiter that splits the first lines into numbers, if it gives every line the same number of cells;
/// otherwise the one that does so with the most cells.
pub(crate) fn recognise(rest: &[u8]) -> u8 {
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

pub(crate) fn is_number(cell: &str) -> bool {
    cell.trim().parse::<f64>().is_ok()
}

/// A header contains no number, or contains a name that was `asked` for.
pub(crate) fn looks_like_header<'a>(
    first: impl Iterator<Item = &'a str> + Clone,
    mut asked: impl Iterator<Item = &'a Column>,
) -> bool {
    let is_there = |column: &Column| match column {
        Column::Name(name) if !is_number(name) => first.clone().any(|cell| cell.trim() == name),
        _ => false,
    };
    !first.clone().any(is_number) || asked.any(is_there)
}

fn spelled(delimiter: u8) -> String {
    char::from(delimiter).to_string()
}

/// The cell as messages show it.
pub(crate) fn shorten(cell: &str) -> String {
    let mut short: String = cell.chars().take(40).collect();
    if short.len() < cell.len() {
        short.push('…');
    }
    short
}

/// A hint if the cell contains another delimiter.
pub(crate) fn delimiter_seen_in(cell: &str, used: u8) -> Option<String> {
    let other = DELIMITERS.into_iter().find(|&d| d != used && d != b' ' && cell.contains(char::from(d)))?;
    Some(format!(
        "; it contains {0:?}: set input.delimiter = {1:?} if that separates the cells",
        char::from(other),
        spelled(other)
    ))
}
