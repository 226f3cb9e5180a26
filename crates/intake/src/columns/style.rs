//! Writes times as the input has them.

use super::stamps::{self, StampFormat};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Most digits of a fraction of a second that a double can hold.
const MAX_FRACTION: usize = 6;

/// How the times of a column are written, learned from one of them: `14.03.2024 10:15`, `10:15 PM`,
/// `2024-03-14T10:15:00+01:00`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StampStyle {
    parts: Vec<Part>,
    /// By how much the clock that is shown is ahead of UTC, in seconds.
    offset: i64,
    /// Whether the text says what its offset is.
    names_offset: bool,
    /// Digits of the fraction of a second.
    fraction: usize,
    twelve_hours: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// With at least so many digits.
    Number(Field, usize),
    /// `AM` or `PM`, or in small letters.
    Half {
        small: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
}

impl StampStyle {
    /// The style of a text that means this time, in the unit of [`Block::stamps`](crate::Block::stamps); `None` if other
    /// times cannot be written like it: numbers, and dates with the names of months.
    pub fn of(text: &str, format: StampFormat, time: f64) -> Option<Self> {
        use Field::{Day, Hour, Minute, Month, Second, Year};
        let order: &[Field] = match format {
            StampFormat::YearFirst => &[Year, Month, Day, Hour, Minute, Second],
            StampFormat::MonthFirst => &[Month, Day, Year, Hour, Minute, Second],
            StampFormat::DayFirst => &[Day, Month, Year, Hour, Minute, Second],
            StampFormat::Clock => &[Hour, Minute, Second],
            StampFormat::Number | StampFormat::SerialDate | StampFormat::MonthName | StampFormat::Compact => {
                return None;
            }
        };
        let mut fields = order.iter().copied().peekable();
        let mut style = StampStyle {
            parts: Vec::new(),
            offset: 0,
            names_offset: false,
            fraction: 0,
            twelve_hours: false,
        };
        let mut rest = text;
        let mut last = None;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let is_fraction = last == Some(Second)
                && matches!(style.parts.last(), Some(Part::Text(t)) if t == "." || t == ",");
            if digits > 0 && is_fraction {
                (style.fraction, last) = (digits, Some(Field::Fraction));
                style.parts.push(Part::Number(Field::Fraction, digits));
                rest = &rest[digits..];
                continue;
            }
            if digits > 0 {
                let field = fields.next()?;
                last = Some(field);
                style.parts.push(Part::Number(field, digits));
                rest = &rest[digits..];
                continue;
            }
            let other = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let (between, later) = rest.split_at(other);
            let is_tail = matches!(last, Some(Minute | Second | Field::Fraction))
                && !matches!(between, ":" | "." | ",");
            if is_tail {
                style.tail(rest);
                break;
            }
            style.parts.push(Part::Text(between.to_owned()));
            rest = later;
        }
        if style.fraction > MAX_FRACTION {
            return None;
        }
        style.without_zeros();
        style.offset = style.shown(text, format)? - time.floor() as i64;
        if format == StampFormat::Clock {
            style.offset = 0;
        }
        (style.written(time).as_deref() == Some(text)).then_some(style)
    }

    /// Where a day or a month has no zero before it, the other has none either, whatever this text shows of it.
    fn without_zeros(&mut self) {
        let of_date = |part: &Part| matches!(part, Part::Number(Field::Month | Field::Day, _));
        if self.parts.iter().any(|part| of_date(part) && matches!(part, Part::Number(_, 1))) {
            for part in self.parts.iter_mut().filter(|part| of_date(part)) {
                if let Part::Number(_, width) = part {
                    *width = 1;
                }
            }
        }
    }

    /// What follows the time of the day: half of the day, offset.
    fn tail(&mut self, text: &str) {
        let word = text.trim_start();
        let blanks = text.len() - word.len();
        let mut rest = text;
        if let Some(half) =
            word.get(..2).filter(|half| half.ends_with(['m', 'M']) && half.starts_with(['a', 'A', 'p', 'P']))
        {
            self.twelve_hours = true;
            self.parts.push(Part::Text(text[..blanks].to_owned()));
            self.parts.push(Part::Half { small: half.starts_with(['a', 'p']) });
            rest = &word[2..];
        }
        self.names_offset = !rest.trim().is_empty();
        self.parts.push(Part::Text(rest.to_owned()));
    }

    /// The seconds that the clock shows, as if it were UTC.
    fn shown(&self, text: &str, format: StampFormat) -> Option<i64> {
        // Without the offset, which is the last part.
        let length = match self.parts.last() {
            Some(Part::Text(offset)) if self.names_offset => text.len() - offset.len(),
            _ => text.len(),
        };
        let seconds = stamps::parse(text[..length].trim_end().as_bytes(), format)?;
        seconds.is_finite().then_some(seconds.floor() as i64)
    }

    /// Whether the texts say how far their clock is ahead of UTC, so that a time of them is a moment.
    pub fn names_offset(&self) -> bool {
        self.names_offset
    }

    /// By how much the clock that the texts show is ahead of UTC, in seconds.
    pub fn offset(&self) -> f64 {
        self.offset as f64
    }

    /// A time in this style; `None` outside the years of the calendar.
    pub fn written(&self, time: f64) -> Option<String> {
        let unit = 10i64.pow(u32::try_from(self.fraction).ok()?);
        let ticks = (time * unit as f64).round();
        if !time.is_finite() || ticks.abs() >= i64::MAX as f64 {
            return None;
        }
        let ticks = ticks as i64;
        let seconds = ticks.div_euclid(unit).checked_add(self.offset)?;
        let shown: DateTime = Offset::UTC.to_datetime(Timestamp::from_second(seconds).ok()?);
        let hour = i64::from(shown.hour());
        let mut text = String::new();
        for part in &self.parts {
            let (number, width) = match part {
                Part::Text(own) => {
                    text.push_str(own);
                    continue;
                }
                Part::Half { small } => {
                    let half = if hour < 12 { "AM" } else { "PM" };
                    text.push_str(&if *small { half.to_lowercase() } else { half.to_owned() });
                    continue;
                }
                Part::Number(field, width) => (
                    match field {
                        Field::Year => i64::from(shown.year()),
                        Field::Month => i64::from(shown.month()),
                        Field::Day => i64::from(shown.day()),
                        Field::Hour if self.twelve_hours => (hour + 11) % 12 + 1,
                        Field::Hour => hour,
                        Field::Minute => i64::from(shown.minute()),
                        Field::Second => seconds.rem_euclid(DAY) % 60,
                        Field::Fraction => ticks.rem_euclid(unit),
                    },
                    *width,
                ),
            };
            text.push_str(&format!("{number:0width$}"));
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time of `text` and of `other`, which is written in the style of the first.
    fn check(format: StampFormat, text: &str, other: &str) {
        let time = |text: &str| stamps::parse(text.as_bytes(), format).unwrap();
        let style = StampStyle::of(text, format, time(text)).unwrap_or_else(|| panic!("{text}"));
        for text in [text, other] {
            assert_eq!(style.written(time(text)).as_deref(), Some(text));
        }
    }

    #[test]
    fn times_are_written_as_the_input_has_them() {
        use StampFormat::{Clock, DayFirst, MonthFirst, YearFirst};
        check(DayFirst, "14.03.2024 10:15", "01.12.2025 00:05");
        check(DayFirst, "1.4.2014 0:05", "31.12.2014 23:59");
        check(DayFirst, "14/03/2024", "02/11/1969");
        check(MonthFirst, "04/20/2024 11:59:30 PM", "12/01/2024 12:00:00 AM");
        check(MonthFirst, "4/20/2024 1:59 pm", "12/1/2024 12:05 am");
        check(YearFirst, "2024-03-14T10:15:00+01:00", "2024-03-14T00:00:00+01:00");
        check(YearFirst, "2024-03-14T10:15:00.250Z", "1970-01-01T00:00:00.007Z");
        check(YearFirst, "2024-03-14 10:15:00 UTC", "2024-12-31 23:59:59 UTC");
        check(YearFirst, "2024/03/14 10:15", "2024/03/15 00:00");
        check(Clock, "11:30:30", "00:00:00");
        check(Clock, "11:30 PM", "12:00 AM");
    }

    #[test]
    fn times_of_later_days_show_the_clock_alone() {
        let style = StampStyle::of("11:30:30", StampFormat::Clock, 3.0 * 86_400.0 + 41_430.0).unwrap();
        assert_eq!(style.written(86_400.0 + 1.0).as_deref(), Some("00:00:01"));
        assert!(!style.names_offset());
    }

    #[test]
    fn a_time_that_cannot_be_repeated_has_no_style() {
        let time = 1_710_411_300.0;
        for (text, format) in [
            ("1710411300", StampFormat::Number),
            ("14-Mar-2024 10:15", StampFormat::MonthName),
            ("20240314T101500Z", StampFormat::Compact),
            ("", StampFormat::YearFirst),
            ("2024-03-14 10:15:00.1234567891", StampFormat::YearFirst),
            ("1.2.3.4.5.6.7.8", StampFormat::DayFirst),
            ("§", StampFormat::Clock),
        ] {
            assert_eq!(StampStyle::of(text, format, time), None, "{text}");
        }
        let style = StampStyle::of("14.03.2024 10:15", StampFormat::DayFirst, time).unwrap();
        for odd in [f64::NAN, f64::INFINITY, 1e300, f64::MIN] {
            assert_eq!(style.written(odd), None);
        }
    }
}
