//! Writes times for people.

use super::stamps::StampFormat;
use jiff::Timestamp;

impl StampFormat {
    /// A time of a column in this format, as text: a date and time of the day in UTC as `2024-05-31T23:59:00Z`, with
    /// milliseconds if it has any, or the number itself.
    pub fn written(self, time: f64) -> String {
        let milliseconds = (time * 1000.0).round();
        // The cast saturates, and jiff refuses what lies outside its years.
        let date = Timestamp::from_millisecond(milliseconds as i64).ok();
        match (self, date.filter(|_| time.is_finite())) {
            (StampFormat::Number, _) | (_, None) => time.to_string(),
            (_, Some(date)) => date.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stamps::parse;
    use super::*;

    #[test]
    fn dates_are_written_so_that_they_are_read_again() {
        for (time, expected) in [
            (1_396_310_700.0, "2014-04-01T00:05:00Z"),
            (1_396_310_700.25, "2014-04-01T00:05:00.25Z"),
            (-1.0, "1969-12-31T23:59:59Z"),
        ] {
            let written = StampFormat::DayFirst.written(time);
            assert_eq!(written, expected);
            assert_eq!(parse(written.as_bytes(), StampFormat::YearFirst), Some(time));
        }
        for odd in [f64::NAN, f64::INFINITY, 1e300, f64::MIN] {
            assert_eq!(StampFormat::YearFirst.written(odd), odd.to_string());
        }
        assert_eq!(StampFormat::Number.written(1_396_310_700.5), "1396310700.5");
    }
}
