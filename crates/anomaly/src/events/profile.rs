//! The scores of the steps of an event, in bounded memory, and where in them the anomaly lies.

use super::{Moment, runs};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Steps, or groups of steps, of an event that are told apart.
pub(super) const MAX_BINS: usize = 512;
/// How far above the lowest step score the anomaly begins, as a share of the distance to the peak.
const HEIGHT: f64 = 0.5;
/// A dip may last one in this many of the steps of a window.
pub(super) const DIP: usize = 4;

/// The scores of steps: of the last window one by one, of those before in bins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    /// The last positions, the newest last; at most the length of a window.
    steps: VecDeque<Step>,
    /// The steps of the event before these; at most [`MAX_BINS`].
    bins: Vec<Bin>,
    /// Steps in each bin but the last.
    bin_width: u64,
    /// Steps in the last bin.
    filled: u64,
    /// Of the flagged windows.
    ends: Option<Ends>,
    /// Whether the flagged windows have shares.
    has_shares: bool,
}

/// Where the flagged windows of an event touch the anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ends {
    /// The last step of the first flagged window.
    first: Moment,
    /// The first step of the last flagged window.
    last: Moment,
}

/// A position that later windows may contain.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    at: Moment,
    /// Mean over the flagged windows so far that contain it; 0 or more.
    score: f64,
    /// Number of these windows.
    windows: u64,
}

/// Some steps in a row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bin {
    first: Moment,
    last: Moment,
    /// The step with the largest score, and this score.
    peak: Moment,
    score: f64,
}

/// Where an anomaly lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) start: Moment,
    pub(super) peak: Moment,
    pub(super) end: Moment,
}

/// The median score of one or more bins.
fn median(bins: &[Bin]) -> f64 {
    let mut scores: Vec<f64> = bins.iter().map(|bin| bin.score).collect();
    scores.sort_unstable_by(f64::total_cmp);
    scores[scores.len() / 2]
}

impl Profile {
    /// The next position of a stream whose windows have `length` steps.
    pub(super) fn push(&mut self, at: Moment, length: usize) {
        while self.steps.len() >= length.max(1) {
            if let Some(step) = self.steps.pop_front() {
                self.keep(step);
            }
        }
        self.steps.push_back(Step { at, score: 0.0, windows: 0 });
    }

    /// Adds a flagged window that ends at the last position; `shares` are those of its steps, oldest first.
    pub(super) fn add(&mut self, score: f64, shares: Option<&[f64]>) {
        if let (Some(oldest), Some(newest)) = (self.steps.front(), self.steps.back()) {
            let first = self.ends.map_or(newest.at, |ends| ends.first);
            self.ends = Some(Ends { first, last: oldest.at });
        }
        self.has_shares = shares.is_some();
        for (ago, step) in self.steps.iter_mut().rev().enumerate() {
            let share = match shares {
                None => 1.0,
                Some(shares) if ago < shares.len() => shares[shares.len() - 1 - ago],
                Some(_) => continue,
            };
            // 0 or more and finite, as a stored state has to be.
            let part = (score * share).clamp(0.0, f64::MAX);
            step.windows += 1;
            step.score += (part - step.score) / step.windows as f64;
        }
    }

    /// Ends the event, and says where it was; `None` if there was none. `last_alarm` is the last flagged row, if the
    /// stream ended before the alarms did: the first step of the last window then says nothing about the end.
    pub(super) fn close(&mut self, length: usize, last_alarm: Option<Moment>) -> Option<Place> {
        for at in 0..self.steps.len() {
            self.keep(self.steps[at]);
            let step = &mut self.steps[at];
            (step.score, step.windows) = (0.0, 0);
        }
        let bins = std::mem::take(&mut self.bins);
        let width = std::mem::take(&mut self.bin_width).max(1);
        self.filled = 0;
        let Ends { first, last } = self.ends.take()?;
        let touches = first.line <= last.line;
        let narrows_start = self.has_shares && !touches;
        let narrows_end = self.has_shares && !touches;
        let (mut start, mut end) = match last_alarm {
            Some(last_alarm) => (if narrows_start { last } else { first }, last_alarm),
            None if touches => (first, last),
            None => (last, first),
        };
        let inside = |bin: &&Bin| bin.last.line >= start.line && bin.first.line <= end.line;
        let within: Vec<Bin> = bins.iter().filter(inside).copied().collect();
        let (mut highest, mut lowest) = (0, within.first()?.score);
        for (at, bin) in within.iter().enumerate() {
            lowest = lowest.min(bin.score);
            if bin.score > within[highest].score {
                highest = at;
            }
        }
        let floor = lowest + HEIGHT * (within[highest].score - lowest);
        let above: Vec<bool> = within.iter().map(|bin| bin.score >= floor).collect();
        let dip = (length / DIP) as u64 / width;
        let dip_bins = usize::try_from(dip).unwrap_or(usize::MAX);
        let run = runs(&above, dip_bins)
            .into_iter()
            .find(|run| run.contains(&highest))
            .unwrap_or(highest..highest + 1);
        if narrows_start {
            start = within[run.start].first;
        }
        if narrows_end {
            end = within[run.end - 1].last;
        } else if self.has_shares && last_alarm.is_some() {
            // The first step of the last window is in the anomaly; whether those after it are, they have to say.
            let sure = within.partition_point(|bin| bin.first.line <= last.line).max(1);
            let floor = lowest + HEIGHT * (median(&within[..sure]) - lowest);
            let above: Vec<bool> = within[sure - 1..].iter().map(|bin| bin.score >= floor).collect();
            let run = runs(&above, dip_bins).into_iter().next();
            let upto = run.filter(|run| run.start as u64 <= dip).map_or(0, |run| run.end - 1);
            // A dip may still go on at the end.
            if ((above.len() - 1 - upto) as u64) > dip {
                end = within[sure - 1 + upto].last;
            }
        }
        // A bin of a long event may reach beyond them.
        let peak = within[highest].peak;
        let beside = if peak.line < start.line { start } else { end };
        let is_inside = (start.line..=end.line).contains(&peak.line);
        Some(Place { start, peak: if is_inside { peak } else { beside }, end })
    }

    /// Moves a step that no later window contains into the bins, if it belongs to the event.
    fn keep(&mut self, step: Step) {
        if step.windows == 0 {
            return;
        }
        let Step { at, score, .. } = step;
        self.bin_width = self.bin_width.max(1);
        let room = self.filled < self.bin_width;
        if let Some(bin) = self.bins.last_mut().filter(|_| room) {
            bin.last = at;
            if score > bin.score {
                (bin.peak, bin.score) = (at, score);
            }
            self.filled += 1;
            return;
        }
        if self.bins.len() >= MAX_BINS {
            self.halve();
        }
        self.bins.push(Bin { first: at, last: at, peak: at, score });
        self.filled = 1;
    }

    /// Joins bins in pairs.
    fn halve(&mut self) {
        let joined = self.bins.chunks(2).map(|pair| {
            let (first, last) = (pair[0], pair[pair.len() - 1]);
            let higher = if last.score > first.score { last } else { first };
            Bin { first: first.first, last: last.last, ..higher }
        });
        self.bins = joined.collect();
        self.bin_width = self.bin_width.saturating_mul(2);
    }

    /// Whether a stored profile can be one of windows of `length` steps.
    pub(super) fn is_sound(&self, length: usize) -> bool {
        let is_score = |score: f64| (0.0..=f64::MAX).contains(&score);
        self.steps.len() <= length
            && self.bins.len() <= MAX_BINS
            && self.filled <= self.bin_width.max(1)
            // A step is counted once for each line, so that no sum can overflow.
            && self.steps.iter().all(|step| is_score(step.score) && step.windows <= length as u64)
            && self.bins.iter().all(|bin| is_score(bin.score))
            && self.bin_width <= 1 << 54
    }
}
