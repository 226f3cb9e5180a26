//! Text that comes from files and goes to people.
//!
//! Cells, column names, labels and paths may hold anything. Whoever prints them must not let them steer a terminal,
//! reorder a line, break a table or split a shell's words:
//!
//! ```
//! use ae_records::text;
//!
//! assert_eq!(text::printable("red\u{1b}[31m"), r"red\u{1b}[31m");
//! assert_eq!(text::one_line("two\nlines"), r"two\nlines");
//! assert_eq!(text::markdown_cell("a|b <i>"), r"a\|b &lt;i&gt;");
//! assert_eq!(text::shell_quoted("my runs/it's"), r"'my runs/it'\''s'");
//! ```

use serde::Serializer;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The text with every character that acts on its surroundings written out as `\u{1b}`: control characters other
/// than `\n` and `\t`, marks that change the direction of writing, line and paragraph separators, and the two code
/// points that XML forbids.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, acts)
}

/// As [`printable`], with `\n` and `\t` written out as well, so that the text stays on one line.
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| acts(c) || matches!(c, '\n' | '\t'))
}

/// JSON whose strings are as [`printable`] as JSON allows: the same characters are written as `\u202e`, and parsing
/// gives the same value.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    if !json.contains(acts) {
        return json.into();
    }
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // All of them are in the basic plane. A line feed or a tab outside of strings is layout.
            c if acts(c) => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.into()
}

/// Text for a cell of a Markdown table, for a heading or a paragraph: on one line, without any markup but names in
/// backticks (`` `vae` ``), which stay code.
pub fn markdown_cell(text: &str) -> String {
    let text = one_line(text);
    let parts: Vec<&str> = text.split('`').collect();
    let is_name = |text: &str| !text.is_empty() && !text.contains(['|', '<', '>', '&', '\\']);
    let mut cell = plain_markdown(parts[0]);
    for pair in parts[1..].chunks(2) {
        cell.push_str(&match pair {
            [name, after] if is_name(name) => format!("`{name}`{}", plain_markdown(after)),
            [inside, after] => format!("\\`{}\\`{}", plain_markdown(inside), plain_markdown(after)),
            rest => format!("\\`{}", plain_markdown(&rest.concat())),
        });
    }
    cell
}

/// A word of a command as a POSIX shell reads it back: as it is if it holds only letters, digits and
/// `_@%+=:,./-`, otherwise in single quotes. Bytes that are not UTF-8, and characters that would not be
/// [`printable`] on one line, are written in octal in `$'…'`, which POSIX has since 2024.
pub fn shell_quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Some(text) if matches!(one_line(text), Cow::Borrowed(_)) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => {
            let byte = |byte: &u8| match byte {
                b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
                b' '..=b'~' => char::from(*byte).to_string(),
                _ => format!("\\{byte:03o}"),
            };
            format!("$'{}'", word.as_encoded_bytes().iter().map(byte).collect::<String>())
        }
    }
}

/// For `#[serde(serialize_with)]`: a path as text, in which bytes that are not UTF-8 are replaced. The path's own
/// `Serialize` refuses them.
///
/// # Errors
/// Those of the serializer.
pub fn serialize_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// As [`serialize_path`], for several.
///
/// # Errors
/// Those of the serializer.
pub fn serialize_paths<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.display().to_string()))
}

/// Whether a character acts on what stands around it rather than being shown.
fn acts(c: char) -> bool {
    let is_control = c.is_control() && c != '\n' && c != '\t';
    let turns_direction =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    is_control || turns_direction || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

fn escaped(text: &str, acts: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&acts) {
        return text.into();
    }
    text.chars().map(|c| if acts(c) { c.escape_default().to_string() } else { c.into() }).collect()
}

/// Escapes what Markdown or HTML would read as markup. Underscores within a word and ampersands between words are
/// none, so they stay as they are.
fn plain_markdown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let within_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let after = rest.peek().copied();
        match c {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' if after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '#') => plain.push_str("&amp;"),
            '_' if within_word(before) && within_word(after) => plain.push('_'),
            '|' | '\\' | '[' | '*' | '_' => plain.extend(['\\', c]),
            c => plain.push(c),
        }
        before = Some(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Every character that must not reach a terminal as it is.
    const ACTING: [char; 22] = [
        '\0', '\u{7}', '\u{8}', '\r', '\u{1b}', '\u{7f}', '\u{80}', '\u{9b}', '\u{9f}', '\u{61c}',
        '\u{200e}', '\u{200f}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}', '\u{2028}', '\u{2029}',
        '\u{fffe}', '\u{ffff}', '\u{90}', '\u{c}',
    ];

    #[test]
    fn what_acts_is_written_out_and_the_rest_stays() {
        assert_eq!(printable("a\u{1b}[31mb\0"), "a\\u{1b}[31mb\\u{0}");
        assert_eq!(printable("\u{202e}fdp.exe\u{9b}2J"), "\\u{202e}fdp.exe\\u{9b}2J");
        let harmless = "å\tb\nc 日本 עברית ñ € \u{301} 🦀 \u{200d}";
        assert!(matches!(printable(harmless), Cow::Borrowed(_)));
        assert_eq!(one_line("a\tb\r\nc"), "a\\tb\\r\\nc");
        assert!(matches!(one_line("å 日本 'quoted'"), Cow::Borrowed(_)));
        for c in ACTING {
            let text = format!("a{c}b");
            for shown in [printable(&text), one_line(&text), printable_json(&text)] {
                assert!(shown.starts_with("a\\") && shown.ends_with('b'), "{c:?}: {shown}");
                assert!(!shown.contains(acts), "{c:?}: {shown}");
            }
            assert!(!markdown_cell(&text).contains(acts), "{c:?}");
        }
        // What is printed twice is escaped once.
        let once = printable("\u{1b}").into_owned();
        assert_eq!(printable(&once), once);
    }

    #[test]
    fn escaped_json_is_the_same_value_in_the_same_layout() {
        let value = json!({ "a\u{202e}": ["\u{1b}[0m\u{9b}\u{7f}", "line\nfeed\t", 1.5, { "ñ日": null }] });
        for text in [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()] {
            let printed = printable_json(&text);
            assert!(!printed.contains(acts), "{printed}");
            assert_eq!(printed.lines().count(), text.lines().count());
            assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), value);
        }
        assert!(matches!(printable_json("{\n  \"ñ\": 1\n}"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_cell_of_markdown_holds_no_markup() {
        for (text, expected) in [
            ("train/loss_change", "train/loss_change"),
            ("Baldi & Hornik (1989): 106 ± 0.5, ≥ 3 %", "Baldi & Hornik (1989): 106 ± 0.5, ≥ 3 %"),
            ("with `dead_below = 0`: 0.003", "with `dead_below = 0`: 0.003"),
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("&lt;b&#62;", "&amp;lt;b&amp;#62;"),
            ("a|b\\|c", "a\\|b\\\\\\|c"),
            ("![x](http://a.b) *b* _i_ __s__", "!\\[x](http://a.b) \\*b\\* \\_i\\_ \\_\\_s\\_\\_"),
            ("`<b>` `a|b`", "\\`&lt;b&gt;\\` \\`a\\|b\\`"),
            ("`open", "\\`open"),
            ("``", "\\`\\`"),
            ("one\ntwo\u{1b}", "one\\\\ntwo\\\\u{1b}"),
            ("", ""),
        ] {
            assert_eq!(markdown_cell(text), expected, "{text:?}");
        }
    }

    #[test]
    fn words_are_quoted_as_posix_asks() {
        for (word, expected) in [
            ("runs/vae/2026-seed0", "runs/vae/2026-seed0"),
            ("training.epochs=2", "training.epochs=2"),
            ("", "''"),
            ("my runs", "'my runs'"),
            ("it's", r"'it'\''s'"),
            ("$(rm -r ~); `ls` \"\\\"", "'$(rm -r ~); `ls` \"\\\"'"),
            ("data.shape=[3,2]", "'data.shape=[3,2]'"),
            ("ñandú", "'ñandú'"),
            ("a\nb'\\\u{1b}", r"$'a\012b\'\\\033'"),
            ("\u{202e}x", r"$'\342\200\256x'"),
        ] {
            assert_eq!(shell_quoted(word), expected, "{word:?}");
        }
        assert_eq!(shell_quoted(Path::new("a b")), "'a b'");
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for word in [
            "plain",
            "",
            "a b",
            "it's",
            "''",
            "$HOME `id` $(id) \\ \" * ? [a] {b} ~ # ! & | ; < >",
            "-n",
            "ñ",
        ] {
            let script = format!("printf '%s' {}", shell_quoted(word));
            let printed = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(printed.stdout).unwrap(), word);
        }
    }

    #[cfg(unix)]
    #[test]
    fn paths_that_are_no_text_are_quoted_and_serialized() {
        use std::os::unix::ffi::OsStrExt;
        #[derive(serde::Serialize)]
        struct Paths {
            #[serde(serialize_with = "serialize_path")]
            one: PathBuf,
            #[serde(serialize_with = "serialize_paths")]
            several: Vec<PathBuf>,
        }
        let odd = PathBuf::from(OsStr::from_bytes(b"runs/\xff 'a'"));
        assert_eq!(shell_quoted(&odd), r"$'runs/\377 \'a\''");
        let json = serde_json::to_value(Paths { one: odd.clone(), several: vec!["a".into(), odd] }).unwrap();
        let shown = "runs/\u{fffd} 'a'";
        assert_eq!(json, json!({ "one": shown, "several": ["a", shown] }));
    }
}
