//! The rows of a table: ordered by group, in stretches that belong together, the normal ones, the first ones.

use crate::columns::kinds::Columns;
use crate::columns::layout::Layout;
use crate::groups::TableGroups;
use crate::split::window_ends;
use crate::table::Table;
use crate::text::parse::RawBlock;
use std::collections::HashSet;
use std::ops::Range;

/// Orders the rows of a block of `width` values each by group, if there is a column of groups.
pub(super) fn by_group(columns: &Columns, block: &mut RawBlock, width: usize) -> Option<TableGroups> {
    let position = columns.group?;
    let (order, groups) = block.groups.in_order(columns.names[position].clone(), position);
    if order.is_sorted() {
        return Some(groups);
    }
    block.put_in_order(&order, width);
    Some(groups)
}

/// The rows of each group; without groups, all `rows` rows.
pub(super) fn stretches(groups: Option<&TableGroups>, rows: usize) -> Vec<Range<usize>> {
    match groups {
        Some(groups) => groups.bounds.windows(2).map(|ends| ends[0]..ends[1]).collect(),
        None => std::iter::once(0..rows).collect(),
    }
}

impl Table {
    /// A table of the first `rows` rows, or of all rows if there are fewer.
    pub fn head(&self, rows: usize) -> Self {
        let rows = rows.min(self.len());
        let mut head =
            Table { values: self.values.slice(ndarray::s![..rows, ..]).to_owned(), ..self.clone() };
        head.lines.truncate(rows);
        head.stamps.truncate(rows);
        head.groups.iter_mut().for_each(|groups| groups.truncate(rows));
        // The rows of a series may be sorted; there, a bad line is a row, too.
        match self.lines.get(rows) {
            Some(_) if self.layout == Layout::Windows && !head.bad.is_empty() => {
                let there: HashSet<u64> = head.lines.iter().copied().collect();
                head.bad.retain(|bad| there.contains(&bad.line));
            }
            Some(&next) => head.bad.retain(|bad| bad.line < next),
            None => {}
        }
        if let Some(labels) = &mut head.labels {
            labels.normal.truncate(rows);
            labels.codes.truncate(rows);
        }
        head
    }

    /// The normal rows; without labels, all rows.
    pub fn normal_rows(&self) -> Vec<usize> {
        let is_normal = |&row: &usize| self.labels.as_ref().is_none_or(|labels| labels.normal[row]);
        (0..self.len()).filter(is_normal).collect()
    }

    /// End steps of the windows of `length` steps, one every `stride` steps, that lie entirely in a stretch
    /// of rows and in one group, and have normal steps only.
    pub fn normal_window_ends(&self, stretch: Range<usize>, length: usize, stride: usize) -> Vec<usize> {
        let mut ends = Vec::new();
        for own in self.stretches() {
            let both = own.start.max(stretch.start)..own.end.min(stretch.end);
            ends.extend(window_ends(both, length, stride));
        }
        if let Some(labels) = &self.labels {
            ends.retain(|&end| labels.normal[end + 1 - length..=end].iter().all(|&normal| normal));
        }
        ends
    }

    /// The stretches of rows that belong together, in order: the rows of each group or, without groups, all rows.
    pub fn stretches(&self) -> Vec<Range<usize>> {
        stretches(self.groups.as_ref(), self.len())
    }

    /// The name of a row's group, if there are groups.
    pub fn group_of(&self, row: usize) -> Option<&str> {
        let groups = self.groups.as_ref()?;
        groups.names.get(groups.of_row(row)).map(String::as_str)
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
