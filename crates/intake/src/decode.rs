//! Decodes what is not yet UTF-8 text with one record a line: compressed files, other encodings and line ends,
//! preambles, JSON arrays, line breaks in quoted cells.
//!
//! Whatever a file is, the parsers get lines that end in line feeds, each at the number that it has in the file: what is
//! skipped or joined leaves blank lines behind. Every decoder takes bytes in pieces of any size and gives what it can
//! at once, so that a live stream is judged line by line, and a file is decoded by the same code.

pub(crate) mod array;
pub(crate) mod encoding;
mod form;
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

/// What can be read: decoded bytes, and then those of the input that pass as they are.
#[derive(Debug)]
pub(crate) struct Outlet<R> {
    pub(crate) input: R,
    pub(crate) decoded: Vec<u8>,
    /// Where the unread bytes of `decoded` begin.
    pub(crate) at: usize,
    /// Bytes of the input that pass.
    pub(crate) passing: usize,
}

impl<R: BufRead> Outlet<R> {
    pub(crate) fn new(input: R) -> Self {
        Outlet { input, decoded: Vec::new(), at: 0, passing: 0 }
    }

    /// Whether there are bytes to read. If not, decoded ones that were read are dropped.
    fn is_filled(&mut self) -> bool {
        if self.at < self.decoded.len() || self.passing > 0 {
            return true;
        }
        self.decoded.clear();
        self.at = 0;
        false
    }

    /// The bytes to read.
    fn bytes(&mut self) -> io::Result<&[u8]> {
        if self.at < self.decoded.len() {
            return Ok(&self.decoded[self.at..]);
        }
        if self.passing == 0 {
            return Ok(&[]);
        }
        let piece = self.input.fill_buf()?;
        Ok(&piece[..piece.len().min(self.passing)])
    }

    fn consume(&mut self, bytes: usize) {
        if self.at < self.decoded.len() {
            self.at += bytes;
        } else {
            self.passing -= bytes;
            self.input.consume(bytes);
        }
    }
}

/// [`Read::read`] of what has a buffer.
fn read_buffered(from: &mut impl BufRead, buffer: &mut [u8]) -> io::Result<usize> {
    let available = from.fill_buf()?;
    let bytes = available.len().min(buffer.len());
    buffer[..bytes].copy_from_slice(&available[..bytes]);
    from.consume(bytes);
    Ok(bytes)
}

/// An input behind a decoder.
#[derive(Debug)]
pub(crate) struct Decoding<R, T> {
    outlet: Outlet<R>,
    decoder: T,
    ended: bool,
}

impl<R: BufRead, T: Transform> Decoding<R, T> {
    pub(crate) fn new(input: R, decoder: T) -> Self {
        Decoding { outlet: Outlet::new(input), decoder, ended: false }
    }

    pub(crate) fn decoder(&self) -> &T {
        &self.decoder
    }

    /// Decodes the next piece of the input; `false` at its end.
    pub(crate) fn advance(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let Outlet { input, decoded, at, passing } = &mut self.outlet;
        let piece = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            other => other?,
        };
        let length = piece.len();
        if length == 0 {
            self.ended = true;
            self.decoder.finish(decoded);
        } else if *at == decoded.len() && self.decoder.passes(piece) {
            *passing = length;
        } else {
            self.decoder.push(piece, decoded);
            input.consume(length);
        }
        Ok(true)
    }
}

impl<R: BufRead, T: Transform> BufRead for Decoding<R, T> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while !self.outlet.is_filled() && self.advance()? {}
        self.outlet.bytes()
    }

    fn consume(&mut self, bytes: usize) {
        self.outlet.consume(bytes);
    }
}

impl<R: BufRead, T: Transform> Read for Decoding<R, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}

#[cfg(test)]
#[path = "decode/decode_tests.rs"]
mod tests;
