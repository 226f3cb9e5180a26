//! Explanations name the column that was changed, for every kind of detector, and what they expect stays
//! within what training rows had.

mod data;
mod detectors;
mod windows;

use ae_anomaly::{Detector, Judgement};
use ae_records::seed::stream_rng;
use data::{Data, spread, text};
use detectors::{check_explanation, encode, fit, kinds, some_kinds};
use ndarray::Array2;
use rand::RngExt;
use std::fmt::Write as _;

/// Alarms that a share of right names is measured over, for each kind of detector.
const ALARMS: usize = 200;
/// Smallest share of right first names.
const BAR: f64 = 0.95;
/// By how many of its standard deviations a column is shifted.
const SHIFT: f64 = 6.0;
/// Rows are shifted in parts of this many until there are enough alarms.
const PART: usize = 1500;
/// Most parts; a forest flags few rows with one shifted column of many.
const MAX_PARTS: usize = 16;

/// How often the first name is right.
#[derive(Clone, Debug, Default)]
struct Named {
    alarms: usize,
    right: usize,
    /// How often the largest contribution is that of the column; 0 for a scorer without contributions.
    right_by_contribution: usize,
    /// How often the named set is said to suffice.
    sufficient: usize,
}

impl Named {
    fn share(&self) -> f64 {
        self.right as f64 / self.alarms.max(1) as f64
    }
}

/// Rows of one kind before and after a change, as text, and the column that was changed in each.
struct Broken {
    whole: String,
    broken: String,
    truth: Vec<String>,
}

/// Explains the alarms among the broken rows that were none before, up to [`ALARMS`] of them.
fn explain_alarms(detector: &Detector, rows: &Broken, named: &mut Named) {
    let (_, before) = encode(detector, &rows.whole);
    let (samples, after) = encode(detector, &rows.broken);
    let features = detector.schema().features();
    for (row, truth) in rows.truth.iter().enumerate() {
        let was_normal = matches!(before[row], Judgement::Normal(_));
        if !was_normal || !matches!(after[row], Judgement::Anomalous(_)) || named.alarms == ALARMS {
            continue;
        }
        let explanation = detector.explain(&samples, row, usize::MAX).unwrap();
        check_explanation(detector, &explanation);
        named.alarms += 1;
        named.sufficient += usize::from(explanation.sufficient);
        named.right += usize::from(explanation.shares[0].feature.column == *truth);
        if let Some(parts) = detector.scorer().contributions(&samples.select(&[row])).unwrap() {
            let mut largest = 0;
            for index in 0..features.len() {
                if parts[[0, index]] > parts[[0, largest]] {
                    largest = index;
                }
            }
            named.right_by_contribution += usize::from(features[largest].column == *truth);
        }
    }
}

/// New rows, in each of which one column is shifted.
fn shifted(data: Data, spread: &[f64], part: usize) -> Broken {
    let whole = data.rows(PART, &format!("new {part}"));
    let mut rng = stream_rng(11, "shifts", (data as usize * MAX_PARTS + part) as u64);
    let (mut broken, mut truth) = (whole.clone(), Vec::new());
    for row in &mut broken {
        let column = rng.random_range(0..data.columns());
        let sign = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
        row.numbers[column] += sign * SHIFT * spread[column];
        truth.push(format!("c{column}"));
    }
    Broken { whole: text(&whole), broken: text(&broken), truth }
}

/// Shifts one column in each of many rows, and asks each kind of detector which one it was.
fn check_shifts(data: Data) {
    let normal_rows = data.rows(1500, "normal");
    let spread = spread(&normal_rows);
    let parts: Vec<Broken> = (0..MAX_PARTS).map(|part| shifted(data, &spread, part)).collect();
    let mut failed = Vec::new();
    for (kind, config) in kinds() {
        let detector = fit(&text(&normal_rows), &config);
        let mut named = Named::default();
        for part in &parts {
            explain_alarms(&detector, part, &mut named);
            if named.alarms == ALARMS {
                break;
            }
        }
        if named.alarms < ALARMS || named.share() < BAR {
            failed.push(format!("{kind}: {named:?}"));
        }
    }
    assert!(failed.is_empty(), "{data:?}: {failed:?}");
}

#[test]
fn a_shifted_sensor_is_named_first_by_every_kind_of_detector() {
    check_shifts(Data::Sensors);
}

#[test]
fn a_shifted_column_of_many_is_named_first_by_every_kind_of_detector() {
    check_shifts(Data::Wide);
}

#[test]
fn a_shifted_column_with_heavy_tails_is_named_first_by_every_kind_of_detector() {
    check_shifts(Data::Heavy);
}

#[test]
fn a_wrong_level_is_named_as_the_category() {
    let normal_rows = text(&Data::Wide.rows(1500, "normal"));
    let mut whole = Data::Wide.rows(PART, "new");
    whole.retain(|row| row.level != Some(1));
    let mut broken = whole.clone();
    broken.iter_mut().for_each(|row| row.level = row.level.map(|level| 2 - level));
    let truth = vec!["mode".to_string(); whole.len()];
    let rows = Broken { whole: text(&whole), broken: text(&broken), truth };
    let mut kinds_with_alarms = 0;
    for (kind, config) in some_kinds() {
        let detector = fit(&normal_rows, &config);
        let mut named = Named::default();
        explain_alarms(&detector, &rows, &mut named);
        if named.alarms >= 50 {
            kinds_with_alarms += 1;
            assert!(named.share() >= BAR, "{kind}: {named:?}");
        }
    }
    assert!(kinds_with_alarms >= 3, "{kinds_with_alarms} kinds of detector flag wrong levels");
}

#[test]
fn two_shifted_columns_are_both_named_and_what_is_named_suffices() {
    let normal_rows = Data::Sensors.rows(1500, "normal");
    let spread = spread(&normal_rows);
    let mut rows = Data::Sensors.rows(120, "new");
    for row in &mut rows {
        row.numbers[0] += SHIFT * spread[0];
        row.numbers[3] -= SHIFT * spread[3];
    }
    for (kind, config) in some_kinds() {
        let detector = fit(&text(&normal_rows), &config);
        let (samples, judgements) = encode(&detector, &text(&rows));
        let (mut alarms, mut both, mut wrongly_sufficient) = (0, 0, 0);
        for (row, judgement) in judgements.iter().enumerate() {
            if !matches!(judgement, Judgement::Anomalous(_)) {
                continue;
            }
            let explanation = detector.explain(&samples, row, usize::MAX).unwrap();
            assert_eq!(explanation, detector.explain(&samples, row, usize::MAX).unwrap());
            check_explanation(&detector, &explanation);
            let mut replaced = Array2::from_shape_fn((1, 5), |(_, column)| rows[row].numbers[column] as f32);
            let named = explanation.shares.iter().filter(|share| share.share > 0.0);
            named.clone().for_each(|share| replaced[[0, share.index]] = share.expected.unwrap() as f32);
            let after = &detector.judge(replaced.view()).unwrap()[0];
            wrongly_sufficient +=
                usize::from(matches!(after, Judgement::Normal(_)) != explanation.sufficient);
            let names: Vec<usize> = named.map(|share| share.index).collect();
            alarms += 1;
            both += usize::from(names.contains(&0) && names.contains(&3));
        }
        assert!(alarms >= 100, "{kind}: {alarms} alarms");
        assert_eq!(wrongly_sufficient, 0, "{kind}");
        // A forest may be satisfied once one of the two is gone.
        assert!(
            kind == "IsolationForest" || both as f64 >= BAR * alarms as f64,
            "{kind}: {both} of {alarms}"
        );
    }
}

#[test]
fn rows_with_gaps_and_normal_rows_are_explained_by_what_they_have() {
    let with_gaps = |n: usize, purpose: &str| -> String {
        let mut rng = stream_rng(11, "gaps", n as u64);
        let rows = text(&Data::Wide.rows(n, purpose));
        let mut lines = rows.lines();
        let mut text = format!("{}\n", lines.next().unwrap());
        for line in lines {
            let mut cell = |cell: &str| if rng.random_bool(0.15) { String::new() } else { cell.to_string() };
            let cells: Vec<String> = line.split(',').map(&mut cell).collect();
            writeln!(text, "{}", cells.join(",")).unwrap();
        }
        text
    };
    let (normal_rows, new) = (with_gaps(800, "normal"), with_gaps(60, "new"));
    for (kind, config) in some_kinds() {
        let detector = fit(&normal_rows, &config);
        let (samples, judgements) = encode(&detector, &new);
        for (row, judgement) in judgements.iter().enumerate() {
            let explanation = detector.explain(&samples, row, usize::MAX).unwrap();
            check_explanation(&detector, &explanation);
            let named: Vec<_> = explanation.shares.iter().filter(|share| share.share > 0.0).collect();
            assert!(named.iter().all(|share| samples.is_observed(row, share.index)), "{kind}: {named:?}");
            if matches!(judgement, Judgement::Normal(_)) {
                assert!(explanation.sufficient && named.len() == 1, "{kind}: {named:?}");
            }
        }
    }
}
