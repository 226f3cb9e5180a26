//! Texts as bags of words: how often each stem of a vocabulary occurs.
//!
//! A text is cut into words at the boundaries of Unicode Standard Annex 29, in lower case. Words of one letter and those
//! without a letter are left out. The Snowball algorithm of the language takes endings away, so that `connected` and
//! `connections` are one stem (Porter, 1980, "An algorithm for suffix stripping").

use rust_stemmers::{Algorithm, Stemmer};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Letters of the longest word that is read; what is longer is not a word but an address or encoded data.
const MAX_LETTERS: usize = 64;

/// The language whose endings are taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// English.
    #[default]
    English,
    /// French.
    French,
    /// German.
    German,
    /// Italian.
    Italian,
    /// Portuguese.
    Portuguese,
    /// Russian.
    Russian,
    /// Spanish.
    Spanish,
    /// Any other: words stay as they are.
    Other,
}

impl Language {
    fn stemmer(self) -> Option<Stemmer> {
        let algorithm = match self {
            Language::English => Algorithm::English,
            Language::French => Algorithm::French,
            Language::German => Algorithm::German,
            Language::Italian => Algorithm::Italian,
            Language::Portuguese => Algorithm::Portuguese,
            Language::Russian => Algorithm::Russian,
            Language::Spanish => Algorithm::Spanish,
            Language::Other => return None,
        };
        Some(Stemmer::create(algorithm))
    }

    /// Calls `each` with every stem of a text, in order.
    pub fn stems(self, text: &str, mut each: impl FnMut(&str)) {
        self.places(text, false, |_, stem| each(stem));
    }

    /// Calls `each` with every stem of a text, in order, and the bytes of the text that it comes from; with `numbers`,
    /// numbers of at least two digits are stems, too.
    fn places(self, text: &str, numbers: bool, mut each: impl FnMut(Range<usize>, &str)) {
        let stemmer = self.stemmer();
        for (start, word) in text.unicode_word_indices() {
            let counts = |c: char| c.is_alphabetic() || (numbers && c.is_numeric());
            if word.len() > 4 * MAX_LETTERS || !word.chars().any(counts) {
                continue;
            }
            let place = start..start + word.len();
            let word = word.to_lowercase();
            if !(2..=MAX_LETTERS).contains(&word.chars().count()) {
                continue;
            }
            match &stemmer {
                Some(stemmer) => each(place, &stemmer.stem(&word)),
                None => each(place, &word),
            }
        }
    }
}

/// Which stems are counted. Learned from documents, stored with what was learned from their counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Vocabulary {
    language: Language,
    numbers: bool,
    stems: Vec<String>,
    places: HashMap<String, u32>,
}

/// The stored form of [`Vocabulary`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    language: Language,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    numbers: bool,
    stems: Vec<String>,
}

/// A stored vocabulary with a stem twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the vocabulary has the stem `{0}` twice")]
pub struct TwiceError(String);

impl TryFrom<Stored> for Vocabulary {
    type Error = TwiceError;

    fn try_from(stored: Stored) -> Result<Self, TwiceError> {
        let mut places = HashMap::with_capacity(stored.stems.len());
        for (place, stem) in (0u32..).zip(&stored.stems) {
            if places.insert(stem.clone(), place).is_some() {
                return Err(TwiceError(stem.clone()));
            }
        }
        Ok(Vocabulary { language: stored.language, numbers: stored.numbers, stems: stored.stems, places })
    }
}

impl From<Vocabulary> for Stored {
    fn from(vocabulary: Vocabulary) -> Self {
        let Vocabulary { language, numbers, stems, .. } = vocabulary;
        Stored { language, numbers, stems }
    }
}

impl Vocabulary {
    /// The `most` stems that occur most often in the documents, most frequent first; of equally frequent ones, the first
    /// in the order of characters. Those that more than a share `common` of the documents have are left out, such as
    /// `the`: they tell documents apart badly and would take the greatest part of the counts.
    pub fn of<'a>(
        documents: impl IntoIterator<Item = &'a str>,
        language: Language,
        most: usize,
        common: f64,
    ) -> Self {
        Self::learn(documents, language, false, most, common)
    }

    /// All stems of the documents, and all numbers of at least two digits: what somebody may look for.
    pub fn all<'a>(documents: impl IntoIterator<Item = &'a str>, language: Language) -> Self {
        Self::learn(documents, language, true, usize::MAX, 1.0)
    }

    fn learn<'a>(
        documents: impl IntoIterator<Item = &'a str>,
        language: Language,
        numbers: bool,
        most: usize,
        common: f64,
    ) -> Self {
        // How often, and in how many documents.
        let mut counts: HashMap<String, (u64, u64, usize)> = HashMap::new();
        let mut n = 0;
        for document in documents {
            n += 1;
            language.places(document, numbers, |_, stem| {
                let (often, within, last) = match counts.get_mut(stem) {
                    Some(known) => known,
                    None => counts.entry(stem.to_owned()).or_insert((0, 0, 0)),
                };
                *often += 1;
                if *last != n {
                    (*within, *last) = (*within + 1, n);
                }
            });
        }
        let limit = common * n as f64;
        let mut all: Vec<(u64, String)> = counts
            .into_iter()
            .filter(|(_, (_, within, _))| *within as f64 <= limit)
            .map(|(stem, (often, _, _))| (often, stem))
            .collect();
        all.sort_unstable_by(|(a, first), (b, second)| b.cmp(a).then_with(|| first.cmp(second)));
        all.truncate(most);
        let stems: Vec<String> = all.into_iter().map(|(_, stem)| stem).collect();
        let places = stems.iter().cloned().zip(0u32..).collect();
        Vocabulary { language, numbers, stems, places }
    }

    /// The stems, in the order of their columns.
    pub fn stems(&self) -> &[String] {
        &self.stems
    }

    /// How often each stem of the vocabulary occurs in a text: columns, rising, with their counts.
    pub fn counts(&self, text: &str) -> Vec<(u32, f32)> {
        let mut counts: BTreeMap<u32, f32> = BTreeMap::new();
        self.language.places(text, self.numbers, |_, stem| {
            if let Some(column) = self.places.get(stem) {
                *counts.entry(*column).or_default() += 1.0;
            }
        });
        counts.into_iter().collect()
    }

    /// Calls `each` with the bytes of every word of a text, in order, and the column of its stem, if it has one.
    pub fn words(&self, text: &str, mut each: impl FnMut(Range<usize>, Option<u32>)) {
        self.language.places(text, self.numbers, |place, stem| each(place, self.places.get(stem).copied()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: Language, text: &str, expected: &[&str]) {
        let mut got = Vec::new();
        language.stems(text, |stem| got.push(stem.to_owned()));
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn words_become_stems() {
        check(Language::English, "Connected CONNECTIONS, connecting!", &["connect"; 3]);
        check(Language::English, "a b 42 3.5 x1 it's", &["x1", "it"]);
        check(Language::German, "Die Häuser und Häusern", &["die", "haus", "und", "haus"]);
        check(Language::Other, "Die Häuser", &["die", "häuser"]);
        check(Language::English, &format!("ok {}", "x".repeat(65)), &["ok"]);
        check(Language::English, "", &[]);
    }

    #[test]
    fn the_most_frequent_stems_are_counted_and_common_ones_left_out() {
        let documents = ["the cat sat on the mat", "the dog sat", "the cats and dogs and cats"];
        let vocabulary = Vocabulary::of(documents, Language::English, 3, 0.9);
        // `the` is in all of them; `and` and `dog`, `sat` have two occurrences each.
        assert_eq!(vocabulary.stems(), ["cat", "and", "dog"]);
        assert_eq!(vocabulary.counts("Cats! A dog, the cat"), [(0, 2.0), (2, 1.0)]);
        assert!(vocabulary.counts("nothing known").is_empty());
        let all = Vocabulary::of(documents, Language::English, 100, 1.0);
        assert_eq!((all.stems()[0].as_str(), all.stems().len()), ("the", 7));
    }

    #[test]
    fn all_words_and_numbers_are_there_with_their_places() {
        let vocabulary = Vocabulary::all(["error 404 of 7 printers", "error 12"], Language::English);
        assert_eq!(vocabulary.stems(), ["error", "12", "404", "of", "printer"]);
        let text = "Printer: 404 again";
        let mut words = Vec::new();
        vocabulary.words(text, |place, column| words.push((&text[place], column)));
        assert_eq!(words, [("Printer", Some(4)), ("404", Some(2)), ("again", None)]);
        let text = serde_json::to_string(&vocabulary).unwrap();
        assert_eq!(serde_json::from_str::<Vocabulary>(&text).unwrap(), vocabulary);
    }

    #[test]
    fn a_stored_vocabulary_comes_back_and_none_with_a_stem_twice() {
        let vocabulary = Vocabulary::of(["red green", "green"], Language::English, 9, 1.0);
        let text = serde_json::to_string(&vocabulary).unwrap();
        assert_eq!(text, r#"{"language":"english","stems":["green","red"]}"#);
        assert_eq!(serde_json::from_str::<Vocabulary>(&text).unwrap(), vocabulary);
        let twice = serde_json::from_str::<Vocabulary>(&text.replace("red", "green")).unwrap_err();
        assert!(twice.to_string().contains("has the stem `green` twice"), "{twice}");
    }
}
