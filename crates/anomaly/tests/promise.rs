//! Tests what is promised of series: windows that share steps are no independent rows.

use ae_anomaly::{Basis, Detector, FitConfig, FitError, FitOptions, Fitted, Judgement, Rule};
use ae_intake::{InputConfig, LayoutChoice, Table};
use ae_records::seed::stream_rng;
use ae_training::{BatchSize, TrainingConfig};
use ndarray::Array2;
use rand::RngExt;

/// Steps of 15 minutes in a day.
const DAY: usize = 96;

fn config() -> FitConfig {
    ae_tensor::device::set_threads(1);
    let training = TrainingConfig { epochs: 4, batch: BatchSize::Samples(64), ..TrainingConfig::default() };
    FitConfig { training: Some(training), input: input(), ..FitConfig::default() }
}

fn input() -> InputConfig {
    InputConfig { layout: LayoutChoice::Windows, window: Some(DAY), ..InputConfig::default() }
}

/// A daily cycle with noise that stays the same for ever.
fn steps(days: usize, seed: u64) -> Array2<f32> {
    let mut rng = stream_rng(seed, "tests of promises", 0);
    Array2::from_shape_fn((days * DAY, 1), |(step, _)| {
        let day = (step as f64 * std::f64::consts::TAU / DAY as f64).sin();
        // The sum of twelve uniform draws is nearly normal.
        let noise: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        (10.0 + 3.0 * day + 0.5 * noise) as f32
    })
}

fn table(values: &Array2<f32>) -> Table {
    Table::from_array_with(values.view(), &["value"], &input()).unwrap()
}

fn flagged(detector: &Detector, values: &Array2<f32>) -> f64 {
    let judged = detector.judge(values.view()).unwrap();
    let alarms = judged.iter().filter(|judgement| matches!(judgement, Judgement::Anomalous(_))).count();
    alarms as f64 / (judged.len() - DAY) as f64
}

/// Mean over fits: with the windows counted as independent rows, it was several times the promise.
#[test]
fn the_promised_rate_is_kept_by_a_stationary_series() {
    let (mut rates, mut as_rows, mut inside) = (0.0, 0.0, 0);
    let fits = 6;
    for seed in 0..fits {
        let all = steps(28 + 30, seed);
        let (learned, later) = all.view().split_at(ndarray::Axis(0), 28 * DAY);
        let Fitted { detector, report } =
            Detector::fit_with(&table(&learned.to_owned()), &config(), FitOptions::default()).unwrap();
        let threshold = detector.calibration().threshold();
        let promise = threshold.promise().unwrap();
        assert!(
            matches!(promise.basis, Basis::Normal { blocks } if (5.0..15.0).contains(&blocks)),
            "{promise:?}"
        );
        assert!(report.promise.is_some_and(|said| said.contains("about 1 %")));
        let rate = flagged(&detector, &later.to_owned());
        rates += rate / f64::from(fits as u32);
        inside += usize::from(rate <= promise.high);
        let scores = ae_anomaly::NormalScores::of_held_out_rows(detector.calibration().scores()).unwrap();
        let old = ae_anomaly::Threshold::by(Rule::FalseAlarmRate { rate: 0.01 }, &scores).unwrap();
        let judged = detector.judge(later).unwrap();
        let over = judged.iter().filter_map(Judgement::verdict).filter(|v| v.score > old.value()).count();
        as_rows += over as f64 / judged.len() as f64 / f64::from(fits as u32);
    }
    assert!(rates <= 0.012, "{rates}");
    assert!(as_rows > 0.02, "{as_rows} as rows: the bar cannot fail");
    assert!(inside as u64 + 1 >= fits, "{inside} of {fits} inside the stated range");
}

#[test]
fn a_budget_of_events_gives_fewer_alarms_than_one_of_rows() {
    let values = steps(40, 1);
    let rule = |rule| FitConfig { threshold: Some(rule), ..config() };
    let fit = |config: &FitConfig| {
        Detector::fit_with(&table(&values), config, FitOptions::default()).unwrap().detector
    };
    let rows = fit(&rule(Rule::FalseAlarmRate { rate: 0.05 }));
    let events = fit(&rule(Rule::FalseEvents { per_row: 0.05 / DAY as f64, gap: DAY }));
    let (rows, events) = (rows.calibration().threshold().value(), events.calibration().threshold().value());
    assert!(rows < events, "{rows} {events}");
}

/// The last part of the series is much noisier: an error that says where, and a way on.
#[test]
fn a_series_that_changes_is_refused_unless_that_is_accepted() {
    let mut values = steps(40, 2);
    for step in 29 * DAY..40 * DAY {
        values[[step, 0]] += if step % 2 == 0 { 3.0 } else { -3.0 };
    }
    let error = Detector::fit_with(&table(&values), &config(), FitOptions::default()).unwrap_err();
    let FitError::Drift { above, n, .. } = error else { panic!("{error}") };
    assert!(2 * above > n);
    let text = error.to_string();
    assert!(text.contains("from line ") && text.contains("--accept-drift"), "{text}");
    let accepts = FitConfig { accept_drift: true, ..config() };
    let report = Detector::fit_with(&table(&values), &accepts, FitOptions::default()).unwrap().report;
    assert!(report.accepted_drift.is_some());
    // A series that stays the same is not refused.
    for seed in 10..16 {
        let fit = Detector::fit_with(&table(&steps(14, seed)), &config(), FitOptions::default());
        assert!(fit.is_ok(), "{seed}: {:?}", fit.err());
    }
}
