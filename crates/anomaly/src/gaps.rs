//! Calibrates the score of a row with gaps for its gaps.
//!
//! A score says little by itself once values are missing: a network that has never seen a gap reconstructs the rest of
//! the row differently, and a mean over fewer values spreads more. So the calibration rows get the same gaps, are
//! scored with the same scorer, and the row is ranked among them: the p-value is conformal for each pattern of gaps,
//! as long as what is missing does not depend on the values (Zaffran, Dieuleveut, Josse & Romano, 2023, "Conformal
//! prediction with missing values", section 4, there for regression).
//!
//! - If enough calibration rows have exactly the pattern of the row, they alone are taken; then the p-value is exact
//!   whatever the gaps depend on. If enough have at least its values, those are taken.
//! - Otherwise all calibration rows are, with gaps of their own filled so that they vary as complete rows do
//!   ([`Completion::drawn`]; rows too wide for it get the values of a similar row, a hot deck). That is an
//!   approximation.
//!
//! Rows are compared in a fixed random order until the answer is clear: after `h` calibration rows with a score at
//! least as high, the p-value is `h / l` for the `l` rows compared (Besag & Clifford, 1991, "Sequential Monte Carlo
//! p-values", section 2), so usual rows cost little. What comes out is the score of a complete row that is equally
//! improbable: thresholds, severities and drift then mean the same for all rows.

use crate::calibration::{Calibration, Rule, Survival};
use crate::error::ScorerError;
use crate::scorers::Scorer;
use crate::scorers::completion::Completion;
use crate::scorers::references::{self, References};
use crate::scorers::stored::{self, Arrays};
use ae_intake::Samples;
use ae_records::arrays::StoredArray;
use ae_records::seed::{draw, stream_rng};
use ndarray::{Array2, ArrayView1, Axis};
use rand::seq::SliceRandom;
use std::cell::RefCell;
use std::collections::HashMap;

/// Calibration rows that are kept for rows with gaps, unless the rule needs more; and if they have gaps of their own,
/// of which only some fit a pattern.
const MAX_ROWS: usize = 512;
const MAX_ROWS_WITH_GAPS: usize = 2048;
/// Fewest rows with a pattern that are taken instead of all rows, if the rule does not need more.
pub(crate) const MIN_SAME: usize = 100;
/// Values in these rows, unless the rule needs more.
const MAX_VALUES: usize = 1 << 18;
/// Fewest rows with a score at least as high before a row counts as usual.
const MIN_HIGHER: usize = 8;
/// Rows that are scored at first; the number doubles from there.
const FIRST_ROWS: usize = 32;
/// Scores that are remembered, over all patterns.
const MAX_REMEMBERED: usize = 1 << 20;
/// Rows among which the one is drawn that fills a gap.
const DONORS: usize = 5;

/// Calibration rows for rows with gaps.
pub(crate) struct GapCalibration {
    /// `[K, D]`, complete but for what no row has; in random order.
    values: Array2<f32>,
    /// `[K, D]`, what was observed before gaps were filled; `None` if there were none.
    observed: Option<Array2<bool>>,
    /// `[K]`, the place of each among the calibration rows that the scorer was fitted with.
    places: Vec<usize>,
    patterns: RefCell<Remembered>,
}

/// What is known of each pattern of gaps; forgetting it changes no result.
#[derive(Default)]
struct Remembered {
    patterns: HashMap<Vec<bool>, Known>,
    scores: usize,
}

/// The calibration rows for a pattern, and the scores of the first of them.
struct Known {
    rows: Vec<usize>,
    scores: Vec<f64>,
}

impl GapCalibration {
    /// Keeps calibration rows, at these places among those that the scorer was fitted with, for scores with this rule.
    /// With `seed`, the same rows give the same.
    pub(crate) fn of(
        calibration: &Samples,
        places: &[usize],
        rule: Rule,
        completion: Option<&Completion>,
        seed: u64,
    ) -> Self {
        let (n, width) = calibration.values.dim();
        let needed = rule.samples_needed().saturating_mul(2);
        let most = if calibration.observed.is_some() { MAX_ROWS_WITH_GAPS } else { MAX_ROWS };
        let most = (MAX_VALUES / width.max(1)).min(most).max(needed).min(n);
        let mut chosen = draw(n, most, seed, "rows for gaps", 0);
        chosen.shuffle(&mut stream_rng(seed, "order of rows for gaps", 0));
        let kept = calibration.select(&chosen);
        let values = filled(&kept, calibration, completion, seed);
        let places = chosen.iter().map(|&row| places[row]).collect();
        GapCalibration { values, observed: kept.observed, places, patterns: RefCell::default() }
    }

    pub(crate) fn load(width: usize, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let values = arrays.matrix("rows", None, width)?.mapv(|value| value as f32);
        if values.is_empty() {
            return Err(ScorerError::Stored("it keeps no calibration rows".into()));
        }
        let observed = match arrays.has("observed") {
            false => None,
            true => Some(arrays.matrix("observed", Some(values.nrows()), width)?.mapv(|value| value != 0.0)),
        };
        let places = arrays.vector("places", Some(values.nrows()))?;
        let places = places.into_iter().map(|place| place as usize).collect();
        Ok(GapCalibration { values, observed, places, patterns: RefCell::default() })
    }

    pub(crate) fn arrays(&self) -> Vec<(String, StoredArray)> {
        let places: Vec<f64> = self.places.iter().map(|&place| place as f64).collect();
        let rows = StoredArray::of_f32(self.values.shape(), self.values.iter().copied());
        let mut arrays = vec![("rows".into(), rows), ("places".into(), stored::vector(&places))];
        if let Some(observed) = &self.observed {
            let flags = observed.iter().map(|&observed| f32::from(u8::from(observed)));
            arrays.push(("observed".into(), StoredArray::of_f32(observed.shape(), flags)));
        }
        arrays
    }

    /// The score of a complete row that is as improbable as `score` is for rows with these gaps; `pattern` says which
    /// of the `D` values were observed.
    ///
    /// # Errors
    /// If a calibration row with these gaps cannot be scored.
    pub(crate) fn equivalent(
        &self,
        scorer: &dyn Scorer,
        calibration: &Calibration,
        pattern: &[bool],
        score: f64,
    ) -> Result<f64, ScorerError> {
        let mut remembered = self.patterns.borrow_mut();
        let Remembered { patterns, scores: size } = &mut *remembered;
        if *size > MAX_REMEMBERED {
            patterns.clear();
            *size = 0;
        }
        let rule = calibration.threshold().rule();
        if !patterns.contains_key(pattern) {
            let rows = self.rows_for(pattern, rule.samples_needed().saturating_mul(2).max(MIN_SAME));
            *size += pattern.len() / 64 + rows.len();
            patterns.insert(pattern.to_vec(), Known { rows, scores: Vec::new() });
        }
        let known = patterns.get_mut(pattern).expect("just inserted");
        let before = known.scores.len();
        let improbable = self.improbable(known, scorer, rule, pattern, score);
        *size += known.scores.len() - before;
        Ok(improbable?.score(calibration))
    }

    /// Ranks a score among those of the calibration rows.
    fn improbable(
        &self,
        known: &mut Known,
        scorer: &dyn Scorer,
        rule: Rule,
        pattern: &[bool],
        score: f64,
    ) -> Result<Improbable, ScorerError> {
        let n = known.rows.len();
        let rate = rule.rate().unwrap_or(0.0);
        let enough = ((n as f64 + 1.0) * rate).ceil() as usize + 1;
        let enough = enough.max(MIN_HIGHER);
        let (mut higher, mut at) = (0, 0);
        loop {
            while at < known.scores.len() {
                higher += usize::from(known.scores[at] >= score);
                at += 1;
                if higher == enough {
                    let p_value = higher as f64 / at as f64;
                    return Ok(Improbable { p_value, digits: -p_value.log10() });
                }
            }
            if at == n {
                break;
            }
            let upto = (2 * at).max(FIRST_ROWS).min(n);
            let next = &known.rows[at..upto];
            let places: Vec<usize> = next.iter().map(|&row| self.places[row]).collect();
            known.scores.extend(scorer.calibration_scores(&self.with_gaps(next, pattern), &places)?);
        }
        let mut sorted = known.scores.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let survival = Survival::of(sorted, None);
        Ok(Improbable { p_value: survival.p_value(score), digits: survival.digits(score) })
    }

    /// The calibration rows for a pattern: those that have it, or at least its values, if these are `enough`;
    /// otherwise all.
    fn rows_for(&self, pattern: &[bool], enough: usize) -> Vec<usize> {
        let n = self.values.nrows();
        let Some(observed) = &self.observed else { return (0..n).collect() };
        let same = |row: &usize| observed.row(*row).iter().eq(pattern);
        let has = |row: &usize| observed.row(*row).iter().zip(pattern).all(|(own, wanted)| *own || !wanted);
        let rows: Vec<usize> = (0..n).filter(same).collect();
        if rows.len() >= enough {
            return rows;
        }
        let rows: Vec<usize> = (0..n).filter(has).collect();
        if rows.len() >= enough { rows } else { (0..n).collect() }
    }

    fn with_gaps(&self, rows: &[usize], pattern: &[bool]) -> Samples {
        let mut values = self.values.select(Axis(0), rows);
        for (mut column, &observed) in values.columns_mut().into_iter().zip(pattern) {
            if !observed {
                column.fill(0.0);
            }
        }
        let complete = pattern.iter().all(|&observed| observed);
        let mask = Array2::from_shape_fn(values.dim(), |(_, feature)| pattern[feature]);
        Samples::complete(values).with_observed((!complete).then_some(mask))
    }
}

/// How improbable a score is among rows with the same gaps.
struct Improbable {
    p_value: f64,
    digits: f64,
}

impl Improbable {
    /// The equally improbable score of a complete row. It lies above the threshold exactly if the p-value is at most
    /// the promised rate.
    fn score(&self, calibration: &Calibration) -> f64 {
        let score = calibration.survival().score_at(self.digits);
        let threshold = calibration.threshold();
        match threshold.rule() {
            Rule::FalseAlarmRate { rate } if threshold.blocks().is_none() => {
                let slack = 1.0 + 4.0 * f64::EPSILON;
                match self.p_value <= rate * slack {
                    true => score.max(threshold.value().next_up()),
                    false => score.min(threshold.value()),
                }
            }
            _ => score,
        }
    }
}

impl std::fmt::Debug for GapCalibration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GapCalibration").field("rows", &self.values.nrows()).finish_non_exhaustive()
    }
}

/// Fills gaps with what the other values suggest and a deviation from it or, in rows that are too wide for that, with
/// the values of a similar row among `all`: one of the nearest that has the value, drawn by the seed; a value that no
/// row has stays 0.
pub(crate) fn filled(
    rows: &Samples,
    all: &Samples,
    completion: Option<&Completion>,
    seed: u64,
) -> Array2<f32> {
    let Some(observed) = &rows.observed else { return rows.values.clone() };
    if let Some(completion) = completion {
        return completion.drawn(rows, all, seed);
    }
    let mut values = rows.values.clone();
    let donors = References::of(&references_of(all, seed));
    let near = donors.nearest(&references::with_gaps(rows), donors.len().min(64));
    for (row, near) in near.iter().enumerate() {
        for feature in (0..values.ncols()).filter(|&feature| !observed[[row, feature]]) {
            let having = near
                .iter()
                .map(|near| donors.row(near.index)[feature])
                .filter(|value| !value.is_nan())
                .take(DONORS);
            let having: Vec<f64> = having.collect();
            values[[row, feature]] = match having.len() {
                0 => of_any(&donors, feature),
                n => having[draw(n, 1, seed, "donor", (row * values.ncols() + feature) as u64)[0]] as f32,
            };
        }
    }
    values
}

/// The rows without a gap.
pub(crate) fn complete(rows: &Samples) -> Vec<usize> {
    let observed = |row: &usize| rows.observed.as_ref().is_none_or(|all| all.row(*row).iter().all(|&o| o));
    (0..rows.len()).filter(observed).collect()
}

/// Most rows that gaps are filled from.
const MAX_DONORS: usize = 2000;

fn references_of(all: &Samples, seed: u64) -> Samples {
    match all.len() > MAX_DONORS {
        true => all.select(&draw(all.len(), MAX_DONORS, seed, "donors", 0)),
        false => all.clone(),
    }
}

/// The first value of a column that any row has; 0 if none has.
fn of_any(donors: &References, feature: usize) -> f32 {
    let values = (0..donors.len()).map(|row| donors.row(row)).map(|row: ArrayView1<'_, f64>| row[feature]);
    values.filter(|value| !value.is_nan()).map(|value| value as f32).next().unwrap_or(0.0)
}
