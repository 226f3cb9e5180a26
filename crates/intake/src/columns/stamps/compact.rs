//! Dates without separators (ISO 8601, basic format): `20240201T130500Z`, `20240201130500`, `20240201`.

use super::moment;

/// Years that are told from other numbers.
const YEARS: std::ops::RangeInclusive<i64> = 1900..=2100;

/// The date as seconds since 1970.
pub(super) fn parse(cell: &[u8]) -> Option<f64> {
    let date = number(cell.get(..8)?)?;
    let [year, month, day] = [date / 10_000, date / 100 % 100, date % 100];
    if !YEARS.contains(&year) {
        return None;
    }
    let rest = &cell[8..];
    let clock = match rest {
        [] => return moment([year, month, day], rest),
        [b'T' | b't' | b' ', clock @ ..] => clock,
        clock if clock.len() == 6 => clock,
        _ => return None,
    };
    let hour = clock.get(..2).filter(|hour| number(hour).is_some())?;
    if clock.get(2) == Some(&b':') {
        return moment([year, month, day], rest);
    }
    let minute = clock.get(2..4).filter(|minute| number(minute).is_some())?;
    let second = clock.get(4..6).filter(|second| number(second).is_some());
    let tail = &clock[if second.is_some() { 6 } else { 4 }..];
    if tail.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let spelled = [b"T", hour, b":", minute, b":", second.unwrap_or(b"00"), tail].concat();
    moment([year, month, day], &spelled)
}

/// The number that the bytes are, all of them digits.
fn number(digits: &[u8]) -> Option<i64> {
    let digit = |byte: &u8| byte.is_ascii_digit();
    digits
        .iter()
        .all(digit)
        .then(|| digits.iter().fold(0, |number, byte| number * 10 + i64::from(byte - b'0')))
}
