//! Recognises the columns of times: dates, numbers, the serial dates of spreadsheets, days and times of day in two
//! columns, or times of day alone.

use crate::columns::clock::SERIAL_DATES;
use crate::columns::kinds::{MOSTLY, StampColumn, date_format, unix_unit};
use crate::columns::profile::{ColumnProfile, Profile};
use crate::columns::stamps::StampFormat;
use crate::error::IntakeError;
use crate::schema::ClockColumn;
use crate::schema::notice::Notice;
use crate::schema::time_notice::TimeNotice;

/// Whether a share of nine in ten of the values, at least one, is of a kind.
fn are_most(of_kind: u64, found: &ColumnProfile) -> bool {
    of_kind > 0 && 10 * of_kind >= 9 * found.observed()
}

/// Whether a column holds times of day.
pub(crate) fn are_clocks(found: &ColumnProfile) -> bool {
    are_most(found.times.clocks, found)
}

/// The column of times among those that `unused` allows: the first of dates or numbers, else the first of times of day.
pub(crate) fn recognised(
    profile: &Profile,
    names: &[String],
    unused: impl Fn(&usize) -> bool,
) -> Option<StampColumn> {
    let first = |is_time: &dyn Fn(usize, &str, &ColumnProfile) -> Option<StampColumn>| {
        (0..names.len())
            .filter(&unused)
            .find_map(|position| is_time(position, &names[position], &profile.columns[position]))
    };
    // Days count more than times of day, whichever column comes first.
    first(&|position, name, found| recognised_stamp(position, name, found, profile.rows))
        .or_else(|| first(&compact_stamp))
        .or_else(|| first(&recognised_clock))
}

/// The column of times that was asked for.
///
/// # Errors
/// [`IntakeError::NotTimes`] if it holds something else.
pub(crate) fn asked(position: usize, name: &str, found: &ColumnProfile) -> Result<StampColumn, IntakeError> {
    let numbers = found.numbers as f64 >= MOSTLY * found.observed() as f64;
    let clocks = are_clocks(found).then_some(StampFormat::Clock);
    let numbers = numbers.then(|| match are_serial_dates(name, found, found.numbers + found.missing) {
        true => StampFormat::SerialDate,
        false => StampFormat::Number,
    });
    let format = date_format(found).or(clocks).or(numbers);
    let format = format.filter(|_| found.observed() > 0).ok_or_else(|| IntakeError::NotTimes {
        column: name.to_owned(),
        value: found.example.clone().unwrap_or_default(),
    })?;
    Ok(StampColumn { name: name.to_owned(), position, format, clock: None })
}

/// Recognises a column of times: dates; or numbers that hardly ever fall, and are named like times or in the
/// range of Unix times; or numbers that do fall, but are both named like times and in that range.
fn recognised_stamp(position: usize, name: &str, found: &ColumnProfile, rows: u64) -> Option<StampColumn> {
    let serial = || are_serial_dates(name, found, rows).then_some(StampFormat::SerialDate);
    let date = date_format(found).filter(|_| found.numbers == 0 || found.texts > 0);
    if let Some(format) = date.or_else(serial) {
        return Some(StampColumn { name: name.to_owned(), position, format, clock: None });
    }
    let words = ["time", "timestamp", "date", "datetime", "ts", "epoch", "unixtime", "unix_time", "t"];
    let called_so = words.contains(&name.to_lowercase().as_str());
    let like_unix = unix_unit(found.least, found.most).is_some();
    // A few repeated or backward times are reported, but do not make the column a signal.
    let rises =
        found.numbers > 1 && found.falls * 100 <= found.numbers && found.ties * 10 <= found.numbers * 9;
    let all = found.numbers + found.missing == rows && found.numbers * 10 >= rows * 9;
    // If both name and range suggest times, the rows may be in any order.
    let is_time = if rises { called_so || like_unix } else { called_so && like_unix };
    (is_time && all && found.most > found.least).then(|| StampColumn {
        name: name.to_owned(),
        position,
        // A number such as `20240531` may be a date.
        format: date_format(found).unwrap_or(StampFormat::Number),
        clock: None,
    })
}

/// A column of numbers, all of which are dates such as `20240531`, and not the same one.
fn compact_stamp(position: usize, name: &str, found: &ColumnProfile) -> Option<StampColumn> {
    let format = date_format(found).filter(|_| found.texts == 0 && found.most > found.least)?;
    Some(StampColumn { name: name.to_owned(), position, format, clock: None })
}

/// A column of times of day that go on from row to row; days are then counted where they start over.
fn recognised_clock(position: usize, name: &str, found: &ColumnProfile) -> Option<StampColumn> {
    let is_time = are_clocks(found) && found.times.clocks_go_on();
    let (name, format) = (name.to_owned(), StampFormat::Clock);
    is_time.then_some(StampColumn { name, position, format, clock: None })
}

/// Whether a column of `rows` rows holds serial dates: numbers from 20000 to 80000 (1954 to 2119) that
/// - are called a date, or
/// - are called a time, rise, and have fractions, or
/// - rise at a constant step of whole hours, minutes or seconds, and have fractions.
fn are_serial_dates(name: &str, found: &ColumnProfile, rows: u64) -> bool {
    let in_range = SERIAL_DATES.contains(&found.least) && SERIAL_DATES.contains(&found.most);
    let all = found.numbers + found.missing == rows && found.numbers * 10 >= rows * 9;
    if !in_range || !all || found.most <= found.least {
        return false;
    }
    let rises = found.falls * 100 <= found.numbers && found.ties * 10 <= found.numbers * 9;
    let has_times = rises && found.fractions > 0;
    is_called_date(name) || (has_times && (is_called_time(name) || found.times.steps_like_serial_dates()))
}

fn is_called_date(name: &str) -> bool {
    let is_date = |word: &str| {
        ["datetime", "datum", "fecha"].contains(&word)
            || (word.ends_with("date") && !word.ends_with("update"))
    };
    name.to_lowercase().split(|letter: char| !letter.is_alphanumeric()).any(is_date)
}

fn is_called_time(name: &str) -> bool {
    let words = ["time", "timestamp", "ts", "t", "zeit", "hora", "heure"];
    name.to_lowercase().split(|letter: char| !letter.is_alphanumeric()).any(|word| words.contains(&word))
}

/// The column of times of day that belong to the days in the column `stamp`: the first of those that `free` allows.
/// None if the days alone tell the rows apart, or have times of their own.
pub(crate) fn clock_beside(
    stamp: &StampColumn,
    profile: &Profile,
    names: &[String],
    free: impl Fn(&usize) -> bool,
) -> Option<ClockColumn> {
    let found = &profile.columns[stamp.position];
    let has_days = match stamp.format {
        StampFormat::Number | StampFormat::Clock => false,
        StampFormat::SerialDate => found.fractions == 0 && found.ties > 0,
        _ => are_most(found.times.days, found) && found.times.days_repeat(),
    };
    let mut others =
        (0..profile.columns.len()).filter(|position| *position != stamp.position && free(position));
    let position = others.find(|&position| has_days && are_clocks(&profile.columns[position]))?;
    Some(ClockColumn { name: names[position].clone(), position })
}

/// The column of times of day that was asked for.
///
/// # Errors
/// [`IntakeError::NotTimes`] if it holds something else, [`IntakeError::OutOfRange`] if it has another role or if the
/// column `stamp` holds no days.
pub(crate) fn asked_clock(
    stamp: &StampColumn,
    position: usize,
    is_free: bool,
    names: &[String],
    profile: &Profile,
) -> Result<ClockColumn, IntakeError> {
    let (name, found) = (names[position].clone(), &profile.columns[position]);
    if !are_clocks(found) {
        return Err(IntakeError::NotTimes { column: name, value: found.example.clone().unwrap_or_default() });
    }
    if !is_free || matches!(stamp.format, StampFormat::Number | StampFormat::Clock) {
        let right = "a column without another role, beside a column of days in input.timestamp";
        return Err(IntakeError::OutOfRange { key: "input.clock", value: name, right });
    }
    Ok(ClockColumn { name, position })
}

/// What to say of the columns of times; nothing if they were `asked` for and are read plainly.
pub(crate) fn notice(stamp: &StampColumn, asked: bool) -> Option<Notice> {
    let column = || stamp.name.clone();
    match (&stamp.clock, stamp.format) {
        (Some(_), _) if asked => None,
        (Some(clock), _) => {
            Some(Notice::Time(TimeNotice::Joined { days: column(), clock: clock.name.clone() }))
        }
        (None, StampFormat::Clock) => Some(Notice::Time(TimeNotice::Clock { column: column() })),
        (None, StampFormat::SerialDate) => Some(Notice::Time(TimeNotice::Serial { column: column() })),
        (None, _) => (!asked).then(|| Notice::Times { column: column() }),
    }
}
