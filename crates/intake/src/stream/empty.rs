//! Notices columns of a stream that have lost their values: a sensor that fell silent, or a changed name.

use crate::schema::Schema;
use crate::schema::log::NoticeLog;
use crate::schema::notice::Notice;
use crate::text::parse::RawBlock;
use std::collections::HashSet;

/// Consecutive rows without a value after which a notice is given.
const ROWS: u64 = 20;
/// A column of which training rows had a smaller share of values is expected to have gaps.
const USUALLY: f64 = 0.9;

/// The rows since each column last had a value.
#[derive(Clone, Debug)]
pub(crate) struct EmptyColumns {
    since: Vec<u64>,
}

impl EmptyColumns {
    /// `notices` are those of the header: a column that it lacks is told already.
    pub(crate) fn new(schema: &Schema, notices: &[Notice]) -> Self {
        let missing = |notice: &Notice| match notice {
            Notice::MissingColumn { column } => Some(column.clone()),
            _ => None,
        };
        let missing: HashSet<String> = notices.iter().filter_map(missing).collect();
        let since = schema.fields.iter().map(|field| if missing.contains(&field.name) { ROWS } else { 0 });
        EmptyColumns { since: since.collect() }
    }

    /// Looks at some rows. A column that has had no value for [`ROWS`] rows, although training rows had, is told once
    /// until it has values again. Counts all of them in `log`.
    pub(crate) fn look_at(&mut self, schema: &Schema, raw: &RawBlock, log: &mut NoticeLog) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (values, &line) in raw.values.chunks_exact(self.since.len().max(1)).zip(&raw.lines) {
            for ((since, value), field) in self.since.iter_mut().zip(values).zip(&schema.fields) {
                *since = if value.is_nan() { since.saturating_add(1) } else { 0 };
                if *since == ROWS && field.observed >= USUALLY {
                    let notice = Notice::EmptyColumn { line, column: field.name.clone(), rows: ROWS };
                    log.add(&notice);
                    notices.push(notice);
                }
            }
        }
        notices
    }
}
