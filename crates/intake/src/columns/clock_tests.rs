//! Tests of times of day and serial dates: cells, the days that are counted, and what a column holds.

use super::*;
use ae_records::seed::stream_rng;
use rand_chacha::rand_core::Rng;

#[test]
fn times_of_day_are_parsed() {
    let check = |cell: &str, expected: Option<f64>| assert_eq!(parse(cell.as_bytes()), expected, "{cell:?}");
    check("00:00", Some(0.0));
    check("23:59:59", Some(86_399.0));
    check("9:05", Some(32_700.0));
    check("09:05:00.250", Some(32_700.25));
    check("09:05:00,5", Some(32_700.5));
    check("12:00 AM", Some(0.0));
    check("12:30:01 pm", Some(45_001.0));
    check("24:00:00", Some(86_400.0));
    for cell in [
        "",
        ":",
        "1",
        "9",
        "16:9",
        "16:009",
        "24:01",
        "12:60",
        "12:00:60",
        "12:00:1",
        "-1:00",
        "13:00 PM",
        "12:00x",
        "12:",
        "12:00:",
        "12:00:00.",
        "123:00",
        "2024-01-01 12:00",
        "12:00:00+02:00",
        "a1:00",
    ] {
        check(cell, None);
    }
}

/// Excel: 45323.5417 is 2024-02-01 13:00 (rounded), 25569 is 1970-01-01.
#[test]
fn serial_dates_are_seconds() {
    let check = |value: f64, expected: Option<f64>| {
        assert_eq!(of_number(value, StampFormat::SerialDate), expected, "{value}");
    };
    check(25_569.0, Some(0.0));
    check(45_323.0, Some(1_706_745_600.0));
    check(45_323.5, Some(1_706_788_800.0));
    check(45_323.541_666_666_7, Some(1_706_792_400.0));
    check(-1.0, None);
    check(2_958_466.0, None);
    check(f64::NAN, None);
    assert_eq!(of_number(45_323.5, StampFormat::Number), Some(45_323.5));
}

/// Whatever the steps of a series are, from nearly an hour back to 23 hours forward, its times are found again from its
/// clock alone: in one go, and from any last time on, as a stream continues.
#[test]
fn days_are_counted_whatever_the_steps() {
    let mut rng = stream_rng(1, "clock", 0);
    for round in 0..500 {
        let from = (rng.next_u32() % 86_400) as i64;
        let mut time = from;
        let mut times = vec![time];
        for _ in 0..100 {
            time += match rng.next_u32() % 10 {
                0 => -i64::from(rng.next_u32() % 3600),
                1 => i64::from(rng.next_u32() % 82_801),
                _ => i64::from(rng.next_u32() % (1 + 40 * round)).min(82_800),
            };
            times.push(time);
        }
        let mut stamps: Vec<f64> = times.iter().map(|time| time.rem_euclid(86_400) as f64).collect();
        let clocks = stamps.clone();
        count_days(&mut stamps);
        assert!(
            stamps.iter().zip(&times).all(|(stamp, time)| *stamp == *time as f64),
            "{times:?}\n{stamps:?}"
        );
        let stop = rng.next_u32() as usize % 100;
        assert_eq!(after(Some(stamps[stop]), clocks[stop + 1]), stamps[stop + 1]);
    }
    let mut gaps = [f64::NAN, 86_340.0, f64::NAN, 60.0];
    count_days(&mut gaps);
    assert_eq!((gaps[1], gaps[3]), (86_340.0, 86_460.0));
    assert!(gaps[0].is_nan() && gaps[2].is_nan());
    assert_eq!(after(Some(86_400.0), 0.0), 86_400.0, "24:00 is the midnight of the next day");
    for last in [1e300, -1e300, f64::MAX, f64::MIN] {
        let _ = after(Some(last), 5.0);
    }
}

/// A profile in one piece and in several must be the same: a file is profiled in parallel.
#[test]
fn pieces_of_a_profile_are_merged_exactly() {
    let mut rng = stream_rng(1, "time profile", 0);
    for _ in 0..200 {
        let cells: Vec<String> = (0..60)
            .map(|step| match rng.next_u32() % 8 {
                0 => "x".into(),
                1 => format!("2024-01-{:02}", 1 + step / 10),
                _ => format!("{:02}:{:02}", step / 6 % 24, step % 6 * 10),
            })
            .collect();
        let profile = |cells: &[String]| {
            let mut profile = TimeProfile::default();
            cells.iter().for_each(|cell| profile.text(cell.as_bytes()));
            profile
        };
        let (whole, cut) = (profile(&cells), rng.next_u32() as usize % 61);
        let mut joined = profile(&cells[..cut]);
        joined.merge(profile(&cells[cut..]));
        assert_eq!(format!("{joined:?}"), format!("{whole:?}"), "{cells:?} at {cut}");
    }
}

#[test]
fn a_constant_step_is_found_through_gaps_and_rounding() {
    let check = |values: &dyn Fn(u32) -> f64, expected: bool| {
        let profile = |range: std::ops::Range<u32>| {
            let mut profile = TimeProfile::default();
            range.for_each(|step| profile.number_step(values(step + 1) - values(step)));
            profile
        };
        let mut joined = profile(0..70);
        joined.merge(profile(70..90));
        joined.merge(profile(90..200));
        assert_eq!(
            (profile(0..200).steps_like_serial_dates(), joined.steps_like_serial_dates()),
            (expected, expected)
        );
    };
    let rounded = |value: f64| (value * 1e4).round() / 1e4;
    check(&|step| 45_000.0 + f64::from(step) / 24.0, true);
    check(&|step| rounded(45_000.0 + f64::from(step) / 96.0), true);
    check(&|step| rounded(45_000.0 + f64::from(step) / 288.0), true);
    check(&|step| 45_000.0 + f64::from(step + 500 * u32::from(step > 60)) / 86_400.0, true);
    check(&|step| 45_000.0 + f64::from(step * step) / 86_400.0, false);
    check(&|step| 45_000.0 + f64::from(step) * 0.017, false);
    check(&|step| 45_000.0 - f64::from(step) / 24.0, false);
    check(&|_| 45_000.0, false);
}
