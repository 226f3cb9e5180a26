//! Joins records whose quoted cells hold line breaks, and drops comment lines.

use super::Transform;
use memchr::{memchr, memchr2, memchr3};
use std::borrow::Cow;

/// Most lines of a record by default.
pub(crate) const QUOTED_LINES: usize = 64;

/// How the records of a text are written.
#[derive(Clone, Debug)]
pub(crate) struct RecordForm {
    /// What a quoted cell may follow, besides a line end; empty if quotes are not understood.
    pub delimiters: Vec<u8>,
    /// Whether lines that begin with `#` are left out.
    pub comments: bool,
    /// Most lines that a record may have, and most bytes that are held back until a quoted cell is closed.
    pub most_lines: usize,
    pub most_bytes: usize,
}

/// Replaces the line breaks in quoted cells by blanks, and leaves as many blank lines behind the record.
///
/// A quote that is not closed properly, by a quote before a delimiter or a line end, within the limits joins nothing:
/// its line is given as it is, to be reported as bad, and the following lines are read as if it had not been there.
/// Otherwise a missing quote would swallow the rest of a stream.
#[derive(Debug)]
pub(crate) struct Joined {
    form: RecordForm,
    place: Place,
    previous: u8,
    /// The open quoted cell from its first line end on, as it was read.
    pending: Vec<u8>,
    /// Line ends in `pending`.
    open_lines: usize,
    /// Line breaks that were replaced in this record.
    replaced: usize,
    records: u64,
}

/// Where the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Outside,
    /// In a quoted cell.
    Quoted,
    /// Behind a quote in a quoted cell: one of two quotes that mean one, or the end of the cell.
    BehindQuote,
    Comment,
}

impl Joined {
    pub(crate) fn new(form: RecordForm) -> Self {
        Joined {
            form,
            place: Place::Outside,
            previous: b'\n',
            pending: Vec::new(),
            open_lines: 0,
            replaced: 0,
            records: 0,
        }
    }

    /// Whether it holds nothing back.
    pub(crate) fn is_idle(&self) -> bool {
        self.place == Place::Outside && self.previous == b'\n'
    }

    /// Takes bytes until a quoted cell turns out not to be closed; returns how many it took then.
    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let rest = &bytes[at..];
            match self.place {
                Place::Comment => match memchr(b'\n', rest) {
                    Some(end) => {
                        out.push(b'\n');
                        (self.place, self.previous) = (Place::Outside, b'\n');
                        at += end + 1;
                    }
                    None => return None,
                },
                Place::Outside if self.form.comments && self.previous == b'\n' && byte == b'#' => {
                    self.place = Place::Comment;
                }
                Place::Outside => at += self.outside(rest, out),
                Place::Quoted => {
                    at += self.quoted(rest, out);
                    let is_long = self.pending.len() > self.form.most_bytes;
                    if is_long && self.open_lines == 0 {
                        out.append(&mut self.pending);
                    } else if is_long || self.replaced + self.open_lines + 1 > self.form.most_lines {
                        return Some(at);
                    }
                }
                Place::BehindQuote if byte == b'"' => {
                    self.keep(b"\"", out);
                    self.place = Place::Quoted;
                    at += 1;
                }
                Place::BehindQuote => {
                    let closed = matches!(byte, b'\n' | b'\r') || self.form.delimiters.contains(&byte);
                    if !closed && self.open_lines > 0 {
                        return Some(at);
                    }
                    self.close(out);
                }
            }
        }
        None
    }

    /// Takes the bytes up to the next quote or, if it matters, line end. Returns their number.
    fn outside(&mut self, rest: &[u8], out: &mut Vec<u8>) -> usize {
        let end = match (self.form.comments || self.replaced > 0, self.form.delimiters.is_empty()) {
            (true, true) => memchr(b'\n', rest),
            (true, false) => memchr2(b'"', b'\n', rest),
            (false, true) => None,
            (false, false) => memchr(b'"', rest),
        };
        let taken = end.map_or(rest.len(), |end| end + 1);
        out.extend_from_slice(&rest[..taken]);
        let before = if taken > 1 { rest[taken - 2] } else { self.previous };
        self.previous = rest[taken - 1];
        if end.is_some() && self.previous == b'"' {
            if before == b'\n' || self.form.delimiters.contains(&before) {
                self.place = Place::Quoted;
            }
        } else if self.previous == b'\n' {
            self.end_record(out);
        }
        taken
    }

    /// Takes the bytes of a quoted cell up to the next quote or line end. Returns their number.
    fn quoted(&mut self, rest: &[u8], out: &mut Vec<u8>) -> usize {
        let Some(end) = memchr3(b'"', b'\n', b'\r', rest) else {
            self.keep(rest, out);
            return rest.len();
        };
        self.keep(&rest[..end], out);
        match rest[end] {
            b'"' => {
                self.keep(b"\"", out);
                self.place = Place::BehindQuote;
            }
            line_end => {
                self.pending.push(line_end);
                self.open_lines += usize::from(line_end == b'\n');
            }
        }
        end + 1
    }

    /// Keeps bytes of a quoted cell: for later once it has a line end.
    fn keep(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let kept = if self.pending.is_empty() { out } else { &mut self.pending };
        kept.extend_from_slice(bytes);
    }

    /// Gives a quoted cell that has ended, with its line breaks replaced.
    fn close(&mut self, out: &mut Vec<u8>) {
        let mut bytes = self.pending.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\r' if bytes.peek() == Some(&b'\n') => {}
                b'\n' => out.push(b' '),
                other => out.push(other),
            }
        }
        self.records += u64::from(self.replaced == 0 && self.open_lines > 0);
        self.replaced += self.open_lines;
        self.pending.clear();
        self.open_lines = 0;
        (self.place, self.previous) = (Place::Outside, b'"');
    }

    /// Behind the line end of a record: the lines that it took in addition become blank lines.
    fn end_record(&mut self, out: &mut Vec<u8>) {
        out.extend(std::iter::repeat_n(b'\n', self.replaced));
        self.replaced = 0;
    }

    /// Ends the line in which the open quoted cell began, and returns what was held back behind it.
    fn give_up(&mut self, out: &mut Vec<u8>) -> Vec<u8> {
        let held = std::mem::take(&mut self.pending);
        let end = memchr(b'\n', &held).map_or(held.len(), |end| end + 1);
        out.extend_from_slice(&held[..end]);
        self.open_lines = 0;
        (self.place, self.previous) = (Place::Outside, b'\n');
        self.end_record(out);
        held[end..].to_vec()
    }
}

impl Transform for Joined {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut left = vec![(Cow::Borrowed(bytes), 0)];
        while let Some((piece, at)) = left.pop() {
            if let Some(taken) = self.take(&piece[at..], out) {
                left.push((piece, at + taken));
                left.push((Cow::Owned(self.give_up(out)), 0));
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        while self.place == Place::Quoted && self.open_lines > 0 {
            let again = self.give_up(out);
            self.push(&again, out);
        }
        match self.place {
            Place::BehindQuote => self.close(out),
            _ => out.append(&mut self.pending),
        }
    }

    fn passes(&mut self, bytes: &[u8]) -> bool {
        let passes = self.place == Place::Outside
            && !self.form.comments
            && self.replaced == 0
            && (self.form.delimiters.is_empty() || memchr(b'"', bytes).is_none());
        if passes {
            self.previous = bytes.last().copied().unwrap_or(self.previous);
        }
        passes
    }
}

/// A text with one record a line, and the number of records that had more.
pub(crate) fn joined(text: &[u8], form: RecordForm) -> (Cow<'_, [u8]>, u64) {
    let mut decoder = Joined::new(form);
    if decoder.passes(text) {
        return (Cow::Borrowed(text), 0);
    }
    let mut out = Vec::with_capacity(text.len());
    decoder.push(text, &mut out);
    decoder.finish(&mut out);
    match out == text {
        // Quotes without line breaks.
        true => (Cow::Borrowed(text), decoder.records),
        false => (Cow::Owned(out), decoder.records),
    }
}
