//! Joins the alarms of a stream into events, line by line and in bounded memory.

use super::profile::{DIP, Place, Profile};
use super::{Change, Event, Followed, Moment, Opening, Parts, Strongest};
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
/// Memory is bounded: for each group, the positions of one window, and the scores of at most 512 groups of steps of the open event;
/// the start, peak and end of longer events are rounded to such groups.
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

/// The rows of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stream {
    /// Counts the missing steps.
    clock: Clock,
    profile: Profile,
    open: Option<Open>,
}

/// Most groups that are followed; of more, one without an open event is forgotten first.
const MAX_GROUPS: usize = 10_000;

/// The event that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Open {
    number: u64,
    first_alarm: Moment,
    last_alarm: Moment,
    alarms: u64,
    strongest: Strongest,
    /// By how much the score of the alarm that was looked at last for its cause exceeds the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    looked: Option<f64>,
    /// Unflagged positions since the last alarm.
    since: usize,
}

impl EventTracker {
    /// Before the first line of a stream with this schema.
    pub fn new(schema: &Schema) -> Self {
        EventTracker {
            length: schema.windows.map(|windows| windows.length),
            number: 0,
            beginning: Stream { clock: Clock::new(schema), profile: Profile::default(), open: None },
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
        let most = if self.grouped { MAX_GROUPS } else { 1 };
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
            let causes = detector.causes(&block.samples, &looked)?;
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
                    open.strongest.cause = detector.causes(&block.samples, &[row])?.pop().flatten();
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
        let (number, stream) = self.stream(group);
        stream.row(number, name, length, at, alarm, parts)
    }

    /// The number of events so far, and the stream of a group.
    fn stream(&mut self, group: &str) -> (&mut u64, &mut Stream) {
        if !self.streams.contains_key(group) {
            if self.streams.len() >= MAX_GROUPS {
                let quiet = self.streams.iter().find(|(_, stream)| stream.open.is_none());
                let name = quiet.or(self.streams.first_key_value()).map(|(name, _)| name.clone());
                name.iter().for_each(|name| drop(self.streams.remove(name)));
            }
            self.streams.insert(group.to_owned(), self.beginning.clone());
        }
        (&mut self.number, self.streams.get_mut(group).expect("just inserted"))
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

impl Stream {
    fn row(
        &mut self,
        number: &mut u64,
        group: Option<String>,
        length: usize,
        at: Moment,
        alarm: Option<&Verdict>,
        parts: Option<&Parts>,
    ) -> Option<Change> {
        let missing = self.clock.gap_before(at.time.unwrap_or(f64::NAN));
        for _ in 0..missing {
            self.profile.push(at, length);
        }
        // The clock counts no further than a window, and windows with so long a gap between them share no step.
        let passed = if missing < length { missing } else { length.saturating_add(1) };
        let mut closed = self.pass(&group, passed, length);
        self.profile.push(at, length);
        let Some(verdict) = alarm else {
            closed = closed.or_else(|| self.pass(&group, 1, length));
            return closed.map(|event| Change { line: at.line, closed: Some(event), opened: None });
        };
        // What a score measures may have any origin; its excess over the threshold is above 0.
        let weight = if verdict.threshold >= 0.0 { verdict.score } else { verdict.score - verdict.threshold };
        self.profile.add(weight.clamp(0.0, f64::MAX), parts.and_then(|parts| parts.steps.as_deref()));
        let opened = self.alarm(number, group, at, verdict, parts);
        (closed.is_some() || opened.is_some()).then_some(Change { line: at.line, closed, opened })
    }

    fn bad_line(&mut self, line: u64, length: usize) -> Option<Change> {
        // A step without values and without a time, as it is to the windows.
        self.clock.gap_before(f64::NAN);
        self.profile.push(Moment { line, time: None }, length);
        let closed = self.pass(&None, 1, length)?;
        Some(Change { line, closed: Some(closed), opened: None })
    }

    /// Ends the open event.
    fn finish(&mut self, group: Option<String>, length: usize) -> Option<Event> {
        let Open { number, first_alarm, last_alarm, alarms, strongest, since, .. } = self.open.take()?;
        let whole = Place { start: first_alarm, peak: strongest.at, end: last_alarm };
        let goes_on = (since <= length / DIP).then_some(last_alarm);
        let Place { start, peak, end } = self.profile.close(length, goes_on).unwrap_or(whole);
        Some(Event { number, group, start, end, peak, first_alarm, last_alarm, alarms, strongest })
    }

    /// Passes unflagged positions, and returns the event that they end.
    fn pass(&mut self, group: &Option<String>, positions: usize, length: usize) -> Option<Event> {
        let open = self.open.as_mut()?;
        open.since = open.since.saturating_add(positions);
        if open.since > length { self.finish(group.clone(), length) } else { None }
    }

    fn alarm(
        &mut self,
        number: &mut u64,
        group: Option<String>,
        at: Moment,
        verdict: &Verdict,
        parts: Option<&Parts>,
    ) -> Option<Opening> {
        let alarm = strongest(at, verdict, parts);
        if let Some(open) = &mut self.open {
            open.last_alarm = at;
            open.alarms = open.alarms.saturating_add(1);
            open.since = 0;
            if alarm.score > open.strongest.score {
                let cause = alarm.cause.or(open.strongest.cause.take());
                open.strongest = Strongest { cause, ..alarm };
            }
            return None;
        }
        *number = number.saturating_add(1);
        let (number, strongest) = (*number, alarm.clone());
        let (first_alarm, last_alarm) = (at, at);
        self.open =
            Some(Open { number, first_alarm, last_alarm, alarms: 1, strongest, looked: None, since: 0 });
        Some(Opening { number, group, first: alarm })
    }
}

fn strongest(at: Moment, verdict: &Verdict, parts: Option<&Parts>) -> Strongest {
    Strongest {
        at,
        score: verdict.score,
        severity: verdict.severity,
        cause: parts.and_then(|parts| parts.cause.clone()),
    }
}
