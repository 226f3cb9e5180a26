//! The search for segments of steps.

use super::units::Unit;
use super::{Search, Trial, without};
use crate::error::ScorerError;

/// Most times that the ends of a segment are moved.
const MAX_MOVES: usize = 12;

/// What the drop in score from replacing a segment is multiplied by. Of the segments that cover a constant
/// deviation in part or with more around it, the one that is the deviation then comes first.
pub(super) fn weight(unit: &Unit) -> f64 {
    1.0 / (unit.steps.len() as f64).sqrt()
}

impl Search<'_> {
    /// Replaces each channel of a window by a segment of it which does as much.
    pub(super) fn narrowed(&self, mut trial: Trial) -> Result<Trial, ScorerError> {
        if !self.grid.has_channels() {
            return Ok(trial);
        }
        for at in 0..trial.units.len() {
            let others = without(&trial.units, at);
            let base = match others.is_empty() {
                true => self.score,
                false => self.trials(vec![others])?.remove(0).score,
            };
            let (is_normal, score) = (trial.is_normal, trial.score);
            let does_as_much = |narrow: &Trial| narrow.is_normal || (!is_normal && narrow.score <= score);
            let mut segments = self.grid.segments(trial.units[at].column, self.most);
            segments.retain(|unit| self.is_observed(unit));
            let sets = segments.into_iter().map(|unit| replaced(&trial.units, at, unit)).collect();
            if let Some((_, narrow)) = strongest(self.trials(sets)?, at, base, does_as_much) {
                trial = self.moved(narrow, at, base, does_as_much)?;
            }
        }
        Ok(trial)
    }

    /// Moves the ends of segment `at` of a trial as long as it lowers more of the score `base`, which the row
    /// has without it, in relation to its length. What it becomes is `accepted`, as it is now.
    pub(super) fn moved(
        &self,
        mut best: Trial,
        at: usize,
        base: f64,
        accepted: impl Fn(&Trial) -> bool,
    ) -> Result<Trial, ScorerError> {
        let others = without(&best.units, at);
        let mut gain = (base - best.score) * weight(&best.units[at]);
        let mut by = (best.units[at].steps.len() / 2).max(1);
        for _ in 0..MAX_MOVES {
            let mut near = self.grid.near(&best.units[at], by);
            near.retain(|unit| !unit.overlaps_any(&others) && self.is_observed(unit));
            let sets = near.into_iter().map(|unit| replaced(&best.units, at, unit)).collect();
            match strongest(self.trials(sets)?, at, base, &accepted) {
                Some((more, better)) if more > gain => (gain, best) = (more, better),
                _ if by == 1 => break,
                _ => by /= 2,
            }
        }
        Ok(best)
    }
}

/// The accepted trial whose segment `at` lowers `base` most in relation to its length, and by how much; the
/// first on ties. `None` if none lowers it.
fn strongest(
    trials: Vec<Trial>,
    at: usize,
    base: f64,
    accepted: impl Fn(&Trial) -> bool,
) -> Option<(f64, Trial)> {
    let mut best: Option<(f64, Trial)> = None;
    for trial in trials {
        let gain = (base - trial.score) * weight(&trial.units[at]);
        let least = best.as_ref().map_or(0.0, |(gain, _)| *gain);
        if gain > least && accepted(&trial) {
            best = Some((gain, trial));
        }
    }
    best
}

fn replaced(units: &[Unit], at: usize, by: Unit) -> Vec<Unit> {
    let mut units = units.to_vec();
    units[at] = by;
    units
}
