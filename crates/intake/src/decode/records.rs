//! Gives a text one record a line, whatever precedes the table and however its records are written.

use super::array::{Elements, begins_array};
use super::encoding::Text;
use super::joined::{Joined, RecordForm};
use super::preamble::{MAX_PREAMBLE, Opened, Opener, Preamble};
use super::reading::{ReadAs, Reading};
use super::{Outlet, Transform, read_buffered};
use crate::input::FormatChoice;
use crate::text::head::begins_json;
use crate::text::parse::is_blank;
use memchr::memchr;
use std::io::{self, BufRead, Read};

/// Longest stretch of bytes in which the beginning of a JSON array is looked for.
const MAX_ARRAY_HEAD: usize = 1 << 12;
/// What a quoted cell may follow before the delimiter is known.
const DELIMITERS: &[u8] = b",;\t|";

/// How the records of an input are to be read.
#[derive(Clone, Debug)]
pub(crate) struct RecordSettings {
    pub reading: Reading,
    pub format: FormatChoice,
    pub delimiter: Option<u8>,
    /// Longest line, in bytes.
    pub max_line: usize,
}

impl RecordSettings {
    /// For records whose cells are split at one of `delimiters`.
    pub(crate) fn form(&self, delimiters: Vec<u8>, comments: bool) -> RecordForm {
        // Cells between blanks have no quotes.
        let quotes = delimiters != [b' '];
        RecordForm {
            delimiters: if quotes { delimiters } else { Vec::new() },
            comments,
            most_lines: self.reading.quoted_lines,
            most_bytes: self.max_line,
        }
    }

    /// For records whose delimiter is not known yet.
    pub(crate) fn any_form(&self, comments: bool) -> RecordForm {
        self.form(self.delimiter.map_or_else(|| DELIMITERS.to_vec(), |delimiter| vec![delimiter]), comments)
    }
}

/// The records of a text. Up to [`Records::begin`] it gives one record at a time, so that nothing is decoded before the
/// first one has told how.
#[derive(Debug)]
pub(crate) struct Records<R> {
    outlet: Outlet<Text<R>>,
    settings: RecordSettings,
    /// Text that was read and not decoded.
    raw: Vec<u8>,
    opener: Opener,
    stage: Stage,
    /// Bytes of the text that were taken.
    taken: usize,
    ended: bool,
}

#[derive(Debug)]
enum Stage {
    /// Before the first record.
    Opening,
    /// Behind it, before it is known how the others are written.
    First(Joined),
    Joined(Joined),
    Array(Elements),
}

impl<R: BufRead> Records<R> {
    pub(crate) fn new(text: Text<R>, settings: RecordSettings) -> Self {
        let Reading { skip, comments, .. } = settings.reading;
        let opener = Opener::new(skip, comments, settings.delimiter);
        Records {
            outlet: Outlet::new(text),
            settings,
            raw: Vec::new(),
            opener,
            stage: Stage::Opening,
            taken: 0,
            ended: false,
        }
    }

    /// What precedes the first record; known once that has been read.
    pub(crate) fn preamble(&self) -> Preamble {
        self.opener.found()
    }

    pub(crate) fn is_array(&self) -> bool {
        matches!(self.stage, Stage::Array(_))
    }

    /// Bytes of the text that have been decoded.
    pub(crate) fn decoded(&self) -> usize {
        self.taken - self.raw.len()
    }

    /// What was recognised so far.
    pub(crate) fn notices(&self) -> Vec<ReadAs> {
        let preamble = self.preamble();
        let mut all = self.outlet.input.found().read_as();
        all.extend(preamble.separator.map(|separator| ReadAs::Separator(char::from(separator))));
        let lines = preamble.lines - u64::from(preamble.separator.is_some());
        if lines > 0 && self.settings.reading.skip.is_none() {
            all.push(ReadAs::Preamble { lines, comments: preamble.comments });
        }
        all.extend(preamble.marked_header.then_some(ReadAs::MarkedHeader));
        all.extend(self.is_array().then_some(ReadAs::JsonArray));
        all
    }

    /// Says how cells are split, if at all, once the first record has been read.
    pub(crate) fn begin(&mut self, delimiter: Option<u8>) {
        if let Stage::First(joined) = &mut self.stage {
            joined.finish(&mut self.outlet.decoded);
        }
        if !self.is_array() {
            let delimiters = delimiter.map_or_else(Vec::new, |delimiter| vec![delimiter]);
            let comments = self.preamble().comments && delimiter.is_some();
            self.stage = Stage::Joined(Joined::new(self.settings.form(delimiters, comments)));
        }
    }

    /// Looks for the header in the lines after the first record, which does not look like one. If it is there, the
    /// lines before it become blank, and it is given next. Otherwise they are given as they are.
    pub(crate) fn find_header(&mut self, is_header: impl Fn(&[u8]) -> bool) -> io::Result<bool> {
        let (mut records, mut from) = (1, self.outlet.at);
        while records <= MAX_PREAMBLE && matches!(self.stage, Stage::First(_)) {
            let end = loop {
                if self.outlet.decoded.len() > self.settings.max_line {
                    return Ok(false);
                }
                match memchr(b'\n', &self.outlet.decoded[from..]) {
                    Some(end) => break from + end + 1,
                    None if self.ended => break self.outlet.decoded.len(),
                    None => self.record()?,
                }
            };
            let line = &self.outlet.decoded[from..end];
            if line.is_empty() {
                break;
            }
            if is_header(line) {
                let blank =
                    self.outlet.decoded[self.outlet.at..from].iter().filter(|&&byte| byte == b'\n').count();
                self.outlet.decoded.splice(self.outlet.at..from, std::iter::repeat_n(b'\n', blank));
                return Ok(true);
            }
            records += usize::from(!is_blank(line));
            from = end;
        }
        Ok(false)
    }

    /// Takes the next line of the text with its line end. A line that is too long comes in parts.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut from = 0;
        loop {
            if let Some(end) = memchr(b'\n', &self.raw[from..]) {
                let rest = self.raw.split_off(from + end + 1);
                return Ok(std::mem::replace(&mut self.raw, rest));
            }
            from = self.raw.len();
            if from > self.settings.max_line || !self.more()? {
                return Ok(std::mem::take(&mut self.raw));
            }
        }
    }

    /// Reads more text; `false` at its end.
    fn more(&mut self) -> io::Result<bool> {
        loop {
            let piece = match self.outlet.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            // Of a piece with many lines only the first is needed, and the rest can pass later.
            let length = memchr(b'\n', piece).map_or(piece.len(), |end| end + 1);
            self.raw.extend_from_slice(&piece[..length]);
            self.outlet.input.consume(length);
            self.taken += length;
            return Ok(length > 0);
        }
    }

    /// Whether the text, up to here without a record, is a JSON array.
    fn is_array_next(&mut self) -> io::Result<bool> {
        if self.settings.format == FormatChoice::Csv {
            return Ok(false);
        }
        loop {
            match begins_array(&self.raw) {
                Some(begins) => return Ok(begins),
                // A blank line first.
                None if is_blank(&self.raw) && self.raw.ends_with(b"\n") => return Ok(false),
                None if self.raw.len() > MAX_ARRAY_HEAD || !self.more()? => return Ok(false),
                None => {}
            }
        }
    }

    /// Decodes up to the end of the first record.
    fn open(&mut self) -> io::Result<()> {
        if !self.opener.skips() && self.is_array_next()? {
            self.opener.end(&mut self.outlet.decoded);
            self.stage = Stage::Array(Elements::new());
            return Ok(());
        }
        let mut line = self.line()?;
        if line.is_empty() {
            self.opener.end(&mut self.outlet.decoded);
            self.ended = true;
            return Ok(());
        }
        // A part of a line that is too long is for no opener.
        let is_part = line.len() > self.settings.max_line && !line.ends_with(b"\n");
        match if is_part { Opened::Record } else { self.opener.line(&line, &mut self.outlet.decoded) } {
            Opened::Skipped => return Ok(()),
            Opened::Record => {
                line.append(&mut self.raw);
                self.raw = line;
            }
            Opened::RowAfterHeader => {
                line.append(&mut self.raw);
                self.raw = line;
                // The header is a record; what follows waits until it has been read.
                self.stage = Stage::First(Joined::new(self.settings.any_form(false)));
                return Ok(());
            }
        }
        let json = begins_json(&self.raw, self.settings.format);
        let form = if json { self.settings.form(Vec::new(), false) } else { self.settings.any_form(false) };
        self.stage = Stage::First(Joined::new(form));
        self.record()
    }

    /// Decodes one more record.
    fn record(&mut self) -> io::Result<()> {
        loop {
            let line = self.line()?;
            let Stage::First(joined) = &mut self.stage else { return Ok(()) };
            if line.is_empty() {
                joined.finish(&mut self.outlet.decoded);
                self.ended = true;
                return Ok(());
            }
            joined.push(&line, &mut self.outlet.decoded);
            // A line that is too long is given in parts.
            if joined.is_idle() || self.outlet.decoded.len() - self.outlet.at > self.settings.max_line {
                return Ok(());
            }
        }
    }
}

impl<R: BufRead> BufRead for Records<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while !self.outlet.is_filled() && !self.ended {
            let rest: &mut dyn Transform = match &mut self.stage {
                Stage::Opening => {
                    self.open()?;
                    continue;
                }
                Stage::First(_) => {
                    self.record()?;
                    continue;
                }
                Stage::Joined(joined) => joined,
                Stage::Array(elements) => elements,
            };
            let Outlet { input, decoded, passing, .. } = &mut self.outlet;
            if !self.raw.is_empty() {
                rest.push(&std::mem::take(&mut self.raw), decoded);
                continue;
            }
            let piece = input.fill_buf()?;
            let length = piece.len();
            self.taken += length;
            if length == 0 {
                rest.finish(decoded);
                self.ended = true;
            } else if rest.passes(piece) {
                *passing = length;
            } else {
                rest.push(piece, decoded);
                input.consume(length);
            }
        }
        self.outlet.bytes()
    }

    fn consume(&mut self, bytes: usize) {
        self.outlet.consume(bytes);
    }
}

impl<R: BufRead> Read for Records<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}
