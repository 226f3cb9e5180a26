//! A file of one's own, with a column that says which rows are normal: rows that stand for themselves, or the steps of a
//! long series.

use super::Options;
use super::contenders::schedule;
use super::problem::{Problem, SHARES};
use super::series::{self, Case};
use crate::error::EvaluationError;
use ae_anomaly::synthetic::Form;
use ae_datasets::Column;
use ae_datasets::intake::{IntakeError, RawTable, Schema, State, split_rows, split_windows};
use ae_records::config;
use std::fmt::Write;
use std::path::Path;

/// What is tried where nobody says which labels are normal.
const NORMAL: &str = "normal";
/// A series is learned from before its first anomalous step if this share of the normal steps lies there …
const ENOUGH: f64 = 0.3;
/// … of which this share is learned from, so that normal steps are judged, too.
const BEFORE: f64 = 0.8;
/// Otherwise so many of the normal steps are learned from, and the anomalous ones between them left out.
const MIXED: f64 = 0.6;
/// Bad lines that are shown.
const BAD_LINES: usize = 5;
/// Windows that a training on a series takes in all, about; 10 to 100 epochs.
const WINDOWS_SEEN: usize = 500_000;

/// The settings that `--set` reaches.
#[derive(Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Reading {
    input: ae_datasets::intake::InputConfig,
}

/// Reads the file.
pub(super) fn load(options: &Options) -> Result<RawTable, EvaluationError> {
    let labels = options.labels.as_ref().ok_or_else(|| EvaluationError::NoLabels(options.data.clone()))?;
    let Reading { mut input } = config::load("the command line", "", &options.settings)?;
    input.label = Some(Column::Name(labels.clone()));
    if !options.normal.is_empty() {
        input.normal.clone_from(&options.normal);
    }
    let asked = !input.normal.is_empty();
    if !asked {
        input.normal = vec![NORMAL.into()];
    }
    let table = RawTable::load(Path::new(&options.data), &input).map_err(|error| match error {
        IntakeError::NoNormal { known, .. } if !asked => IntakeError::WhichIsNormal { known },
        error => error,
    })?;
    if steps(&table).iter().all(|&normal| normal) {
        return Err(EvaluationError::AllNormal(options.data.clone()));
    }
    table.notices.iter().for_each(|notice| tracing::warn!("{notice}"));
    table.bad.iter().take(BAD_LINES).for_each(|bad| tracing::warn!("left out: {bad}"));
    if table.bad.len() > BAD_LINES {
        tracing::warn!("{} lines are no rows", table.bad.len());
    }
    Ok(table)
}

/// Rows that stand for themselves, split at random by the seed.
pub(super) fn rows(table: &RawTable, seed: u64) -> Result<Problem, EvaluationError> {
    let usual = table.normal_rows();
    let parts = split_rows(usual.len(), seed, SHARES)?;
    let of = |part: &[usize]| part.iter().map(|&at| usual[at]).collect::<Vec<usize>>();
    let schema = Schema::learn(table, &of(&parts.train))?.schema;
    let encode = |rows: &[usize]| Ok::<_, EvaluationError>(schema.encode(table, rows)?.samples);
    let names = table.labels.as_ref().map(|labels| labels.names.clone()).unwrap_or_default();
    let codes = |row: usize| table.labels.as_ref().map_or(0, |labels| labels.codes[row]);
    let is_normal = steps(table);
    let anomalies: Vec<usize> = (0..table.len()).filter(|&row| !is_normal[row]).collect();
    let held_out = of(&parts.test);
    let test: Vec<usize> = held_out.iter().chain(&anomalies).copied().collect();
    Ok(Problem {
        train: encode(&of(&parts.train))?,
        validation: encode(&of(&parts.validation))?,
        calibration: encode(&of(&parts.calibration))?,
        held_out: encode(&held_out)?,
        test: encode(&test)?,
        classes: test.iter().map(|&row| if is_normal[row] { 0 } else { codes(row) + 1 }).collect(),
        class_names: std::iter::once(NORMAL.to_string()).chain(names).collect(),
        contaminants: encode(&[])?,
        uncontaminated: Vec::new(),
        shape: vec![schema.width() as i64],
        form: Form::of(&schema),
    })
}

/// A long series: learned from its beginning, judged on the rest.
pub(super) fn long_series(table: &RawTable, path: &str) -> Result<Case, EvaluationError> {
    let is_normal = steps(table);
    let first = first_judged(&is_normal);
    if is_normal[first..].iter().all(|&normal| normal) {
        return Err(EvaluationError::NothingToFind {
            path: path.into(),
            line: table.lines[first.max(1) - 1],
        });
    }
    let known = || (0..first).filter(|&step| is_normal[step]);
    let mut table = table.clone();
    if table.config.window.is_none() {
        let early: Vec<usize> =
            known().take((known().count() as f64 * series::SHARES.train) as usize).collect();
        table.config.window = Schema::learn(&table, &early)?.schema.windows.map(|windows| windows.length);
    }
    let window = table.config.window.unwrap_or(series::WINDOW);
    let parts = split_windows(&is_normal[..first], window, table.config.stride, series::SHARES)?;
    let [train, validation, calibration, _] = parts;
    let last = train.last().map_or(first, |last| last + 1);
    let learned: Vec<usize> = known().take_while(|&step| step < last).collect();
    let learned = Schema::learn(&table, &learned)?;
    learned.notices.iter().for_each(|notice| tracing::warn!("{notice}"));
    let schema = learned.schema;
    let encode = |ends: &[usize]| -> Result<_, EvaluationError> {
        let encoded = schema.encode(&table, ends)?;
        let ready = |place: &usize| encoded.rows[*place].state == State::Ready;
        let kept: Vec<usize> = (0..ends.len()).filter(ready).collect();
        Ok((encoded.samples.select(&kept), kept.iter().map(|&place| ends[place]).collect::<Vec<_>>()))
    };
    let (test, judged) = encode(&(first..table.len()).collect::<Vec<_>>())?;
    let (train, _) = encode(&train)?;
    let none = test.select(&[]);
    let truth: Vec<bool> = judged.iter().map(|&step| !is_normal[step]).collect();
    let values = filled(table.values.column(0).iter().map(|&value| f64::from(value)));
    let times = table.seconds().map(|times| filled(times.into_iter()));
    let channels: Vec<&str> = schema.fields.iter().map(|field| field.name.as_str()).collect();
    let (before, unknown) = (first - known().count(), table.len() - first - judged.len());
    let mut source = format!("The channels: {}. Learned from the first {first} points", channels.join(", "));
    if before > 0 {
        write!(source, ", less {before} that are anomalous").expect("text has room");
    }
    source.push('.');
    if unknown > 0 {
        write!(source, " Too little was observed to judge {unknown} of the others.").expect("text has room");
    }
    Ok(Case {
        name: "own".into(),
        title: path.into(),
        points: table.len(),
        window,
        plan: schedule((WINDOWS_SEEN / train.len().max(1)).clamp(10, 100) as u64, 64),
        vus_window: ae_metrics::sliding_window(&values).map_err(EvaluationError::metric(path))?,
        values: judged.iter().map(|&step| values[step]).collect(),
        times: times.map(|times| judged.iter().map(|&step| times[step]).collect()),
        problem: Problem {
            held_out: none.clone(),
            classes: truth.iter().map(|&is_anomaly| u32::from(is_anomaly)).collect(),
            class_names: [NORMAL, "anomalous"].map(String::from).into(),
            contaminants: none,
            uncontaminated: Vec::new(),
            shape: vec![schema.width() as i64],
            form: Form::of(&schema),
            train,
            validation: encode(&validation)?.0,
            calibration: encode(&calibration)?.0,
            test,
        },
        source,
        judged,
    })
}

/// Whether each row is normal.
fn steps(table: &RawTable) -> Vec<bool> {
    table.labels.as_ref().map_or_else(|| vec![true; table.len()], |labels| labels.normal.clone())
}

/// Where judging begins.
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

/// Values, with the one before in a gap; 0 before the first.
fn filled(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut before = 0.0;
    let fill = |value: f64| {
        before = if value.is_finite() { value } else { before };
        before
    };
    values.map(fill).collect()
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
