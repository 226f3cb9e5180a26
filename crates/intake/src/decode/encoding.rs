//! Turns other encodings into UTF-8, and lines that end in a carriage return only into lines that end in a line feed.

use super::form::{Form, NO_TEXT, form_of};
use super::western::{Western, is_western};
use super::{Decoding, Transform};
use crate::decode::reading::ReadAs;
use crate::error::{IntakeError, cannot_read};
use crate::input::Encoding;
use crate::schema::Schema;
use crate::schema::notice::Notice;
use memchr::{memchr_iter, memchr2};
use std::borrow::Cow;
use std::io::{self, BufRead, Read};

/// What no text has, so that a character that cannot be decoded makes its line a bad one.
const NO_CHARACTER: u8 = 0xff;

/// How its lines end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// The first line end has not been seen. `returns` carriage returns are held back, and `quoted` says
    /// whether a quote is open.
    Unknown { returns: usize, quoted: bool },
    /// In line feeds; carriage returns are left as they are.
    Feeds,
    /// In carriage returns, or in line feeds.
    Returns {
        /// A line feed that follows now belongs to the line end before it.
        ended: bool,
    },
}

/// Decodes bytes to UTF-8 text whose lines end in line feeds.
#[derive(Debug)]
pub(crate) struct Encoded {
    encoding: Encoding,
    /// Bytes from which the form has not been decided.
    head: Vec<u8>,
    form: Option<Form>,
    /// The first byte of a character whose second has not come.
    half: Option<u8>,
    /// The first of two surrogates whose second has not come.
    high: Option<u16>,
    western: Western,
    ends: Ends,
}

/// How a file turned out to be encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EncodedAs {
    pub utf16: bool,
    pub western: bool,
    pub carriage_returns: bool,
}

impl EncodedAs {
    /// What is worth saying about it.
    pub(crate) fn read_as(self) -> Vec<ReadAs> {
        let mut found = Vec::new();
        found.extend(self.utf16.then_some(ReadAs::Utf16));
        found.extend(self.western.then_some(ReadAs::Windows1252));
        found.extend(self.carriage_returns.then_some(ReadAs::CarriageReturns));
        found
    }
}

impl Encoded {
    pub(crate) fn new(encoding: Encoding) -> Self {
        let ends = Ends::Unknown { returns: 0, quoted: false };
        Encoded {
            encoding,
            head: Vec::new(),
            form: None,
            half: None,
            high: None,
            western: Western::default(),
            ends,
        }
    }

    pub(crate) fn found(&self) -> EncodedAs {
        EncodedAs {
            utf16: matches!(self.form, Some(Form::Wide { .. })),
            western: self.form == Some(Form::Western),
            carriage_returns: matches!(self.ends, Ends::Returns { .. }),
        }
    }

    /// Refuses what is no text; `name` is what messages call it.
    fn ensure_text(&self, name: &str) -> Result<(), IntakeError> {
        match self.form {
            Some(Form::NoText(index)) => {
                let (_, what, remedy) = NO_TEXT[index];
                Err(IntakeError::NotText { name: name.to_owned(), what, remedy })
            }
            _ => Ok(()),
        }
    }

    fn characters(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self.form {
            Some(Form::Wide { big }) => {
                let mut text = Vec::with_capacity(bytes.len());
                for &byte in bytes {
                    let Some(first) = self.half.take() else {
                        self.half = Some(byte);
                        continue;
                    };
                    let pair = [first, byte];
                    self.unit(
                        if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) },
                        &mut text,
                    );
                }
                self.lines(&text, out);
            }
            Some(Form::Western) => {
                let mut text = Vec::with_capacity(bytes.len());
                self.western.push(bytes, &mut text);
                self.lines(&text, out);
            }
            _ => self.lines(bytes, out),
        }
    }

    /// Takes 16 bits of UTF-16.
    fn unit(&mut self, unit: u16, text: &mut Vec<u8>) {
        if let Some(high) = self.high.take() {
            if let Some(Ok(character)) = char::decode_utf16([high, unit]).next() {
                return text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            text.push(NO_CHARACTER);
        }
        match char::from_u32(u32::from(unit)) {
            Some(character) => text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            None if (0xd800..0xdc00).contains(&unit) => self.high = Some(unit),
            None => text.push(NO_CHARACTER),
        }
    }

    /// Takes UTF-8 text.
    fn lines(&mut self, mut text: &[u8], out: &mut Vec<u8>) {
        while let Ends::Unknown { returns, quoted } = self.ends {
            let Some(&first) = text.first() else { return };
            if first == b'\n' {
                out.extend(std::iter::repeat_n(b'\r', returns));
                self.ends = Ends::Feeds;
            } else if first == b'\r' && !quoted {
                self.ends = Ends::Unknown { returns: returns + 1, quoted };
                text = &text[1..];
            } else if returns > 0 {
                out.extend(std::iter::repeat_n(b'\n', returns));
                self.ends = Ends::Returns { ended: false };
            } else {
                let end = memchr2(b'\n', b'\r', text).unwrap_or(text.len()).max(1);
                let quotes = memchr_iter(b'"', &text[..end]).count();
                self.ends = Ends::Unknown { returns, quoted: quoted != (quotes % 2 == 1) };
                out.extend_from_slice(&text[..end]);
                text = &text[end..];
            }
        }
        if self.ends == Ends::Feeds {
            return out.extend_from_slice(text);
        }
        for &byte in text {
            let Ends::Returns { ended } = &mut self.ends else { return };
            match byte {
                b'\n' if *ended => *ended = false,
                b'\r' => {
                    out.push(b'\n');
                    *ended = true;
                }
                other => {
                    out.push(other);
                    *ended = false;
                }
            }
        }
    }

    fn begin(&mut self, complete: bool, out: &mut Vec<u8>) {
        let Some((form, mark)) = form_of(&self.head, self.encoding, complete) else { return };
        self.form = Some(form);
        let head = std::mem::take(&mut self.head);
        if !matches!(form, Form::NoText(_)) {
            self.characters(&head[mark..], out);
        }
    }
}

impl Transform for Encoded {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self.form {
            None => {
                self.head.extend_from_slice(bytes);
                self.begin(false, out);
            }
            Some(Form::NoText(_)) => {}
            Some(_) => self.characters(bytes, out),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.form.is_none() {
            self.begin(true, out);
        }
        if self.half.take().is_some() | self.high.take().is_some() {
            self.lines(&[NO_CHARACTER], out);
        }
        let mut rest = Vec::new();
        self.western.finish(&mut rest);
        self.lines(&rest, out);
        if let Ends::Unknown { returns, .. } = self.ends {
            out.extend(std::iter::repeat_n(b'\r', returns));
        }
    }

    fn passes(&mut self, _: &[u8]) -> bool {
        self.form == Some(Form::Utf8) && self.ends == Ends::Feeds
    }
}

/// A whole file as UTF-8 text whose lines end in line feeds, without a byte order mark; `name` is what
/// messages call it.
///
/// # Errors
/// [`IntakeError::NotText`], with what to do.
pub(crate) fn decoded<'a>(
    content: &'a [u8],
    encoding: Encoding,
    name: &str,
) -> Result<(Cow<'a, [u8]>, EncodedAs), IntakeError> {
    let encoding = match form_of(content, encoding, true) {
        Some((Form::Utf8, 0)) if encoding == Encoding::Auto && is_western(content) => Encoding::Windows1252,
        _ => encoding,
    };
    let mut decoder = Encoded::new(encoding);
    // The first line decides how lines end, and most files are what is wanted already.
    let first = memchr::memchr(b'\n', content).map_or(content.len(), |end| end + 1);
    let mut text = Vec::new();
    if let Some((Form::Utf8, mark)) = form_of(content, encoding, true) {
        decoder.form = Some(Form::Utf8);
        decoder.characters(&content[mark.min(first)..first], &mut text);
        if decoder.ends == Ends::Feeds {
            return Ok((Cow::Borrowed(&content[mark..]), decoder.found()));
        }
        decoder.characters(&content[first..], &mut text);
    } else {
        decoder.push(content, &mut text);
    }
    decoder.finish(&mut text);
    decoder.ensure_text(name)?;
    Ok((Cow::Owned(text), decoder.found()))
}

/// Any input as UTF-8 text whose lines end in line feeds, without a byte order mark.
#[derive(Debug)]
pub struct Text<R>(Decoding<R, Encoded>);

impl<R: BufRead> Text<R> {
    /// Reads the first bytes, which decide the encoding, unless it is set in `schema`. `name` is what messages
    /// call the input.
    ///
    /// # Errors
    /// [`IntakeError::NotText`], with what to do, and [`IntakeError::Read`].
    pub fn new(input: R, schema: &Schema, name: &str) -> Result<Self, IntakeError> {
        Self::with(input, schema.reading.encoding, name)
    }

    /// An input that [`decoded`] gave: nothing in it says how it is encoded.
    pub(crate) fn of_decoded(input: R) -> Self {
        let decoder = Encoded { form: Some(Form::Utf8), ..Encoded::new(Encoding::Utf8) };
        Text(Decoding::new(input, decoder))
    }

    pub(crate) fn with(input: R, encoding: Encoding, name: &str) -> Result<Self, IntakeError> {
        let mut input = Decoding::new(input, Encoded::new(encoding));
        while input.decoder().form.is_none() {
            let more = input.advance().map_err(cannot_read(name, 0))?;
            if !more {
                break;
            }
        }
        input.decoder().ensure_text(name)?;
        Ok(Text(input))
    }

    /// What was recognised, known once the first line has been read.
    pub fn notices(&self) -> Vec<Notice> {
        self.found().read_as().into_iter().map(|how| Notice::ReadAs { how }).collect()
    }

    /// How it is encoded, as far as it has been read.
    pub(crate) fn found(&self) -> EncodedAs {
        self.0.decoder().found()
    }
}

impl<R: BufRead> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: BufRead> BufRead for Text<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.0.consume(bytes);
    }
}
