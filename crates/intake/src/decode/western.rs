//! Turns windows-1252, which programs call "ANSI" and of which ISO-8859-1 is a part, into UTF-8, and recognises it.

use encoding_rs::WINDOWS_1252;
use std::sync::LazyLock;

/// The characters of the bytes 0x80 to 0xff.
static HIGH: LazyLock<Vec<char>> = LazyLock::new(|| {
    let bytes: Vec<u8> = (0x80..=0xff).collect();
    WINDOWS_1252.decode_without_bom_handling(&bytes).0.chars().collect()
});

/// Longest UTF-8 sequence of a character that windows-1252 has.
const MAX_SEQUENCE: usize = 3;

/// Decodes windows-1252 to UTF-8. Bytes that are already UTF-8 for a character of windows-1252 stay as they are, so that
/// a later file in UTF-8 can be read as well. Text in windows-1252 has no such bytes, but for oddities such as `Ã¤`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Western {
    /// The beginning of what may be UTF-8.
    held: Vec<u8>,
}

impl Western {
    /// Takes the next bytes, and appends what can be decoded by now.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.held.is_empty() {
            self.decode(bytes, false, out);
        } else {
            let mut all = std::mem::take(&mut self.held);
            all.extend_from_slice(bytes);
            self.decode(&all, false, out);
        }
    }

    /// Appends what is left at the end of the input.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        let rest = std::mem::take(&mut self.held);
        self.decode(&rest, true, out);
    }

    fn decode(&mut self, mut bytes: &[u8], complete: bool, out: &mut Vec<u8>) {
        loop {
            let plain = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(bytes.len());
            out.extend_from_slice(&bytes[..plain]);
            bytes = &bytes[plain..];
            let Some(&first) = bytes.first() else { return };
            if !complete && may_go_on(bytes) {
                self.held = bytes.to_vec();
                return;
            }
            let length = sequence(bytes).unwrap_or_else(|| {
                let character = HIGH[usize::from(first) - 0x80];
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                0
            });
            out.extend_from_slice(&bytes[..length]);
            bytes = &bytes[length.max(1)..];
        }
    }
}

/// The bytes that a UTF-8 sequence with this first byte has, if it may be a character of windows-1252.
fn length_of(first: u8) -> Option<usize> {
    match first {
        0xc2..=0xdf => Some(2),
        0xe2 => Some(MAX_SEQUENCE),
        _ => None,
    }
}

/// Whether these are the first bytes of a sequence whose last are missing.
fn may_go_on(bytes: &[u8]) -> bool {
    length_of(bytes[0]).is_some_and(|length| {
        bytes.len() < length && bytes[1..].iter().all(|byte| (0x80..0xc0).contains(byte))
    })
}

/// The length of the UTF-8 sequence that begins here, if it is a character of windows-1252.
fn sequence(bytes: &[u8]) -> Option<usize> {
    let length = length_of(bytes[0])?;
    let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
    text.chars().all(|character| HIGH.contains(&character)).then_some(length)
}

/// Whether a file is windows-1252 rather than UTF-8 with damaged lines. Of the lines that are not ASCII,
/// - at most a tenth are UTF-8, which hardly any line in windows-1252 is by accident;
/// - nine in ten of the others read as text: letters such as `ä`, `é` and `ß` that touch no digit, and signs such as `°`,
///   `µ` and `€` that are not within a word;
/// - and these have no more of such letters than of ASCII letters, as Greek or Cyrillic encodings would.
pub(crate) fn is_western(content: &[u8]) -> bool {
    if std::str::from_utf8(content).is_ok() {
        return false;
    }
    let (mut utf8, mut read, mut odd) = (0, 0, 0);
    let (mut high, mut ascii) = (0, 0);
    for line in content.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_ascii()) {
        if std::str::from_utf8(line).is_ok() {
            utf8 += 1;
        } else if reads_as_text(line) {
            read += 1;
            high += line.iter().filter(|&&byte| is_letter(byte)).count();
            ascii += line.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
        } else {
            odd += 1;
        }
    }
    read > 0 && 10 * utf8 <= read + odd && 9 * odd <= read && high <= ascii
}

/// Whether all bytes of a line that are not ASCII are letters or signs where a text would have them.
fn reads_as_text(line: &[u8]) -> bool {
    let in_text = |at: usize| {
        let before = at.checked_sub(1).map_or(b' ', |at| line[at]);
        let after = line.get(at + 1).copied().unwrap_or(b' ');
        let around = [before, after];
        if is_letter(line[at]) {
            !around.iter().any(u8::is_ascii_digit)
        } else {
            is_sign(line[at]) && !around.iter().all(|&byte| byte.is_ascii_alphabetic() || is_letter(byte))
        }
    };
    (0..line.len()).filter(|&at| !line[at].is_ascii()).all(in_text)
}

/// Whether a byte is a letter that Western European languages use; `ÿ` is what damage looks like more often.
fn is_letter(byte: u8) -> bool {
    matches!(byte, 0x8a | 0x8c | 0x8e | 0x9a | 0x9c | 0x9e | 0xc0..=0xd6 | 0xd8..=0xf6 | 0xf8..=0xfe)
}

/// Whether a byte is a sign that texts have: currencies, units, quotes, dashes, and the blank that separates thousands.
fn is_sign(byte: u8) -> bool {
    let quotes = matches!(byte, 0x82 | 0x84 | 0x85 | 0x91..=0x97 | 0xab | 0xbb);
    let units = matches!(byte, 0x80 | 0x89 | 0xa3..=0xa5 | 0xb0..=0xb3 | 0xb5 | 0xb7 | 0xbc..=0xbe | 0xd7);
    quotes || units || matches!(byte, 0x99 | 0xa0 | 0xa1 | 0xa7 | 0xa9 | 0xaa | 0xae | 0xba | 0xbf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn legacy(text: &str) -> Vec<u8> {
        let (bytes, _, lossy) = WINDOWS_1252.encode(text);
        assert!(!lossy, "{text}");
        bytes.into_owned()
    }

    fn decoded(bytes: &[u8], piece: usize) -> Vec<u8> {
        let (mut western, mut out) = (Western::default(), Vec::new());
        bytes.chunks(piece).for_each(|piece| western.push(piece, &mut out));
        western.finish(&mut out);
        out
    }

    #[test]
    fn characters_of_both_encodings_are_decoded() {
        let text = "Größe;21,9 °C;3 µm;5 €;„Spaß“;À l’été;NÃO;œuvre…\n";
        for piece in [1, 2, 3, 100] {
            assert_eq!(decoded(&legacy(text), piece), text.as_bytes());
            assert_eq!(decoded(text.as_bytes(), piece), text.as_bytes());
        }
    }

    #[test]
    fn any_bytes_become_text_that_stays_as_it_is() {
        let all: Vec<u8> =
            (0..=255_u8).flat_map(|one| [0xc3, 0xe2, 0x82, b'a'].map(|next| [one, next])).flatten().collect();
        let text = decoded(&all, 7);
        assert!(std::str::from_utf8(&text).is_ok());
        assert_eq!(decoded(&text, 5), text);
        assert_eq!(decoded(&all, 1), text);
        assert_eq!(decoded(b"5 \xe2\x82", 1), "5 â‚".as_bytes());
    }

    #[test]
    fn it_is_told_from_damage_and_from_other_encodings() {
        let check = |content: &[u8], expected: bool| {
            assert_eq!(is_western(content), expected, "{}", content.escape_ascii());
        };
        check("a,b\n1,2\n".as_bytes(), false);
        check("Größe;°C\n1;2\n".as_bytes(), false);
        check(&legacy("Größe;Länge\n1;2\n3;4\n"), true);
        check(&legacy("T;U\n21,9 °C;5 €\r\n22,1 °C;6 €\r\n"), true);
        check(&legacy("name;x\nMüller;1\nSmith;2\nJosé;3\n"), true);
        // UTF-8 with damaged lines, or with one that was appended in another encoding.
        let umlauts = "Müller;1\n".repeat(20);
        check(&[umlauts.as_bytes(), &legacy("Müller;1\n")].concat(), false);
        check(b"a,b\n1,2\n3,\xff\n", false);
        check(b"a,b\n1,2\n3,1\xe97\n", false);
        check(b"a,b\n1,\x81\n\xff\xfe,2\n", false);
        // Umlauts of the code page 850 would be quotes in words.
        check(b"Gr\x94\xe1e;L\x84nge\n", false);
        // Cyrillic in windows-1251.
        check(b"\xd2\xe5\xec\xef\xe5\xf0\xe0\xf2\xf3\xf0\xe0;x\n1;2\n", false);
    }
}
