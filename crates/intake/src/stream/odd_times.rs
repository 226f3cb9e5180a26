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
    pub(super) fn count_days(&self, stamps: &mut [f64]) {
        if self.windower.is_none() || !self.has_clocks() {
            return;
        }
        let mut last = self.last_time;
        for stamp in stamps.iter_mut().filter(|stamp| stamp.is_finite()) {
            *stamp = clock::after(last, *stamp);
            last = Some(*stamp);
        }
    }

    fn has_clocks(&self) -> bool {
        self.schema.timestamp.as_ref().is_some_and(|stamp| stamp.format == StampFormat::Clock)
    }

    /// Notices about the times of some rows. Counts all of them in the log, and returns the first
    /// [`MAX_NOTICES_PER_COLUMN`] of each kind.
    pub(super) fn odd_times(&mut self, raw: &RawBlock) -> Vec<Notice> {
        let is_clock = self.has_clocks();
        let Some(stamp) = &self.schema.timestamp else { return Vec::new() };
        let mut notices = Vec::new();
        let mut counts = HashMap::<&'static str, u64>::new();
        for (&time, &line) in raw.stamps.iter().zip(&raw.lines).filter(|(time, _)| time.is_finite()) {
            let time = if is_clock { clock::after(self.last_time, time) } else { time };
            let Some(last) = self.last_time.replace(time) else { continue };
            let (step, column) = (time - last, || stamp.name.clone());
            let notice = if step < 0.0 {
                Notice::BackwardTime { line, column: column() }
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
