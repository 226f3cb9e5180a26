//! The task on small made-up sets.

use super::contenders::{self, NEIGHBOURS, OWN, Outcome, Verdicts};
use super::problems::Problem;
use super::results::Results;
use super::*;
use crate::testing::Bench;
use ae_intake::{InputConfig, LayoutChoice, Table};
use ae_records::seed::stream_rng;
use ae_report::gallery::Gallery;
use ndarray::{Array2, s};
use rand::RngExt;

fn wrong(name: &str, value: &str) -> String {
    let mut options = OptionValues::default();
    options.set(name, vec![value.into()]);
    let error = Bench::new().with(&[0], |context| run(context, &options)).unwrap_err();
    assert!(error.is_usage(), "{error}");
    error.to_string()
}

#[test]
fn what_is_not_there_is_said_before_anything_is_fetched() {
    assert_eq!(wrong("suite", "images"), "--suite has no value `images`; it is tabular or series");
    let error = wrong("set", "cardoi");
    assert!(
        error.starts_with("--set has no value `cardoi`; did you mean `cardio`?; it is ALOI, breastw, "),
        "{error}"
    );
    let error = wrong("peers", "/nowhere/python");
    assert!(error.contains("/nowhere/python") && error.contains("pip install pyod"), "{error}");
}

/// Points near a circle, and in the test rows some inside it.
fn ring(name: &str, layout: LayoutChoice) -> Problem {
    let mut rng = stream_rng(0, "ring", 0);
    let is_odd = |row: usize| row >= 300 && row.is_multiple_of(10);
    let values = Array2::from_shape_fn((500, 2), |(row, column)| {
        let at = row as f64 / 7.0;
        let radius = if is_odd(row) { 0.2 } else { 1.0 };
        radius * if column == 0 { at.cos() } else { at.sin() } + 0.05 * rng.random::<f64>()
    });
    let input = InputConfig { layout, ..InputConfig::default() };
    let part = |rows: ndarray::ArrayView2<'_, f64>| {
        Table::from_array_with(rows.mapv(|value| value as f32).view(), &["x", "y"], &input).unwrap()
    };
    let is_series = layout == LayoutChoice::Windows;
    Problem {
        name: name.into(),
        train: part(values.slice(s![..300, ..])),
        test: if is_series { part(values.view()) } else { part(values.slice(s![300.., ..])) },
        first: if is_series { 300 } else { 0 },
        truth: (300..500).map(is_odd).collect(),
        vus_window: is_series.then_some(10),
        numbers: None,
        input,
    }
}

#[test]
fn every_detector_judges_the_same_rows_of_tables_and_of_series() {
    for layout in [LayoutChoice::Table, LayoutChoice::Windows] {
        let problem = ring("ring", layout);
        let own = Bench::new().with(&[0], |context| contenders::all(context, &problem, 0).unwrap());
        let keys: Vec<&str> = own.outcomes.iter().map(|outcome| outcome.key.as_str()).collect();
        assert_eq!(keys, [OWN, "network", "untrained", NEIGHBOURS, "pca", "forest", "median"]);
        for outcome in &own.outcomes {
            assert_eq!(outcome.scores.len(), problem.truth.len(), "{}", outcome.key);
        }
        assert_eq!(own.window.is_some(), layout == LayoutChoice::Windows);
        // Every window of the series holds an odd point or comes just after one.
        if layout == LayoutChoice::Table {
            let area = |place: usize| ae_metrics::auroc(&own.outcomes[place].scores, &problem.truth).unwrap();
            assert!(area(0) > 0.95 && area(6) < 0.5, "{} {}", area(0), area(6));
        }
    }
}

#[test]
fn ranks_means_and_alarms_are_those_of_the_scores() {
    let outcome = |key: &str, of: &dyn Fn(usize, bool) -> f64, promises: bool| {
        let truth = ring("", LayoutChoice::Table).truth;
        let scores: Vec<f64> = truth.iter().enumerate().map(|(row, &odd)| of(row, odd)).collect();
        // Of 180 normal rows, those with the two lowest p-values are below 1 %.
        let verdicts = promises.then(|| Verdicts {
            promised: 0.05,
            is_anomalous: vec![false; truth.len()],
            p_values: (0..truth.len()).map(|row| (row % 100) as f64 / 100.0 + 0.006).collect(),
        });
        let (fit_seconds, score_seconds, memory_mib) = (1.0, 0.5, Some(2.0));
        Outcome {
            key: key.into(),
            name: key.into(),
            scores,
            verdicts,
            fit_seconds,
            score_seconds,
            memory_mib,
        }
    };
    let mut results = Results::new(Suite::Tabular);
    for set in ["one", "two", "three"] {
        for seed in 0..2 {
            let outcomes = [
                outcome(OWN, &|_, odd| f64::from(u8::from(odd)), true),
                outcome(NEIGHBOURS, &|row, odd| if odd { row as f64 } else { 100.0 }, false),
                outcome("reversed", &|_, odd| -f64::from(u8::from(odd)), false),
            ];
            results.add(&ring(set, LayoutChoice::Table), seed, &outcomes).unwrap();
        }
    }
    results.add(&ring("refused", LayoutChoice::Table), 0, &[]).unwrap();
    results.leave_out("refused");
    let folder = tempfile::tempdir().unwrap();
    let gallery = Gallery::new(folder.path().join("images"));
    let mut evaluation = Evaluation::default();
    results.report(&mut evaluation, &gallery).unwrap();
    let metric = |name: &str| evaluation.metrics[name];
    assert_eq!((metric("tabular/ae/auroc"), metric("tabular/reversed/auroc")), (1.0, 0.0));
    assert_eq!((metric("tabular/ae/rank_auroc"), metric("tabular/reversed/rank_auroc")), (1.0, 3.0));
    assert_eq!(
        (metric("tabular/ae/behind_neighbours"), metric("tabular/reversed/behind_neighbours")),
        (0.0, 3.0)
    );
    assert!((0.4..0.6).contains(&metric("tabular/neighbours/auroc")));
    assert_eq!(metric("tabular/one/alarms_at_0.005"), 0.0);
    // Rows 0, 100, ... are anomalies here, so that none of those with a p-value of 0.006 is normal.
    assert_eq!(metric("tabular/one/alarms_at_0.01"), 0.0);
    assert!((0.03..0.05).contains(&metric("tabular/one/alarms_at_0.05")));
    assert_eq!(evaluation.tables.len(), 4);
    assert!(
        evaluation.tables.iter().all(|table| table.rows.iter().all(|row| row.len() == table.columns.len()))
    );
    assert_eq!(gallery.entries().unwrap().len(), 2);
}

/// The p-value of a window is that among windows that share steps; the threshold allows for that.
#[test]
fn alarms_in_a_series_are_those_that_the_detector_raises() {
    let problem = Problem { vus_window: Some(4), ..ring("one", LayoutChoice::Windows) };
    let is_anomalous: Vec<bool> = (0..problem.truth.len()).map(|point| point % 10 == 5).collect();
    let expected = |anomalous: bool| {
        let of = |point: &usize| problem.truth[*point] == anomalous;
        let all: Vec<usize> = (0..problem.truth.len()).filter(of).collect();
        all.iter().filter(|&&point| is_anomalous[point]).count() as f64 / all.len() as f64
    };
    let verdicts = Verdicts {
        promised: 0.02,
        is_anomalous: is_anomalous.clone(),
        p_values: vec![0.0; problem.truth.len()],
    };
    let outcome = Outcome {
        key: OWN.into(),
        name: OWN.into(),
        scores: (0..problem.truth.len()).map(|point| point as f64).collect(),
        verdicts: Some(verdicts),
        fit_seconds: 1.0,
        score_seconds: 1.0,
        memory_mib: None,
    };
    let mut results = Results::new(Suite::Series);
    results.add(&problem, 0, &[outcome]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut evaluation = Evaluation::default();
    results.report(&mut evaluation, &Gallery::new(folder.path().join("images"))).unwrap();
    assert_eq!(evaluation.metrics["series/one/promised"], 0.02);
    assert!((evaluation.metrics["series/one/alarms"] - expected(false)).abs() < 1e-12);
}
