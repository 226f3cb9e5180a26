//! Turns a JSON document that is one array of rows into JSON lines.

use super::Transform;

/// Whether a text begins like an array of objects or arrays; `None` if that takes more bytes.
pub(crate) fn begins_array(text: &[u8]) -> Option<bool> {
    let text = text.trim_ascii_start();
    if *text.first()? != b'[' {
        return Some(false);
    }
    Some(matches!(text[1..].trim_ascii_start().first()?, b'{' | b'['))
}

/// Gives each element of the outer array as a line, as its bytes come, so that nothing is held back. The line has the
/// number that the element begins at in the document or, where several begin on one line, the next one.
#[derive(Debug)]
pub(crate) struct Elements {
    place: Place,
    /// Brackets and braces that are open within the element.
    depth: u64,
    in_string: bool,
    escaped: bool,
    /// Line ends that were read and written.
    read: u64,
    written: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the bracket that opens the array.
    Before,
    Between,
    Element,
    /// Behind the bracket that closes the array, where nothing should follow.
    After,
    /// In a line that follows nevertheless.
    Extra,
}

impl Elements {
    pub(crate) fn new() -> Self {
        Elements { place: Place::Before, depth: 0, in_string: false, escaped: false, read: 0, written: 0 }
    }

    /// Begins a line, not before its number in the document.
    fn begin(&mut self, place: Place, out: &mut Vec<u8>) {
        while self.written < self.read {
            out.push(b'\n');
            self.written += 1;
        }
        self.place = place;
        self.depth = 0;
    }

    fn end(&mut self, place: Place, out: &mut Vec<u8>) {
        out.push(b'\n');
        self.written += 1;
        self.place = place;
    }

    fn element(&mut self, byte: u8, out: &mut Vec<u8>) {
        if self.in_string {
            out.push(if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
            if self.escaped {
                self.escaped = false;
            } else {
                self.escaped = byte == b'\\';
                self.in_string = byte != b'"';
            }
            return;
        }
        match byte {
            b',' if self.depth == 0 => return self.end(Place::Between, out),
            b']' if self.depth == 0 => return self.end(Place::After, out),
            b'\n' | b'\r' => out.push(b' '),
            other => out.push(other),
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.end(Place::Between, out);
                }
            }
            _ => {}
        }
    }
}

impl Transform for Elements {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            let blank = byte.is_ascii_whitespace();
            match self.place {
                Place::Before if byte == b'[' => self.place = Place::Between,
                Place::Between if byte == b']' => self.place = Place::After,
                Place::Between if !blank && byte != b',' => {
                    self.begin(Place::Element, out);
                    self.element(byte, out);
                }
                Place::Element => self.element(byte, out),
                Place::After if !blank => {
                    self.begin(Place::Extra, out);
                    out.push(byte);
                }
                Place::Extra if byte == b'\n' => self.end(Place::After, out),
                Place::Extra => out.push(byte),
                Place::Before | Place::Between | Place::After => {}
            }
            self.read += u64::from(byte == b'\n');
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        // An array that is not closed has lost its end: a line that says so is a bad one.
        if self.place == Place::Between {
            self.begin(Place::After, out);
            out.extend_from_slice(b"[\n");
        }
    }

    fn passes(&mut self, _: &[u8]) -> bool {
        false
    }
}
