//! What a table is like where nobody says: what splits its cells, and whether its first line names the columns.

use crate::Column;
use csv::{ByteRecord, ReaderBuilder, Trim};

/// What cells may be split at where nothing is said; the likelier first.
pub(crate) const DELIMITERS: [u8; 5] = *b",\t;| ";
/// As much of a table as its delimiter is recognised from.
const SAMPLE: usize = 1 << 16;

/// Rows of cells; a ragged row is the caller's to report.
pub fn reader(content: &[u8], delimiter: u8) -> csv::Reader<&[u8]> {
    // Cells are trimmed unless they are split at blanks.
    ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(if delimiter == b' ' || delimiter == b'\t' { Trim::None } else { Trim::All })
        .from_reader(content)
}

/// The delimiter that splits the first rows into many numbers and little else, then the one that gives each row
/// as many cells.
pub fn recognise_delimiter(content: &[u8]) -> u8 {
    let sample = &content[..content.len().min(SAMPLE)];
    let score = |delimiter: u8| {
        let rows: Vec<ByteRecord> =
            reader(sample, delimiter).into_byte_records().flatten().take(20).collect();
        let cells = rows.iter().map(ByteRecord::len).sum::<usize>();
        let numbers = rows.iter().flatten().filter(|cell| is_number(&String::from_utf8_lossy(cell))).count();
        let width = rows.first().map_or(0, ByteRecord::len);
        let even = width > 1 && rows.iter().all(|row| row.len() == width);
        // How many, times what share.
        (numbers * numbers * 1000 / cells.max(1), even, width)
    };
    // Reversed, as the last of equals is taken.
    DELIMITERS.into_iter().rev().max_by_key(|&delimiter| score(delimiter)).unwrap_or(b',')
}

pub(crate) fn is_number(cell: &str) -> bool {
    cell.trim().parse::<f64>().is_ok()
}

/// A header has no number in it, or has a name that was `asked` for.
pub fn looks_like_header<'a>(
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
pub fn shorten(cell: &str) -> String {
    let mut short: String = cell.chars().take(40).collect();
    if short.len() < cell.len() {
        short.push('…');
    }
    short
}

/// A hint, if the cell looks as if it should have been split.
pub fn delimiter_seen_in(cell: &str, used: u8) -> Option<String> {
    let other = DELIMITERS.into_iter().find(|&d| d != used && d != b' ' && cell.contains(char::from(d)))?;
    Some(format!(
        "; it holds {0:?}: set delimiter = {1:?} if cells are split there",
        char::from(other),
        spelled(other)
    ))
}
