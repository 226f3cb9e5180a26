//! Single cells of a table: numbers and times.

use ae_intake::StampFormat;
use ae_intake::fuzzing::{Cell, parse_cell, parse_stamp};
use jiff::Timestamp;

/// The standard library's parser is the reference: the same numbers with the same bits, and no others.
pub(crate) fn number(input: &[u8]) {
    let cell = input.trim_ascii();
    let got = parse_cell(cell);
    match std::str::from_utf8(cell).ok().and_then(|text| text.parse::<f64>().ok()) {
        Some(value) if value.is_nan() => assert_eq!(got, Cell::Missing),
        Some(value) if !(value as f32).is_finite() => assert_eq!(got, Cell::NotFinite),
        Some(value) => match got {
            Cell::Number(got) => assert_eq!(got.to_bits(), value.to_bits()),
            _ => panic!("{got:?} instead of {value}"),
        },
        None => assert!(matches!(got, Cell::Missing | Cell::Text), "{got:?}"),
    }
}

/// Times are finite, and those that jiff parses as well are the same.
pub(crate) fn stamp(input: &[u8]) {
    use StampFormat::{Clock, Compact, DayFirst, MonthFirst, MonthName, Number, SerialDate, YearFirst};
    let cell = input.trim_ascii();
    let missing = parse_cell(cell) == Cell::Missing;
    for format in [Number, YearFirst, MonthFirst, DayFirst, MonthName, Compact, Clock, SerialDate] {
        let Some(time) = parse_stamp(cell, format) else {
            assert!(!missing, "a missing time is not a wrong one: {format:?}");
            continue;
        };
        assert_eq!(time.is_nan(), missing, "{time} in {format:?}");
        if missing || format == Number {
            continue;
        }
        if format == Clock {
            assert!((0.0..=86_400.0).contains(&time), "{time} is no time of day");
            continue;
        }
        // The years 1000 to 9999, and a day's offset.
        assert!((-30_610_310_400.0..253_402_387_200.0).contains(&time), "{time} in {format:?}");
        let text = std::str::from_utf8(cell).expect("a date is ASCII");
        if format == YearFirst
            && let Ok(expected) = text.parse::<Timestamp>()
        {
            let expected = expected.as_nanosecond() as f64 / 1e9;
            assert!((time - expected).abs() < 1e-3, "{time} instead of {expected}");
        }
    }
}
