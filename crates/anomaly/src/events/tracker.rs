//! Joins the alarms of a stream into events, line by line and in bounded memory.

use super::profile::Profile;
use super::stream::{Open, Stream, strongest};
use super::{Change, Event, Followed, Moment, Parts, Strongest};
use crate::calibration::Verdict;
use crate::detector::Detector;
use crate::error::ScorerError;
use crate::explain::MAX_UNITS;
use crate::judgement::Judgement;
use ae_intake::{Block, Clock, Layout, Schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Joins the alarms of one stream into events. The same code follows files and streams; its state can be stored at
/// any line, and the restored tracker goes on as this one would.
///
/// Windows that share a step belong to one event: alarms with at most as many unflagged steps between them as
/// a window has steps. A line that cannot be read or judged, and a step that is missing according to the times, is an
/// unflagged step; a gap of a whole window in the times separates events. An event closes at the line at which no
/// later alarm can belong to it any more.
///
/// With groups, each group is a stream of its own, and a line that cannot be read belongs to none.
///
/// Memory is bounded: for each group, the positions of one window, and the scores of at most 512 bins of steps of the
/// open event; the start, peak and end of longer events are rounded to such bins. At most 10,000 groups are followed, or
/// as many as have about a million steps in their windows; of more, the one without a row for longest is forgotten, and
/// its open event ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventTracker {
    /// Steps in a window; `None` if rows are independent.
    length: Option<usize>,
    /// Events so far.
    number: u64,
    /// Before the first row of a group.
    beginning: Stream,
    /// By group; without groups, a single one without a name.
    streams: BTreeMap<String, Stream>,
    grouped: bool,
    /// Rows of windows so far.
    #[serde(default)]
    rows: u64,
    /// How many rows may be scored to find causes, for independent rows.
    #[serde(default = "full")]
    allowance: u64,
}

/// The allowance of a new stream, and the most that it grows to.
const MAX_ALLOWANCE: u64 = 16_000;
/// By how much each row adds to the allowance: so much that of a table of 200 columns each alarm is looked at if one row
/// in a hundred is flagged.
const ROW_ALLOWANCE: u64 = 2;
/// An alarm of an event of windows is looked at for its cause if its score exceeds the threshold by this factor more
/// than that of the alarm that was looked at last.
const GROWTH: f64 = 1.25;

fn full() -> u64 {
    MAX_ALLOWANCE
}

/// Most groups that are followed, and about how many steps of their windows; of more, the one without a row for longest
/// is forgotten first.
const MAX_GROUPS: usize = 10_000;
const MAX_STEPS: usize = 1 << 20;

impl EventTracker {
    /// Before the first line of a stream with this schema.
    pub fn new(schema: &Schema) -> Self {
        EventTracker {
            length: schema.windows.map(|windows| windows.length),
            number: 0,
            beginning: Stream { clock: Clock::new(schema), profile: Profile::default(), open: None, used: 0 },
            rows: 0,
            streams: BTreeMap::new(),
            grouped: schema.group.is_some(),
            allowance: MAX_ALLOWANCE,
        }
    }

    /// Whether a stored tracker can be one of a stream with this schema.
    pub fn fits(&self, schema: &Schema) -> bool {
        let is_sound = |open: &Open| {
            let Strongest { score, severity, .. } = &open.strongest;
            score.is_finite()
                && (0.0..=1.0).contains(severity)
                && open.looked.is_none_or(f64::is_finite)
                && Some(open.since) <= self.length
        };
        let is_stream = |stream: &Stream| {
            stream.clock.fits(schema)
                && stream.profile.is_sound(self.length.unwrap_or(0))
                && stream.open.as_ref().is_none_or(is_sound)
        };
        let most = if self.grouped { most_groups(self.length.unwrap_or(1)) } else { 1 };
        self.length == schema.windows.map(|windows| windows.length)
            && self.grouped == schema.group.is_some()
            && self.beginning.open.is_none()
            && self.allowance <= MAX_ALLOWANCE
            && self.streams.len() <= most
            && std::iter::once(&self.beginning).chain(self.streams.values()).all(is_stream)
    }

    /// Events so far, the open one included.
    pub fn events(&self) -> u64 {
        self.number
    }

    /// Whether an event goes on.
    pub fn is_open(&self) -> bool {
        self.streams.values().any(|stream| stream.open.is_some())
    }

    /// Follows the lines of a block, which are judged; `shift` is added to the line numbers.
    ///
    /// Finding a cause takes many scores, so not every alarm is looked at, and which are depends on the rows before alone:
    ///
    /// - Of an event of windows, the first alarm is looked at, and then each whose score exceeds the threshold by a
    ///   quarter more than that of the last one that was. The others have the cause of that one.
    /// - Of independent rows, each is looked at for which there are scores left: a stream begins with 16,000, gets 2 with
    ///   each row, never has more than 16,000, and a look takes one more than there are columns.
    ///
    /// # Errors
    /// A flagged row whose score does not split into shares because of its values.
    pub fn follow(
        &mut self,
        detector: &Detector,
        block: &Block,
        judgements: &[Judgement],
        shift: u64,
    ) -> Result<Followed, ScorerError> {
        let is_flagged = |row: &usize| matches!(judgements[*row], Judgement::Anomalous(_));
        let flagged: Vec<usize> = (0..judgements.len()).filter(is_flagged).collect();
        let steps = detector.step_shares(&block.samples, &flagged)?;
        let parts = steps.into_iter().map(|steps| Parts { cause: None, steps });
        let mut parts: Vec<(usize, Parts)> = flagged.into_iter().zip(parts).collect();
        let mut without_cause = 0;
        if self.length.is_none() {
            let looked = self.allowed(detector.schema(), judgements);
            let of_groups: Vec<_> = looked.iter().map(|&row| (row, block.groups.name(row))).collect();
            let causes = detector.causes(&block.samples, &of_groups)?;
            without_cause = (parts.len() - looked.len()) as u64;
            let mut causes = looked.into_iter().zip(causes).peekable();
            for (row, parts) in &mut parts {
                parts.cause = causes.next_if(|(at, _)| at == row).and_then(|(_, cause)| cause);
            }
        }
        let mut of_alarms = parts.iter_mut().peekable();
        let mut bad = block.bad.iter().map(|bad| bad.line).peekable();
        let mut changes = Vec::new();
        for (row, (note, judgement)) in block.rows.iter().zip(judgements).enumerate() {
            while let Some(line) = bad.next_if(|&line| line < note.line) {
                changes.extend(self.bad_line(line + shift));
            }
            let time = block.stamps.get(row).copied().unwrap_or(f64::NAN);
            let group = block.groups.name(row).unwrap_or_default();
            let parts = of_alarms.next_if(|(at, _)| *at == row).map(|(_, parts)| parts);
            let at = Moment::new(note.line + shift, time);
            let mut change = self.row_of(group, at, judgement, parts.as_deref());
            if let (Some(parts), Judgement::Anomalous(verdict)) = (parts, judgement)
                && let Some(open) = self.streams.get_mut(group).and_then(|stream| stream.open.as_mut())
            {
                let excess = (verdict.score - verdict.threshold).clamp(0.0, f64::MAX);
                if open.looked.is_none_or(|looked| excess > GROWTH * looked) {
                    open.strongest.cause =
                        detector.causes(&block.samples, &[(row, block.groups.name(row))])?.pop().flatten();
                    open.looked = Some(excess);
                }
                parts.cause.clone_from(&open.strongest.cause);
                if let Some(opened) = change.as_mut().and_then(|change| change.opened.as_mut()) {
                    opened.first.cause.clone_from(&parts.cause);
                }
            }
            changes.extend(change);
        }
        for line in bad {
            changes.extend(self.bad_line(line + shift));
        }
        Ok(Followed { parts, changes, without_cause })
    }

    /// The flagged ones of these independent rows that may be looked at for their causes.
    fn allowed(&mut self, schema: &Schema, judgements: &[Judgement]) -> Vec<usize> {
        // The columns of a series are its steps, of which none is named.
        let scores = match schema.layout {
            Layout::Series => 0,
            Layout::Table | Layout::Windows => 1 + schema.fields.len().min(MAX_UNITS) as u64,
        };
        let mut looked = Vec::new();
        for (row, judgement) in judgements.iter().enumerate() {
            self.allowance = self.allowance.saturating_add(ROW_ALLOWANCE).min(MAX_ALLOWANCE);
            if matches!(judgement, Judgement::Anomalous(_)) && scores <= self.allowance {
                self.allowance -= scores;
                looked.push(row);
            }
        }
        looked
    }

    /// The next row of a stream without groups. `parts` are those of an alarm, if they are known.
    pub fn row(&mut self, at: Moment, judgement: &Judgement, parts: Option<&Parts>) -> Option<Change> {
        self.row_of("", at, judgement, parts)
    }

    /// The next row of a group.
    pub fn row_of(
        &mut self,
        group: &str,
        at: Moment,
        judgement: &Judgement,
        parts: Option<&Parts>,
    ) -> Option<Change> {
        let alarm = match judgement {
            Judgement::Anomalous(verdict) => Some(verdict),
            Judgement::Normal(_) | Judgement::Unknown { .. } => None,
        };
        let name = self.grouped.then(|| group.to_owned());
        let Some(length) = self.length else {
            let closed = Some(self.alone(name, at, alarm?, parts));
            return Some(Change { line: at.line, closed, opened: None });
        };
        let forgotten = self.make_room(group, length);
        self.rows = self.rows.saturating_add(1);
        let used = self.rows;
        let (number, stream) = self.stream(group);
        stream.used = used;
        let change = stream.row(number, name, length, at, alarm, parts);
        let Some(closed) = forgotten else { return change };
        // The first row of a group ends no event of its own.
        let opened = change.and_then(|change| change.opened);
        Some(Change { line: at.line, closed: Some(closed), opened })
    }

    /// The number of events so far, and the stream of a group.
    fn stream(&mut self, group: &str) -> (&mut u64, &mut Stream) {
        let new = || self.beginning.clone();
        let stream = match self.streams.contains_key(group) {
            true => self.streams.get_mut(group).expect("it is there"),
            false => self.streams.entry(group.to_owned()).or_insert_with(new),
        };
        (&mut self.number, stream)
    }

    /// Forgets the group that has been without a row for longest if there is no room for this one, and returns the event
    /// that ends with that.
    fn make_room(&mut self, group: &str, length: usize) -> Option<Event> {
        if self.streams.len() < most_groups(length) || self.streams.contains_key(group) {
            return None;
        }
        let oldest =
            self.streams.iter().min_by_key(|(_, stream)| stream.used).map(|(name, _)| name.clone())?;
        let mut stream = self.streams.remove(&oldest)?;
        stream.finish(self.grouped.then_some(oldest), length)
    }

    /// The next line, which could not be read.
    pub fn bad_line(&mut self, line: u64) -> Option<Change> {
        let length = self.length.filter(|_| !self.grouped)?;
        self.stream("").1.bad_line(line, length)
    }

    /// Ends an open event at the end of the stream; `None` once there is none left. Only groups have more than one.
    pub fn finish(&mut self) -> Option<Event> {
        let length = self.length.unwrap_or(0);
        let (name, stream) = self.streams.iter_mut().find(|(_, stream)| stream.open.is_some())?;
        stream.finish(self.grouped.then(|| name.clone()), length)
    }

    /// An alarm that is an event of its own.
    fn alone(
        &mut self,
        group: Option<String>,
        at: Moment,
        verdict: &Verdict,
        parts: Option<&Parts>,
    ) -> Event {
        self.number = self.number.saturating_add(1);
        Event {
            number: self.number,
            group,
            start: at,
            end: at,
            peak: at,
            first_alarm: at,
            last_alarm: at,
            alarms: 1,
            strongest: strongest(at, verdict, parts),
        }
    }
}

/// How many groups with windows of this length are followed.
fn most_groups(length: usize) -> usize {
    (MAX_STEPS / length.max(1)).clamp(1, MAX_GROUPS)
}
