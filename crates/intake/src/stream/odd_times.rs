//! Follows the times of a stream: counts days, and reports times that are out of step.

use crate::columns::clock;
use crate::columns::stamps::StampFormat;
use crate::schema::encode::MAX_NOTICES_PER_COLUMN;
use crate::schema::notice::Notice;
use crate::stream::reader::Reader;
use crate::text::parse::RawBlock;
use std::collections::HashMap;

impl<R> Reader<R> {
    /// Counts the days of times of day, from the last time on. Not for independent rows, of which no state is kept.
    pub(super) fn count_days(&self, raw: &mut RawBlock) {
        if self.schema.windows.is_none() || !self.has_clocks() {
            return;
        }
        // By group; without groups, all rows are of one.
        let mut last = HashMap::<Option<usize>, f64>::new();
        for (row, stamp) in raw.stamps.iter_mut().enumerate().filter(|(_, stamp)| stamp.is_finite()) {
            let group = raw.groups.code(row);
            let before = last.get(&group).copied().or_else(|| match &self.groups {
                Some(groups) => groups.last_time(raw.groups.name(row).unwrap_or_default()),
                None => self.last_time,
            });
            *stamp = clock::after(before, *stamp);
            last.insert(group, *stamp);
        }
    }

    pub(super) fn has_clocks(&self) -> bool {
        self.schema.timestamp.as_ref().is_some_and(|stamp| stamp.format == StampFormat::Clock)
    }

    /// Notices about the times of some rows. Counts all of them in the log, and returns the first
    /// [`MAX_NOTICES_PER_COLUMN`] of each kind.
    pub(super) fn odd_times(&mut self, raw: &RawBlock) -> Vec<Notice> {
        let is_clock = self.has_clocks();
        let is_series = self.schema.windows.is_some();
        let Some(stamp) = &self.schema.timestamp else { return Vec::new() };
        let mut notices = Vec::new();
        let mut counts = HashMap::<&'static str, u64>::new();
        for (row, (&time, &line)) in raw.stamps.iter().zip(&raw.lines).enumerate() {
            if !time.is_finite() {
                continue;
            }
            let after = |last: Option<f64>| if is_clock { clock::after(last, time) } else { time };
            let last = match &mut self.groups {
                Some(groups) => {
                    let name = raw.groups.name(row).unwrap_or_default();
                    let time = after(groups.last_time(name));
                    groups.replace_time(name, time).map(|last| (last, time))
                }
                None => {
                    let time = after(self.last_time);
                    self.last_time.replace(time).map(|last| (last, time))
                }
            };
            let Some((last, time)) = last else { continue };
            let (step, column) = (time - last, || stamp.name.clone());
            let notice = if step < 0.0 {
                Notice::BackwardTime { line, column: column() }
            } else if step == 0.0 && !is_series && stamp.step.is_none() {
                // Independent rows, of which those that were learned from came at any time.
                continue;
            } else if step == 0.0 {
                Notice::RepeatedTime { line, column: column() }
            } else if let Some(usual) =
                stamp.step.filter(|&usual| !clock::is_usual(step, usual, stamp.format))
            {
                let dates = stamp.format != StampFormat::Number;
                Notice::IrregularTime { line, column: column(), step, usual, dates }
            } else {
                continue;
            };
            let count = counts.entry(notice.kind()).or_default();
            *count += 1;
            if *count <= MAX_NOTICES_PER_COLUMN {
                self.log.add(&notice);
                notices.push(notice);
            }
        }
        for (kind, count) in counts {
            self.log.count_more(kind, &stamp.name, count.saturating_sub(MAX_NOTICES_PER_COLUMN));
        }
        notices
    }
}
