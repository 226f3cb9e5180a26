//! Follows the groups of a stream: a window for each, so that none has steps of two groups.
//!
//! The memory is bounded: at most [`MAX_GROUPS`] windows, and fewer long ones, are kept at a time. Beyond that, the
//! group that has been without a row for longest is forgotten, which is told. If it comes back, its window fills
//! anew.

use crate::Samples;
use crate::columns::layout::Layout;
use crate::error::IntakeError;
use crate::groups::{Group, GroupNotice, Groups};
use crate::schema::encode::{Encoder, RowNote};
use crate::schema::notice::Notice;
use crate::schema::{Schema, SchemaError};
use crate::stream::reader::Reader;
use crate::stream::recent::Recent;
use crate::stream::windower::{WindowState, Windower, samples, step_of};
use crate::text::parse::RawBlock;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::BufRead;

/// Most groups of which something is remembered at a time.
pub(super) const MAX_GROUPS: usize = 10_000;
/// Memory that their windows may take, in bytes; one window may always be kept.
const MAX_BYTES: usize = 200_000_000;
/// Most values of all their windows, which a saved state of some 25 bytes each holds.
const MAX_VALUES: usize = 1 << 22;
/// Most groups unknown to training that are told by name.
const MAX_UNKNOWN: usize = 64;

/// What a reader remembers of the groups of its stream.
#[derive(Clone, Debug)]
pub(crate) struct StreamGroups {
    group: Group,
    /// For windows.
    windows: Option<GroupWindows>,
    /// The last time of each group. Not that of its window, which follows a block only after its times.
    last_times: Recent<f64>,
    /// Groups that training did not have, as far as they were told.
    unknown: HashSet<String>,
}

/// A window for each group.
#[derive(Clone, Debug)]
struct GroupWindows {
    empty: Windower,
    by_name: Recent<Windower>,
}

/// The windows of all groups of a stream: the state needed to resume it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupState {
    /// The group without a row for longest comes first.
    groups: Vec<GroupWindow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupWindow {
    group: String,
    window: WindowState,
}

impl StreamGroups {
    /// `None` if the schema has no column of groups.
    pub(crate) fn new(schema: &Schema) -> Option<Self> {
        let windows = (schema.layout == Layout::Windows).then(|| GroupWindows {
            empty: Windower::new(schema),
            by_name: Recent::new(most_windows(schema)),
        });
        let group = schema.group.clone()?;
        Some(StreamGroups { group, windows, last_times: Recent::new(MAX_GROUPS), unknown: HashSet::new() })
    }

    /// Keeps no more windows than this at a time.
    #[cfg(test)]
    pub(super) fn keep_windows(&mut self, most: usize) {
        self.windows.iter_mut().for_each(|windows| windows.by_name = Recent::new(most));
    }

    /// The last time of a group.
    pub(crate) fn last_time(&self, name: &str) -> Option<f64> {
        self.last_times.get(name).copied()
    }

    /// Remembers the time of a row, and returns the one before it in its group.
    pub(crate) fn replace_time(&mut self, name: &str, time: f64) -> Option<f64> {
        if let Some(last) = self.last_times.get_mut(name) {
            return Some(std::mem::replace(last, time));
        }
        self.last_times.insert(name, time);
        None
    }

    /// A notice for each group that training did not have, at its first row; for the first [`MAX_UNKNOWN`] of them.
    pub(crate) fn remark_unknown(&mut self, groups: &Groups, lines: &[u64]) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut is_new: Vec<bool> =
            groups.names().iter().map(|name| self.group.place(name).is_none()).collect();
        for (row, &line) in lines.iter().enumerate() {
            let Some(code) = groups.code(row).filter(|&code| std::mem::take(&mut is_new[code])) else {
                continue;
            };
            let name = &groups.names()[code];
            if self.unknown.len() < MAX_UNKNOWN && self.unknown.insert(name.clone()) {
                let (column, group) = (self.group.name.clone(), name.clone());
                notices.push(Notice::Group { line, column, group, what: GroupNotice::Unknown });
            }
        }
        notices
    }

    /// Notes in each row the place of its group.
    pub(crate) fn note_places(&self, groups: &Groups, notes: &mut [RowNote]) {
        let places: Vec<Option<u32>> = groups.names().iter().map(|name| self.group.place(name)).collect();
        for (row, note) in notes.iter_mut().enumerate() {
            note.group = groups.code(row).and_then(|code| places[code]);
        }
    }

    /// For windows: adds the steps of some lines, and returns the window of its group that ends with each. A bad line
    /// belongs to no group. Tells in `notices` which groups are forgotten.
    pub(crate) fn cut(
        &mut self,
        encoder: &Encoder,
        raw: &RawBlock,
        encoded: &Samples,
        shares: &[f32],
        notices: &mut Vec<Notice>,
    ) -> Option<(Samples, Vec<RowNote>)> {
        let windows = self.windows.as_mut()?;
        let (n, size) = (raw.lines.len(), windows.empty.size());
        let mut values = vec![0.0; n * size];
        let mut observed = vec![false; n * size];
        let mut rows = Vec::with_capacity(n);
        let parts = values.chunks_exact_mut(size).zip(observed.chunks_exact_mut(size));
        for (row, (values, observed)) in parts.enumerate() {
            let line = raw.lines[row];
            let (windower, forgotten) = windows.of(raw.groups.name(row).unwrap_or_default());
            if let Some(group) = forgotten {
                notices.push(Notice::Group {
                    line,
                    column: self.group.name.clone(),
                    group,
                    what: GroupNotice::Forgotten,
                });
            }
            let (step, mask) = step_of(encoded, row);
            let gap = windower.clock.gap_before(raw.stamps[row]);
            windower.push(step, mask, shares[row], gap);
            rows.push(windower.write(values, observed, encoder, line));
        }
        Some((samples(values, observed, n, size), rows))
    }

    /// For windows: the state from which an interrupted stream can be resumed.
    pub(crate) fn state(&self) -> Option<GroupState> {
        let windows = self.windows.as_ref()?;
        let state = |(group, windower): (&String, &Windower)| GroupWindow {
            group: group.clone(),
            window: windower.state(),
        };
        Some(GroupState { groups: windows.by_name.iter().map(state).collect() })
    }

    /// Continues from a state.
    ///
    /// # Errors
    /// A state that does not match this schema.
    pub(crate) fn restore(&mut self, schema: &Schema, state: &GroupState) -> Result<(), SchemaError> {
        let unfit = |reason: &str| SchemaError { reason: reason.to_owned() };
        let windows = self.windows.as_mut().ok_or_else(|| unfit("its rows are not windows of groups"))?;
        if state.groups.len() > windows.by_name.most() {
            return Err(unfit("the saved stream state has too many groups; start the stream over"));
        }
        let mut by_name = Recent::new(windows.by_name.most());
        let mut last_times = Recent::new(MAX_GROUPS);
        for GroupWindow { group, window } in &state.groups {
            let windower = Windower::restore(schema, window)?;
            if by_name.get(group).is_some() {
                return Err(unfit("the saved stream state has a group twice; start the stream over"));
            }
            if let Some(time) = windower.last_time() {
                last_times.insert(group, time);
            }
            by_name.insert(group, windower);
        }
        windows.by_name = by_name;
        self.last_times = last_times;
        Ok(())
    }
}

impl<R: BufRead> Reader<R> {
    /// For windows without groups: the state from which an interrupted stream can be resumed.
    pub fn window_state(&self) -> Option<WindowState> {
        self.windower.as_ref().map(Windower::state)
    }

    /// Continues from the state of an earlier reader of the same stream.
    ///
    /// # Errors
    /// [`IntakeError::Schema`] if the state does not match this schema.
    pub fn restore(&mut self, state: &WindowState) -> Result<(), IntakeError> {
        let fault =
            |error: crate::SchemaError| IntakeError::Schema { name: self.name.clone(), reason: error.reason };
        let restored = Windower::restore(&self.schema, state).map_err(fault)?;
        if self.windower.is_some() {
            self.last_time = restored.last_time();
            self.windower = Some(restored);
        }
        Ok(())
    }

    /// For windows of groups: the state from which an interrupted stream can be resumed.
    pub fn group_state(&self) -> Option<GroupState> {
        self.groups.as_ref().and_then(StreamGroups::state)
    }

    /// Like [`Reader::restore`], for windows of groups.
    ///
    /// # Errors
    /// As [`Reader::restore`].
    pub fn restore_groups(&mut self, state: &GroupState) -> Result<(), IntakeError> {
        let restored = match &mut self.groups {
            Some(groups) => groups.restore(&self.schema, state),
            None => Err(SchemaError { reason: "it has no column of groups".into() }),
        };
        restored.map_err(|error| IntakeError::Schema { name: self.name.clone(), reason: error.reason })
    }
}

impl GroupWindows {
    /// The window of a group, and the group that was forgotten to make room for it.
    fn of(&mut self, name: &str) -> (&mut Windower, Option<String>) {
        let forgotten = match self.by_name.get(name) {
            Some(_) => None,
            None => self.by_name.insert(name, self.empty.clone()),
        };
        let windower = self.by_name.get_mut(name).expect("it was inserted if it was missing");
        (windower, forgotten)
    }
}

/// How many windows may be kept at a time.
fn most_windows(schema: &Schema) -> usize {
    let bytes = Windower::most_bytes(schema);
    (MAX_BYTES / bytes).min(MAX_VALUES / schema.width().max(1)).clamp(1, MAX_GROUPS)
}

#[cfg(test)]
#[path = "grouped_tests.rs"]
mod tests;
