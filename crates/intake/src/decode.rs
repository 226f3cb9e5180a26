//! Decodes what is not yet UTF-8 text with one record a line: compressed files, other encodings and line ends,
//! preambles, JSON arrays, line breaks in quoted cells.
//!
//! Whatever a file is, the parsers get lines that end in line feeds, each at the number that it has in the file: what is
//! skipped or joined leaves blank lines behind. Every decoder takes bytes in pieces of any size and gives what it can
//! at once, so that a live stream is judged line by line, and a file is decoded by the same code.

pub(crate) mod array;
pub(crate) mod encoding;
pub(crate) mod joined;
pub(crate) mod packed;
pub(crate) mod preamble;
pub(crate) mod reading;
pub(crate) mod records;
pub(crate) mod western;
pub(crate) mod whole;
pub(crate) mod workbook;

use std::io::{self, BufRead, Read};

/// Decodes bytes that come in pieces.
pub(crate) trait Transform {
    /// Takes the next bytes, and appends what can be decoded by now.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>);

    /// Appends what is left at the end of the input.
    fn finish(&mut self, out: &mut Vec<u8>);

    /// Whether the next bytes come out as they are. They then count as taken.
    fn passes(&mut self, bytes: &[u8]) -> bool;
}

/// An input behind a decoder.
#[derive(Debug)]
pub(crate) struct Decoding<R, T> {
    input: R,
    decoder: T,
    out: Vec<u8>,
    /// Where the unread bytes of `out` begin.
    at: usize,
    /// Bytes of the input that pass as they are.
    passing: usize,
    ended: bool,
}

impl<R: BufRead, T: Transform> Decoding<R, T> {
    pub(crate) fn new(input: R, decoder: T) -> Self {
        Decoding { input, decoder, out: Vec::new(), at: 0, passing: 0, ended: false }
    }

    pub(crate) fn decoder(&self) -> &T {
        &self.decoder
    }

    /// Decodes the next piece of the input; `false` at its end.
    pub(crate) fn advance(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let piece = match self.input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            other => other?,
        };
        let length = piece.len();
        if length == 0 {
            self.ended = true;
            self.decoder.finish(&mut self.out);
        } else if self.at == self.out.len() && self.decoder.passes(piece) {
            self.passing = length;
        } else {
            self.decoder.push(piece, &mut self.out);
            self.input.consume(length);
        }
        Ok(true)
    }
}

impl<R: BufRead, T: Transform> BufRead for Decoding<R, T> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        loop {
            if self.at < self.out.len() {
                return Ok(&self.out[self.at..]);
            }
            if self.passing > 0 {
                let piece = self.input.fill_buf()?;
                return Ok(&piece[..piece.len().min(self.passing)]);
            }
            self.out.clear();
            self.at = 0;
            if !self.advance()? && self.out.is_empty() {
                return Ok(&[]);
            }
        }
    }

    fn consume(&mut self, bytes: usize) {
        if self.at < self.out.len() {
            self.at += bytes;
        } else {
            self.passing -= bytes;
            self.input.consume(bytes);
        }
    }
}

impl<R: BufRead, T: Transform> Read for Decoding<R, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let bytes = available.len().min(buffer.len());
        buffer[..bytes].copy_from_slice(&available[..bytes]);
        self.consume(bytes);
        Ok(bytes)
    }
}

#[cfg(test)]
#[path = "decode/decode_tests.rs"]
mod tests;
