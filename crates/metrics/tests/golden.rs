//! Metrics tested against scikit-learn, scikit-image and SciPy. The reference values come from
//! `golden/make.py`.

use ae_metrics::*;
use ndarray::Array4;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Both sides sum in double precision, in a different order; they differ by a few hundred roundings at most.
const TOLERANCE: f64 = 1e-12;

#[test]
fn confusion() {
    #[derive(Deserialize)]
    struct Rates {
        accuracy: f64,
        precision: f64,
        recall: f64,
        f1: f64,
        specificity: f64,
    }
    #[derive(Deserialize)]
    struct Case {
        name: String,
        flagged: Vec<bool>,
        is_anomaly: Vec<bool>,
        counts: [u64; 4],
        anomaly_positive: Rates,
        normal_positive: Rates,
    }
    for case in cases::<Case>("confusion") {
        let obtained = Confusion::count(&case.flagged, &case.is_anomaly).unwrap();
        let [true_positives, false_positives, true_negatives, false_negatives] = case.counts;
        let counts = Confusion { true_positives, false_positives, true_negatives, false_negatives };
        assert_eq!(obtained, counts, "{}", case.name);
        let views =
            [(obtained, case.anomaly_positive), (obtained.normal_as_positive(), case.normal_positive)];
        for (view, rates) in views {
            check(&case.name, view.accuracy(), rates.accuracy);
            check(&case.name, view.precision(), rates.precision);
            check(&case.name, view.recall(), rates.recall);
            check(&case.name, view.f1(), rates.f1);
            check(&case.name, view.specificity(), rates.specificity);
        }
    }
}

#[test]
fn ranking() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        scores: Vec<f64>,
        is_anomaly: Vec<bool>,
        auroc: f64,
        average_precision: f64,
        prevalence: f64,
        roc_thresholds: Vec<f64>,
        false_positive_rates: Vec<f64>,
        true_positive_rates: Vec<f64>,
        pr_thresholds: Vec<f64>,
        precisions: Vec<f64>,
        recalls: Vec<f64>,
    }
    for case in cases::<Case>("ranking") {
        let (name, scores, truth) = (&case.name, &case.scores, &case.is_anomaly);
        check(name, auroc(scores, truth).unwrap(), case.auroc);
        check(name, average_precision(scores, truth).unwrap(), case.average_precision);
        check(name, prevalence(truth).unwrap(), case.prevalence);

        let roc = roc_curve(scores, truth).unwrap();
        assert_eq!(roc[0].threshold, f64::INFINITY);
        check_all(name, roc[1..].iter().map(|p| p.threshold), &case.roc_thresholds);
        check_all(name, roc.iter().map(|p| p.false_positive_rate), &case.false_positive_rates);
        check_all(name, roc.iter().map(|p| p.true_positive_rate), &case.true_positive_rates);

        let curve = precision_recall_curve(scores, truth).unwrap();
        assert_eq!(curve[0].threshold, f64::INFINITY);
        check_all(name, curve[1..].iter().map(|p| p.threshold), &case.pr_thresholds);
        check_all(name, curve.iter().map(|p| p.precision), &case.precisions);
        check_all(name, curve.iter().map(|p| p.recall), &case.recalls);
    }
}

#[test]
fn reconstruction() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        shape: [usize; 4],
        data_range: f64,
        original: Vec<f64>,
        reconstruction: Vec<f64>,
        mse: f64,
        mae: f64,
        psnr: f64,
        psnr_per_sample: Vec<f64>,
        ssim: Vec<f64>,
    }
    for case in cases::<Case>("pictures") {
        let (name, range) = (&case.name, case.data_range);
        let original = Array4::from_shape_vec(case.shape, case.original).unwrap();
        let other = Array4::from_shape_vec(case.shape, case.reconstruction).unwrap();
        check(name, mse(&original, &other).unwrap(), case.mse);
        check(name, mae(&original, &other).unwrap(), case.mae);
        check(name, psnr(&original, &other, range).unwrap(), case.psnr);
        check_all(name, psnr_per_sample(&original, &other, range).unwrap(), &case.psnr_per_sample);
        check_all(name, ssim(&original, &other, range).unwrap(), &case.ssim);

        // Single precision differs only by the rounding of the pixels.
        let (single, other_single) = (original.mapv(|v| v as f32), other.mapv(|v| v as f32));
        for (obtained, expected) in ssim(&single, &other_single, range).unwrap().iter().zip(&case.ssim) {
            assert!((obtained - expected).abs() < 1e-5, "{name}: {obtained} against {expected}");
        }
    }
}

#[test]
fn summary() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        values: Vec<f64>,
        level: f64,
        mean: f64,
        std: f64,
        sample_std: f64,
        low: f64,
        high: f64,
    }
    for case in cases::<Case>("summary") {
        let summary = mean_std(&case.values).unwrap();
        let interval = summary.confidence_interval(case.level).unwrap();
        assert_eq!(summary.count, case.values.len());
        check(&case.name, summary.mean, case.mean);
        check(&case.name, summary.std, case.std);
        check(&case.name, summary.sample_std().unwrap(), case.sample_std);
        check(&case.name, interval.low, case.low);
        check(&case.name, interval.high, case.high);
    }
}

fn cases<T: DeserializeOwned>(group: &str) -> Vec<T> {
    let mut all: serde_json::Value = serde_json::from_str(include_str!("golden/golden.json")).unwrap();
    let cases: Vec<T> = serde_json::from_value(all[group].take()).unwrap();
    assert!(!cases.is_empty(), "no cases in {group}");
    cases
}

fn check(name: &str, obtained: f64, expected: f64) {
    let distance = (obtained - expected).abs() / expected.abs().max(1.0);
    assert!(distance < TOLERANCE, "{name}: got {obtained}, expected {expected}");
}

fn check_all(name: &str, obtained: impl IntoIterator<Item = f64>, expected: &[f64]) {
    let obtained: Vec<f64> = obtained.into_iter().collect();
    assert_eq!(obtained.len(), expected.len(), "{name}: {obtained:?} against {expected:?}");
    for (&obtained, &expected) in obtained.iter().zip(expected) {
        check(name, obtained, expected);
    }
}
