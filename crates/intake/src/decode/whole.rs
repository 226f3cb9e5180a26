//! A whole file as text with one record a line.

use super::encoding::{Text, decoded};
use super::joined::joined;
use super::preamble::{MAX_PREAMBLE, narrow_lines};
use super::reading::{ReadAs, Reading, count_preamble};
use super::records::{RecordSettings, Records};
use crate::error::{IntakeError, cannot_read};
use crate::input::InputConfig;
use crate::schema::notice::Notice;
use crate::text::head::begins_json;
use crate::text::parse::{MAX_LINE, Syntax, is_blank, lines};
use crate::text::recognise::recognise;
use memchr::memchr_iter;
use std::borrow::Cow;
use std::io::{BufRead, Read};

/// Lines from which the delimiter and a preamble are recognised.
const SAMPLE_LINES: usize = 128;

/// A file that was decoded.
#[derive(Debug)]
pub(crate) struct Whole<'a> {
    /// UTF-8, with one record a line; each line has the number that it has in the file.
    pub text: Cow<'a, [u8]>,
    /// How the cells are written; the delimiter is a guess if there is no record.
    pub syntax: Syntax,
    /// Lines, none of them blank, that precede the table.
    pub preamble: usize,
    /// What was recognised.
    pub notices: Vec<Notice>,
}

/// Decodes a file. `name` is what messages call it; if it ends in `.tsv`, cells are split at tabs.
pub(crate) fn decode<'a>(
    content: &'a [u8],
    name: &str,
    config: &InputConfig,
) -> Result<Whole<'a>, IntakeError> {
    let (text, encoded) = decoded(content, config.encoding, name)?;
    let settings = RecordSettings {
        reading: Reading::of(config),
        format: config.format,
        delimiter: config.delimiter.map(|delimiter| delimiter as u8).or_else(|| by_name(name)),
        max_line: MAX_LINE,
    };
    let read = cannot_read(name, 0);
    let mut records = Records::new(Text::of_decoded(&text[..]), settings.clone());
    let mut head = Vec::new();
    while is_blank(&head) {
        let piece = records.fill_buf().map_err(&read)?;
        let length = piece.len();
        if length == 0 {
            break;
        }
        head.extend_from_slice(piece);
        records.consume(length);
    }
    let mut found = encoded.read_as();
    found.extend(records.notices());
    let notices = |found: Vec<ReadAs>| found.into_iter().map(|how| Notice::ReadAs { how }).collect();
    if records.is_array() {
        records.read_to_end(&mut head).map_err(&read)?;
        let text = Cow::Owned(head);
        return Ok(Whole { text, syntax: Syntax::Json, preamble: 0, notices: notices(found) });
    }
    let first = lines(&head).find(|line| !is_blank(line)).unwrap_or_default();
    let is_json = begins_json(first, config.format) && !is_blank(&head);
    let from = records.decoded();
    let preamble = records.preamble();
    drop(records);
    if is_json {
        let text = replaced_head(text, from, head, None);
        return Ok(Whole { text, syntax: Syntax::Json, preamble: 0, notices: notices(found) });
    }
    let settings = RecordSettings { delimiter: settings.delimiter.or(preamble.separator), ..settings };
    let end = memchr_iter(b'\n', &text[from..]).nth(SAMPLE_LINES).map_or(text.len(), |end| from + end + 1);
    let sample = [&head, &text[from..end]].concat();
    let (sample, _) = joined(&sample, settings.any_form(preamble.comments));
    let narrow = if config.header == Some(false) || config.skip.is_some() {
        0
    } else {
        let all = lines(&sample).filter(|line| !is_blank(line) && line.len() <= MAX_LINE);
        narrow_lines(&all.take(2 * MAX_PREAMBLE).collect::<Vec<_>>(), settings.delimiter)
    };
    if narrow > 0 && !found.iter().any(|how| matches!(how, ReadAs::Preamble { .. })) {
        found.push(ReadAs::Preamble { lines: narrow as u64, comments: preamble.comments });
    }
    count_preamble(&mut found, lines_before(&sample, narrow));
    let delimiter = settings.delimiter.unwrap_or_else(|| recognise(after_lines(&sample, narrow)));
    let (body, broken) = joined(&text[from..], settings.form(vec![delimiter], preamble.comments));
    let body = match body {
        Cow::Borrowed(_) => None,
        Cow::Owned(body) => Some(body),
    };
    found.extend((broken > 0).then_some(ReadAs::QuotedBreaks { records: broken }));
    let text = replaced_head(text, from, head, body);
    Ok(Whole { text, syntax: Syntax::Csv { delimiter }, preamble: narrow, notices: notices(found) })
}

/// The text with another head, up to `from`, and another body, if that has changed.
fn replaced_head<'a>(
    text: Cow<'a, [u8]>,
    from: usize,
    head: Vec<u8>,
    body: Option<Vec<u8>>,
) -> Cow<'a, [u8]> {
    match body {
        None if text[..from] == head => text,
        None => Cow::Owned([&head, &text[from..]].concat()),
        Some(body) => Cow::Owned([head, body].concat()),
    }
}

/// The text behind its first `count` lines that are not blank.
pub(crate) fn after_lines(text: &[u8], count: usize) -> &[u8] {
    let (mut rest, mut left) = (text, count);
    while left > 0 && !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        left -= usize::from(!is_blank(&rest[..end]));
        rest = &rest[end..];
    }
    rest
}

/// The number of lines before the one that follows the first `count` lines that are not blank, and is not blank itself.
fn lines_before(text: &[u8], count: usize) -> u64 {
    let rest = after_lines(text, count);
    let blank =
        rest.split_inclusive(|&byte| byte == b'\n').take_while(|line| is_blank(line)).map(<[u8]>::len);
    let end = text.len() - rest.len() + blank.sum::<usize>();
    memchr_iter(b'\n', &text[..end]).count() as u64
}

/// The delimiter of files with such a name.
fn by_name(name: &str) -> Option<u8> {
    let lower = name.to_lowercase();
    let plain = lower.strip_suffix(".gz").or_else(|| lower.strip_suffix(".zst")).unwrap_or(&lower);
    (plain.ends_with(".tsv") || plain.ends_with(".tab")).then_some(b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_stays_as_it_is_is_not_copied() {
        let check = |content: &str, copied: bool| {
            let whole = decode(content.as_bytes(), "a.csv", &InputConfig::default()).unwrap();
            assert_eq!(matches!(whole.text, Cow::Owned(_)), copied, "{content}");
        };
        check("a,b\n1,x\n2,y\n", false);
        check("a,b\n1,\"x, y\"\n2,y\n", false);
        check("a,b\n1,\"x\ny\"\n2,y\n", true);
    }

    #[test]
    fn marks_in_a_text_are_not_given_twice() {
        let check = |content: &[u8], expected: &str| {
            let whole = decode(content, "a.csv", &InputConfig::default()).unwrap();
            assert_eq!(String::from_utf8_lossy(&whole.text), expected);
        };
        let table = "a,b\n1,2\n";
        check(format!("\u{feff}{table}").as_bytes(), table);
        check(format!("\u{feff}\u{feff}{table}").as_bytes(), table);
        // Of UTF-16, one mark says how it is written.
        let wide: Vec<u8> =
            format!("\u{feff}\u{feff}{table}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&wide, &format!("\u{feff}{table}"));
    }
}
