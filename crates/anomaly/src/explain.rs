//! Explains a row by what would make it normal: the smallest set of columns (of steps, for series) which,
//! replaced by what is expected given the others, brings the score to or below the threshold.
//!
//! It works with any scorer, because all it asks for is scores. What is expected comes from reference rows of
//! normal data, see [`expected`]. The largest reconstruction error would often name another column: a model
//! that is given a wrong value reconstructs those that depend on it wrongly, too.
//!
//! **Search.** Columns are added one by one. Of all columns, the next is the one with the largest product of
//! two factors: by how much its replacement lowers the score, and how far its value is from what is expected.
//! The search ends when the row is normal, or with [`MAX_NAMED`] columns. Columns that turn out not to be
//! needed are removed. In windows of several channels, each channel is then narrowed down to a segment of
//! steps. In a single series, segments are searched from the start, and the second factor is `1 / √length`:
//! it prefers the segment that has all of a deviation and little else.
//!
//! **Share.** Half the drop in score from replacing the unit alone, and half the rise from leaving it out of
//! the set, divided by the sum over the set.
//!
//! **Cost.** For a table of `D` columns, at most about `5 D + 20` rows are scored, and a row with one wrong
//! column takes `D + 5`. Of more than 256 columns, 256 are tried: those with the largest deviations and the
//! largest contributions. For series and windows, up to 512 rows are scored for each segment or channel that is
//! named, up to 512 to narrow a channel down, and up to 192 to move the ends of a segment.

mod causes;
mod expected;
mod segments;
mod shares;
mod units;

use crate::calibrated::CalibratedScorer;
use crate::error::ScorerError;
use crate::judgement::Judgement;
use crate::scorers::references::{self, References};
use ae_intake::{Samples, Schema};
use expected::{How, Usual};
use ndarray::Array2;
use units::{Grid, Unit};

pub(crate) use causes::causes;
pub(crate) use shares::shares;

/// Most columns, channels or segments that are named.
const MAX_NAMED: usize = 5;
/// Most units that are tried at a time, and about how many values their rows may have in all.
pub(crate) const MAX_UNITS: usize = 256;
const MAX_VALUES: usize = 1 << 24;
/// Fewest units that are tried, however wide rows are.
const MIN_UNITS: usize = 16;
/// About how many values the rows that are scored in one call have.
const MAX_CALL_VALUES: usize = 1 << 21;

/// What would make a row normal.
#[derive(Debug)]
pub(crate) struct Found {
    grid: Grid,
    /// The most important first.
    causes: Vec<Cause>,
    /// Whether the row is normal once the causes are replaced.
    pub(crate) sufficient: bool,
    /// What is expected of each value, scaled: `[D]`; `None` for what no reference has.
    expected: Vec<Option<f64>>,
}

/// A unit that was replaced.
#[derive(Debug)]
struct Cause {
    unit: Unit,
    share: f64,
}

/// A row in which units are replaced.
#[derive(Clone, Debug)]
struct Trial {
    units: Vec<Unit>,
    /// The references that the expectation comes from.
    near: Vec<usize>,
    how: How,
    /// Infinite if the row has no score.
    score: f64,
    is_normal: bool,
}

/// What a row is judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar<'a> {
    /// The name of its group, whose calibration its score is of if it has gaps; `None` without groups.
    pub group: Option<&'a str>,
    /// The score above which it is flagged.
    pub threshold: f64,
}

/// Explains the one row of `one`; `references` are rows of normal data of the same width.
///
/// # Errors
/// A row that cannot be scored.
pub(crate) fn explain(
    schema: &Schema,
    scorer: &CalibratedScorer,
    references: &References,
    one: &Samples,
    bar: Bar<'_>,
) -> Result<Found, ScorerError> {
    let grid = Grid::of(schema);
    let usual = Usual::of(references, &grid);
    let score = scorer.scores(one, |_| bar.group)?[0];
    let search = Search::new(&grid, scorer, &usual, one.clone(), score, bar);
    let trial = search.narrowed(search.pruned(search.chosen()?)?)?;
    let (causes, expected) = (search.causes(&trial)?, search.expected(&trial));
    let sufficient = trial.is_normal;
    Ok(Found { grid, causes, sufficient, expected })
}

struct Search<'a> {
    scorer: &'a CalibratedScorer,
    one: Samples,
    /// `[D]`, NaN for missing values.
    row: Vec<f64>,
    score: f64,
    bar: Bar<'a>,
    usual: &'a Usual<'a>,
    grid: &'a Grid,
    /// Most units that are tried at a time.
    most: usize,
}

impl<'a> Search<'a> {
    /// Of the one row of `one`, whose score is known.
    fn new(
        grid: &'a Grid,
        scorer: &'a CalibratedScorer,
        usual: &'a Usual<'a>,
        one: Samples,
        score: f64,
        bar: Bar<'a>,
    ) -> Self {
        let row = references::with_gaps(&one).row(0).to_vec();
        let most = (MAX_VALUES / grid.width().max(1)).clamp(MIN_UNITS, MAX_UNITS);
        Search { scorer, one, row, score, bar, usual, grid, most }
    }

    /// Adds units until the row is normal; at least one, also to a row that is normal already.
    fn chosen(&self) -> Result<Trial, ScorerError> {
        let units = self.units()?;
        let mut current = self.trials(vec![Vec::new()])?.remove(0);
        current.score = self.score;
        while current.units.len() < MAX_NAMED {
            let free = units.iter().filter(|unit| !unit.overlaps_any(&current.units));
            let sets = free.map(|unit| with(&current.units, unit.clone())).collect();
            let Some(best) = self.best(self.trials(sets)?, &current) else { break };
            current = match self.grid.is_one_series() {
                true => self.moved(best, current.units.len(), current.score, |_| true)?,
                false => best,
            };
            if current.is_normal {
                break;
            }
        }
        Ok(current)
    }

    /// The units to choose from: those with observed values.
    fn units(&self) -> Result<Vec<Unit>, ScorerError> {
        let mut units: Vec<Unit> = match self.grid.is_one_series() {
            true => self.grid.segments(0, self.most),
            false => (0..self.grid.n_columns()).map(|column| self.grid.whole(column)).collect(),
        };
        units.retain(|unit| self.is_observed(unit));
        if units.len() <= self.most {
            return Ok(units);
        }
        // The widest rows have more columns than can be tried.
        let near = self.usual.nearest(&self.row, &[Vec::new()]).remove(0);
        let deviations: Vec<f64> =
            units.iter().map(|unit| self.deviation(unit, &near, How::Typical)).collect();
        let parts = self.scorer.scorer().contributions(&self.one)?;
        let part = |unit: &Unit| -> f64 {
            match &parts {
                Some(parts) => self.grid.indices(unit).map(|index| parts[[0, index]]).sum(),
                None => 0.0,
            }
        };
        let parts: Vec<f64> = units.iter().map(part).collect();
        let mut is_tried = vec![false; units.len()];
        for sizes in [deviations, parts] {
            let mut order: Vec<usize> = (0..units.len()).collect();
            order.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]));
            order.iter().take(self.most / 2).for_each(|&at| is_tried[at] = true);
        }
        let mut is_tried = is_tried.into_iter();
        units.retain(|_| is_tried.next().unwrap_or(false));
        Ok(units)
    }

    /// Whether any of its values was observed.
    fn is_observed(&self, unit: &Unit) -> bool {
        self.grid.indices(unit).any(|index| !self.row[index].is_nan())
    }

    /// The trial whose last unit explains most of what is left; the first on ties. `None` if no unit lowers
    /// the score. If there is no unit yet, the one that is farthest from what is expected serves then.
    fn best(&self, trials: Vec<Trial>, current: &Trial) -> Option<Trial> {
        let gains: Vec<f64> = trials.iter().map(|trial| self.gain(trial, current)).collect();
        let mut best: Option<usize> = None;
        for (at, &gain) in gains.iter().enumerate() {
            if gain > 0.0 && best.is_none_or(|best| gain > gains[best]) {
                best = Some(at);
            }
        }
        if best.is_none() && current.units.is_empty() {
            let mut farthest = 0.0;
            for (at, trial) in trials.iter().enumerate() {
                let deviation = trial.units.last().map_or(0.0, |unit| self.weight(unit, trial));
                if trial.score.is_finite() && (best.is_none() || deviation > farthest) {
                    (best, farthest) = (Some(at), deviation);
                }
            }
        }
        best.map(|best| trials.into_iter().nth(best).expect("an index of a trial"))
    }

    /// How much the last unit of a trial explains of the score that is left; 0 or less if it does not lower it.
    fn gain(&self, trial: &Trial, current: &Trial) -> f64 {
        let Some(unit) = trial.units.last() else { return 0.0 };
        let drop = current.score - trial.score;
        if drop > 0.0 { drop * self.weight(unit, trial) } else { f64::NEG_INFINITY }
    }

    fn weight(&self, unit: &Unit, trial: &Trial) -> f64 {
        match self.grid.is_one_series() {
            true => segments::weight(unit),
            false => self.deviation(unit, &trial.near, trial.how),
        }
    }

    /// Euclidean distance of the observed values of a unit from what is expected.
    fn deviation(&self, unit: &Unit, near: &[usize], how: How) -> f64 {
        let expected = self.usual.expect(near, how, unit);
        let mut sum = 0.0;
        for (index, expected) in self.grid.indices(unit).zip(expected) {
            if let Some(expected) = expected.filter(|_| !self.row[index].is_nan()) {
                sum += (self.row[index] - expected).powi(2);
            }
        }
        sum.sqrt()
    }

    /// Removes units without which the row is still normal or, if it is not, its score does not rise.
    fn pruned(&self, mut trial: Trial) -> Result<Trial, ScorerError> {
        while trial.units.len() > 1 {
            let sets = (0..trial.units.len()).map(|at| without(&trial.units, at)).collect();
            let mut fewer = self.trials(sets)?;
            fewer.retain(|fewer| fewer.is_normal || (!trial.is_normal && fewer.score <= trial.score));
            match fewer.into_iter().min_by(|a, b| a.score.total_cmp(&b.score)) {
                Some(fewer) => trial = fewer,
                None => break,
            }
        }
        Ok(trial)
    }

    /// Scores the row once for each set of units. Of the two ways to expect a course of several steps, the one
    /// with the lower score counts.
    fn trials(&self, sets: Vec<Vec<Unit>>) -> Result<Vec<Trial>, ScorerError> {
        let mut trials = self.unscored(sets);
        for part in trials.chunks_mut((MAX_CALL_VALUES / self.grid.width().max(1)).max(1)) {
            scored(part, self.scorer.judge_groups(&self.rows(part), |_| self.bar.group)?, self.bar.threshold);
        }
        Ok(self.lowest(&trials))
    }

    /// How a course of several steps may be expected.
    fn ways(&self) -> &'static [How] {
        if self.grid.steps > 1 { &[How::Typical, How::Nearest] } else { &[How::Typical] }
    }

    /// The trials of each set of units in each way, without a score.
    fn unscored(&self, sets: Vec<Vec<Unit>>) -> Vec<Trial> {
        let near = self.usual.nearest(&self.row, &sets);
        let mut trials: Vec<Trial> = Vec::with_capacity(sets.len() * self.ways().len());
        for (units, near) in sets.into_iter().zip(near) {
            for &how in self.ways() {
                let (units, near) = (units.clone(), near.clone());
                trials.push(Trial { units, near, how, score: f64::INFINITY, is_normal: false });
            }
        }
        trials
    }

    /// Of the ways of each set of units, the trial with the lowest score.
    fn lowest(&self, trials: &[Trial]) -> Vec<Trial> {
        let lowest = |ways: &[Trial]| ways.iter().min_by(|a, b| a.score.total_cmp(&b.score)).cloned();
        trials.chunks(self.ways().len()).filter_map(lowest).collect()
    }

    /// The row, `[N, D]`, with the units of each trial replaced; what is missing stays missing.
    fn rows(&self, trials: &[Trial]) -> Samples {
        let n = trials.len();
        let mut values = Array2::from_shape_fn((n, self.grid.width()), |(_, at)| self.one.values[[0, at]]);
        for (mut row, trial) in values.outer_iter_mut().zip(trials) {
            for unit in &trial.units {
                let expected = self.usual.expect(&trial.near, trial.how, unit);
                for (index, expected) in self.grid.indices(unit).zip(expected) {
                    if let Some(expected) = expected.filter(|_| !self.row[index].is_nan()) {
                        row[index] = expected as f32;
                    }
                }
            }
        }
        let observed = self.one.observed.as_ref();
        let observed = observed.map(|own| Array2::from_shape_fn(values.dim(), |(_, at)| own[[0, at]]));
        Samples::complete(values).with_observed(observed)
    }

    /// The units of a trial with their shares, largest first.
    fn causes(&self, trial: &Trial) -> Result<Vec<Cause>, ScorerError> {
        let units = &trial.units;
        let n = units.len();
        let mut parts = vec![1.0; n];
        if n > 1 {
            let alone = units.iter().map(|unit| vec![unit.clone()]);
            let trials = self.trials(alone.chain((0..n).map(|at| without(units, at))).collect())?;
            for (at, part) in parts.iter_mut().enumerate() {
                let (drop, rise) = (self.score - trials[at].score, trials[n + at].score - trial.score);
                // A row without a score says nothing.
                *part = [drop, rise].into_iter().filter(|change| change.is_finite() && *change > 0.0).sum();
            }
        }
        let largest = parts.iter().copied().fold(0.0, f64::max);
        // In two steps, so that neither tiny nor huge parts leave the range of doubles.
        parts.iter_mut().for_each(|part| *part = if largest > 0.0 { *part / largest } else { 1.0 });
        let sum: f64 = parts.iter().sum();
        let cause = |(unit, part): (&Unit, f64)| Cause { unit: unit.clone(), share: part / sum };
        let mut causes: Vec<Cause> = units.iter().zip(parts).map(cause).collect();
        // A stable sort keeps equal shares in the order in which they were found.
        causes.sort_by(|a, b| b.share.total_cmp(&a.share));
        Ok(causes)
    }

    /// What is expected of each value: what the units were replaced by, and for the others what the same
    /// references have.
    fn expected(&self, trial: &Trial) -> Vec<Option<f64>> {
        let mut all = vec![None; self.grid.width()];
        let columns = (0..self.grid.n_columns()).map(|column| (self.grid.whole(column), How::Typical));
        let named = trial.units.iter().map(|unit| (unit.clone(), trial.how));
        for (unit, how) in columns.chain(named) {
            let expected = self.usual.expect(&trial.near, how, &unit);
            for (index, expected) in self.grid.indices(&unit).zip(expected) {
                all[index] = expected;
            }
        }
        all
    }
}

/// Notes the scores of trials.
fn scored(trials: &mut [Trial], judged: impl IntoIterator<Item = Judgement>, threshold: f64) {
    for (trial, judgement) in trials.iter_mut().zip(judged) {
        if let Some(verdict) = judgement.verdict() {
            (trial.score, trial.is_normal) = (verdict.score, verdict.score <= threshold);
        }
    }
}

fn with(units: &[Unit], unit: Unit) -> Vec<Unit> {
    units.iter().cloned().chain([unit]).collect()
}

fn without(units: &[Unit], at: usize) -> Vec<Unit> {
    let others = units.iter().enumerate().filter(|(other, _)| *other != at);
    others.map(|(_, unit)| unit.clone()).collect()
}
