//! The scripts of a report: files of this crate, embedded in the page, and the data that they read.
//!
//! They are our own rather than a charting library: the smallest that draws such curves, uPlot, has 51 kB, and neither
//! draws scatter plots with samples nor follows the page's colours in dark mode and print.

use ae_records::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};
use serde::Serialize;
use std::fmt::Write;

/// A script, and the mark in the page of what needs it; an empty mark is on every page.
const SCRIPTS: [(&str, &str); 6] = [
    ("class=\"sortable\"", include_str!("script/tables.js")),
    ("type=\"application/json\"", include_str!("script/plot.js")),
    ("data-for=\"curves\"", include_str!("script/curves.js")),
    ("data-for=\"scatter\"", include_str!("script/scatter.js")),
    ("data-for=\"space\"", include_str!("script/space.js")),
    ("data-for=\"decoder\"", include_str!("script/decoder.js")),
];

/// The scripts that a page needs, as one; empty if it needs none.
pub(super) fn needed_by(page: &str) -> String {
    let needed = SCRIPTS.iter().filter(|(mark, _)| page.contains(mark));
    needed.map(|(_, script)| *script).collect()
}

/// Content security policy: nothing may be loaded, and no script run but this one, whatever the page contains.
pub(super) fn policy(script: &str) -> String {
    let hexadecimal = digest::sha256(script.as_bytes());
    let byte = |at: usize| u8::from_str_radix(&hexadecimal[at..at + 2], 16).expect("a digest is hexadecimal");
    let digest: Vec<u8> = (0..hexadecimal.len()).step_by(2).map(byte).collect();
    let digest = STANDARD.encode(digest);
    format!("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'")
}

/// Data for the script that looks for `purpose`.
pub(super) fn data(purpose: &str, value: &impl Serialize) -> Markup {
    let json = serde_json::to_string(value).expect("what is drawn is always JSON");
    html! { script type="application/json" data-for=(purpose) { (PreEscaped(harmless(&json))) } }
}

/// JSON of visible ASCII without markup: the page changes characters that could deceive, which must not happen here.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, ' '..='~') && !"<>&".contains(character) {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(text, "\\u{unit:04x}").expect("writing to a string succeeds");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_end_their_element_and_come_back_exactly() {
        let evil = "</script><!-- \u{202e}\u{0}\u{2028} ü 😀 \\ \"";
        let markup = data("x", &evil).into_string();
        let inner = markup.split_once('>').unwrap().1.split_once("</script>").unwrap();
        assert_eq!(inner.1, "");
        assert!(
            inner.0.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !inner.0.contains('<'),
            "{}",
            inner.0
        );
        assert_eq!(serde_json::from_str::<String>(inner.0).unwrap(), evil);
    }

    /// `printf 'abc' | openssl dgst -sha256 -binary | base64`
    #[test]
    fn the_policy_names_the_script() {
        assert!(policy("abc").ends_with("'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='"));
    }
}
