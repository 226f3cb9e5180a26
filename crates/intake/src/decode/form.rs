//! Recognises from its first bytes how the characters of a file are stored.

use crate::input::Encoding;

/// The byte order mark that some programs put before UTF-8 text.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// Without a byte order mark, UTF-16 is recognised from the first line, or from this many bytes of it.
const WIDE_BYTES: usize = 1024;
/// The first bytes of a Parquet file.
const PARQUET: &[u8] = b"PAR1";

/// First bytes of formats that are often mistaken for text, their names, and what to do.
pub(super) const NO_TEXT: [(&[u8], &str, &str); 6] = [
    (b"\x1f\x8b", "gz data", "decompress it first, for example with `gunzip -c`"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV"),
    (
        b"\xd0\xcf\x11\xe0",
        "an xls file or an encrypted workbook",
        "save it without a password as xlsx or CSV",
    ),
    (b"\x28\xb5\x2f\xfd", "zstd data", "decompress it first, for example with `zstd -dc`"),
    (b"\xfd7zXZ\0", "xz data", "decompress it first, for example with `xz -dc`"),
    (PARQUET, "a Parquet file", "export it as CSV or JSON lines"),
];

/// How the characters of a file are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Utf8,
    /// UTF-16, with the more significant byte first if `big`.
    Wide {
        big: bool,
    },
    /// Windows-1252.
    Western,
    /// One of [`NO_TEXT`].
    NoText(usize),
}

/// The form of a file that begins with these bytes, and the length of its byte order mark; `None` if that
/// takes more bytes, which is never so if these are `complete`.
pub(super) fn form_of(head: &[u8], encoding: Encoding, complete: bool) -> Option<(Form, usize)> {
    let wide = |big| Form::Wide { big };
    let marks: [(&[u8], Form); 3] =
        [(MARK, Form::Utf8), (b"\xff\xfe", wide(false)), (b"\xfe\xff", wide(true))];
    let (set, marks) = match encoding {
        Encoding::Auto | Encoding::Windows1252 => (None, &marks[..]),
        Encoding::Utf8 => (Some(Form::Utf8), &marks[..1]),
        Encoding::Utf16Le => (Some(wide(false)), &marks[1..2]),
        Encoding::Utf16Be => (Some(wide(true)), &marks[2..]),
    };
    if let Some((mark, form)) = marks.iter().find(|(mark, _)| head.starts_with(mark)) {
        // Programs that put one before a text may put it before a text that has one.
        let mut rest = head;
        while *form == Form::Utf8
            && let Some(after) = rest.strip_prefix(MARK)
        {
            rest = after;
        }
        let may_go_on = *form == Form::Utf8 && !complete && MARK.starts_with(rest);
        let length = (head.len() - rest.len()).max(mark.len());
        return (!may_go_on).then_some((*form, length));
    }
    if set.is_none_or(|form| form == Form::Utf8)
        && let Some(index) = NO_TEXT.iter().position(|(mark, ..)| head.starts_with(mark))
    {
        // The mark of Parquet files, in which a control character follows, may be a name in a header.
        let mark = NO_TEXT[index].0;
        let after = if mark == PARQUET { head.get(mark.len()) } else { None };
        if mark == PARQUET && after.is_none() && !complete {
            return None;
        }
        if after.is_none_or(|&byte| is_control(byte)) {
            return Some((Form::NoText(index), 0));
        }
    }
    let begins = |mark: &[u8]| mark.starts_with(head);
    if !complete
        && (marks.iter().any(|(mark, _)| begins(mark)) || NO_TEXT.iter().any(|(mark, ..)| begins(mark)))
    {
        return None;
    }
    if let Some(form) = set {
        return Some((form, 0));
    }
    for big in [false, true] {
        match is_wide(head, big, complete) {
            Some(true) => return Some((wide(big), 0)),
            Some(false) => {}
            None => return None,
        }
    }
    Some((if encoding == Encoding::Windows1252 { Form::Western } else { Form::Utf8 }, 0))
}

/// Whether every other byte up to the end of the first line is zero, and no other is: most characters of a table
/// are ASCII or Latin-1. `None` if that takes more bytes.
fn is_wide(head: &[u8], big: bool, complete: bool) -> Option<bool> {
    let bytes = &head[..head.len().min(WIDE_BYTES)];
    let mut pairs = bytes.chunks_exact(2);
    for (count, pair) in pairs.by_ref().enumerate() {
        let [high, low] = if big { [pair[0], pair[1]] } else { [pair[1], pair[0]] };
        if high != 0 || low == 0 {
            return Some(false);
        }
        if count > 0 && matches!(low, b'\n' | b'\r') {
            return Some(true);
        }
    }
    match pairs.remainder() {
        [rest] if (*rest == 0) != big => Some(false),
        _ if bytes.len() == WIDE_BYTES => Some(true),
        [] if complete => Some(bytes.len() >= 4),
        _ if complete => Some(false),
        _ => None,
    }
}

fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_parquet_files_may_be_a_name() {
        let check = |head: &[u8], complete: bool, expected: Option<bool>| {
            let found = form_of(head, Encoding::Auto, complete);
            let is_text = found.map(|(form, _)| form == Form::Utf8);
            assert_eq!(is_text, expected, "{head:?}");
        };
        for text in
            ["PAR1,b\n1,2\n", "PAR1\tb\n", "PAR1\n", "PAR1\r\n", "PAR1 b,c\n", "PAR1ä;b\n", "PAR10,b\n"]
        {
            check(text.as_bytes(), true, Some(true));
        }
        check(b"PAR1", false, None);
        check(b"PAR1", true, Some(false));
        check(b"PAR1\x15\x04\x15", false, Some(false));
        check(b"PAR1\x15\x04\x15", true, Some(false));
    }

    #[test]
    fn all_marks_before_a_text_are_found_however_they_are_cut() {
        let check = |head: &[u8], complete: bool, expected: Option<usize>| {
            let found = form_of(head, Encoding::Auto, complete);
            assert_eq!(found.map(|(_, mark)| mark), expected, "{head:?}");
        };
        let twice = [MARK, MARK, b"a,b\n"].concat();
        check(&twice, true, Some(6));
        check(&twice, false, Some(6));
        for length in 1..=6 {
            check(&twice[..length], false, None);
        }
        check(&twice[3..], false, Some(3));
        check(MARK, true, Some(3));
    }
}
