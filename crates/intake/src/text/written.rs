//! Numbers as people write them: decimal commas, thousands separators, units and currencies.

use crate::text::cells::{self, Cell};
use crate::text::units::{MAX_UNIT, is_unit, take_currency};
use serde::{Deserialize, Serialize};

/// How the numbers of a column are written, besides plain ones such as `-1234.5`, which always count.
///
/// A cell is read by itself, so that a file and a stream give the same numbers. Where a cell may be read in two
/// ways, the convention of the column decides: `1,234` is 1.234 with `decimal_comma`, otherwise 1234; `1.234` is
/// 1234 with `decimal_comma` and `dotted`, otherwise 1.234.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NumberFormat {
    /// Whether a comma stands before the fraction.
    pub decimal_comma: bool,
    /// Whether a point separates thousands; only with `decimal_comma`.
    pub dotted: bool,
    /// Whether any thousands separator, such as in `1,234.5`, `1 234` or `1'234`, is allowed.
    pub grouped: bool,
    /// The currency before the number, such as `$`; empty if there is none. A number without it counts, too.
    pub prefix: String,
    /// The unit or currency behind the number, such as `°C`; empty if there is none.
    pub suffix: String,
}

/// What the separators in a number say about the convention of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marks {
    /// Nothing: `45`, `1 234`.
    Neutral,
    /// A decimal point, or commas between thousands: `21.8`, `1,234.5`, `1,234,567`.
    Point,
    /// A decimal comma, or points between thousands: `21,8`, `1.234,5`, `1.234.567`.
    Comma,
    /// `1,234`: a decimal comma or a thousands separator.
    EitherComma,
    /// `1.234`: a decimal point or a thousands separator.
    EitherPoint,
}

/// A written number, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written<'a> {
    negative: bool,
    pub prefix: &'a str,
    /// Digits and separators.
    body: &'a str,
    /// As in `E+03`; empty if there is none.
    exponent: &'a str,
    pub suffix: &'a str,
    pub marks: Marks,
    /// Whether there is a thousands separator for certain.
    pub grouped: bool,
}

/// Longest number without its unit, in bytes.
const MAX_BODY: usize = 48;

impl NumberFormat {
    /// Whether only plain numbers are allowed.
    pub fn is_plain(&self) -> bool {
        *self == NumberFormat::default()
    }

    /// What a cell, already trimmed, holds.
    pub(crate) fn read(&self, cell: &[u8]) -> Cell {
        if !self.decimal_comma {
            // Most cells are plain, or have only a unit that the other path takes off.
            match cells::parse(cell) {
                Cell::Text if self.is_plain() => return Cell::Text,
                Cell::Text => {}
                other => return other,
            }
        } else if cells::is_missing(cell) {
            return Cell::Missing;
        }
        let Some(written) = take_apart(cell) else {
            return if self.decimal_comma { cells::parse(cell) } else { Cell::Text };
        };
        if written.has_unit() && (written.prefix != self.prefix || written.suffix != self.suffix) {
            return Cell::Text;
        }
        match self.decimal_mark(&written) {
            Some(mark) => written.value(mark),
            None => Cell::Text,
        }
    }

    /// The character before the fraction of this number; every other separator stands between thousands. `None`
    /// if the number does not fit the convention.
    fn decimal_mark(&self, written: &Written<'_>) -> Option<char> {
        match (written.marks, self.decimal_comma) {
            (Marks::Neutral, false) => Some('.'),
            (Marks::Neutral, true) => Some(','),
            (Marks::Point | Marks::EitherPoint, false) => Some('.'),
            (Marks::EitherComma, false) => self.grouped.then_some('.'),
            (Marks::Comma, false) => None,
            (Marks::Comma | Marks::EitherComma, true) => Some(','),
            (Marks::EitherPoint, true) => Some(if self.dotted { ',' } else { '.' }),
            (Marks::Point, true) => (!written.body.contains(',')).then_some('.'),
        }
    }

    /// The unit as messages show it; empty if there is none.
    pub fn unit(&self) -> &str {
        if self.suffix.is_empty() { &self.prefix } else { &self.suffix }
    }

    /// Whether training can give this format.
    pub(crate) fn is_sound(&self) -> bool {
        let currency = take_currency(&self.prefix) == (self.prefix.as_str(), "");
        let unit = self.suffix.is_empty() || is_unit(&self.suffix, true);
        currency && unit && self.prefix.len() <= MAX_UNIT && (self.decimal_comma || !self.dotted)
    }
}

impl Written<'_> {
    /// Whether it has a unit or a currency.
    pub(crate) fn has_unit(&self) -> bool {
        !self.prefix.is_empty() || !self.suffix.is_empty()
    }

    fn value(&self, decimal: char) -> Cell {
        let mut plain = [0u8; MAX_BODY + 32];
        let mut length = 0;
        let mut push = |byte: u8| {
            if let Some(place) = plain.get_mut(length) {
                *place = byte;
            }
            length += 1;
        };
        if self.negative {
            push(b'-');
        }
        for letter in self.body.chars() {
            match letter {
                '0'..='9' => push(letter as u8),
                mark if mark == decimal => push(b'.'),
                _ => {}
            }
        }
        self.exponent.bytes().for_each(&mut push);
        plain.get(..length).map_or(Cell::Text, cells::parse)
    }
}

fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\u{a0}' | '\u{2009}' | '\u{202f}')
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’')
}

/// Takes a cell, already trimmed, apart; `None` if it is not a number, with or without a unit.
pub(crate) fn take_apart(cell: &[u8]) -> Option<Written<'_>> {
    if cell.len() > MAX_BODY + 2 * MAX_UNIT || !cell.iter().any(u8::is_ascii_digit) {
        return None;
    }
    let text = std::str::from_utf8(cell).ok()?.trim_matches(is_blank);
    let (sign, rest) = take_sign(text);
    let (prefix, rest) = take_currency(rest);
    let (inner, rest) =
        if prefix.is_empty() { (None, rest) } else { take_sign(rest.trim_start_matches(is_blank)) };
    if sign.is_some() && inner.is_some() {
        return None;
    }
    let (body, rest) = rest.split_at(body_length(rest));
    let (marks, grouped) = marks_of(body)?;
    let (exponent, rest) = rest.split_at(exponent_length(rest));
    let suffix = rest.trim_start_matches(is_blank);
    let both = !suffix.is_empty() && !prefix.is_empty();
    if both || (!suffix.is_empty() && !is_unit(suffix, suffix.len() < rest.len())) {
        return None;
    }
    let negative = sign.or(inner).unwrap_or(false);
    Some(Written { negative, prefix, body, exponent, suffix, marks, grouped })
}

/// The sign, true for minus, and what follows it.
fn take_sign(text: &str) -> (Option<bool>, &str) {
    let mut letters = text.chars();
    match letters.next() {
        Some('-' | '−') => (Some(true), letters.as_str()),
        Some('+') => (Some(false), letters.as_str()),
        _ => (None, text),
    }
}

/// Length of the digits and separators that a text begins with. A blank belongs to them between digits only.
fn body_length(text: &str) -> usize {
    let mut end = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let between = is_blank(letter) || is_apostrophe(letter) || letter == '_';
        let next_is_digit = letters.peek().is_some_and(|(_, next)| next.is_ascii_digit());
        if !(letter.is_ascii_digit() || matches!(letter, '.' | ',') || (between && end > 0 && next_is_digit))
        {
            break;
        }
        end = at + letter.len_utf8();
    }
    end
}

/// Length of the exponent that a text begins with, as in `e-5`; 0 if there is none.
fn exponent_length(text: &str) -> usize {
    let Some(after) = text.strip_prefix(['e', 'E']) else { return 0 };
    let unsigned = after.strip_prefix(['+', '-']).unwrap_or(after);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 9 { 0 } else { text.len() - unsigned.len() + digits }
}

/// What the separators say, and whether one is a thousands separator for certain; `None` if they are not those
/// of a number.
fn marks_of(body: &str) -> Option<(Marks, bool)> {
    if body.is_empty() || body.len() > MAX_BODY || !body.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count = |mark: char| body.chars().filter(|&letter| letter == mark).count();
    let (points, commas) = (count('.'), count(','));
    let others = body.chars().any(|letter| !letter.is_ascii_digit() && !matches!(letter, '.' | ','));
    match (points, commas) {
        (0, 0) if others => are_groups(body).then_some((Marks::Neutral, true)),
        (0, 0) => Some((Marks::Neutral, false)),
        (1, 0) | (0, 1) => {
            let (mark, sure, either) = if points == 1 {
                ('.', Marks::Point, Marks::EitherPoint)
            } else {
                (',', Marks::Comma, Marks::EitherComma)
            };
            let (whole, fraction) = body.split_once(mark)?;
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            if fraction.is_empty() || !digits(fraction) {
                return None;
            }
            match others {
                true => are_groups(whole).then_some((sure, true)),
                false if are_groups(body) => Some((either, false)),
                false => Some((sure, false)),
            }
        }
        _ if others => None,
        (_, 0) => (are_groups(body) && !is_address(body)).then_some((Marks::Comma, true)),
        (0, _) => are_groups(body).then_some((Marks::Point, true)),
        _ => {
            // The last separator stands before the fraction.
            let (mark, sure) =
                if body.rfind(',') > body.rfind('.') { (',', Marks::Comma) } else { ('.', Marks::Point) };
            let (whole, fraction) = body.rsplit_once(mark)?;
            let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
            (digits && !whole.contains(mark) && are_groups(whole)).then_some((sure, true))
        }
    }
}

/// Whether it is one to three digits, not beginning with 0, followed by groups of three digits with the same
/// separator before each.
fn are_groups(whole: &str) -> bool {
    let kind = |letter: char| {
        if is_blank(letter) {
            ' '
        } else if is_apostrophe(letter) {
            '\''
        } else {
            letter
        }
    };
    let Some(separator) = whole.chars().find(|letter| !letter.is_ascii_digit()).map(kind) else {
        return false;
    };
    let mut groups = whole.split(|letter: char| kind(letter) == separator);
    let first = groups.next().unwrap_or_default();
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && digits(first)
        && groups.all(|group| group.len() == 3 && digits(group))
}

/// Whether it reads like an address of the internet, as in `192.168.100.200`.
fn is_address(body: &str) -> bool {
    body.split('.').count() == 4 && body.split('.').all(|part| part.parse::<u8>().is_ok())
}

#[cfg(test)]
#[path = "written_tests.rs"]
mod tests;
