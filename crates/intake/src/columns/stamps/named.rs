//! Dates with the name of a month: `01-Feb-2024`, `1 February 2024 13:05`, `Feb 1, 2024`, and those of e-mail
//! (RFC 2822), `Thu, 01 Feb 2024 13:05:00 +0000`. The name of the day is not compared with the date.

use super::{digits, eat, moment};

/// The date as seconds since 1970.
pub(super) fn parse(cell: &[u8]) -> Option<f64> {
    let mut rest = cell;
    // A day's name, unless the text begins with a month's.
    if rest.first()?.is_ascii_alphabetic() && month_of(name(&mut { rest })).is_none() {
        if !is_weekday(name(&mut rest)) {
            return None;
        }
        let _ = eat(&mut rest, b',');
        blanks(&mut rest);
    }
    let (day, month) = if rest.first()?.is_ascii_digit() {
        let day = digits(&mut rest)?;
        separator(&mut rest)?;
        (day, month_of(name(&mut rest))?)
    } else {
        let month = month_of(name(&mut rest))?;
        separator(&mut rest)?;
        (digits(&mut rest)?, month)
    };
    separator(&mut rest)?;
    let before = rest.len();
    let year = digits(&mut rest)?;
    if before - rest.len() != 4 {
        return None;
    }
    if rest.starts_with(b", ") {
        rest = &rest[1..];
    }
    moment([year, month, day], rest)
}

/// The letters that the bytes begin with.
fn name<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (letters, tail) = rest.split_at(rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count());
    *rest = tail;
    letters
}

fn blanks(rest: &mut &[u8]) {
    *rest = rest.trim_ascii_start();
}

/// `-`, `/`, or blanks, after a point or a comma if there is one.
fn separator(rest: &mut &[u8]) -> Option<()> {
    if eat(rest, b'-').or_else(|| eat(rest, b'/')).is_some() {
        return Some(());
    }
    let before = rest.len();
    let _ = eat(rest, b'.').or_else(|| eat(rest, b','));
    blanks(rest);
    (rest.len() < before).then_some(())
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The month, from 1, by its English name or the first three letters of it.
fn month_of(name: &[u8]) -> Option<i64> {
    (1..).zip(MONTHS).find(|(_, month)| abbreviates(name, month)).map(|(number, _)| number)
}

fn is_weekday(name: &[u8]) -> bool {
    DAYS.iter().any(|day| abbreviates(name, day))
}

/// Whether it is the name, or its first letters: three, or four as in `Sept`.
fn abbreviates(short: &[u8], name: &str) -> bool {
    let is_short = matches!(short.len(), 3 | 4) || short.len() == name.len();
    is_short && name.as_bytes().get(..short.len()).is_some_and(|start| start.eq_ignore_ascii_case(short))
}
