//! The passage of a document that is shown: the one with most of what was looked for.

use std::ops::Range;

/// The words of a document, in order: the bytes that each takes, and what it is worth.
pub(super) type Words = Vec<(Range<usize>, f64)>;

/// About `length` characters of the text around the words that are worth most together, on one line, with `…` where text is
/// left out. A word that is there several times counts once for each.
pub(super) fn passage(text: &str, words: &Words, length: usize) -> String {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().take(length + 1).count() <= length {
        return plain(text);
    }
    // The first window of greatest worth that begins with a word.
    let (mut best, mut start) = (0.0, 0);
    let (mut worth, mut end) = (0.0, 0);
    for (first, (place, own)) in words.iter().enumerate() {
        while words.get(end).is_some_and(|(next, _)| next.end <= place.start + length) {
            worth += words[end].1;
            end += 1;
        }
        // Little differences are rounding.
        if worth > best + 1e-9 && *own > 0.0 {
            (best, start) = (worth, place.start);
        }
        if end > first {
            worth -= own;
        } else {
            (worth, end) = (0.0, first + 1);
        }
    }
    // A little of what stands before, from the beginning of a word.
    let before = words.iter().map(|(place, _)| place.start);
    let start = before.clone().find(|&at| at + length / 4 >= start).unwrap_or(start).min(start);
    let start = if text[..start].chars().count() <= length / 4 { 0 } else { start };
    let cut = text[start..].char_indices().nth(length).map_or(text.len(), |(at, _)| start + at);
    let end = match text[start..cut].rfind(char::is_whitespace) {
        Some(space) if cut < text.len() && space > length / 2 => start + space,
        _ => cut,
    };
    let (left, right) = (if start > 0 { "… " } else { "" }, if end < text.len() { " …" } else { "" });
    format!("{left}{}{right}", plain(&text[start..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, worth: &[(&str, f64)], length: usize, expected: &str) {
        let mut words = Words::new();
        let mut at = 0;
        for word in text.split_inclusive(' ') {
            let own = worth.iter().find(|(known, _)| *known == word.trim_end()).map_or(0.0, |found| found.1);
            words.push((at..at + word.trim_end().len(), own));
            at += word.len();
        }
        assert_eq!(passage(text, &words, length), expected);
    }

    #[test]
    fn the_passage_holds_what_was_looked_for() {
        let text = "aa bb cc dd ee ff gg hh ii jj kk ll mm nn oo pp";
        check(text, &[], 100, text);
        check(text, &[], 12, "aa bb cc dd …");
        check(text, &[("aa", 1.0), ("jj", 1.0), ("ll", 1.0)], 12, "… ii jj kk ll …");
        check(text, &[("pp", 1.0)], 12, "… oo pp");
        check("aa\n\tbb", &[], 100, "aa bb");
    }

    #[test]
    fn a_long_word_is_cut_between_characters() {
        check(&"ä".repeat(50), &[], 10, &format!("{} …", "ä".repeat(10)));
        check("", &[], 10, "");
    }
}
