//! Times that are not a whole date: times of day, which start over at midnight, and the serial dates of spreadsheets.

use crate::columns::stamps::{self, DATES, StampFormat};
use crate::text::cells::trimmed;

/// Seconds of a day.
const DAY: f64 = 86_400.0;
/// A time of day that is earlier than the one before by no more than this was written late; one that is earlier by more
/// belongs to the next day. In seconds.
const LATE: f64 = 3_600.0;
/// The serial date of 1970-01-01: spreadsheets count days from 1899-12-30.
const SERIAL_1970: f64 = 25_569.0;
/// Serial dates that are recognised: 1954 to 2119.
pub(crate) const SERIAL_DATES: std::ops::RangeInclusive<f64> = 20_000.0..=80_000.0;
/// The last serial date of a spreadsheet, 9999-12-31.
const LAST_SERIAL: f64 = 2_958_466.0;
/// Spreadsheets often write serial dates with four decimals; then two steps differ by up to this, in days.
const ROUNDING: f64 = 1.1e-4;

/// The seconds since midnight of `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fff`, or with `AM` or `PM`; 24:00 is the end of the day.
pub(crate) fn parse(cell: &[u8]) -> Option<f64> {
    let mut rest = trimmed(cell);
    // Told apart from long texts before anything is parsed.
    if !matches!(rest, [_, b':', ..] | [_, _, b':', ..]) {
        return None;
    }
    let hour = stamps::digits(&mut rest)?;
    stamps::eat(&mut rest, b':')?;
    let minute = two_digits(&mut rest)?;
    let (mut second, mut fraction) = (0, 0.0);
    if stamps::eat(&mut rest, b':').is_some() {
        second = two_digits(&mut rest)?;
        if stamps::eat(&mut rest, b'.').or_else(|| stamps::eat(&mut rest, b',')).is_some() {
            let from = rest;
            stamps::digits(&mut rest)?;
            let text = std::str::from_utf8(&from[..from.len() - rest.len()]).ok()?;
            fraction = format!("0.{text}").parse().ok()?;
        }
    }
    rest = rest.trim_ascii_start();
    let hour = stamps::twelve_hours(&mut rest, hour)?;
    let seconds = (hour * 3600 + minute * 60 + second) as f64 + fraction;
    (rest.is_empty() && minute < 60 && second < 60 && seconds <= DAY).then_some(seconds)
}

fn two_digits(rest: &mut &[u8]) -> Option<i64> {
    let before = rest.len();
    stamps::digits(rest).filter(|_| before - rest.len() == 2)
}

/// A time of day, in seconds, counted from the midnight before the first time: of the times on all days, the one
/// that comes less than an hour before `last` or at most 23 hours after it. So days are counted up at midnight, and
/// a line that was written a little late stays on its day.
pub(crate) fn after(last: Option<f64>, clock: f64) -> f64 {
    let Some(last) = last else { return clock };
    clock + DAY * ((last + DAY - LATE - clock) / DAY).floor()
}

/// Counts the days of a column of times of day, in place; times that are missing stay so.
pub(crate) fn count_days(stamps: &mut [f64]) {
    let mut last = None;
    for stamp in stamps.iter_mut().filter(|stamp| stamp.is_finite()) {
        *stamp = after(last, *stamp);
        last = Some(*stamp);
    }
}

/// A number in a column of times: seconds since 1970 for a serial date, else the number itself.
pub(crate) fn of_number(value: f64, format: StampFormat) -> Option<f64> {
    if format != StampFormat::SerialDate {
        return Some(value);
    }
    // Rounded to what a spreadsheet shows: a double holds no more than microseconds of such a date.
    let seconds = || ((value - SERIAL_1970) * DAY * 1e3).round() / 1e3;
    (0.0..LAST_SERIAL).contains(&value).then(seconds)
}

/// The first and the last day of some rows, as written.
type Days = (Box<[u8]>, Box<[u8]>);

/// What a column holds that may be times: of day, days without a time, or numbers at a constant step.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimeProfile {
    /// Texts that are times of day.
    pub clocks: u64,
    /// Steps from one to the next that go back, stay, or skip more than half a day.
    odd_clocks: u64,
    same_clocks: u64,
    clock_ends: Option<(f64, f64)>,
    /// Dates without a time of day, or at midnight.
    pub days: u64,
    /// Those that equal the one before.
    repeated_days: u64,
    day_ends: Option<Days>,
    /// The step that most steps between numbers equal, if one does, and by how many it leads the other steps (Boyer
    /// & Moore's majority vote).
    step: Option<f64>,
    lead: u64,
    steps: u64,
}

impl TimeProfile {
    /// Adds a trimmed cell that is not a number.
    pub(crate) fn text(&mut self, cell: &[u8]) {
        if let Some(clock) = parse(cell) {
            self.clocks += 1;
            self.clock_step(self.clock_ends.map(|(_, last)| last), clock);
            self.clock_ends = Some((self.clock_ends.map_or(clock, |(first, _)| first), clock));
        } else if DATES.iter().any(|&format| {
            // Half a day off, a time with an offset is no midnight in UTC but may be one at its place.
            stamps::parse_date(cell, format).is_some_and(|time| time.rem_euclid(DAY) == 0.0)
        }) {
            self.days += 1;
            match &mut self.day_ends {
                Some((_, last)) if **last == *cell => self.repeated_days += 1,
                Some((_, last)) => *last = cell.into(),
                None => self.day_ends = Some((cell.into(), cell.into())),
            }
        }
    }

    /// Adds the step from one number to the next.
    pub(crate) fn number_step(&mut self, step: f64) {
        self.steps += 1;
        self.vote(step, 1);
    }

    fn vote(&mut self, step: f64, votes: u64) {
        match self.step {
            Some(usual) if are_alike(usual, step) => self.lead += votes,
            _ if votes > self.lead => (self.step, self.lead) = (Some(step), votes - self.lead),
            _ => self.lead -= votes,
        }
    }

    fn clock_step(&mut self, before: Option<f64>, clock: f64) {
        if let Some(before) = before {
            let step = after(Some(before), clock) - before;
            self.odd_clocks += u64::from(!(0.0..=DAY / 2.0).contains(&step));
            self.same_clocks += u64::from(step == 0.0);
        }
    }

    /// Adds what a later piece of the file holds.
    pub(crate) fn merge(&mut self, later: TimeProfile) {
        self.clocks += later.clocks;
        self.odd_clocks += later.odd_clocks;
        self.same_clocks += later.same_clocks;
        if let Some((first, last)) = later.clock_ends {
            self.clock_step(self.clock_ends.map(|(_, last)| last), first);
            self.clock_ends = Some((self.clock_ends.map_or(first, |(first, _)| first), last));
        }
        self.days += later.days;
        self.repeated_days += later.repeated_days;
        self.day_ends = match (self.day_ends.take(), later.day_ends) {
            (Some((first, before)), Some((next, last))) => {
                self.repeated_days += u64::from(before == next);
                Some((first, last))
            }
            (ends, None) | (None, ends) => ends,
        };
        self.steps += later.steps;
        later.step.iter().for_each(|&step| self.vote(step, later.lead));
    }

    /// Whether times of day go on from row to row, apart from one in ten, and are not all the same.
    pub(crate) fn clocks_go_on(&self) -> bool {
        let steps = self.clocks.saturating_sub(1);
        self.clocks > 1 && 10 * self.odd_clocks <= steps && 10 * self.same_clocks <= 9 * steps
    }

    /// Whether days come more than once, so that they alone do not tell the rows apart.
    pub(crate) fn days_repeat(&self) -> bool {
        self.repeated_days > 0
    }

    /// Whether at least nine in ten steps between numbers are whole hours, minutes or seconds of a day.
    pub(crate) fn steps_like_serial_dates(&self) -> bool {
        let Some(step) = self.step.filter(|&step| step > 0.0) else { return false };
        let seconds = step * DAY;
        let (unit, tolerance) = if seconds < 59.0 { (1.0, 0.05) } else { (60.0, ROUNDING * DAY) };
        let is_whole = (seconds - (seconds / unit).round() * unit).abs() <= tolerance;
        // The others are at most a tenth of all if the lead is at least eight tenths.
        is_whole && self.steps > 1 && 10 * self.lead >= 8 * self.steps
    }
}

/// Whether two steps in days are the same, up to the rounding of serial dates.
fn are_alike(one: f64, other: f64) -> bool {
    let size = one.abs().max(other.abs());
    (one - other).abs() <= ROUNDING.min(0.25 * size).max(0.01 * size)
}

/// Whether a step between times of this format is the usual one: within 1 %, or within the rounding of serial dates.
pub(crate) fn is_usual(step: f64, usual: f64, format: StampFormat) -> bool {
    let rounding = if format == StampFormat::SerialDate { ROUNDING * DAY } else { 0.0 };
    (step - usual).abs() <= rounding.min(0.25 * usual).max(0.01 * usual)
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
