//! Tests of dates with names of months and of dates without separators, against `jiff`.

use super::*;
use ae_records::seed::stream_rng;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use rand_chacha::rand_core::Rng;

fn check(cell: &str, format: StampFormat, expected: Option<f64>) {
    assert_eq!(parse(cell.as_bytes(), format), expected, "{cell:?}");
}

/// Expected values from `date -u -d '2024-02-01 13:05:00' +%s` and the like.
#[test]
fn dates_with_names_and_compact_ones_are_parsed() {
    use StampFormat::*;
    let at = Some(1_706_792_700.0);
    for cell in [
        "01-Feb-2024 13:05",
        "1 Feb 2024 13:05:00",
        "01-FEB-2024 01:05:00 PM",
        "Feb 1, 2024 13:05",
        "February 1, 2024, 1:05 pm",
        "1. Feb 2024 13:05",
        "Thu, 01 Feb 2024 13:05:00 +0000",
        "Thu, 01 Feb 2024 14:05:00 +0100",
        "Thu, 1 Feb 2024 13:05:00 GMT",
        "Thursday, 1 February 2024 13:05:00 UTC",
        "1/Feb/2024 13:05",
    ] {
        check(cell, MonthName, at);
    }
    for cell in [
        "20240201T130500Z",
        "20240201T130500",
        "20240201130500",
        "20240201T1305",
        "20240201 13:05:00",
        "20240201t140500+0100",
        "20240201T130500.000Z",
    ] {
        check(cell, Compact, at);
    }
    for cell in
        ["2024-02-01t13:05:00z", "2024-02-01 13:05:00 GMT", "2024-02-01 13:05 utc", "2024-02-01 13:05:00UTC"]
    {
        check(cell, YearFirst, at);
    }
    check("2024-02-01 1:05 xm", YearFirst, None);
    for (cell, format) in [("1-Feb-2024", MonthName), ("Feb 1, 2024", MonthName), ("20240201", Compact)] {
        check(cell, format, Some(1_706_745_600.0));
    }
    for cell in [
        "30-Feb-2024",
        "1-Feb-24",
        "Feb 2024",
        "1 Fe 2024",
        "Febr1 2024",
        "x 1 Feb 2024",
        "1 Feb 2024 25:00",
        "may",
        "1Feb2024",
        "2024",
    ] {
        check(cell, MonthName, None);
    }
    for cell in [
        "20240230",
        "18991231",
        "21010101",
        "2024020",
        "202402011",
        "20240201T",
        "20240201T25",
        "20240201250000",
        "20240201T13050",
        "2024-02-01",
    ] {
        check(cell, Compact, None);
    }
    assert!(parse(b"n/a", MonthName).is_some_and(f64::is_nan));
}

#[test]
fn dates_agree_with_jiff() {
    let mut rng = stream_rng(1, "dates", 0);
    for _ in 0..5_000 {
        let second = i64::from(rng.next_u32());
        let stamp = Timestamp::from_second(second).unwrap();
        let mail = rfc2822::to_string(&stamp.to_zoned(jiff::tz::TimeZone::UTC)).unwrap();
        check(&mail, StampFormat::MonthName, Some(second as f64));
        let plain: String = stamp.to_string().chars().filter(|letter| !"-:".contains(*letter)).collect();
        if second < 4_102_444_800 {
            check(&plain, StampFormat::Compact, Some(second as f64));
            check(&plain.replace(['T', 'Z'], ""), StampFormat::Compact, Some(second as f64));
        }
    }
}

#[test]
fn any_cell_is_a_date_or_none_without_a_panic() {
    let mut rng = stream_rng(1, "date cells", 0);
    let alphabet = b"0123456789 ,.-/:TtZFebJanMayThu+\xc3\xa9";
    let seeds: [&[u8]; 4] =
        [b"Thu, 01 Feb 2024 13:05:00 +0000", b"20240201T130500.5+0100", b"Feb 1, 2024, 1:05 pm", b""];
    for round in 0..200_000 {
        let mut cell = seeds[round % 4].to_vec();
        for _ in 0..1 + rng.next_u32() % 6 {
            let byte = alphabet[rng.next_u32() as usize % alphabet.len()];
            let at = rng.next_u32() as usize % (cell.len() + 1);
            match rng.next_u32() % 3 {
                0 => cell.insert(at, byte),
                1 if at < cell.len() => cell[at] = byte,
                _ => cell.truncate(at),
            }
        }
        for format in DATES {
            if let Some(time) = parse(&cell, format).filter(|time| !time.is_nan()) {
                assert!((-30_610_310_400.0..253_402_387_200.0).contains(&time), "{time}");
            }
        }
    }
}
