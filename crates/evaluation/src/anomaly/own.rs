//! The user's own file with a label column: independent rows, or the steps of a long series.

use super::Options;
use super::problem::{Problem, SHARES, encode};
use super::series::Case;
use crate::error::EvaluationError;
use ae_anomaly::fit::{EncodedSplit, TableSplit};
use ae_datasets::Column;
use ae_intake::{IntakeError, Table};
use ae_records::config;
use std::fmt::Write;
use std::path::Path;

/// The default normal label.
const NORMAL: &str = "normal";
/// The training part ends before the first anomalous step if it can hold this share of all normal steps.
const ENOUGH: f64 = 0.3;
/// Share of the steps before the first anomaly that the training part takes; the rest is judged.
const BEFORE: f64 = 0.8;
/// Share of the normal steps in the training part otherwise; anomalous steps among them are left out.
const MIXED: f64 = 0.6;
/// Bad lines that are shown, at most.
const BAD_LINES: usize = 5;
/// The settings that `--set` can change.
#[derive(Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Reading {
    input: ae_intake::InputConfig,
}

/// Reads the file.
pub(super) fn load(options: &Options) -> Result<Table, EvaluationError> {
    let labels = options.labels.as_ref().ok_or_else(|| EvaluationError::NoLabels(options.data.clone()))?;
    let Reading { mut input } = config::load("the command line", "", &options.settings)?;
    if let Some(group) = &input.group {
        let right = "it with `ae detect fit` only, and evaluate the rows of one group at a time";
        return Err(IntakeError::OutOfRange { key: "input.group", value: group.to_string(), right }.into());
    }
    input.label = Some(Column::Name(labels.clone()));
    if !options.normal.is_empty() {
        input.normal.clone_from(&options.normal);
    }
    let asked = !input.normal.is_empty();
    if !asked {
        input.normal = vec![NORMAL.into()];
    }
    let table = Table::from_csv_with(Path::new(&options.data), &input).map_err(|error| match error {
        IntakeError::NoNormal { known, .. } if !asked => IntakeError::WhichIsNormal { known },
        error => error,
    })?;
    if steps(&table).iter().all(|&normal| normal) {
        return Err(EvaluationError::AllNormal(options.data.clone()));
    }
    table.notices.iter().for_each(|notice| tracing::warn!("{notice}"));
    table.bad.iter().take(BAD_LINES).for_each(|bad| tracing::warn!("skipped: {bad}"));
    if table.bad.len() > BAD_LINES {
        tracing::warn!("skipped {} bad lines in total", table.bad.len());
    }
    Ok(table)
}

/// Independent rows, split at random by the seed.
pub(super) fn rows(table: &Table, seed: u64) -> Result<Problem, EvaluationError> {
    let split = TableSplit::by_shares(table.clone(), SHARES, seed)?;
    let EncodedSplit { schema, rows, .. } = split.encode()?;
    let names = table.labels.as_ref().map(|labels| labels.names.clone()).unwrap_or_default();
    let codes = |row: usize| table.labels.as_ref().map_or(0, |labels| labels.codes[row]);
    let is_normal = steps(table);
    let held_out: Vec<usize> = split.test.iter().copied().filter(|&row| is_normal[row]).collect();
    let test = encode(&schema, table, &split.test)?;
    let class = |&place: &usize| {
        let row = split.test[place];
        if is_normal[row] { 0 } else { codes(row) + 1 }
    };
    Ok(Problem {
        held_out: encode(&schema, table, &held_out)?.samples,
        classes: test.places.iter().map(class).collect(),
        class_names: std::iter::once(NORMAL.to_string()).chain(names).collect(),
        not_judged: split.test.len() - test.places.len(),
        contaminants: test.samples.select(&[]),
        uncontaminated: Vec::new(),
        test: test.samples,
        rows,
    })
}

/// A long series: its beginning is the training part, the rest is judged.
pub(super) fn long_series(table: &Table, path: &str) -> Result<Case, EvaluationError> {
    let is_normal = steps(table);
    let first = first_judged(&is_normal);
    if is_normal[first..].iter().all(|&normal| normal) {
        return Err(EvaluationError::NothingToFind {
            path: path.into(),
            line: table.lines[first.max(1) - 1],
        });
    }
    let channels: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let anomalous = is_normal[..first].iter().filter(|&&normal| !normal).count();
    let mut source = format!("Channels: {}. Trained on the first {first} points", channels.join(", "));
    if anomalous > 0 {
        write!(source, ", except {anomalous} that are anomalous").expect("text has room");
    }
    source.push('.');
    Case::own(table, first, path, source)
}

/// Whether each row is normal.
pub(super) fn steps(table: &Table) -> Vec<bool> {
    table.labels.as_ref().map_or_else(|| vec![true; table.len()], |labels| labels.normal.clone())
}

/// The first step that is judged.
fn first_judged(is_normal: &[bool]) -> usize {
    let normal = is_normal.iter().filter(|&&normal| normal).count() as f64;
    let clean = is_normal.iter().position(|&normal| !normal).unwrap_or(is_normal.len());
    if clean as f64 * BEFORE >= normal * ENOUGH && clean < is_normal.len() {
        return (clean as f64 * BEFORE) as usize;
    }
    let wanted = (normal * MIXED) as usize;
    let mut seen = 0;
    let reached = is_normal.iter().position(|&normal| {
        seen += usize::from(normal);
        seen > wanted
    });
    reached.unwrap_or(is_normal.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::first_judged;

    #[test]
    fn judging_begins_before_the_first_anomaly_or_behind_enough_normal_steps() {
        let series = |stretches: &[(bool, usize)]| -> Vec<bool> {
            stretches.iter().flat_map(|&(normal, n)| vec![normal; n]).collect()
        };
        assert_eq!(first_judged(&series(&[(true, 50), (false, 10), (true, 40)])), 40);
        // Ten normal steps before the first are too few to learn from: 60 of the 100 are behind step 69.
        assert_eq!(first_judged(&series(&[(true, 10), (false, 10), (true, 80), (false, 5), (true, 10)])), 70);
        assert_eq!(first_judged(&series(&[(false, 10), (true, 100)])), 70);
        assert_eq!(first_judged(&series(&[(true, 100)])), 60);
    }
}
