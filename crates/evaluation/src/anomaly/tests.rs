//! The task on small generated data.

use super::*;
use crate::testing::{Bench, wanted};
use ae_tensor::{Distance, array};
use std::path::Path;

const TOY: Protocol =
    Protocol { name: "toy", title: "Waves", note: "A note.", preset: "toy", overrides: &[] };

fn run(bench: &Bench, data: &Path, seeds: &[u64]) -> Result<(Evaluation, PathBuf), EvaluationError> {
    bench.with(seeds, |context| {
        evaluate(context, &[TOY], None, |p, seed| Ok(wanted(p.preset, "ecg", data, 40, seed)))
    })
}

#[test]
fn anomalies_are_found_and_results_are_complete_and_repeatable() {
    let bench = Bench::new();
    let data = bench.waves(true);
    let (evaluation, report) = run(&bench, &data, &[0, 1]).unwrap();
    let metric = |name: &str| evaluation.metrics[name];
    assert!(metric("toy/auroc") > 0.99, "inverted waves are easy: {}", metric("toy/auroc"));
    assert!(metric("toy/recall") > 0.99);
    assert_eq!(metric("toy/accuracy"), (metric("toy/seed0/accuracy") + metric("toy/seed1/accuracy")) / 2.0);
    // 32 test rows, a quarter of them odd.
    for seed in ["seed0", "seed1"] {
        assert_eq!(metric(&format!("toy/{seed}/prevalence")), 0.25);
        let of = |name: &str| metric(&format!("toy/{seed}/{name}"));
        assert_eq!(of("true_positives") + of("false_negatives"), 8.0);
        assert_eq!(of("false_positives") + of("true_negatives"), 24.0);
        assert_eq!(of("accuracy"), (of("true_positives") + of("true_negatives")) / 32.0);
        let passed = of("true_negatives") + of("false_negatives");
        assert_eq!(of("normal_precision"), of("true_negatives") / passed);
    }
    assert_eq!(evaluation.tables.len(), 4);
    assert!(evaluation.tables.iter().all(|t| t.rows.iter().all(|row| row.len() == t.columns.len())));
    assert_eq!(evaluation.pictures.len(), 2);
    for file in ["report.html", "evaluation.json", "images/toy-errors.png", "images/toy-beats.png"] {
        assert!(report.with_file_name(file).exists(), "{file}");
    }
    let (again, other_report) = run(&bench, &data, &[0, 1]).unwrap();
    assert_ne!(other_report, report);
    assert_eq!(again, evaluation, "from the same runs, the same results to the last bit");
    assert_eq!(bench.runs("toy").len(), 2);
}

/// The threshold is recomputed here from the training rows only.
#[test]
fn the_threshold_comes_from_training_rows() {
    let bench = Bench::new();
    let data = bench.waves(true);
    let (evaluation, _) = run(&bench, &data, &[0]).unwrap();
    let trained = bench.with(&[0], |context| context.trained(&wanted("toy", "ecg", &data, 40, 0)).unwrap());
    let rows = trained.splits.train.values();
    let rebuilt = trained.model.as_autoencoder().unwrap().reconstruct(rows);
    let scores = array::to_vec(&Distance::MeanAbsolute.per_sample(&rebuilt, rows));
    let spread = ae_metrics::mean_std(&scores).unwrap();
    assert_eq!(scores.len(), 36, "the normal rows of the training share");
    assert!((evaluation.metrics["toy/seed0/threshold"] - (spread.mean + spread.std)).abs() < 1e-7);
}

#[test]
fn data_that_cannot_be_judged_are_errors() {
    let bench = Bench::new();
    let check = |data: &Path, seeds: &[u64], expected: &str| {
        let error = run(&bench, data, seeds).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(
        &bench.waves(false),
        &[0],
        "has no normal label, which this task needs; name it with data.normal_label",
    );
    check(&bench.waves(true), &[], "no seeds");
    assert!(!bench.path("runs/eval-anomaly").exists(), "what fails leaves no results behind");
}
