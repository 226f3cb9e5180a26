//! Short series: every window serves for learning and, scored by a detector that learned without it, for calibration.

use super::split::MIN_ROWS;
use super::train::Trained;
use super::{Contender, FitConfig, FitError, FitOptions, PreparedRows};
use crate::calibration::{NormalScores, ThresholdError};
use crate::error::ScorerError;
use crate::scorers::crossed::{Crossed, Fold};
use crate::scorers::{Score, Scorer};
use ae_intake::Samples;
use std::ops::Range;
use std::sync::atomic::AtomicBool;

/// Parts that are left out in turn.
pub(super) const FOLDS: usize = 4;
/// Most windows: in a longer series, those that are kept for calibration leave enough to learn from, and four more fits
/// take long.
const MAX_WINDOWS: usize = 2048;
/// Most steps: with more, windows are too many, or so long that too few are left.
pub(super) const MAX_STEPS: usize = MAX_WINDOWS + MAX_WINDOWS / 4;
/// Fewest windows that a fold leaves for training and early stopping.
const MIN_LEFT: usize = 40;
/// One window in how many is for early stopping.
const VALIDATION: usize = 5;

/// Whether a series of so many steps has the windows for it.
pub(super) fn is_possible(steps: usize, window: usize) -> bool {
    let windows = (steps + 1).saturating_sub(window);
    // On both sides of a fold, and before the part for early stopping, windows share steps with it.
    let left = (windows - windows.div_ceil(FOLDS)).saturating_sub(3 * window);
    windows <= MAX_WINDOWS && left >= MIN_LEFT
}

/// Splits places in order of time: those to train on, and those to stop early by; the windows at places in different
/// parts share no step. `row_of` gives the last step of a window.
pub(super) fn parts(
    places: &[usize],
    window: usize,
    row_of: impl Fn(usize) -> usize,
) -> (Vec<usize>, Vec<usize>) {
    let validation = &places[places.len() - places.len().div_ceil(VALIDATION).min(places.len())..];
    let Some(first) = validation.first().map(|&place| row_of(place)) else { return Default::default() };
    let train = places.iter().copied().filter(|&place| row_of(place) + window <= first);
    (train.collect(), validation.to_vec())
}

/// All windows of a series, encoded.
#[derive(Clone, Copy)]
pub(super) struct Windows<'a> {
    pub(super) rows: &'a PreparedRows,
    /// The last step of each calibration window, which are all.
    pub(super) ends: &'a [usize],
    /// Steps of a window.
    pub(super) length: usize,
}

/// What came of it.
pub(super) struct CrossFitted {
    pub(super) scorer: Box<dyn Scorer>,
    /// The plain error of each window by the network that learned without it.
    errors: Vec<f64>,
    /// Where the last fold begins.
    last: usize,
}

impl Windows<'_> {
    /// The rows that a detector learns from if only the windows at these places are there. Those between the parts for
    /// training and for early stopping are in the third part.
    fn learned(&self, places: &[usize]) -> PreparedRows {
        let (train, validation) = parts(places, self.length, |place| self.ends[place]);
        let between: Vec<usize> = places
            .iter()
            .copied()
            .filter(|place| !train.contains(place) && !validation.contains(place))
            .collect();
        let of = |places: &[usize]| self.rows.calibration.select(places);
        let (train, validation, calibration) = (of(&train), of(&validation), of(&between));
        PreparedRows { train, validation, calibration, ..self.rows.clone() }
    }

    /// The rows that the detector for new rows learns from: all.
    pub(super) fn all(&self) -> PreparedRows {
        self.learned(&(0..self.ends.len()).collect::<Vec<_>>())
    }

    /// The places of the windows that share no step with those of a fold.
    fn without(&self, fold: &Range<usize>) -> Vec<usize> {
        let (first, last) = (self.ends[fold.start], self.ends[fold.end - 1]);
        let is_apart = |place: &usize| {
            let end = self.ends[*place];
            end + self.length <= first || end >= last + self.length
        };
        (0..self.ends.len()).filter(is_apart).collect()
    }

    /// Fits a detector of the same kind for each fold.
    ///
    /// # Errors
    /// As for any fit; too few windows beside a fold, because too little of most was observed.
    pub(super) fn fit(
        &self,
        whole: Box<dyn Scorer>,
        trained: &Trained,
        config: &FitConfig,
        stop: Option<&AtomicBool>,
    ) -> Result<CrossFitted, FitError> {
        // The same architecture for all.
        let config = FitConfig { model: Some(trained.model.clone()), variant: None, ..config.clone() };
        let n = self.ends.len();
        let (mut folds, mut errors, mut last) = (Vec::new(), Vec::new(), 0);
        for nth in 0..FOLDS {
            let fold = nth * n / FOLDS..(nth + 1) * n / FOLDS;
            last = fold.start;
            let rows = self.learned(&self.without(&fold));
            if rows.train.len() < MIN_ROWS[0] || rows.validation.len() < MIN_ROWS[1] {
                return Err(FitError::TooLittleObserved {
                    part: "three quarters of the series".into(),
                    got: rows.train.len(),
                    needed: MIN_ROWS[0],
                    min_observed: config.input.min_observed,
                });
            }
            let trained = Trained::on(&rows, &config, &mut FitOptions { observer: None, stop })?;
            let scorer = Contender::Blend.in_blend(&rows, &trained, &config)?;
            errors.extend(plain_errors(
                &trained,
                &rows,
                &self.rows.calibration.slice(fold.clone()),
                config.seed,
            )?);
            folds.push(Fold { end: fold.end, scorer });
        }
        Ok(CrossFitted { scorer: Box::new(Crossed::new(whole, folds)?), errors, last })
    }
}

impl CrossFitted {
    /// Whether the last fold is as well reconstructed as the others, each by a network that learned without it.
    ///
    /// # Errors
    /// As [`NormalScores::check_against`], with places among all windows.
    pub(super) fn check_drift(&self, overlap: usize) -> Result<(), ThresholdError> {
        let of = |part: &[f64]| NormalScores::of_held_out_windows(part.to_vec(), overlap);
        let (others, last) = self.errors.split_at(self.last);
        of(last)?.check_against(&of(others)?).map_err(|error| match error {
            ThresholdError::Suspicious { above, n, share, first, last } => ThresholdError::Suspicious {
                above,
                n,
                share,
                first: self.last + first,
                last: self.last + last,
            },
            error => error,
        })
    }
}

fn plain_errors(
    trained: &Trained,
    rows: &PreparedRows,
    held_out: &Samples,
    seed: u64,
) -> Result<Vec<f64>, ScorerError> {
    let normal = trained.normal_rows(rows, seed);
    Score::MeanSquared.fit(trained.members[0].copy()?, &normal)?.scores(held_out)
}
