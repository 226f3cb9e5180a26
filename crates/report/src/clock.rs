//! Times on an axis: labels at round times of the clock, and how they are written, as by a clock that shows UTC.

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Steps between labels, in seconds.
const STEPS: [i64; 23] = [
    1,
    2,
    5,
    10,
    15,
    30,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    84 * DAY,
];
/// Times further from 1970, in seconds, are no dates: about the year 9999.
const LATEST: f64 = 253_000_000_000.0;

/// At most `most` round times from `start` to `end`, in seconds since 1970; none if they are closer than seconds, or too
/// far for the steps.
pub(crate) fn round_times(start: f64, end: f64, most: usize) -> Vec<f64> {
    if !is_date(start) || !is_date(end) {
        return Vec::new();
    }
    for step in STEPS {
        let first = (start / step as f64).ceil() as i64;
        let last = (end / step as f64).floor() as i64;
        if last - first < most as i64 {
            return (first..=last).map(|times| (times * step) as f64).collect();
        }
    }
    Vec::new()
}

/// How the times of an axis of this length, in seconds, are written: `14:30:05`, `14:30`, `05-31 14:30` or
/// `2024-05-31`; the date where a day begins.
pub(crate) fn label(time: f64, length: f64) -> String {
    if !is_date(time) {
        return time.to_string();
    }
    let seconds = time.round() as i64;
    let (day, clock) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, date) = civil(day);
    let (hour, minute, second) = (clock / HOUR, clock / MINUTE % 60, clock % 60);
    if length >= 20.0 * DAY as f64 || (clock == 0 && length >= HOUR as f64) {
        format!("{year:04}-{month:02}-{date:02}")
    } else if length >= 2.0 * DAY as f64 {
        format!("{month:02}-{date:02} {hour:02}:{minute:02}")
    } else if length >= 10.0 * MINUTE as f64 {
        format!("{hour:02}:{minute:02}")
    } else {
        format!("{hour:02}:{minute:02}:{second:02}")
    }
}

/// How the times of the day on an axis of this length, in seconds, are written: `14:30:05` or `14:30`. A time is in
/// seconds since a midnight, also one some days ago.
pub(crate) fn of_day(time: f64, length: f64) -> String {
    if !is_date(time) {
        return time.to_string();
    }
    let clock = (time.round() as i64).rem_euclid(DAY);
    let (hour, minute, second) = (clock / HOUR, clock / MINUTE % 60, clock % 60);
    match length >= 10.0 * MINUTE as f64 {
        true => format!("{hour:02}:{minute:02}"),
        false => format!("{hour:02}:{minute:02}:{second:02}"),
    }
}

fn is_date(time: f64) -> bool {
    (-LATEST..=LATEST).contains(&time)
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar: Howard Hinnant's
/// `civil_from_days` (chrono-compatible low-level date algorithms).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + 400 * era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values from `date -u -d @SECONDS`.
    #[test]
    fn times_are_those_of_the_calendar() {
        for (time, length, expected) in [
            (1_717_199_940.0, 3600.0, "23:59"),
            (1_717_199_940.0, 30.0, "23:59:00"),
            (1_717_199_940.0, 1e6, "05-31 23:59"),
            (1_717_199_940.0, 1e7, "2024-05-31"),
            (1_717_200_000.0, 7200.0, "2024-06-01"),
            (951_782_400.0, 7200.0, "2000-02-29"),
            (-1.0, 10.0, "23:59:59"),
            (-86_400.0, 1e7, "1969-12-31"),
            (4_107_542_400.0, 1e9, "2100-03-01"),
        ] {
            assert_eq!(label(time, length), expected);
        }
        for odd in [f64::NAN, f64::INFINITY, f64::MIN, 1e300] {
            assert_eq!(label(odd, 10.0), odd.to_string());
        }
    }

    #[test]
    fn times_of_the_day_name_no_day() {
        for (time, length, expected) in [
            (41_430.0, 7200.0, "11:30"),
            (86_400.0 + 41_430.0, 60.0, "11:30:30"),
            (86_400.0, 1e6, "00:00"),
            (f64::NAN, 10.0, "NaN"),
        ] {
            assert_eq!(of_day(time, length), expected);
        }
    }

    #[test]
    fn labels_stand_at_round_times_and_are_few() {
        let check = |start: f64, end: f64, most, expected: &[f64]| {
            assert_eq!(round_times(start, end, most), expected, "{start} {end}");
        };
        check(100.0, 131.0, 4, &[100.0, 110.0, 120.0, 130.0]);
        check(86_000.0, 260_000.0, 3, &[86_400.0, 172_800.0, 259_200.0]);
        check(0.0, 1e300, 5, &[]);
        check(f64::NAN, 1.0, 5, &[]);
        for length in [3.0, 77.0, 5e3, 1e5, 1e7, 3e8, 3e9] {
            for most in [1, 5, 12] {
                let times = round_times(1.7e9, 1.7e9 + length, most);
                assert!(times.len() <= most, "{length}: {times:?}");
            }
        }
    }
}
