//! Recognises what precedes the header of a table: comments, a line that sets the delimiter, lines of another width.

use crate::text::cells::{self, Cell, trimmed};
use crate::text::parse::{cells_of, is_blank};
use crate::text::recognise::{DELIMITERS, looks_like_header, splits_cells};
use memchr::{memchr, memchr_iter};

/// Longest preamble without comment signs, in lines that are not blank.
pub(crate) const MAX_PREAMBLE: usize = 30;
/// Lines after it that must agree in their number of cells, if there are so many.
const AGREEING: usize = 20;

/// What was found before the first record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preamble {
    /// Lines that are skipped, without blank ones.
    pub lines: u64,
    /// Whether lines that begin with `#` are comments.
    pub comments: bool,
    /// The delimiter that a line such as `sep=;` sets.
    pub separator: Option<u8>,
    /// Whether the header began with `#`.
    pub marked_header: bool,
}

/// Takes the first lines of a table, one by one, until the first record begins.
#[derive(Debug)]
pub(crate) struct Opener {
    /// Lines to skip unseen.
    skip: u64,
    /// Whether anything is to be recognised.
    recognises: bool,
    comments: Option<bool>,
    delimiter: Option<u8>,
    /// The last comment, which may be the header.
    held: Option<Vec<u8>>,
    found: Preamble,
}

/// What follows from a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// It precedes the first record.
    Skipped,
    /// It is the first record, or the first of its lines.
    Record,
    /// It is the first row, and the comment before it was the header, which has been given.
    RowAfterHeader,
}

impl Opener {
    /// `skip` are lines to skip, instead of those that are recognised; `comments` says whether lines that begin with
    /// `#` are comments, if it is known.
    pub(crate) fn new(skip: Option<u64>, comments: Option<bool>, delimiter: Option<u8>) -> Self {
        let found = Preamble { comments: comments == Some(true), ..Preamble::default() };
        let recognises = skip.is_none();
        Opener { skip: skip.unwrap_or(0), recognises, comments, delimiter, held: None, found }
    }

    pub(crate) fn found(&self) -> Preamble {
        self.found
    }

    /// Whether the next line is skipped whatever it is.
    pub(crate) fn skips(&self) -> bool {
        self.skip > 0
    }

    /// Takes a line with its line end, and appends what replaces the lines before it.
    pub(crate) fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Opened {
        if self.skip > 0 {
            self.skip -= 1;
            self.found.lines += u64::from(!is_blank(line));
            out.push(b'\n');
            return Opened::Skipped;
        }
        if is_blank(line) {
            self.release(out);
            out.push(b'\n');
            return Opened::Skipped;
        }
        let first = self.held.is_none() && self.found.lines == 0;
        if self.recognises
            && first
            && let Some(separator) = separator_of(line)
        {
            self.found.separator = Some(separator);
            self.found.lines += 1;
            out.push(b'\n');
            return Opened::Skipped;
        }
        let delimiter = self.delimiter.or(self.found.separator);
        if line.starts_with(b"#") && self.may_be_comment(line, delimiter) {
            self.release(out);
            self.held = Some(line.to_vec());
            return Opened::Skipped;
        }
        let Some(held) = self.held.take() else { return Opened::Record };
        // In a column whose values begin with `#`, these are no comments.
        let is_row = line.starts_with(b"#");
        let header = without_mark(&held);
        if self.recognises && heads(header, line, delimiter) {
            self.found.marked_header = true;
            out.extend_from_slice(header);
        } else if is_row && self.comments.is_none() && self.found.lines == 0 {
            // The only line before it is a header of its own.
            out.extend_from_slice(&held);
        } else {
            self.held = Some(held);
            self.release(out);
            return Opened::Record;
        }
        self.found.comments = self.comments.unwrap_or(!is_row);
        Opened::RowAfterHeader
    }

    /// The input has ended.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) {
        self.release(out);
    }

    /// Skips the comment that was held back.
    fn release(&mut self, out: &mut Vec<u8>) {
        if self.held.take().is_some() {
            self.found.comments = true;
            self.found.lines += 1;
            out.push(b'\n');
        }
    }

    fn may_be_comment(&self, line: &[u8], delimiter: Option<u8>) -> bool {
        match self.comments {
            Some(comments) => comments,
            None => self.recognises && !is_row(line, delimiter),
        }
    }
}

/// The delimiter that a line such as `sep=;` sets, which spreadsheet programs write and read.
fn separator_of(line: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(line).ok()?.trim_end_matches(['\r', '\n']);
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let (key, value) = text.split_at_checked(4)?;
    let mut characters = value.chars();
    let separator = if value == "\\t" { '\t' } else { characters.next()? };
    let alone = value == "\\t" || characters.as_str().is_empty();
    (key.eq_ignore_ascii_case("sep=") && alone && splits_cells(separator)).then_some(separator as u8)
}

fn without_mark(line: &[u8]) -> &[u8] {
    let text = line.strip_prefix(b"#").unwrap_or(line);
    &text[text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()..]
}

/// The delimiters to try: the known one, or all.
fn delimiters(known: Option<u8>) -> Vec<u8> {
    known.map_or_else(|| DELIMITERS.to_vec(), |known| vec![known])
}

fn is_number(cell: &[u8]) -> bool {
    matches!(cells::parse(trimmed(cell)), Cell::Number(_))
}

/// Whether a line that begins with `#` is a row whose first cell does, such as `#17,3.5`.
fn is_row(line: &[u8], delimiter: Option<u8>) -> bool {
    let marked = line.get(1).is_some_and(u8::is_ascii_alphanumeric);
    let has_number = |&delimiter: &u8| {
        let cells = cells_of(line, delimiter).unwrap_or_default();
        cells.iter().skip(1).any(|cell| is_number(cell))
    };
    marked && delimiters(delimiter).iter().filter(|&&delimiter| delimiter != b' ').any(has_number)
}

/// Whether a comment names the columns of the row after it: as many cells, each with a text of its own.
fn heads(header: &[u8], row: &[u8], delimiter: Option<u8>) -> bool {
    let width = |delimiter: u8| width_of(row, delimiter);
    let known = delimiters(delimiter);
    // Words are cells only where the row has no other delimiter.
    let spaced = known.iter().all(|&delimiter| delimiter == b' ' || width(delimiter) < 2);
    known.into_iter().filter(|&delimiter| (delimiter == b' ') == spaced).any(|delimiter| {
        let (Ok(names), Ok(cells)) = (cells_of(header, delimiter), cells_of(row, delimiter)) else {
            return false;
        };
        let mut distinct: Vec<&[u8]> = names.iter().map(|name| trimmed(name)).collect();
        distinct.sort_unstable();
        distinct.dedup();
        names.len() >= 2
            && names.len() == cells.len()
            && distinct.len() == names.len()
            && names.iter().all(|name| !trimmed(name).is_empty() && !is_number(name))
            && cells.iter().any(|cell| is_number(cell))
    })
}

/// The number of lines, none of them blank, before a header of a table whose lines have at least twice as many cells;
/// 0 if that is not clear.
pub(crate) fn narrow_lines(lines: &[&[u8]], delimiter: Option<u8>) -> usize {
    let mut found: Option<usize> = None;
    for delimiter in delimiters(delimiter).into_iter().filter(|&delimiter| delimiter != b' ') {
        let widths: Vec<usize> = lines.iter().map(|line| width_of(line, delimiter)).collect();
        let agree = |from: usize| {
            let after = &widths[from..widths.len().min(from + AGREEING + 1)];
            after.len() >= 3 && after[0] >= 2 && after.iter().all(|&width| width == after[0])
        };
        let Some(first) = (0..widths.len().min(MAX_PREAMBLE + 1)).find(|&from| agree(from)) else { continue };
        if first == 0 {
            return 0;
        }
        let is_narrow = |&width: &usize| width == 1 || (width > 0 && 2 * width <= widths[first]);
        if widths[..first].iter().all(is_narrow) && is_header(lines[first], delimiter) {
            found = Some(found.map_or(first, |other| other.min(first)));
        }
    }
    found.unwrap_or(0)
}

/// Number of cells; 0 if a quoted cell is not closed.
fn width_of(line: &[u8], delimiter: u8) -> usize {
    match memchr(b'"', line) {
        None => memchr_iter(delimiter, line).count() + 1,
        Some(_) => cells_of(line, delimiter).map_or(0, |cells| cells.len()),
    }
}

fn is_header(line: &[u8], delimiter: u8) -> bool {
    let cells = cells_of(line, delimiter).unwrap_or_default();
    let texts: Vec<String> = cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
    looks_like_header(texts.iter().map(String::as_str), std::iter::empty())
}
