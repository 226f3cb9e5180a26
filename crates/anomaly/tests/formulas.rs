//! Tests scores against independent implementations of their formulas.

mod common;

use ae_anomaly::{Baseline, NormalRows, Score, Scorer};
use ae_intake::Samples;
use common::{WIDTH, model, rows, rows_with_gaps, small, vae};
use ndarray::{Array1, Array2, Axis};
use serde_json::Value;

#[track_caller]
fn check_close(obtained: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(obtained.len(), expected.len());
    for (a, b) in obtained.iter().zip(expected) {
        assert!((a - b).abs() <= relative * b.abs().max(1e-9), "{a} {b}");
    }
}

fn normal<'a>(train: &'a Samples, validation: &'a Samples, seed: u64) -> NormalRows<'a> {
    NormalRows { train, validation, seed }
}

/// `x - x̂` through the public reconstruction, in single precision.
fn residuals(scorer: &dyn Scorer, rows: &Samples) -> Array2<f64> {
    let rebuilt = scorer.reconstruct(rows).unwrap().unwrap();
    let mut residuals = rows.values.mapv(f64::from) - rebuilt.mapv(f64::from);
    for ((row, feature), value) in residuals.indexed_iter_mut() {
        if !rows.is_observed(row, feature) {
            *value = f64::NAN;
        }
    }
    residuals
}

fn known(values: ndarray::ArrayView1<'_, f64>) -> Vec<f64> {
    values.iter().copied().filter(|value| !value.is_nan()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn plain_scores_are_means_over_what_was_observed() {
    for rows in [rows(20, "formulas"), rows_with_gaps(20, "formulas")] {
        let check = |kind: Score, of_row: fn(&[f64]) -> f64| {
            let scorer = kind.fit(model(small(), 0), &normal(&rows, &rows, 0)).unwrap();
            let expected: Vec<f64> = residuals(scorer.as_ref(), &rows)
                .outer_iter()
                .map(|row| of_row(&known(row).iter().map(|r| r.abs()).collect::<Vec<_>>()))
                .collect();
            check_close(&scorer.scores(&rows).unwrap(), &expected, 1e-5);
        };
        check(Score::MeanAbsolute, mean);
        check(Score::MeanSquared, |errors| errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64);
        check(Score::Maximum, |errors| errors.iter().copied().fold(0.0, f64::max));
    }
}

#[test]
fn the_standardised_score_is_in_units_of_the_validation_rows() {
    for (validation, rows) in [
        (rows(50, "validation"), rows(20, "new")),
        (rows_with_gaps(50, "validation"), rows_with_gaps(20, "new")),
    ] {
        let scorer = Score::Standardised.fit(model(small(), 0), &normal(&rows, &validation, 0)).unwrap();
        let usual = residuals(scorer.as_ref(), &validation);
        let spread = |column| mean(&known(column).iter().map(|r| r * r).collect::<Vec<_>>()).sqrt();
        let spreads: Array1<f64> = usual.axis_iter(Axis(1)).map(spread).collect();
        let scaled = residuals(scorer.as_ref(), &rows).mapv(f64::abs) / &spreads;
        let expected: Vec<f64> = scaled.outer_iter().map(|row| mean(&known(row))).collect();
        check_close(&scorer.scores(&rows).unwrap(), &expected, 1e-5);
    }
}

/// With many validation rows, there is hardly any shrinkage. The mean score over these rows is then near 1,
/// because the mean of `rᵀ Σ⁻¹ r` is `D`, or with gaps the number of observed values.
#[test]
fn the_mahalanobis_distance_has_mean_one_on_normal_rows() {
    for gaps in [false, true] {
        let some = |n: i64, purpose: &str| if gaps { rows_with_gaps(n, purpose) } else { rows(n, purpose) };
        let validation = some(3000, "validation");
        let scorer = Score::Mahalanobis.fit(model(small(), 0), &normal(&validation, &validation, 0)).unwrap();
        let scores = scorer.scores(&validation).unwrap();
        let expected = if gaps { 0.75..1.35 } else { 0.97..1.03 };
        assert!(expected.contains(&mean(&scores)), "{}", mean(&scores));
        // A shift of a single value shows in the share of that value.
        let mut odd = some(10, "odd");
        odd.values.column_mut(3).mapv_inplace(|value| value + 3.0);
        let shares = scorer.contributions(&odd).unwrap().unwrap();
        assert!(shares.outer_iter().all(|row| row[3] > 0.5), "{shares}");
    }
}

/// 1,024 draws and 64 sets of 16 draws have the same expectation.
#[test]
fn the_reconstruction_probability_is_a_mean_over_draws() {
    let rows = rows(5, "draws");
    let kind = |draws| Score::ReconstructionProbability { draws };
    let many = kind(1024).fit(model(vae(), 0), &normal(&rows, &rows, 0)).unwrap().scores(&rows).unwrap();
    let few: Vec<Vec<f64>> = (1..=64)
        .map(|seed| {
            kind(16).fit(model(vae(), 0), &normal(&rows, &rows, seed)).unwrap().scores(&rows).unwrap()
        })
        .collect();
    for row in 0..5 {
        let few: Vec<f64> = few.iter().map(|scores| scores[row]).collect();
        let spread = (few.iter().map(|s| (s - mean(&few)).powi(2)).sum::<f64>() / few.len() as f64).sqrt();
        // Both means are over 1,024 draws.
        assert!(
            (many[row] - mean(&few)).abs() < 5.0 * spread / 8.0 * 2f64.sqrt() + 1e-9,
            "{} {}",
            many[row],
            mean(&few)
        );
    }
}

#[test]
fn neighbours_match_a_comparison_with_all_rows() {
    let (train, new) = (rows(80, "train"), rows(20, "new"));
    for k in [1, 4] {
        let scorer = Baseline::Neighbours { k }.fit(&normal(&train, &train, 0)).unwrap();
        let expected: Vec<f64> = new
            .values
            .outer_iter()
            .map(|row| {
                let distance = |other| {
                    let difference = row.mapv(f64::from) - ndarray::ArrayView1::mapv(&other, f64::from);
                    difference.dot(&difference).sqrt()
                };
                let mut all: Vec<f64> = train.values.outer_iter().map(distance).collect();
                all.sort_by(f64::total_cmp);
                mean(&all[..k])
            })
            .collect();
        check_close(&scorer.scores(&new).unwrap(), &expected, 1e-12);
        assert!(scorer.scores(&train).unwrap().iter().all(|&score| k > 1 || score == 0.0));
    }
    let error = Baseline::Neighbours { k: 81 }.fit(&normal(&train, &train, 0)).err().unwrap().to_string();
    assert!(error.contains("needs at least 81 normal rows, got 80"), "{error}");
}

/// Gaps in rows on a plane do not matter to PCA: missing values follow from the observed ones.
#[test]
fn components_fill_gaps() {
    let n = 60;
    let at = |row: usize, feature: usize| {
        let (a, b) = ((row as f64 * 0.37).sin(), (row as f64 * 0.71).cos());
        (a * (feature as f64 + 1.0) + b * (5.0 - feature as f64)) as f32
    };
    let train = Samples::complete(Array2::from_shape_fn((n, WIDTH), |(row, feature)| at(row, feature)));
    let scorer = Baseline::Pca { code: 2 }.fit(&normal(&train, &train, 0)).unwrap();
    let mut gaps = train.clone();
    let observed = Array2::from_shape_fn((n, WIDTH), |(row, feature)| (row + feature) % 3 != 0);
    gaps.values.zip_mut_with(&observed, |value, observed| *value = if *observed { *value } else { 77.0 });
    gaps.observed = Some(observed);
    assert!(scorer.scores(&gaps).unwrap().iter().all(|&score| score < 1e-9));
    let rebuilt = scorer.reconstruct(&gaps).unwrap().unwrap();
    let off = (&rebuilt - &train.values).mapv(f32::abs).fold(0.0f32, |a, b| a.max(*b));
    assert!(off < 1e-3, "{off}");
}

/// From `tests/reference/anomaly.py`: the mean over 20 forests of scikit-learn, and the spread of one. The
/// mean over 20 of ours differs by at most 5 standard errors of the difference plus 0.01.
#[test]
fn the_isolation_forest_is_that_of_scikit_learn() {
    let golden: Value = serde_json::from_str(include_str!("reference/anomaly.json")).unwrap();
    let golden = &golden["isolation_forest"];
    let samples = |name: &str| {
        let rows: Vec<Vec<f32>> = serde_json::from_value(golden[name].clone()).unwrap();
        Samples::complete(Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap())
    };
    let (train, rows) = (samples("train"), samples("rows"));
    let mut sums = vec![0.0; rows.len()];
    for seed in 0..20 {
        let scores =
            Baseline::IsolationForest.fit(&normal(&train, &train, seed)).unwrap().scores(&rows).unwrap();
        sums.iter_mut().zip(scores).for_each(|(sum, score)| *sum += score / 20.0);
    }
    let numbers = |name: &str| serde_json::from_value::<Vec<f64>>(golden[name].clone()).unwrap();
    for ((ours, theirs), std) in sums.iter().zip(numbers("mean")).zip(numbers("std")) {
        let bound = 5.0 * std * (2.0f64 / 20.0).sqrt() + 0.01;
        assert!((ours - theirs).abs() < bound, "{ours} {theirs} ± {std}");
    }
}
