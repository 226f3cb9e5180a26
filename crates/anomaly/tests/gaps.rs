//! Tests that the promised false-alarm rate holds for rows with gaps, whatever the gaps and the scorer.

mod common;

use ae_anomaly::fit::PreparedRows;
use ae_anomaly::fit::damage::Form;
use ae_anomaly::{Detector, FitConfig, FitOptions, Judgement, RowCalibration, Rule, Scorer, Store};
use ae_intake::{Samples, Table};
use ae_records::seed::stream_rng;
use common::WIDTH;
use ndarray::Array2;
use rand::RngExt;
use std::cell::RefCell;
use std::collections::HashSet;

const RATE: f64 = 0.05;
/// The rate of one calibration varies around the promise by about 0.01 with 500 rows, and its estimate by 0.008.
const BAND: std::ops::RangeInclusive<f64> = 0.018..=0.088;

fn prepared(calibration: Samples) -> PreparedRows {
    let train = common::rows(60, "train");
    PreparedRows {
        validation: common::rows(40, "validation"),
        train,
        calibration,
        overlap: 1,
        shape: vec![WIDTH],
        form: Form::Table { groups: (0..WIDTH).map(|column| column..column + 1).collect() },
    }
}

/// The rows without a random share of their values; each keeps at least half of them.
fn masked(mut rows: Samples, share: f64, seed: u64) -> Samples {
    let mut rng = stream_rng(seed, "masks", 0);
    let mut observed = Array2::from_shape_fn(rows.values.dim(), |_| rng.random::<f64>() >= share);
    for (mut row, mut values) in observed.outer_iter_mut().zip(rows.values.outer_iter_mut()) {
        while row.iter().filter(|&&observed| observed).count() < WIDTH.div_ceil(2) {
            let place = rng.random_range(0..WIDTH);
            row[place] = true;
        }
        values.zip_mut_with(&row, |value, observed| *value *= f32::from(u8::from(*observed)));
    }
    rows.observed = Some(observed);
    rows
}

/// The rows without one column.
fn without_column(mut rows: Samples, column: usize) -> Samples {
    let mut observed = Array2::from_elem(rows.values.dim(), true);
    observed.column_mut(column).fill(false);
    rows.values.column_mut(column).fill(0.0);
    rows.observed = Some(observed);
    rows
}

fn flagged(calibration: &RowCalibration, scores: &[f64]) -> f64 {
    let flags = calibration.calibration().threshold().flag(scores);
    flags.iter().filter(|&&flag| flag).count() as f64 / flags.len() as f64
}

/// Rows with a random share of gaps, and rows without one of the columns.
fn new_rows() -> Vec<(String, Samples)> {
    let mut all: Vec<(String, Samples)> = [0.1, 0.3, 0.5]
        .into_iter()
        .map(|share| (format!("{share} missing"), masked(common::rows(700, "new"), share, 1)))
        .collect();
    for column in [0, 5] {
        all.push((format!("without column {column}"), without_column(common::rows(700, "new"), column)));
    }
    all
}

#[test]
fn the_promised_rate_holds_for_any_gaps_and_every_kind_of_scorer() {
    let rows = prepared(common::rows(500, "calibration"));
    let rule = Rule::FalseAlarmRate { rate: RATE };
    let without = RefCell::new(Vec::new());
    common::each(|scorer: &dyn Scorer| {
        let calibrated = RowCalibration::fit(scorer, &rows, rule, 0, None).unwrap().unwrap();
        for (gaps, new) in new_rows() {
            let scores = calibrated.scores(scorer, &new).unwrap();
            let rate = flagged(&calibrated, &scores);
            assert!(BAND.contains(&rate), "{}: {gaps}: {rate}", scorer.name());
            let p: f64 = scores.iter().map(|&score| calibrated.calibration().p_value(score)).sum();
            let mean = p / scores.len() as f64;
            // Equal scores, as of a code that is always 0, have high p-values.
            let ties = scores.iter().map(|score| score.to_bits()).collect::<HashSet<_>>().len() < 600;
            assert!(mean > 0.4 && (mean < 0.6 || ties), "{}: {gaps}: mean p-value {mean}", scorer.name());
        }
        // A complete row is compared as it always was.
        let complete = common::rows(50, "new");
        assert_eq!(calibrated.scores(scorer, &complete).unwrap(), scorer.scores(&complete).unwrap());
    });
    // What this replaces: scores of rows with gaps against those of complete rows.
    common::each(|scorer: &dyn Scorer| {
        let calibrated = RowCalibration::fit(scorer, &rows, rule, 0, None).unwrap().unwrap();
        for (_, new) in new_rows() {
            without.borrow_mut().push(flagged(&calibrated, &scorer.scores(&new).unwrap()));
        }
    });
    let without = without.into_inner();
    assert!(without.iter().filter(|rate| !BAND.contains(*rate)).count() > without.len() / 12, "{without:?}");
}

#[test]
fn calibration_rows_may_have_gaps_of_their_own() {
    let rule = Rule::FalseAlarmRate { rate: RATE };
    for share in [0.03, 0.2] {
        let rows = prepared(masked(common::rows(700, "calibration"), share, 2));
        common::each(|scorer: &dyn Scorer| {
            let calibrated = RowCalibration::fit(scorer, &rows, rule, 0, None).unwrap().unwrap();
            for (gaps, new) in new_rows().into_iter().chain([("none".into(), common::rows(700, "new"))]) {
                let rate = flagged(&calibrated, &calibrated.scores(scorer, &new).unwrap());
                // Filled gaps are an approximation.
                assert!((0.01..=0.1).contains(&rate), "{}: {share}: {gaps}: {rate}", scorer.name());
            }
        });
    }
}

#[test]
fn a_row_is_judged_alike_alone_in_a_batch_and_after_others() {
    let rows = prepared(common::rows(500, "calibration"));
    let new = masked(common::rows(60, "new"), 0.3, 1);
    common::each(|scorer: &dyn Scorer| {
        let fit = || RowCalibration::fit(scorer, &rows, Rule::FalseAlarmRate { rate: RATE }, 0, None);
        let together = fit().unwrap().unwrap().scores(scorer, &new).unwrap();
        let backwards: Vec<usize> = (0..new.len()).rev().collect();
        let mut back = fit().unwrap().unwrap().scores(scorer, &new.select(&backwards)).unwrap();
        back.reverse();
        for (row, (a, b)) in together.iter().zip(&back).enumerate() {
            let alone = fit().unwrap().unwrap().scores(scorer, &new.select(&[row])).unwrap()[0];
            let close = |b: f64| (a - b).abs() <= 1e-9 * a.abs().max(1e-9);
            assert!(close(*b) && close(alone), "{}: row {row}: {a} {b} {alone}", scorer.name());
        }
    });
}

/// A network that never saw a gap: what an empty cell does to its score must not raise an alarm.
#[test]
fn an_empty_column_is_no_alarm_for_a_fitted_detector_and_an_anomaly_still_is_one() {
    ae_tensor::device::set_threads(1);
    let values = common::rows(2400, "table").values;
    let table = Table::from_array::<&str>(values.view(), &[]).unwrap();
    for store in [Store::Blend, Store::Autoencoder, Store::Pca, Store::Neighbours] {
        let config =
            FitConfig { store, threshold: Some(Rule::FalseAlarmRate { rate: RATE }), ..FitConfig::default() };
        let detector = Detector::fit_with(&table, &config, FitOptions::default()).unwrap().detector;
        let path = tempfile::tempdir().unwrap().keep().join("detector.safetensors");
        detector.save(&path).unwrap();
        let again = Detector::load(&path).unwrap();
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        let mut new = common::rows(1500, "later").values;
        for column in [2, 7] {
            let kept = new.column(column).to_owned();
            new.column_mut(column).fill(f32::NAN);
            let judged = detector.judge(new.view()).unwrap();
            assert_eq!(judged, again.judge(new.view()).unwrap());
            let alarms = judged.iter().filter(|j| matches!(j, Judgement::Anomalous(_))).count();
            let rate = alarms as f64 / judged.len() as f64;
            assert!(BAND.contains(&rate), "{store:?}: without column {column}: {rate}");
            // Every row's value of another column replaced by one far away.
            let other = (column + 3) % WIDTH;
            let usual = new.column(other).to_owned();
            new.column_mut(other).fill(6.0);
            let judged = detector.judge(new.view()).unwrap();
            let found = judged.iter().filter(|j| matches!(j, Judgement::Anomalous(_))).count();
            assert!(found == judged.len(), "{store:?}: {found} of {} found", judged.len());
            new.column_mut(other).assign(&usual);
            new.column_mut(column).assign(&kept);
        }
    }
}

/// A false-alarm rate of 0 is easily reached by a detector that finds nothing.
#[test]
fn gaps_in_the_training_rows_or_in_new_ones_do_not_hide_what_is_odd() {
    ae_tensor::device::set_threads(1);
    let with_gaps = |rows: Samples, share: f64, seed: u64| -> Array2<f32> {
        let rows = masked(rows, share, seed);
        let mut values = rows.values;
        values.zip_mut_with(&rows.observed.expect("a mask"), |value, observed| {
            if !observed {
                *value = f32::NAN;
            }
        });
        values
    };
    // Each row has one value that is usual in itself, and does not go with the others.
    let mut odd = common::rows(800, "odd");
    let other = common::rows(800, "another");
    for row in 0..odd.len() {
        let column = row % WIDTH;
        let own = odd.values[[row, column]];
        let far = (0..800).find(|&at| (other.values[[at, column]] - own).abs() > 0.45).unwrap_or(row);
        odd.values[[row, column]] = other.values[[far, column]];
    }
    let share = |detector: &Detector, values: &Array2<f32>| -> f64 {
        let judged = detector.judge(values.view()).unwrap();
        let alarms = judged.iter().filter(|judgement| matches!(judgement, Judgement::Anomalous(_))).count();
        alarms as f64 / judged.len() as f64
    };
    let rule = Rule::FalseAlarmRate { rate: RATE };
    for store in [Store::Blend, Store::Autoencoder, Store::Pca] {
        let mut found = Vec::new();
        for missing in [0.0, 0.1, 0.25] {
            let values = with_gaps(common::rows(2400, "table"), missing, 5);
            let table = Table::from_array::<&str>(values.view(), &[]).unwrap();
            let config = FitConfig { store, threshold: Some(rule), ..FitConfig::default() };
            let detector = Detector::fit_with(&table, &config, FitOptions::default()).unwrap().detector;
            for gaps in [0.0, 0.1] {
                let normal = share(&detector, &with_gaps(common::rows(1500, "later"), gaps, 6));
                // With so few complete rows, others are filled to calibrate complete ones. They are a little less regular,
                // which the distances of the blend are sensitive to: it promises 5 %, and keeps 1 to 2 %.
                let least = if store == Store::Blend && missing > 0.2 { 0.01 } else { *BAND.start() };
                let band = least..=*BAND.end();
                assert!(band.contains(&normal), "{store:?}: {missing} {gaps}: {normal} of normal rows");
                found.push(share(&detector, &with_gaps(odd.clone(), gaps, 7)));
            }
        }
        let complete = found[0];
        assert!(complete > 0.6, "{store:?}: {found:?}");
        // Where the gap is in the odd column, there is nothing to find.
        assert!(found.iter().all(|&found| found > 0.75 * complete), "{store:?}: {found:?}");
    }
}
