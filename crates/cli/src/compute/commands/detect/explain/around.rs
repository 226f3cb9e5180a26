//! What surrounds the strongest window of an event, in bounded memory: the window before it, the window after it, and
//! the scores of both.

use ae_anomaly::events::Moment;
use ae_anomaly::{Judgement, Verdict};
use ae_intake::Samples;
use std::collections::VecDeque;

/// Windows kept for each length of a window, to find one that ends shortly before another begins.
const ANCHORS: usize = 4;

/// A window and its last step.
pub(super) struct Tile {
    pub(super) at: Moment,
    pub(super) window: Samples,
}

/// What is drawn around the strongest window of an event.
#[derive(Default)]
pub(super) struct Around {
    /// A window that ends within the strongest one, near its beginning.
    pub(super) before: Option<Tile>,
    /// The window one length later, or the last one of the event.
    pub(super) after: Option<Tile>,
    /// The scores of the windows that end around it.
    pub(super) scores: Vec<(Moment, f64)>,
}

/// The strongest alarm of an event so far.
struct Strongest {
    verdict: Verdict,
    window: Samples,
    /// Rows since then.
    since: usize,
    around: Around,
}

/// Follows the windows of a stream.
pub(super) struct Surroundings {
    length: usize,
    rows: usize,
    /// Windows every quarter of a length, with the row at which they end; the newest last.
    anchors: VecDeque<(usize, Tile)>,
    /// Scores of the last rows, the newest last.
    scores: VecDeque<(Moment, f64)>,
    strongest: Option<Strongest>,
}

impl Surroundings {
    pub(super) fn new(length: usize) -> Self {
        Surroundings { length, rows: 0, anchors: VecDeque::new(), scores: VecDeque::new(), strongest: None }
    }

    /// The next row; `opens` if it begins an event.
    pub(super) fn pass(
        &mut self,
        at: Moment,
        samples: &Samples,
        row: usize,
        judgement: &Judgement,
        opens: bool,
    ) {
        self.rows += 1;
        if let Some(verdict) = judgement.verdict() {
            self.scores.push_back((at, verdict.score));
            if self.scores.len() > 3 * self.length {
                self.scores.pop_front();
            }
        }
        let window = || samples.select(&[row]);
        if let Judgement::Anomalous(verdict) = judgement {
            let is_stronger = |strongest: &Strongest| verdict.score > strongest.verdict.score;
            if opens || self.strongest.as_ref().is_none_or(is_stronger) {
                let around = Around { before: self.before(), ..Around::default() };
                self.strongest = Some(Strongest { verdict: *verdict, window: window(), since: 0, around });
            } else {
                self.follow(at, window);
            }
        } else if self.strongest.is_some() {
            self.follow(at, window);
        }
        if self.rows.is_multiple_of((self.length / ANCHORS).max(1)) {
            self.anchors.push_back((self.rows, Tile { at, window: window() }));
            if self.anchors.len() > ANCHORS + 1 {
                self.anchors.pop_front();
            }
        }
    }

    /// The strongest alarm of the event that ends, its window and what surrounds it.
    pub(super) fn take(&mut self) -> Option<(Verdict, Samples, Around)> {
        let Strongest { verdict, window, since, mut around } = self.strongest.take()?;
        if around.after.is_none() && since > 0 {
            // The event ends with the input, or with a gap in the times, before a window has passed.
            around.scores = self.scores.iter().copied().collect();
            around.after = self.anchors.pop_back().map(|(_, tile)| tile);
        }
        if around.scores.is_empty() {
            around.scores = self.scores.iter().copied().collect();
        }
        Some((verdict, window, around))
    }

    /// The earliest of the kept windows that ends within the window of this row.
    fn before(&self) -> Option<Tile> {
        let first = self.rows.saturating_sub(self.length);
        let found = self.anchors.iter().find(|(end, _)| *end >= first);
        found.map(|(_, tile)| Tile { at: tile.at, window: tile.window.clone() })
    }

    /// A row after the strongest one.
    fn follow(&mut self, at: Moment, window: impl FnOnce() -> Samples) {
        let Some(strongest) = &mut self.strongest else { return };
        strongest.since += 1;
        if strongest.since == self.length {
            strongest.around.after = Some(Tile { at, window: window() });
            strongest.around.scores = self.scores.iter().copied().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn judgement(score: f64) -> Judgement {
        let is_anomalous = score > 1.0;
        Judgement::of(Verdict { score, p_value: 0.1, threshold: 1.0, severity: 0.6, is_anomalous })
    }

    /// Passes rows whose only value is their number, and returns what was kept when the event ended.
    fn passed(n: usize, strongest: usize, length: usize) -> (Samples, Around) {
        let mut surroundings = Surroundings::new(length);
        let rows = Samples::complete(Array2::from_shape_fn((n, 1), |(row, _)| row as f32));
        for row in 0..n {
            let score = if row >= 20 { 9.0 - row.abs_diff(strongest) as f64 / 100.0 } else { 0.5 };
            let at = Moment { line: row as u64 + 1, time: None };
            surroundings.pass(at, &rows, row, &judgement(score), row == 20);
            assert!(surroundings.anchors.len() <= ANCHORS + 1 && surroundings.scores.len() <= 3 * length);
        }
        let (verdict, window, around) = surroundings.take().expect("an event");
        assert_eq!(verdict.score, 9.0);
        assert!(surroundings.take().is_none(), "an event is taken once");
        (window, around)
    }

    #[test]
    fn the_windows_around_the_strongest_are_kept() {
        for length in [2, 7, 16] {
            let (window, around) = passed(200, 100, length);
            assert_eq!(window.values[[0, 0]], 100.0);
            let (before, after) = (around.before.unwrap(), around.after.unwrap());
            let distance = 100.0 - before.window.values[[0, 0]];
            assert!(distance > 0.0 && distance <= length as f32, "{length}: {distance}");
            assert!(distance > 0.6 * length as f32 || length < 8, "{length}: {distance}");
            assert_eq!(after.window.values[[0, 0]], 100.0 + length as f32);
            assert_eq!(around.scores.len(), 3 * length);
            assert_eq!(around.scores.last().unwrap().0.line, 101 + length as u64);
        }
    }

    #[test]
    fn an_event_at_the_end_of_the_input_has_what_there_is() {
        let (window, around) = passed(104, 103, 16);
        assert_eq!(window.values[[0, 0]], 103.0);
        assert!(around.after.is_none() && !around.scores.is_empty());
        let (_, around) = passed(110, 103, 16);
        assert!(around.after.is_some_and(|tile| tile.at.line <= 110));
    }
}
