//! Training on rows some of which may be anomalous: the rows with the largest errors do not count.
//!
//! A trimmed loss, minimised by concentration steps (Rousseeuw & Van Driessen, 1999, section 3, for another estimator):
//! train, leave out the share of rows that the model reconstructs worst, train anew on the rest, and so on. Anomalies
//! that are alike and many are learned before they stand out; then a smaller model helps, not a larger share.

use super::parts::Parts;
use super::report::Suspect;
use super::training::Trainer;
use super::{Encoded, FitError};
use crate::kinds::ScoreKind;
use crate::scorer::Scorer;
use crate::trained::TrainedModel;
use ae_datasets::Samples;
use ae_datasets::intake::{RawTable, Schema, State};
use ae_training::Outcome;

/// Trainings in all; the rows that are left out hardly change after the second.
const ROUNDS: usize = 3;
/// Rows that are listed at most.
const MOST: usize = 1000;

/// The model of the last round, and the training rows that it was not shown.
pub(super) fn train(
    trainer: &mut Trainer<'_>,
    encoded: &Encoded,
    share: f64,
    seed: u64,
) -> Result<(TrainedModel, Outcome, Vec<usize>), FitError> {
    let n = encoded.train.len();
    let left_out = ((n as f64 * share) as usize).min(n.saturating_sub(8));
    // Validation rows may be anomalous as well: they must not decide when to stop.
    let trim =
        |model: &TrainedModel, rows: &Samples, out: usize| -> Result<(Vec<usize>, Vec<usize>), FitError> {
            let scorer = ScoreKind::MeanSquared.fit(model.copy()?, rows, rows, seed)?;
            let scores = scorer.scores(rows)?;
            let mut order: Vec<usize> = (0..rows.len()).collect();
            order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
            let mut trimmed = order.split_off(rows.len() - out);
            order.sort_unstable();
            trimmed.sort_unstable();
            Ok((order, trimmed))
        };
    let of_validation = (encoded.validation.len() as f64 * share) as usize;
    let of_validation = of_validation.min(encoded.validation.len().saturating_sub(2));
    let (mut model, mut outcome) = trainer.train(&encoded.train, &encoded.validation, seed)?;
    let mut trimmed = Vec::new();
    for _ in 1..ROUNDS {
        let (kept, out) = trim(&model, &encoded.train, left_out)?;
        let (validation, _) = trim(&model, &encoded.validation, of_validation)?;
        let (rows, validation) = (encoded.train.select(&kept), encoded.validation.select(&validation));
        (model, outcome) = trainer.train(&rows, &validation, seed)?;
        trimmed = out;
    }
    Ok((model, outcome, trimmed))
}

/// The rows without the share that the model reconstructs worst; at least two.
pub(super) fn usual(
    model: &TrainedModel,
    rows: &Samples,
    share: f64,
    seed: u64,
) -> Result<Samples, FitError> {
    let scorer = ScoreKind::MeanSquared.fit(model.copy()?, rows, rows, seed)?;
    let scores = scorer.scores(rows)?;
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    order.truncate((rows.len() - (rows.len() as f64 * share) as usize).max(2));
    order.sort_unstable();
    Ok(rows.select(&order))
}

/// The rows of any part that stand far above the others: beyond the outer fence of their scores' logarithms, the third
/// quartile plus three times the interquartile range (Tukey, 1977). The most suspicious first.
pub(super) fn suspects(
    table: &RawTable,
    schema: &Schema,
    parts: &Parts,
    scorer: &dyn Scorer,
    trimmed: &[usize],
) -> Result<Vec<Suspect>, FitError> {
    let rows = [&parts.train[..], &parts.validation, &parts.calibration].concat();
    let encoded = schema.encode(table, &rows)?;
    let ready: Vec<usize> = (0..rows.len()).filter(|&at| encoded.rows[at].state == State::Ready).collect();
    let scores = scorer.scores(&encoded.samples.select(&ready))?;
    // Left out are those of the encoded training rows; of these the first were ready.
    let is_trimmed = |at: usize| at < parts.train.len() && trimmed.binary_search(&at).is_ok();
    let log = |score: f64| score.max(f64::MIN_POSITIVE).ln();
    let mut usual: Vec<f64> =
        ready.iter().zip(&scores).filter(|(at, _)| !is_trimmed(**at)).map(|(_, &score)| log(score)).collect();
    usual.sort_unstable_by(f64::total_cmp);
    let quartile = |share: f64| usual[((usual.len() - 1) as f64 * share).round() as usize];
    let fence = quartile(0.75) + 3.0 * (quartile(0.75) - quartile(0.25));
    let mut suspects: Vec<Suspect> = ready
        .iter()
        .zip(&scores)
        .filter(|(_, score)| log(**score) > fence)
        .map(|(&at, &score)| Suspect { line: table.lines[rows[at]], score, left_out: is_trimmed(at) })
        .collect();
    suspects.sort_by(|a, b| b.score.total_cmp(&a.score));
    suspects.truncate(MOST);
    Ok(suspects)
}
