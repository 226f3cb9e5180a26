//! Figures of recommenders on held-out ratings and likes, the same for models and for what they are compared with.

use crate::error::EvaluationError;
use ae_datasets::sparse::{SparsePart, SparseRows};
use ae_metrics::{MetricError, ndcg_at, recall_at};
use ae_models::Autoencoder;
use ae_tensor::{array, tch};
use ae_training::Split;
use ae_training::experiment::Run;
use ndarray::ArrayView1;
use std::collections::HashSet;

/// Places of the longest ranking that is judged.
const PLACES: usize = 100;
/// Rows that a model predicts at once.
const BATCH: usize = 500;

/// Errors of predicted ratings, in stars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RatingErrors {
    /// Root of the mean squared error.
    pub(crate) rmse: f64,
    /// Mean absolute error.
    pub(crate) mae: f64,
}

/// Means over the users of a held-out part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ranked {
    /// See [`recall_at`].
    pub(crate) recall_20: f64,
    /// See [`recall_at`].
    pub(crate) recall_50: f64,
    /// See [`ndcg_at`].
    pub(crate) ndcg_100: f64,
}

/// The sparse test part of a run, with what a model is given of it.
///
/// # Errors
/// The data are not sparse, or nothing is held out within their rows.
pub(crate) fn held_out(run: &Run) -> Result<(&SparsePart, &SparseRows), EvaluationError> {
    let part = run.splits.test.as_sparse().map(|(part, _)| part);
    part.and_then(|part| Some((part, part.given.as_ref()?))).ok_or_else(|| EvaluationError::Data {
        set: run.splits.dataset.name.clone(),
        missing: "held-out values that are predicted from others of the same row",
        remedy: "choose a set of ratings, such as data.set = \"movielens-100k\", and see data.test",
    })
}

/// Errors of what `predicted` says of each row and column of `held_out`, limited to the range `stars`.
///
/// # Errors
/// Nothing is held out.
pub(crate) fn rating_errors(
    held_out: &SparseRows,
    stars: (f64, f64),
    predicted: impl Fn(usize, u32) -> f64,
) -> Result<RatingErrors, EvaluationError> {
    let mut sums = ErrorSums::of(stars);
    for row in 0..held_out.len() {
        held_out.row(row).for_each(|(column, value)| sums.add(predicted(row, column), value));
    }
    sums.means()
}

/// Errors of a model's predictions of the test part of its run.
///
/// # Errors
/// As [`held_out`].
pub(crate) fn model_rating_errors(
    run: &Run,
    model: &dyn Autoencoder,
) -> Result<RatingErrors, EvaluationError> {
    let (part, _) = held_out(run)?;
    let mut sums = ErrorSums::of(stars(run));
    each_row(&run.splits.test, model, |row, made| {
        part.rows.row(row).for_each(|(column, value)| sums.add(f64::from(made[column as usize]), value));
        Ok(())
    })?;
    sums.means()
}

/// The range of the training ratings.
pub(crate) fn stars(run: &Run) -> (f64, f64) {
    (run.splits.summary.low, run.splits.summary.high)
}

struct ErrorSums {
    stars: (f64, f64),
    n: usize,
    squared: f64,
    absolute: f64,
}

impl ErrorSums {
    fn of(stars: (f64, f64)) -> Self {
        ErrorSums { stars, n: 0, squared: 0.0, absolute: 0.0 }
    }

    fn add(&mut self, predicted: f64, value: f32) {
        let error = predicted.clamp(self.stars.0, self.stars.1) - f64::from(value);
        self.n += 1;
        self.squared += error * error;
        self.absolute += error.abs();
    }

    fn means(self) -> Result<RatingErrors, EvaluationError> {
        if self.n == 0 {
            return Err(EvaluationError::metric("the error of ratings")(MetricError::Empty {
                what: "the test part",
            }));
        }
        let n = self.n as f64;
        Ok(RatingErrors { rmse: (self.squared / n).sqrt(), mae: self.absolute / n })
    }
}

/// Figures of rankings by `scores`, which fills in a score for each column from what a user is given; what is given is
/// not ranked.
///
/// # Errors
/// No user has anything hidden.
pub(crate) fn ranked(
    part: &SparsePart,
    given: &SparseRows,
    scores: impl Fn(&[(u32, f32)], &mut [f32]),
) -> Result<Ranked, EvaluationError> {
    let mut sums = Sums::default();
    let mut row_scores = vec![0.0; given.width()];
    for row in 0..part.rows.len() {
        let shown: Vec<(u32, f32)> = given.row(row).collect();
        row_scores.fill(0.0);
        scores(&shown, &mut row_scores);
        sums.add(&row_scores, &shown, &part.rows, row)?;
    }
    sums.means()
}

/// Figures of a model's rankings of the test part of its run.
///
/// # Errors
/// As [`held_out`].
pub(crate) fn model_ranked(run: &Run, model: &dyn Autoencoder) -> Result<Ranked, EvaluationError> {
    let (part, given) = held_out(run)?;
    let mut sums = Sums::default();
    each_row(&run.splits.test, model, |row, scores| {
        let shown: Vec<(u32, f32)> = given.row(row).collect();
        sums.add(&scores.to_vec(), &shown, &part.rows, row)
    })?;
    sums.means()
}

/// Calls `each` with what a model makes of what it is given, row by row.
fn each_row(
    split: &Split,
    model: &dyn Autoencoder,
    mut each: impl FnMut(usize, ArrayView1<'_, f32>) -> Result<(), EvaluationError>,
) -> Result<(), EvaluationError> {
    let mut first = 0;
    for batch in split.in_order(BATCH) {
        let made = array::to_rows(&tch::no_grad(|| model.reconstruct(batch.input())));
        for (place, row) in made.rows().into_iter().enumerate() {
            each(first + place, row)?;
        }
        first += made.nrows();
    }
    Ok(())
}

#[derive(Default)]
struct Sums {
    users: usize,
    recall_20: f64,
    recall_50: f64,
    ndcg_100: f64,
}

impl Sums {
    fn add(
        &mut self,
        scores: &[f32],
        shown: &[(u32, f32)],
        hidden: &SparseRows,
        row: usize,
    ) -> Result<(), EvaluationError> {
        let relevant: HashSet<u32> = hidden.row(row).map(|entry| entry.0).collect();
        if relevant.is_empty() {
            return Ok(());
        }
        let shown: HashSet<u32> = shown.iter().map(|entry| entry.0).collect();
        let places = best(scores, PLACES, |column| !shown.contains(&column));
        let hits: Vec<bool> = places.iter().map(|column| relevant.contains(column)).collect();
        let metric = EvaluationError::metric("a ranking");
        let n = relevant.len();
        let figures = recall_at(&hits, n, 20)
            .and_then(|a| Ok([a, recall_at(&hits, n, 50)?, ndcg_at(&hits, n, PLACES)?]))
            .map_err(metric)?;
        self.users += 1;
        for (sum, figure) in
            [&mut self.recall_20, &mut self.recall_50, &mut self.ndcg_100].into_iter().zip(figures)
        {
            *sum += figure;
        }
        Ok(())
    }

    fn means(self) -> Result<Ranked, EvaluationError> {
        if self.users == 0 {
            return Err(EvaluationError::metric("a ranking")(MetricError::Empty { what: "the test part" }));
        }
        let mean = |sum: f64| sum / self.users as f64;
        Ok(Ranked {
            recall_20: mean(self.recall_20),
            recall_50: mean(self.recall_50),
            ndcg_100: mean(self.ndcg_100),
        })
    }
}

/// The columns with the greatest scores among those that are `allowed`, best first, at most `most`; equal scores in the
/// order of columns.
pub(crate) fn best(scores: &[f32], most: usize, allowed: impl Fn(u32) -> bool) -> Vec<u32> {
    let mut columns: Vec<u32> = (0..scores.len() as u32).filter(|&column| allowed(column)).collect();
    let order = |a: &u32, b: &u32| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b));
    if columns.len() > most {
        columns.select_nth_unstable_by(most, order);
        columns.truncate(most);
    }
    columns.sort_unstable_by(order);
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_equals_in_order() {
        let scores = [1.0, 5.0, 3.0, 5.0, 4.0];
        assert_eq!(best(&scores, 3, |_| true), [1, 3, 4]);
        assert_eq!(best(&scores, 9, |column| column != 1), [3, 4, 2, 0]);
        assert_eq!(best(&scores, 0, |_| true), [] as [u32; 0]);
    }

    #[test]
    fn what_is_shown_is_not_ranked_and_users_without_anything_hidden_do_not_count() {
        let given = SparseRows::of(4, &[vec![(0, 1.0)], vec![(1, 1.0)], vec![(3, 1.0)]]).unwrap();
        let hidden = SparseRows::of(4, &[vec![(1, 1.0)], vec![(3, 1.0)], vec![]]).unwrap();
        let part = SparsePart::from_given(given.clone(), hidden);
        // Always 0, 1, 2, 3: of the first user 1 comes first, of the second 3 comes third, after 0 and 2.
        let falling = |_: &[(u32, f32)], scores: &mut [f32]| scores.copy_from_slice(&[4.0, 3.0, 2.0, 1.0]);
        let ranked = ranked(&part, &given, falling).unwrap();
        assert_eq!((ranked.recall_20, ranked.recall_50), (1.0, 1.0));
        assert!((ranked.ndcg_100 - (1.0 + 0.5) / 2.0).abs() < 1e-12, "{ranked:?}");
        let nothing = SparsePart::from_given(given.clone(), SparseRows::of(4, &vec![vec![]; 3]).unwrap());
        assert!(super::ranked(&nothing, &given, falling).is_err());
    }

    #[test]
    fn errors_are_means_over_ratings_within_the_range() {
        let held_out = SparseRows::of(3, &[vec![(0, 5.0), (2, 1.0)], vec![(1, 3.0)]]).unwrap();
        let errors =
            rating_errors(&held_out, (1.0, 5.0), |row, column| [9.0, 2.0][row] - f64::from(column) * 1.0)
                .unwrap();
        // 9 counts as 5, 7 as 5 and 1 as 1: errors of 0, 4 and -2.
        assert!((errors.rmse - (20.0f64 / 3.0).sqrt()).abs() < 1e-12 && (errors.mae - 2.0).abs() < 1e-12);
        assert!(rating_errors(&SparseRows::empty(3), (1.0, 5.0), |_, _| 0.0).is_err());
    }
}
