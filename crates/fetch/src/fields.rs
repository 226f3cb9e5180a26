//! Reads only the first fields of each line of a text.

use std::io::{self, BufRead, BufReader, Read};

use crate::artifact::Fields;

/// Bytes of a line, at most; a longer one is an error.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// The first fields of each line of `R`, with its line ends.
pub(crate) struct FirstFields<'a, R> {
    fields: &'a Fields,
    lines: BufReader<R>,
    /// What is left of the current line.
    line: Vec<u8>,
    read: usize,
}

impl<'a, R: Read> FirstFields<'a, R> {
    pub(crate) fn of(fields: &'a Fields, text: R) -> Self {
        FirstFields { fields, lines: BufReader::new(text), line: Vec::new(), read: 0 }
    }

    /// Reads the next line; leaves it empty at the end of the text.
    fn next_line(&mut self) -> io::Result<()> {
        (self.read, self.line) = (0, std::mem::take(&mut self.line));
        self.line.clear();
        let n = (&mut self.lines).take(MAX_LINE_BYTES).read_until(b'\n', &mut self.line)?;
        if n as u64 == MAX_LINE_BYTES && !self.line.ends_with(b"\n") {
            return Err(io::Error::other(format!("it has a line of more than {MAX_LINE_BYTES} bytes")));
        }
        let separator = self.fields.separator.as_bytes();
        let mut places = (0..self.line.len()).filter(|&place| self.line[place..].starts_with(separator));
        if let Some(end) = places.nth(self.fields.first.saturating_sub(1)) {
            let had_end = self.line.ends_with(b"\n");
            self.line.truncate(end);
            self.line.extend(had_end.then_some(b'\n'));
        }
        Ok(())
    }
}

impl<R: Read> Read for FirstFields<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.line.len() {
            self.next_line()?;
        }
        let n = buffer.len().min(self.line.len() - self.read);
        buffer[..n].copy_from_slice(&self.line[self.read..self.read + n]);
        self.read += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, first: usize, expected: &str) {
        let fields = Fields { separator: "::".into(), first };
        let mut got = String::new();
        FirstFields::of(&fields, text.as_bytes()).read_to_string(&mut got).unwrap();
        assert_eq!(got, expected);
    }

    #[test]
    fn lines_keep_their_first_fields_and_their_ends() {
        check("1::2::3::4\n5::6::7::8\n", 3, "1::2::3\n5::6::7\n");
        check("1::2::3::4\n5::6", 3, "1::2::3\n5::6");
        check("1::2\n\n3::4", 1, "1\n\n3");
        check("", 2, "");
    }

    #[test]
    fn an_endless_line_is_an_error() {
        let fields = Fields { separator: ":".into(), first: 1 };
        let error = FirstFields::of(&fields, io::repeat(b'x')).read_to_end(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("a line of more than"), "{error}");
    }
}
