//! The column to name beside an alarm, for many alarms at once.

use super::expected::{How, Usual};
use super::units::Grid;
use super::{Bar, MAX_CALL_VALUES, Search, Trial, scored};
use crate::calibrated::CalibratedScorer;
use crate::error::ScorerError;
use crate::scorers::references::References;
use ae_intake::{Samples, Schema};

/// For each of these rows, which have the names of their groups beside them, the column whose replacement explains most of its score, which is the first that
/// [`explain`](super::explain) would try; `None` for a row without an observed value. Takes about one more score for
/// each column of a row, two if rows are windows. What is found for a row does not depend on the others.
///
/// # Errors
/// A row that cannot be scored.
pub(crate) fn causes(
    schema: &Schema,
    scorer: &CalibratedScorer,
    references: &References,
    samples: &Samples,
    rows: &[(usize, Option<&str>)],
) -> Result<Vec<Option<usize>>, ScorerError> {
    let grid = Grid::of(schema);
    if grid.n_columns() == 1 || grid.is_one_series() || rows.is_empty() {
        return Ok(vec![Some(0); rows.len()]);
    }
    let usual = Usual::of(references, &grid);
    // As many rows at a time as one call scores.
    let values = grid.width().saturating_mul(2 * grid.n_columns());
    let mut causes = Vec::with_capacity(rows.len());
    for rows in rows.chunks((MAX_CALL_VALUES / values.max(1)).max(1)) {
        let own = samples.select(&rows.iter().map(|(row, _)| *row).collect::<Vec<_>>());
        let scores = scorer.scores(&own, |at| rows[at].1)?;
        let mut searches = Vec::with_capacity(rows.len());
        for (at, &score) in scores.iter().enumerate() {
            // Which trial is best does not depend on the threshold.
            let bar = Bar { group: rows[at].1, threshold: f64::INFINITY };
            searches.push(Search::new(&grid, scorer, &usual, own.select(&[at]), score, bar));
        }
        let mut trials = Vec::with_capacity(rows.len());
        let (mut replaced, mut groups) = (Vec::with_capacity(rows.len()), Vec::new());
        for search in &searches {
            let alone = search.alone()?;
            groups.extend(alone.iter().map(|_| search.bar.group));
            replaced.push(search.rows(&alone));
            trials.push(alone);
        }
        let replaced = Samples::concat(grid.width(), &replaced);
        let mut judged = scorer.judge_groups(&replaced, |at| groups[at])?.into_iter();
        for trials in &mut trials {
            let n = trials.len();
            scored(trials, judged.by_ref().take(n), f64::INFINITY);
        }
        causes.extend(searches.iter().zip(&trials).map(|(search, trials)| search.first(trials)));
    }
    Ok(causes)
}

impl Search<'_> {
    /// The trials, without scores, in which one unit is replaced.
    fn alone(&self) -> Result<Vec<Trial>, ScorerError> {
        Ok(self.unscored(self.units()?.into_iter().map(|unit| vec![unit]).collect()))
    }

    /// The column of the best of the trials of [`Search::alone`].
    fn first(&self, trials: &[Trial]) -> Option<usize> {
        let nothing = Trial {
            units: Vec::new(),
            near: Vec::new(),
            how: How::Typical,
            score: self.score,
            is_normal: false,
        };
        self.best(self.lowest(trials), &nothing).map(|trial| trial.units[0].column)
    }
}
