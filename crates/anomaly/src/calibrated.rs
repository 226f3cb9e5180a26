//! A scorer with a calibrated threshold.

use crate::calibration::{Calibration, NormalScores, Rule, ThresholdError};
use crate::error::ScorerError;
use crate::fit::PreparedRows;
use crate::gaps::{self, GapCalibration, MIN_SAME};
use crate::judgement::{Judgement, Unknown};
use crate::scorers::Scorer;
use crate::scorers::completion::Completion;
use ae_intake::Samples;
use ae_records::seed::draw;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// Most independent calibration rows whose gaps are filled, unless the rule needs more.
const MAX_FILLED: usize = 20_000;

/// Calibration rows that a robust fit left out.
///
/// Those with a log score beyond the outer fence, the third quartile plus three times the interquartile range (Tukey,
/// 1977), highest first, up to the share of rows that may be anomalous. If they are normal after all, rows like them
/// raise false alarms: up to `left_out / of` more than promised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trim {
    /// Rows that were left out.
    pub left_out: usize,
    /// Calibration rows.
    pub of: usize,
    /// The threshold without them.
    pub threshold: f64,
    /// The threshold with them.
    pub threshold_of_all: f64,
}

/// The calibration of a scorer for rows with and without gaps.
#[derive(Debug)]
pub struct RowCalibration {
    calibration: Calibration,
    gaps: Option<GapCalibration>,
    trim: Option<Trim>,
}

impl RowCalibration {
    /// Rows with gaps are compared with this calibration as if they were complete.
    pub fn new(calibration: Calibration) -> Self {
        RowCalibration { calibration, gaps: None, trim: None }
    }

    /// Calibrates a scorer on the calibration part of some rows, by the rule. Rows with gaps are calibrated for their
    /// gaps. With `robust`, at most this share of the calibration rows is left out: those that score far above the
    /// others (see [`Trim`]).
    ///
    /// # Errors
    /// Rows that cannot be scored. The inner error is that of [`Calibration::fit`], such as too few rows for the
    /// rule.
    pub fn fit(
        scorer: &dyn Scorer,
        rows: &PreparedRows,
        rule: Rule,
        seed: u64,
        robust: Option<f64>,
    ) -> Result<Result<Self, ThresholdError>, ScorerError> {
        let completion =
            rows.calibration.observed.is_some().then(|| Completion::fit(&rows.train, seed)).flatten();
        let normal = CalibrationRows {
            rows: &rows.calibration,
            places: &(0..rows.calibration.len()).collect::<Vec<_>>(),
            overlap: rows.overlap,
            completion: completion.as_ref(),
            seed,
            robust,
        };
        Self::fit_to(scorer, &normal, rule)
    }

    /// The same on these rows.
    pub(crate) fn fit_to(
        scorer: &dyn Scorer,
        normal: &CalibrationRows<'_>,
        rule: Rule,
    ) -> Result<Result<Self, ThresholdError>, ScorerError> {
        let (places, scores) = normal.scores(scorer, rule)?;
        let CalibrationRows { rows: own, places: of_fit, completion, seed, robust, .. } = *normal;
        Ok(scores.and_then(|scores| {
            let out = robust.map(|share| scores.far_above(share)).unwrap_or_default();
            let calibration = Calibration::fit(&scores.without(&out), rule)?;
            let threshold = calibration.threshold().value();
            let trim = match robust {
                None => None,
                Some(_) => Some(Trim {
                    left_out: out.len(),
                    of: scores.as_slice().len(),
                    threshold,
                    threshold_of_all: Calibration::fit(&scores, rule)?.threshold().value(),
                }),
            };
            let out: HashSet<usize> = out.iter().map(|&place| places[place]).collect();
            let kept: Vec<usize> = (0..own.len()).filter(|row| !out.contains(row)).collect();
            let of_fit: Vec<usize> = kept.iter().map(|&row| of_fit[row]).collect();
            let gaps = Some(GapCalibration::of(&own.select(&kept), &of_fit, rule, completion, seed));
            Ok(RowCalibration { calibration, gaps, trim })
        }))
    }

    pub(crate) fn restore(calibration: Calibration, gaps: GapCalibration) -> Self {
        RowCalibration { calibration, gaps: Some(gaps), trim: None }
    }

    /// The calibration of complete rows.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// What a robust fit left out; `None` for any other, and for a detector that was loaded.
    pub fn trim(&self) -> Option<Trim> {
        self.trim
    }

    pub(crate) fn gaps(&self) -> Option<&GapCalibration> {
        self.gaps.as_ref()
    }

    /// The score of each row by the scorer that this was fitted for, or why it has none. That of a row with gaps is the
    /// one of a complete row that is equally improbable, so all of them compare with the threshold.
    ///
    /// # Errors
    /// Rows of the wrong width.
    pub fn scores_each(
        &self,
        scorer: &dyn Scorer,
        rows: &Samples,
    ) -> Result<Vec<Result<f64, ScorerError>>, ScorerError> {
        scores_each(scorer, rows, |_| self)
    }

    /// The score of a row of which not all values were observed, as [`RowCalibration::scores_each`] gives it.
    fn with_gaps(&self, scorer: &dyn Scorer, pattern: &[bool], score: f64) -> Result<f64, ScorerError> {
        match &self.gaps {
            Some(gaps) => gaps.equivalent(scorer, &self.calibration, pattern, score),
            None => Ok(score),
        }
    }

    /// The score of each row, as [`RowCalibration::scores_each`] gives it.
    ///
    /// # Errors
    /// Rows of the wrong width, or the first row without a score.
    pub fn scores(&self, scorer: &dyn Scorer, rows: &Samples) -> Result<Vec<f64>, ScorerError> {
        self.scores_each(scorer, rows)?.into_iter().collect()
    }
}

/// The score of each row, those with gaps by the calibration that the row is judged by.
fn scores_each<'c>(
    scorer: &dyn Scorer,
    rows: &Samples,
    of_row: impl Fn(usize) -> &'c RowCalibration,
) -> Result<Vec<Result<f64, ScorerError>>, ScorerError> {
    let mut scores = scorer.scores_each(rows)?;
    if let Some(observed) = &rows.observed {
        for (row, score) in scores.iter_mut().enumerate() {
            let pattern = observed.row(row).to_vec();
            if let (Ok(raw), false) = (&*score, pattern.iter().all(|&observed| observed)) {
                *score = of_row(row).with_gaps(scorer, &pattern, *raw);
            }
        }
    }
    Ok(scores)
}

/// Normal rows to calibrate on, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CalibrationRows<'a> {
    /// Rows that the scorer was not fitted on, or that it scores as if it had not been.
    pub(crate) rows: &'a Samples,
    /// The place of each among the calibration rows that the scorer was fitted with.
    pub(crate) places: &'a [usize],
    /// How many of them two windows lie apart that share no step; 1 for independent rows.
    pub(crate) overlap: usize,
    /// What fills their gaps; without it, a similar row does.
    pub(crate) completion: Option<&'a Completion>,
    /// The seed of random draws.
    pub(crate) seed: u64,
    /// The share of them that may be anomalous; see [`Trim`].
    pub(crate) robust: Option<f64>,
}

impl CalibrationRows<'_> {
    /// The scores to calibrate on, and the rows that they are of: the complete ones or, if these are too few for the
    /// rule, all with their gaps filled.
    fn scores(
        &self,
        scorer: &dyn Scorer,
        rule: Rule,
    ) -> Result<(Vec<usize>, Result<NormalScores, ThresholdError>), ScorerError> {
        let CalibrationRows { rows: own, places: of_fit, overlap, completion, seed, .. } = *self;
        let of_fit = |rows: &[usize]| -> Vec<usize> { rows.iter().map(|&row| of_fit[row]).collect() };
        // With just as many as the rule needs, the threshold would be the highest score.
        let needed = rule.windows_needed(overlap).saturating_mul(2).max(MIN_SAME);
        let complete = gaps::complete(own);
        let (places, scores) = if complete.len() == own.len() {
            let scores = scorer.calibration_scores(own, &of_fit(&complete))?;
            (complete, scores)
        } else if complete.len() >= needed {
            let rows = Samples { observed: None, ..own.select(&complete) };
            let scores = scorer.calibration_scores(&rows, &of_fit(&complete))?;
            (complete, scores)
        } else {
            // Windows stay together, because their spacing counts.
            let most = if overlap == 1 { needed.max(MAX_FILLED).min(own.len()) } else { own.len() };
            let places = draw(own.len(), most, seed, "rows to fill", 0);
            let some = own.select(&places);
            let filled = Samples::complete(gaps::filled(&some, own, completion, seed));
            let scores = scorer.calibration_scores(&filled, &of_fit(&places))?;
            (places, scores)
        };
        Ok((places, NormalScores::of_held_out_windows(scores, overlap)))
    }
}

/// A scorer and its calibration: a detector for rows that are already encoded.
///
/// Any score can be combined with any threshold. The articles' heartbeat protocol, for example, combines the
/// mean absolute error of a network with [`Rule::MeanStd`] of the scores of its
/// training rows.
pub struct CalibratedScorer {
    scorer: Box<dyn Scorer>,
    rows: RowCalibration,
    groups: BTreeMap<String, RowCalibration>,
}

impl CalibratedScorer {
    /// Combines both. The calibration must come from this scorer's scores.
    pub fn new(scorer: Box<dyn Scorer>, rows: RowCalibration) -> Self {
        CalibratedScorer { scorer, rows, groups: BTreeMap::new() }
    }

    /// The same with a calibration of its own for each of these groups, by name. They must come from this scorer's
    /// scores of the rows of the group.
    pub fn with_groups(self, groups: BTreeMap<String, RowCalibration>) -> Self {
        CalibratedScorer { groups, ..self }
    }

    /// The scorer.
    pub fn scorer(&self) -> &dyn Scorer {
        self.scorer.as_ref()
    }

    /// The calibration of complete rows, on those of all groups.
    pub fn calibration(&self) -> &Calibration {
        &self.rows.calibration
    }

    /// The calibration of all rows.
    pub fn rows(&self) -> &RowCalibration {
        &self.rows
    }

    /// The score of each row, comparable with the threshold of its group; `group_of` gives the name of that. See
    /// [`RowCalibration::scores_each`].
    ///
    /// # Errors
    /// Rows of the wrong width, or the first row without a score.
    pub fn scores<'g>(
        &self,
        rows: &Samples,
        group_of: impl Fn(usize) -> Option<&'g str>,
    ) -> Result<Vec<f64>, ScorerError> {
        scores_each(self.scorer(), rows, |row| self.rows_of(group_of(row)))?.into_iter().collect()
    }

    /// The calibrations of groups with enough rows for one, by name.
    pub fn groups(&self) -> &BTreeMap<String, RowCalibration> {
        &self.groups
    }

    /// The calibration that judges the rows of a group: its own or, if it has none, that of all groups.
    pub fn calibration_of(&self, group: Option<&str>) -> &Calibration {
        self.rows_of(group).calibration()
    }

    fn rows_of(&self, group: Option<&str>) -> &RowCalibration {
        group.and_then(|group| self.groups.get(group)).unwrap_or(&self.rows)
    }

    /// Judges rows by the calibration of all groups. A row without a score is unknown and does not affect the others.
    ///
    /// # Errors
    /// Rows of the wrong width.
    pub fn judge(&self, rows: &Samples) -> Result<Vec<Judgement>, ScorerError> {
        self.judge_groups(rows, |_| None)
    }

    /// Like [`CalibratedScorer::judge`], each row by the calibration of its group; `group_of` gives its name.
    ///
    /// # Errors
    /// Rows of the wrong width.
    pub fn judge_groups<'g>(
        &self,
        rows: &Samples,
        group_of: impl Fn(usize) -> Option<&'g str>,
    ) -> Result<Vec<Judgement>, ScorerError> {
        let mut judgements = Vec::with_capacity(rows.len());
        let scores = scores_each(self.scorer(), rows, |row| self.rows_of(group_of(row)))?;
        for (row, score) in scores.into_iter().enumerate() {
            judgements.push(match score {
                Ok(score) => Judgement::of(self.calibration_of(group_of(row)).verdict(score)),
                Err(error) => Judgement::Unknown { reason: Unknown::NoScore { detail: error.to_string() } },
            });
        }
        Ok(judgements)
    }
}

impl std::fmt::Debug for CalibratedScorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CalibratedScorer")
            .field("scorer", &self.scorer.name())
            .field("rows", &self.rows)
            .field("groups", &self.groups.keys())
            .finish()
    }
}
