//! Parses times: numbers, or dates in common formats. Dates without an offset are taken as UTC.

mod compact;
mod named;

use crate::columns::clock;
use crate::text::cells::{self, Cell};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// How a timestamp column is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StampFormat {
    /// A number in any unit, such as Unix time or seconds since a start.
    Number,
    /// `2024-05-31 23:59:00`, `2024-05-31T23:59:00.5Z`, `2024/05/31`, with or without time and offset.
    YearFirst,
    /// `05/31/2024 11:59 PM`.
    MonthFirst,
    /// `31.05.2024 23:59`, `31/05/2024`.
    DayFirst,
    /// `23:59:00`, `23:59`, `11:59 PM`: the time of day, from which the days are counted.
    Clock,
    /// `45323.5417`: days since 1899-12-30, as spreadsheets store times.
    SerialDate,
    /// `31-May-2024`, `May 31, 2024 23:59`, `Fri, 31 May 2024 23:59:00 +0000`.
    MonthName,
    /// `20240531T235900Z`, `20240531235900`, `20240531`; the years 1900 to 2100.
    Compact,
}

/// Date formats, the most likely first.
pub(crate) const DATES: [StampFormat; 5] = [
    StampFormat::YearFirst,
    StampFormat::MonthFirst,
    StampFormat::DayFirst,
    StampFormat::MonthName,
    StampFormat::Compact,
];
/// The place of [`StampFormat::Compact`] in [`DATES`].
pub(crate) const COMPACT: usize = 4;

/// The time of a trimmed cell: seconds since 1970 or, for a time of day, since midnight; or the number itself. `NaN`
/// for a missing value; `None` if the cell is not a time.
pub fn parse(cell: &[u8], format: StampFormat) -> Option<f64> {
    let is_number = matches!(format, StampFormat::Number | StampFormat::SerialDate);
    let time = match format {
        _ if is_number => None,
        StampFormat::Clock => clock::parse(cell),
        _ => parse_date(cell, format),
    };
    if time.is_some() {
        return time;
    }
    match cells::parse(cell) {
        Cell::Missing => Some(f64::NAN),
        Cell::Number(value) if is_number => clock::of_number(value, format),
        _ => None,
    }
}

/// The date as seconds since 1970.
pub(crate) fn parse_date(cell: &[u8], format: StampFormat) -> Option<f64> {
    match format {
        StampFormat::MonthName => return named::parse(cell),
        StampFormat::Compact => return compact::parse(cell),
        _ => {}
    }
    let mut rest = cell;
    let separator = *cell.get(if format == StampFormat::YearFirst {
        4
    } else {
        1 + usize::from(cell.get(1)?.is_ascii_digit())
    })?;
    let fits = match format {
        StampFormat::YearFirst => matches!(separator, b'-' | b'/' | b'.'),
        StampFormat::MonthFirst => separator == b'/' || separator == b'-',
        StampFormat::DayFirst => matches!(separator, b'.' | b'/' | b'-'),
        StampFormat::Number
        | StampFormat::Clock
        | StampFormat::SerialDate
        | StampFormat::MonthName
        | StampFormat::Compact => false,
    };
    if !fits {
        return None;
    }
    let first = digits(&mut rest)?;
    eat(&mut rest, separator)?;
    let second = digits(&mut rest)?;
    eat(&mut rest, separator)?;
    let third = digits(&mut rest)?;
    let (year, month, day) = match format {
        StampFormat::YearFirst => (first, second, third),
        StampFormat::MonthFirst => (third, first, second),
        _ => (third, second, first),
    };
    moment([year, month, day], rest)
}

/// The time of a date with what follows it: nothing, or a clock and perhaps an offset.
fn moment([year, month, day]: [i64; 3], mut rest: &[u8]) -> Option<f64> {
    if !(1000..=9999).contains(&year) {
        return None;
    }
    let (mut clock, mut offset) = ([0; 3], 0);
    let mut fraction = 0.0;
    if let [b'T' | b't' | b' ', tail @ ..] = rest {
        rest = tail.trim_ascii_start();
        clock[0] = digits(&mut rest)?;
        eat(&mut rest, b':')?;
        clock[1] = digits(&mut rest)?;
        if eat(&mut rest, b':').is_some() {
            clock[2] = digits(&mut rest)?;
            if eat(&mut rest, b'.').or_else(|| eat(&mut rest, b',')).is_some() {
                let from = rest;
                digits(&mut rest)?;
                let text = std::str::from_utf8(&from[..from.len() - rest.len()]).ok()?;
                fraction = format!("0.{text}").parse().ok()?;
            }
        }
        rest = rest.trim_ascii_start();
        clock[0] = twelve_hours(&mut rest, clock[0])?;
        offset = offset_seconds(&mut rest)?;
    }
    if !rest.is_empty() {
        return None;
    }
    let small = |number: i64| i8::try_from(number).ok();
    let (hour, minute, second) = (small(clock[0])?, small(clock[1])?, small(clock[2])?);
    let date =
        DateTime::new(i16::try_from(year).ok()?, small(month)?, small(day)?, hour, minute, second, 0).ok()?;
    let seconds = Offset::UTC.to_timestamp(date).ok()?.as_second() - offset;
    Some(seconds as f64 + fraction)
}

pub(super) fn eat(rest: &mut &[u8], byte: u8) -> Option<()> {
    *rest = rest.strip_prefix(&[byte])?;
    Some(())
}

/// A run of 1 to 9 digits.
pub(super) fn digits(rest: &mut &[u8]) -> Option<i64> {
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&length) {
        return None;
    }
    let (run, tail) = rest.split_at(length);
    *rest = tail;
    Some(run.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

pub(super) fn twelve_hours(rest: &mut &[u8], hour: i64) -> Option<i64> {
    let Some(half) = rest.get(..2).filter(|half| half[1].eq_ignore_ascii_case(&b'm')) else {
        return Some(hour);
    };
    let afternoon = match half[0].to_ascii_lowercase() {
        b'a' => false,
        b'p' => true,
        // As in `GMT`.
        _ => return Some(hour),
    };
    *rest = &rest[2..];
    (1..=12).contains(&hour).then_some(hour % 12 + if afternoon { 12 } else { 0 })
}

/// `Z`, `+02:00`, `-0330`, `+02`, ` UTC`, or nothing.
fn offset_seconds(rest: &mut &[u8]) -> Option<i64> {
    let sign = match rest {
        [] => return Some(0),
        [b'Z' | b'z'] | [b'U' | b'u', b'T' | b't', b'C' | b'c'] | [b'G' | b'g', b'M' | b'm', b'T' | b't'] => {
            *rest = &[];
            return Some(0);
        }
        [b'+', tail @ ..] => {
            *rest = tail;
            1
        }
        [b'-', tail @ ..] => {
            *rest = tail;
            -1
        }
        _ => return None,
    };
    let before = rest.len();
    let mut hours = digits(rest)?;
    let mut minutes = 0;
    match before - rest.len() {
        2 if eat(rest, b':').is_some() => minutes = digits(rest)?,
        4 => (hours, minutes) = (hours / 100, hours % 100),
        2 => {}
        _ => return None,
    }
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cell: &str, format: StampFormat, expected: Option<f64>) {
        assert_eq!(parse(cell.as_bytes(), format), expected, "{cell:?}");
    }

    /// Expected values from `date -u -d '2014-04-01 00:05:00' +%s` and the like.
    #[test]
    fn dates_in_common_formats_are_parsed() {
        use StampFormat::*;
        let at = Some(1_396_310_700.0);
        for cell in [
            "2014-04-01 00:05:00",
            "2014-04-01T00:05:00Z",
            "2014/04/01 00:05",
            "2014-04-01 02:05:00+02:00",
            "2014-03-31T20:35:00-0330",
            "2014-04-01 12:05:00 AM",
            "2014-04-01 00:05:00 UTC",
        ] {
            check(cell, YearFirst, at);
        }
        check("2014-04-01 00:05:00.250", YearFirst, Some(1_396_310_700.25));
        check("04/01/2014 12:05 am", MonthFirst, at);
        check("1.4.2014 0:05", DayFirst, at);
        check("01/04/2014 00:05", DayFirst, at);
        check("2014-04-01", YearFirst, Some(1_396_310_400.0));
        check("1396310700", Number, at);
    }

    #[test]
    fn cells_that_are_not_dates_are_refused() {
        use StampFormat::*;
        for cell in [
            "2014-02-30",
            "2014-13-01",
            "2014-04-01 24:05:00",
            "2014-04-01 1",
            "20140401",
            "2014-04",
            "x",
            "1.5",
            "2014-04-01 00:05:00+99:00",
            "2014-04-01 00:05:00 CEST",
            "2014-04-01x",
            "0014-04-01",
            "1-2-3-4",
        ] {
            check(cell, YearFirst, None);
        }
        check("31/04/2014", DayFirst, None);
        check("04.01.2014", MonthFirst, None);
        check("x", Number, None);
        assert!(parse(b"", YearFirst).is_some_and(f64::is_nan));
        for length in 0..24 {
            for byte in 0..=255u8 {
                let mut cell = b"2014-04-01T00:05:00.5+02"[..length].to_vec();
                cell.push(byte);
                for format in DATES {
                    let _ = parse(&cell, format);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "stamps/format_tests.rs"]
mod format_tests;
