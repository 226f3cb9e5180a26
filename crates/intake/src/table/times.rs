//! Gives the times of the rows of a table in seconds, if their unit is known.

use crate::columns::kinds::unix_unit;
use crate::columns::period;
use crate::columns::stamps::StampFormat;
use crate::table::Table;
use ndarray::Axis;
use std::ops::Range;

impl Table {
    /// The mean time between rows of a group, in seconds: the span of all its times divided by the number of steps, so
    /// that repeated, irregular and unordered times count too. Numbers count as seconds, unless they are Unix
    /// times from 2001 to 2100 in milli-, micro- or nanoseconds. `None` without times, or if all are the
    /// same.
    pub fn seconds_per_row(&self) -> Option<f64> {
        let (first, last) = self.known_times(0..self.len())?;
        let unit = unix_unit(first, last).unwrap_or(1.0);
        let (mut span, mut steps) = (0.0, 0);
        for rows in self.stretches() {
            let known = self.stamps[rows.clone()].iter().filter(|stamp| stamp.is_finite()).count();
            let (first, last) = self.known_times(rows).unwrap_or_default();
            span += last - first;
            steps += known.saturating_sub(1);
        }
        (span > 0.0).then(|| span / unit / steps as f64)
    }

    /// `[N]`, the time of each row in seconds; `NaN` if it has none. `None` without times, or if the unit is
    /// unknown because they are numbers but not Unix times.
    pub fn seconds(&self) -> Option<Vec<f64>> {
        let dates = self.timestamp.as_ref()?.format != StampFormat::Number;
        let (first, last) = self.known_times(0..self.len()).unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
        let unit = if dates { 1.0 } else { unix_unit(first, last)? };
        Some(self.stamps.iter().map(|stamp| stamp / unit).collect())
    }

    /// The time of a row, such as `2024-05-31 23:59:00` (UTC); `None` if it has none, or if the unit is unknown.
    pub fn date(&self, row: usize) -> Option<String> {
        if self.timestamp.as_ref()?.format == StampFormat::Clock {
            return None;
        }
        let seconds = *self.seconds()?.get(row)?;
        let time = jiff::Timestamp::from_second(seconds.is_finite().then_some(seconds as i64)?).ok()?;
        Some(time.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// The period of these time steps, in steps: the length of windows if none is set. 8 to 400, and at most a third of
    /// the steps; of more than 20,000 steps, the first count. `None` without a clear one.
    pub fn period(&self, steps: &[usize]) -> Option<usize> {
        period::period(self.values.select(Axis(0), &steps[..steps.len().min(period::STEPS)]).view())
    }

    /// The first and the last time of these rows, if any is known.
    fn known_times(&self, rows: Range<usize>) -> Option<(f64, f64)> {
        let known = || self.stamps[rows.clone()].iter().copied().filter(|stamp| stamp.is_finite());
        known().next()?;
        Some((known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max)))
    }
}
