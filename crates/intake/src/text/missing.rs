//! Values that mean "not observed" because the user said so, besides an empty cell, `NA` and the like.

use crate::text::cells::{self, Cell, trimmed};

/// The values of `input.missing`. Texts are compared without regard to case, numbers by value, so that `-999`
/// also stands for `-999.0`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MissingWords {
    words: Vec<Box<[u8]>>,
    numbers: Vec<f32>,
}

impl MissingWords {
    pub(crate) fn of(words: &[String]) -> Self {
        let words: Vec<Box<[u8]>> = words.iter().map(|word| trimmed(word.as_bytes()).into()).collect();
        let number = |word: &[u8]| match cells::parse(word) {
            Cell::Number(value) => Some(value as f32),
            _ => None,
        };
        MissingWords { numbers: words.iter().filter_map(|word| number(word)).collect(), words }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The numbers among them.
    pub(crate) fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    /// Whether a cell, already trimmed, holds one of them.
    pub(crate) fn covers(&self, cell: &[u8]) -> bool {
        self.is_word(cell) || (!self.numbers.is_empty() && self.is_number(cells::parse(cell)))
    }

    /// The same of a cell that has been parsed.
    pub(crate) fn covers_parsed(&self, cell: &[u8], parsed: Cell) -> bool {
        self.is_number(parsed) || self.is_word(cell)
    }

    fn is_word(&self, cell: &[u8]) -> bool {
        self.words.iter().any(|word| word.eq_ignore_ascii_case(cell))
    }

    fn is_number(&self, parsed: Cell) -> bool {
        matches!(parsed, Cell::Number(value) if self.numbers.contains(&(value as f32)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_covered() {
        let words = MissingWords::of(&["-999".into(), " n.v. ".into()]);
        for cell in ["-999", "-999.0", "-9.99e2", "n.v.", "N.V."] {
            assert!(words.covers(cell.as_bytes()), "{cell}");
            assert!(words.covers_parsed(cell.as_bytes(), cells::parse(cell.as_bytes())), "{cell}");
        }
        for cell in ["999", "-9990", "n", "", "NA"] {
            assert!(!words.covers(cell.as_bytes()), "{cell}");
            assert!(!words.covers_parsed(cell.as_bytes(), cells::parse(cell.as_bytes())), "{cell}");
        }
        assert_eq!((words.numbers(), words.is_empty()), ([-999.0].as_slice(), false));
        assert!(MissingWords::of(&[]).is_empty());
    }
}
