//! Tests short series: all windows are learned from, and all are calibrated on.

use ae_anomaly::fit::report::Sizes;
use ae_anomaly::{Detector, FitConfig, FitError, FitOptions, Fitted, Judgement, Rule};
use ae_intake::{InputConfig, LayoutChoice, Shares, Table};
use ae_records::seed::stream_rng;
use ae_training::{BatchSize, TrainingConfig};
use ndarray::{Array2, Axis, s};
use rand::RngExt;

fn config() -> FitConfig {
    ae_tensor::device::set_threads(1);
    let training = TrainingConfig { epochs: 8, batch: BatchSize::Samples(32), ..TrainingConfig::default() };
    FitConfig {
        training: Some(training),
        input: InputConfig { layout: LayoutChoice::Windows, ..InputConfig::default() },
        ..FitConfig::default()
    }
}

/// A noise with a short memory, without a period.
fn steps(n: usize, seed: u64) -> Array2<f32> {
    let mut rng = stream_rng(seed, "tests of short series", 0);
    let mut value = 0.0;
    Array2::from_shape_fn((n, 1), |_| {
        // The sum of twelve uniform draws is nearly normal.
        let noise: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        value = 0.7 * value + noise;
        value as f32
    })
}

fn table(values: &Array2<f32>, config: &FitConfig) -> Table {
    Table::from_array_with(values.view(), &["value"], &config.input).unwrap()
}

fn fit(values: &Array2<f32>, config: &FitConfig) -> Fitted {
    Detector::fit_with(&table(values, config), config, FitOptions::default()).unwrap()
}

fn scores(detector: &Detector, values: &Array2<f32>) -> Vec<f64> {
    let judged = detector.judge(values.view()).unwrap();
    judged.iter().filter_map(Judgement::verdict).map(|verdict| verdict.score).collect()
}

fn window(detector: &Detector) -> usize {
    detector.schema().windows.unwrap().length
}

#[test]
fn every_window_is_learned_from_and_calibrated_on() {
    let Fitted { detector, report } = fit(&steps(600, 0), &config());
    let windows = 601 - window(&detector);
    assert_eq!(window(&detector), 60);
    let Sizes { normal, train, validation, calibration, folds, .. } = report.sizes;
    assert_eq!((normal, calibration, folds), (windows, windows, Some(4)));
    // The part for early stopping begins one window after the other.
    assert_eq!(train + validation + window(&detector) - 1, windows);
    assert_eq!(detector.calibration().scores().len(), windows);
    assert!(report.scorer.ends_with(&format!("looks at {windows} normal rows")), "{}", report.scorer);
    assert_eq!(detector.calibration().threshold().rule(), Rule::FalseAlarmRate { rate: 0.01 });
}

#[test]
fn long_series_parts_of_ones_own_and_very_short_ones_are_split() {
    let folds = |n, config: &FitConfig| fit(&steps(n, 1), config).report.sizes.folds;
    assert_eq!(folds(2200, &config()), None);
    assert_eq!(folds(600, &FitConfig { shares: Some(Shares::default()), ..config() }), None);
    assert_eq!(folds(600, &FitConfig { robust: Some(0.02), ..config() }), None);
    let mut long = config();
    long.input.window = Some(110);
    long.threshold = Some(Rule::MeanStd { k: 3.0 });
    assert_eq!(folds(600, &long), None);
}

/// Scores that the detector gives its own windows would promise too much, because each of them is near to itself.
#[test]
fn the_promised_rate_is_kept() {
    let rule = Rule::FalseAlarmRate { rate: 0.05 };
    let (mut kept, mut with_own, fits) = (0.0, 0.0, 6);
    for seed in 10..10 + fits {
        let all = steps(500 + 4000, seed);
        let (learned, later) = all.view().split_at(Axis(0), 500);
        let (learned, later) = (learned.to_owned(), later.to_owned());
        let detector = fit(&learned, &FitConfig { threshold: Some(rule), ..config() }).detector;
        let later = scores(&detector, &later);
        let above = |threshold: f64| {
            later.iter().filter(|score| **score > threshold).count() as f64 / later.len() as f64 / fits as f64
        };
        kept += above(detector.calibration().threshold().value());
        let mut own = scores(&detector, &learned);
        own.sort_by(f64::total_cmp);
        with_own += above(own[own.len() * 95 / 100]);
    }
    // Five windows' lengths say little, so the threshold has a wide margin.
    assert!((0.002..=0.05).contains(&kept), "{kept}");
    assert!(with_own > 0.12, "{with_own} with own scores: the bar cannot fail");
}

#[test]
fn a_change_at_the_end_is_refused_unless_it_is_accepted() {
    let mut values = steps(600, 3);
    values.slice_mut(s![430.., ..]).mapv_inplace(|value| 3.0 * value + 4.0);
    let error = Detector::fit_with(&table(&values, &config()), &config(), FitOptions::default()).unwrap_err();
    assert!(matches!(error, FitError::Drift { .. }), "{error}");
    let text = error.to_string();
    // With a heading, the first step is in line 2.
    assert!(text.contains("from line 4") || text.contains("from line 5"), "{text}");
    assert!(fit(&values, &FitConfig { accept_drift: true, ..config() }).report.accepted_drift.is_some());
}

#[test]
fn a_loaded_detector_judges_alike_with_and_without_gaps() {
    let detector = fit(&steps(500, 4), &config()).detector;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("detector.safetensors");
    detector.save(&path).unwrap();
    let loaded = Detector::load(&path).unwrap();
    let mut values = steps(300, 5);
    assert_eq!(scores(&detector, &values), scores(&loaded, &values));
    for step in (100..300).step_by(7) {
        values[[step, 0]] = f32::NAN;
    }
    let with_gaps = scores(&detector, &values);
    assert_eq!(with_gaps, scores(&loaded, &values));
    let threshold = detector.calibration().threshold().value();
    let alarms = with_gaps.iter().filter(|score| **score > threshold).count();
    assert!(alarms * 10 < with_gaps.len(), "{alarms} of {}", with_gaps.len());
}

#[test]
fn a_series_of_which_only_the_beginning_was_observed_is_refused() {
    let mut values = steps(600, 6);
    values.slice_mut(s![120.., ..]).fill(f32::NAN);
    let error = Detector::fit_with(&table(&values, &config()), &config(), FitOptions::default()).unwrap_err();
    assert!(matches!(error, FitError::TooLittleObserved { .. }), "{error}");
}
