//! Trains on rows of which some may be anomalous: the rows with the largest errors are left out.
//!
//! The trimmed loss is minimised by concentration steps (Rousseeuw & Van Driessen, 1999, section 3, for
//! another estimator): train, leave out the share of rows that the model reconstructs worst, retrain on the
//! rest, and so on. Many similar anomalies are learned before they stand out; then a smaller model helps, not
//! a larger share.

use super::FitError;
use super::prepared::PreparedRows;
use super::report::Suspect;
use super::split::TableSplit;
use super::train::Trainer;
use crate::scorers::{NormalRows, Score, Scorer, TrainedModel};
use ae_intake::Samples;
use ae_intake::Schema;
use ae_training::Outcome;
use std::collections::HashSet;

/// Number of trainings; the left-out rows hardly change after the second.
const ROUNDS: usize = 3;
/// Most rows that are listed.
const MAX_SUSPECTS: usize = 1000;

/// The model of the last round, its outcome, and the training rows that it was not shown.
pub(super) fn train(
    trainer: &mut Trainer<'_, '_>,
    prepared: &PreparedRows,
    share: f64,
    seed: u64,
) -> Result<(TrainedModel, Outcome, Vec<usize>), FitError> {
    let n = prepared.train.len();
    let left_out = ((n as f64 * share) as usize).min(n.saturating_sub(8));
    // Validation rows may be anomalous too; those must not decide when to stop.
    let trim =
        |model: &TrainedModel, rows: &Samples, out: usize| -> Result<(Vec<usize>, Vec<usize>), FitError> {
            let mut order = usual_first(model, rows, seed)?;
            let mut trimmed = order.split_off(rows.len() - out);
            order.sort_unstable();
            trimmed.sort_unstable();
            Ok((order, trimmed))
        };
    let of_validation = (prepared.validation.len() as f64 * share) as usize;
    let of_validation = of_validation.min(prepared.validation.len().saturating_sub(2));
    let (mut model, mut outcome) = trainer.train(&prepared.train, &prepared.validation, seed)?;
    let mut trimmed = Vec::new();
    for _ in 1..ROUNDS {
        let (kept, out) = trim(&model, &prepared.train, left_out)?;
        let (validation, _) = trim(&model, &prepared.validation, of_validation)?;
        let (rows, validation) = (prepared.train.select(&kept), prepared.validation.select(&validation));
        (model, outcome) = trainer.train(&rows, &validation, seed)?;
        trimmed = out;
    }
    Ok((model, outcome, trimmed))
}

/// The rows without the share that the model reconstructs worst; at least two rows.
pub(super) fn usual(
    model: &TrainedModel,
    rows: &Samples,
    share: f64,
    seed: u64,
) -> Result<Samples, FitError> {
    let mut order = usual_first(model, rows, seed)?;
    order.truncate((rows.len() - (rows.len() as f64 * share) as usize).max(2));
    order.sort_unstable();
    Ok(rows.select(&order))
}

/// The rows in ascending order of squared error.
fn usual_first(model: &TrainedModel, rows: &Samples, seed: u64) -> Result<Vec<usize>, FitError> {
    let normal = NormalRows { train: rows, validation: rows, seed };
    let scores = Score::MeanSquared.fit(model.copy()?, &normal)?.scores(rows)?;
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    Ok(order)
}

/// The rows of any part, `left_out` of the final training or not, whose log score lies beyond the outer fence: the third quartile plus three times the
/// interquartile range (Tukey, 1977). The most suspicious come first.
pub(super) fn suspects(
    schema: &Schema,
    split: &TableSplit,
    scorer: &dyn Scorer,
    left_out: &HashSet<usize>,
) -> Result<Vec<Suspect>, FitError> {
    let rows = [&split.train[..], &split.validation, &split.calibration].concat();
    let (rows, scores) = split.score(schema, |samples, _| scorer.scores(samples), &rows)?;
    let logs: Vec<f64> = scores.iter().map(|score| score.max(f64::MIN_POSITIVE).ln()).collect();
    let mut usual: Vec<f64> =
        rows.iter().zip(&logs).filter(|(row, _)| !left_out.contains(row)).map(|(_, log)| *log).collect();
    usual.sort_unstable_by(f64::total_cmp);
    let quartile = |share: f64| usual[((usual.len() - 1) as f64 * share).round() as usize];
    let fence = quartile(0.75) + 3.0 * (quartile(0.75) - quartile(0.25));
    let mut suspects = Vec::new();
    for ((row, score), log) in rows.iter().zip(&scores).zip(&logs) {
        if *log > fence {
            let line = split.table.lines[*row];
            let group = split.table.group_of(*row).map(String::from);
            suspects.push(Suspect { line, group, score: *score, left_out: left_out.contains(row) });
        }
    }
    suspects.sort_by(|a, b| b.score.total_cmp(&a.score));
    suspects.truncate(MAX_SUSPECTS);
    Ok(suspects)
}
