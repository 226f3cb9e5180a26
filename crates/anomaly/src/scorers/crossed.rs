//! Cross-conformal calibration: the scorer learned from all normal rows, and each calibration row, which is one of them,
//! is scored by another one that learned neither from it nor from those around it (Vovk, 2015, "Cross-conformal
//! predictors", section 2; with one threshold for all folds as in Barber, Candès, Ramdas & Tibshirani, 2021, "Predictive
//! inference with the jackknife+", section 1.1, there for regression).
//!
//! No row is lost to either purpose. The price is as many fits as there are folds. The folds follow each other in time;
//! that a new row comes after all of them, while a fold has later rows to learn from, is the approximation.

use super::scorer::{self, Kind, Saved, Scorer};
use super::stored::{self, Arrays};
use crate::error::ScorerError;
use ae_intake::Samples;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most folds that a file may have.
const MAX_FOLDS: usize = 16;

/// A scorer, and those that score its calibration rows.
pub struct Crossed {
    whole: Box<dyn Scorer>,
    folds: Vec<Fold>,
}

/// Consecutive calibration rows, and what learned without them.
pub(crate) struct Fold {
    /// The place after its last row among the calibration rows.
    pub(crate) end: usize,
    pub(crate) scorer: Box<dyn Scorer>,
}

/// The stored form of [`Crossed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    whole: Value,
    folds: Vec<StoredFold>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredFold {
    end: usize,
    scorer: Value,
}

impl Crossed {
    pub(super) const KIND: Kind = Kind {
        name: "crossed",
        measure: None,
        load: |settings, arrays, kinds| Ok(Box::new(Self::load(settings, arrays, kinds)?)),
    };

    /// Takes at least one fold; their ends rise.
    ///
    /// # Errors
    /// Scorers of different widths.
    pub(crate) fn new(whole: Box<dyn Scorer>, folds: Vec<Fold>) -> Result<Self, ScorerError> {
        let expected = whole.width();
        match folds.iter().map(|fold| fold.scorer.width()).find(|width| *width != expected) {
            Some(got) => Err(ScorerError::Width { got, expected }),
            None => Ok(Crossed { whole, folds }),
        }
    }

    fn load(settings: Value, arrays: &Arrays<'_>, kinds: &[Kind]) -> Result<Self, ScorerError> {
        let Settings { whole, folds: stored } = scorer::settings(settings)?;
        let rise = stored.windows(2).all(|pair| pair[0].end < pair[1].end);
        if stored.is_empty() || stored.len() > MAX_FOLDS || !rise {
            return Err(ScorerError::Stored(format!(
                "1 to {MAX_FOLDS} folds with rising ends are allowed, not {}",
                stored.len()
            )));
        }
        let whole = scorer::load_one_of(kinds, whole, &arrays.below("whole."))?;
        let mut folds = Vec::with_capacity(stored.len());
        for (at, StoredFold { end, scorer }) in stored.into_iter().enumerate() {
            let scorer = scorer::load_one_of(kinds, scorer, &arrays.below(&format!("fold.{at}.")))?;
            folds.push(Fold { end, scorer });
        }
        Self::new(whole, folds)
    }
}

impl Scorer for Crossed {
    fn name(&self) -> String {
        self.whole.name()
    }

    fn width(&self) -> usize {
        self.whole.width()
    }

    fn scores(&self, rows: &Samples) -> Result<Vec<f64>, ScorerError> {
        self.whole.scores(rows)
    }

    fn scores_of_training_rows(&self, train: &Samples) -> Result<Vec<f64>, ScorerError> {
        self.whole.scores_of_training_rows(train)
    }

    fn calibration_scores(&self, rows: &Samples, places: &[usize]) -> Result<Vec<f64>, ScorerError> {
        let mut scores = vec![0.0; rows.len()];
        let last = self.folds.len() - 1;
        let fold_of = |place: usize| self.folds.partition_point(|fold| fold.end <= place).min(last);
        for (nth, fold) in self.folds.iter().enumerate() {
            let own: Vec<usize> = (0..rows.len()).filter(|&row| fold_of(places[row]) == nth).collect();
            if own.is_empty() {
                continue;
            }
            let of_fold = fold.scorer.scores(&rows.select(&own));
            let of_fold = of_fold.map_err(|error| match error.row() {
                Some(row) => error.at_row(own[row]),
                None => error,
            })?;
            own.into_iter().zip(of_fold).for_each(|(row, score)| scores[row] = score);
        }
        Ok(scores)
    }

    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError> {
        self.whole.reconstruct(rows)
    }

    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError> {
        self.whole.contributions(rows)
    }

    fn save(&self) -> Saved {
        let whole = self.whole.save();
        let mut arrays: Vec<_> = stored::prefixed("whole.", whole.arrays).collect();
        let mut folds = Vec::with_capacity(self.folds.len());
        for (at, fold) in self.folds.iter().enumerate() {
            let saved = fold.scorer.save();
            arrays.extend(stored::prefixed(&format!("fold.{at}."), saved.arrays));
            folds.push(StoredFold { end: fold.end, scorer: saved.settings });
        }
        Saved::new(Self::KIND.name, &Settings { whole: whole.settings, folds }, arrays)
    }
}

impl std::fmt::Debug for Crossed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let folds: Vec<usize> = self.folds.iter().map(|fold| fold.end).collect();
        f.debug_struct("Crossed").field("whole", &self.whole.name()).field("folds", &folds).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorers::{Baseline, NormalRows, load};

    /// Its score is the distance of the only value from `median`.
    fn at(median: f32) -> Box<dyn Scorer> {
        let rows = Samples::complete(Array2::from_elem((5, 1), median));
        let normal = NormalRows { train: &rows, validation: &rows, seed: 0 };
        Baseline::Median.fit(&normal).unwrap()
    }

    fn crossed() -> Crossed {
        let folds = [(3, 10.0), (5, 20.0)].map(|(end, median)| Fold { end, scorer: at(median) });
        Crossed::new(at(0.0), folds.into()).unwrap()
    }

    #[test]
    fn a_calibration_row_is_scored_by_its_fold_and_a_new_row_by_the_whole() {
        let rows = Samples::complete(Array2::zeros((5, 1)));
        let crossed = crossed();
        for scorer in [&crossed as &dyn Scorer, load(&crossed.save()).unwrap().as_ref()] {
            assert_eq!(scorer.scores(&rows).unwrap(), [0.0; 5]);
            // A place beyond the last fold, as a file may have it, belongs to that.
            let scores = scorer.calibration_scores(&rows, &[4, 0, 2, 3, 99]).unwrap();
            assert_eq!(scores, [20.0, 10.0, 10.0, 20.0, 20.0]);
        }
    }

    #[test]
    fn folds_that_do_not_rise_or_are_none_are_refused() {
        let saved = crossed().save();
        for folds in [
            serde_json::json!([]),
            serde_json::json!([saved.settings["folds"][1], saved.settings["folds"][0]]),
        ] {
            let mut wrong = saved.clone();
            wrong.settings["folds"] = folds;
            let error = load(&wrong).err().unwrap().to_string();
            assert!(error.contains("folds with rising ends"), "{error}");
        }
    }
}
