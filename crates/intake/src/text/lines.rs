//! Reads the lines of a file or stream in bounded memory, many at a time or one by one.

use memchr::{memchr, memchr_iter, memrchr};
use std::io::{self, BufRead, ErrorKind};

/// A reader of whole lines.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    /// Start of the next line in the buffer.
    start: usize,
    /// The number of that line.
    line: u64,
    /// Longest line that is kept, in bytes.
    limit: usize,
    ended: bool,
    /// Whether the rest of a too long line must still be skipped.
    skipping: bool,
}

/// The result of one read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Chunk<'a> {
    /// Whole lines; the last may lack its line end.
    Lines { bytes: &'a [u8], first_line: u64 },
    /// One line, longer than the limit.
    TooLong { line: u64 },
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R, limit: usize) -> Self {
        Lines { input, buffer: Vec::new(), start: 0, line: 1, limit, ended: false, skipping: false }
    }

    /// What the lines are read from. What it gives next follows what was read so far.
    pub(crate) fn input(&mut self) -> &mut R {
        &mut self.input
    }

    /// The number of the next line.
    pub(crate) fn next_line_number(&self) -> u64 {
        self.line
    }

    /// Longest line that is kept, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Waits for at least `bytes` bytes or the end of the input, and returns at most `most` whole lines. If
    /// `most` is 1, waits for one line only.
    pub(crate) fn next(&mut self, bytes: usize, most: usize) -> io::Result<Option<Chunk<'_>>> {
        let end = loop {
            if self.skipping {
                match memchr(b'\n', &self.buffer[self.start..]) {
                    Some(end) => {
                        self.start += end + 1;
                        self.skipping = false;
                    }
                    None => {
                        self.start = self.buffer.len();
                        if self.ended {
                            return Ok(None);
                        }
                        self.fill()?;
                    }
                }
                continue;
            }
            let have = &self.buffer[self.start..];
            let is_enough = self.ended || have.len() >= bytes;
            let end = match most {
                1 => memchr(b'\n', have),
                _ if !is_enough => None,
                _ => memchr_iter(b'\n', have).nth(most - 1).or_else(|| memrchr(b'\n', have)),
            };
            match end {
                // The last line may have no end.
                Some(end) if !self.ended || end + 1 == have.len() || most == 1 => break end + 1,
                Some(end) => {
                    let all = memchr_iter(b'\n', have).nth(most - 1).is_none();
                    break if all { have.len() } else { end + 1 };
                }
                None if self.ended && have.is_empty() => return Ok(None),
                None if self.ended => break have.len(),
                None if have.len() > self.limit && (is_enough || most == 1) => {
                    self.start = self.buffer.len();
                    self.skipping = true;
                    self.line += 1;
                    return Ok(Some(Chunk::TooLong { line: self.line - 1 }));
                }
                None => self.fill()?,
            }
        };
        let range = self.start..self.start + end;
        let first_line = self.line;
        self.start = range.end;
        let bytes = &self.buffer[range];
        self.line += memchr_iter(b'\n', bytes).count() as u64 + u64::from(!bytes.ends_with(b"\n"));
        Ok(Some(Chunk::Lines { bytes, first_line }))
    }

    /// Puts back the lines that [`Lines::next`] returned last.
    pub(crate) fn put_back(&mut self, bytes: usize, first_line: u64) {
        self.start -= bytes;
        self.line = first_line;
    }

    fn fill(&mut self) -> io::Result<()> {
        // Only if half of the buffer is used, so that the rest is rarely moved.
        if self.start > 0 && 2 * self.start >= self.buffer.len() {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        loop {
            match self.input.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok([]) => {
                    self.ended = true;
                    return Ok(());
                }
                Ok(more) => {
                    self.buffer.extend_from_slice(more);
                    let used = more.len();
                    self.input.consume(used);
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// Lines with their numbers, `…` for a line that is too long; read through a buffer of `capacity`.
    fn read(text: &str, limit: usize, bytes: usize, most: usize, capacity: usize) -> Vec<(u64, String)> {
        let mut lines = Lines::new(BufReader::with_capacity(capacity, text.as_bytes()), limit);
        let mut all = Vec::new();
        while let Some(chunk) = lines.next(bytes, most).unwrap() {
            match chunk {
                Chunk::TooLong { line } => all.push((line, "…".to_string())),
                Chunk::Lines { bytes, first_line } => {
                    let found: Vec<&[u8]> = crate::text::parse::lines(bytes).collect();
                    assert!(found.len() <= most, "{found:?}");
                    all.extend(found.iter().zip(first_line..).map(|(line, number)| {
                        let text = String::from_utf8_lossy(line).into_owned();
                        (number, if text.len() > limit { "…".to_string() } else { text })
                    }));
                }
            }
        }
        all
    }

    #[test]
    fn all_ways_of_reading_give_the_same_lines() {
        for text in
            ["", "\n", "a", "a\n", "a\n\nbc\nd", "abcdefghij\nk\nlmnopqrstuvwxyz\n", "abcdefghijkl", "\n\n\n"]
        {
            let expected = read(text, 6, 1000, 1000, 1000);
            let whole: Vec<String> =
                text.lines().map(|line| if line.len() > 6 { "…" } else { line }.into()).collect();
            assert_eq!(expected.iter().map(|(_, line)| line.clone()).collect::<Vec<_>>(), whole, "{text:?}");
            for capacity in [1, 2, 3, 7, 100] {
                for bytes in [1, 2, 5, 8, 100] {
                    for most in [1, 2, 3, 100] {
                        let got = read(text, 6, bytes, most, capacity);
                        assert_eq!(got, expected, "{text:?} {bytes} {most} {capacity}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_endless_line_is_not_kept() {
        let mut lines = Lines::new(BufReader::new(io::repeat(b'x').take(100_000_000)), 1000);
        assert_eq!(lines.next(4096, 10).unwrap(), Some(Chunk::TooLong { line: 1 }));
        assert_eq!(lines.next(4096, 10).unwrap(), None);
        assert!(lines.buffer.capacity() < 100_000, "{}", lines.buffer.capacity());
    }
    use std::io::Read;
}
