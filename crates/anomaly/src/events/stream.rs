//! The rows of one group, and the event that goes on among them.

use super::profile::{DIP, Place, Profile};
use super::{Change, Event, Moment, Opening, Parts, Strongest};
use crate::calibration::Verdict;
use ae_intake::Clock;
use serde::{Deserialize, Serialize};

/// The rows of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stream {
    /// Counts the missing steps.
    pub(super) clock: Clock,
    pub(super) profile: Profile,
    pub(super) open: Option<Open>,
    /// The place of its last row among all rows.
    #[serde(default)]
    pub(super) used: u64,
}

/// The event that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Open {
    pub(super) number: u64,
    pub(super) first_alarm: Moment,
    pub(super) last_alarm: Moment,
    pub(super) alarms: u64,
    pub(super) strongest: Strongest,
    /// By how much the score of the alarm that was looked at last for its cause exceeds the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) looked: Option<f64>,
    /// Unflagged positions since the last alarm.
    pub(super) since: usize,
}

impl Stream {
    pub(super) fn row(
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

    pub(super) fn bad_line(&mut self, line: u64, length: usize) -> Option<Change> {
        // A step without values and without a time, as it is to the windows.
        self.clock.gap_before(f64::NAN);
        self.profile.push(Moment { line, time: None }, length);
        let closed = self.pass(&None, 1, length)?;
        Some(Change { line, closed: Some(closed), opened: None })
    }

    /// Ends the open event.
    pub(super) fn finish(&mut self, group: Option<String>, length: usize) -> Option<Event> {
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

pub(super) fn strongest(at: Moment, verdict: &Verdict, parts: Option<&Parts>) -> Strongest {
    Strongest {
        at,
        score: verdict.score,
        severity: verdict.severity,
        cause: parts.and_then(|parts| parts.cause.clone()),
    }
}
