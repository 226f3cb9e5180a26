//! Alarms as events: what a person is told about is a fault, not each of the rows that it flags.
//!
//! Windows overlap, so that a fault of 31 steps flags every window that contains enough of it, often more than a
//! hundred. [`runs`] joins flagged positions into events, and an [`EventTracker`] does so for a stream in bounded
//! memory.
//!
//! For windows it also says *where* the anomaly lies, in two steps:
//!
//! 1. A fault flags every window that touches it, if it is strong. It then begins at the last step of the first flagged
//!    window, and ends at the first step of the last. If the latter comes first, no window was flagged before it
//!    contained much of the fault; the fault then lies between the two, because all flagged windows contain these steps.
//! 2. The score of a step is the mean, over the flagged windows of the event that contain it, of the window's score
//!    times the share of the step in it ([`Scorer::contributions`]), or of the window's score if the scorer has no
//!    shares. Where scores may be negative, the excess over the threshold takes the place of the score. The peak is the
//!    step between start and end with the largest score. In the second case of step 1, the event is narrowed to the
//!    steps around the peak in the upper half between the smallest score and the peak: the full width at half maximum,
//!    as spectroscopy measures a line over its background. Dips of up to a quarter of a window, such as where a flat
//!    line crosses the signal it replaces, do not end it.
//!
//! Where the input ends while alarms go on, the first step of the last window does not say where the anomaly ends: the
//! event then ends with its last alarm, or before if the scores of the steps after that one are less than half as far
//! above the smallest as the median of those before.
//!
//! Shares alone do not do: a window of less than twice the fault's length spreads its error over the steps beside it.
//! Of injected faults of 31 steps (an offset, a flat line, noise, a reversed phase) in windows of 48 to 160 steps under
//! principal components, every peak lies in the fault, and every start and end within 5 steps. A slow ramp begins 5 to
//! 9 steps late, when its first windows are flagged.
//!
//! Rows of tables and series are independent, so each of their alarms is an event of its own.

mod profile;
mod stream;
#[cfg(test)]
mod tests;
mod tracker;

pub use tracker::EventTracker;

use crate::detector::Detector;
use crate::error::ScorerError;
use crate::explain;
#[cfg(doc)]
use crate::scorers::Scorer;
use ae_intake::Samples;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The events among positions in order: the maximal runs of flagged positions, where runs with at most `gap`
/// unflagged positions between them are one. Each range begins and ends with a flagged position.
///
/// ```
/// use ae_anomaly::events::runs;
///
/// let flagged = [true, true, false, false, true, false, false, false, true];
/// assert_eq!(runs(&flagged, 0), [0..2, 4..5, 8..9]);
/// assert_eq!(runs(&flagged, 2), [0..5, 8..9]);
/// ```
pub fn runs(flagged: &[bool], gap: usize) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, _) in flagged.iter().enumerate().filter(|(_, flagged)| **flagged) {
        match runs.last_mut() {
            Some(run) if at - run.end <= gap => run.end = at + 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

/// A line of the input and its time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// From 1.
    pub line: u64,
    /// In the unit of [`Block::stamps`](ae_intake::Block::stamps); `None` if the line has no time.
    pub time: Option<f64>,
}

impl Moment {
    /// A line with its time, which is NaN or infinite if it has none.
    pub fn new(line: u64, time: f64) -> Self {
        Moment { line, time: Some(time).filter(|time| time.is_finite()) }
    }
}

/// Alarms that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place among the events of the stream, from 1.
    pub number: u64,
    /// The group whose rows it is of; `None` without groups.
    pub group: Option<String>,
    /// Where the anomaly begins. For windows, an estimate; see the [module](self).
    pub start: Moment,
    /// Its last line. For windows, an estimate.
    pub end: Moment,
    /// Where it is strongest. For windows, an estimate.
    pub peak: Moment,
    /// The first flagged row.
    pub first_alarm: Moment,
    /// The last flagged row.
    pub last_alarm: Moment,
    /// Number of flagged rows.
    pub alarms: u64,
    /// The flagged row with the highest score; the first of several. For windows, the one that ends there.
    pub strongest: Strongest,
}

/// The alarm with the highest score of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strongest {
    /// The row.
    pub at: Moment,
    /// Its score.
    pub score: f64,
    /// Its severity, in [0, 1].
    pub severity: f64,
    /// The column whose replacement by what is expected explains most of its score or, for windows, of that of an alarm
    /// nearly as strong; `None` if none was observed, or if it was not looked for.
    pub cause: Option<String>,
}

/// An event that has begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// Its place among the events of the stream, from 1.
    pub number: u64,
    /// The group whose rows it is of; `None` without groups.
    pub group: Option<String>,
    /// Its first alarm.
    pub first: Strongest,
}

/// What a line changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The line, from 1.
    pub line: u64,
    /// The event that ended before this line.
    pub closed: Option<Event>,
    /// The event that this line began.
    pub opened: Option<Opening>,
}

/// What is known about the score of an alarm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// The column whose replacement by what is expected explains most of the score of this row or, for windows, of the
    /// alarm of the same event that was looked at last; see [`EventTracker::follow`]. `None` if no column was observed,
    /// or if the row was not looked at.
    pub cause: Option<String>,
    /// For windows: the share of each step, `[T]`, oldest first; `None` if the scorer has no shares.
    pub steps: Option<Vec<f64>>,
}

/// What the lines of a block led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Followed {
    /// The parts of each flagged row, with its index in the block, ascending.
    pub parts: Vec<(usize, Parts)>,
    /// The lines that opened or closed an event, ascending.
    pub changes: Vec<Change>,
    /// Number of flagged rows that were not looked at for their cause, because there were too many.
    pub without_cause: u64,
}

/// Values of flagged windows that are split into shares at a time.
const VALUES_AT_ONCE: usize = 1 << 20;

impl Detector {
    /// For each of these rows, which have the names of their groups beside them, the column whose replacement by what is
    /// expected explains most of its score; `None` if none was observed. Takes about one more score for each column and row, two if rows are windows.
    ///
    /// # Errors
    /// A row that cannot be scored.
    pub fn causes(
        &self,
        samples: &Samples,
        rows: &[(usize, Option<&str>)],
    ) -> Result<Vec<Option<String>>, ScorerError> {
        let fields = &self.schema().fields;
        let causes = explain::causes(self.schema(), &self.scorer, &self.references, samples, rows)?;
        let name = |column: usize| fields.get(column).map(|field| field.name.clone());
        Ok(causes.into_iter().map(|column| column.and_then(name)).collect())
    }

    /// Of each of these windows, the share of each of its steps in its score, `[T]`, oldest first; `None` if rows are no
    /// windows or the scorer has no shares.
    ///
    /// # Errors
    /// A row that cannot be scored.
    pub fn step_shares(
        &self,
        samples: &Samples,
        rows: &[usize],
    ) -> Result<Vec<Option<Vec<f64>>>, ScorerError> {
        let schema = self.schema();
        let Some(windows) = schema.windows else { return Ok(vec![None; rows.len()]) };
        let mut all = Vec::with_capacity(rows.len());
        for rows in rows.chunks((VALUES_AT_ONCE / schema.width()).max(1)) {
            let Some(shares) = self.scorer().contributions(&samples.select(rows))? else {
                all.extend(rows.iter().map(|_| None));
                continue;
            };
            for shares in shares.rows() {
                let mut of_steps = vec![0.0; windows.length];
                for (at, share) in shares.iter().enumerate() {
                    of_steps[at / schema.row_width()] += share;
                }
                all.push(Some(of_steps));
            }
        }
        Ok(all)
    }
}
