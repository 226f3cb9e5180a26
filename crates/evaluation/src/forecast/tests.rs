//! Tests of forecasts on small data.

use super::moving::{PRESETS, Simple, judge};
use super::problem::{Forecasts, Part, Problem, forecaster};
use super::*;
use crate::measures;
use crate::testing::{Bench, wanted};
use ae_datasets::{SampleShape, Samples};
use ae_models::{ModelConfig, variants::composite};
use ae_tensor::{Activation, Noise, ReconstructionLoss};
use ae_training::Splits;
use ndarray::Array2;

fn noise() -> Noise {
    Noise::new(0, 0, ae_tensor::Device::Cpu)
}

#[test]
fn intervals_hold_what_they_promise_and_errors_are_means() {
    let part = |purpose: &str, n: i64| Part::of(&noise().normal(purpose, &[n, 5]), 3);
    let problem =
        Problem { train: part("train", 9), calibration: part("calibration", 400), test: part("test", 2000) };
    let zeros = problem.ask(|part| part.future.zeros_like());
    let judged = problem.judge(&zeros).unwrap();
    assert!((judged.mse - 1.0).abs() < 0.05 && (judged.mae - 0.798).abs() < 0.03, "{judged:?}");
    assert!((judged.coverage - 0.9).abs() < 0.03, "{}", judged.coverage);
    assert!((judged.width - 2.0 * 1.645).abs() < 0.4 && judged.radii.len() == 2);
    let perfect = Forecasts { calibration: zeros.calibration, test: problem.test.future.shallow_clone() };
    assert_eq!(problem.judge(&perfect).unwrap().mse, 0.0);
    let few = Problem { calibration: part("calibration", 8), ..problem };
    let error = few.judge(&few.ask(|part| part.future.zeros_like())).unwrap_err().to_string();
    assert!(error.contains("at least 9 values, got 8"), "{error}");
}

/// A network learns what follows a wave, and the measure says how good it is beside simple methods.
#[test]
fn waves_are_forecast() {
    let bench = Bench::new();
    let data = bench.waves(true);
    let mut wanted = wanted("toy", "composite", &data, 60, 0);
    wanted.experiment.model = ModelConfig::Composite(composite::Config {
        units: 16,
        given: Some(10),
        output: Activation::Identity,
        loss: ReconstructionLoss::MeanSquared,
        ..composite::Config::default()
    });
    wanted.experiment.data.normal_label = None;
    wanted.experiment.data.validation = 0.25;
    let metrics = bench.with(&[0], |context| {
        let run = context.trained(&wanted).unwrap();
        let problem = Problem::of_run(&run).unwrap();
        assert_eq!((problem.test.given.size()[1], problem.test.future.size()[1]), (10, 6));
        let said = problem.test.forecast(forecaster(&run).unwrap());
        assert_eq!(said.size(), problem.test.future.size());
        measures::of_run(context, &run, &["forecast".into()], false, &mut |_| {}).unwrap()
    });
    assert!(metrics["forecast/to_persistence"] < 0.5, "{metrics:?}");
    assert!(metrics["forecast/coverage"] > 0.6 && metrics["forecast/to_linear"] > 0.0);
}

/// A split of two sequences of 16×16 frames: one dark, one in which a column of white moves right.
#[test]
fn frames_are_judged_by_sums_over_their_pixels() {
    let (steps, side) = (6, 16);
    let rows = Array2::from_shape_fn((2, steps * side * side), |(row, at)| {
        let (step, column) = (at / (side * side), at % side);
        if row == 1 && column == step { 1.0 } else { 0.0 }
    });
    let splits = Splits::of(Samples::complete(rows.clone()), Samples::complete(rows)).unwrap();
    let splits = splits.shaped(SampleShape::Video { steps, channels: 1, height: side, width: side });
    let half = judge(&splits.train, 3, 1e-3, |batch| batch.values.narrow(1, 3, 3).flatten(2, -1) * 0.0 + 0.5);
    let pixels = (side * side) as f64;
    assert_eq!((half.nats.len(), half.squares.len()), (3, 3));
    assert!(
        (half.nats[0] - pixels * 2f64.ln()).abs() < 1e-3 && (half.squares[2] - pixels * 0.25).abs() < 1e-4
    );
    let truth = judge(&splits.train, 3, 1e-3, |batch| batch.values.narrow(1, 3, 3).flatten(2, -1));
    assert!(truth.squares[0] < 1e-9 && (truth.nats[0] + pixels * 0.999f64.ln()).abs() < 1e-2);
    // White moves on, so that the last frame says nothing of what is white later: faded, it is nearly the mean.
    let simple = Simple::fit(&splits.train, 3);
    let faded = judge(&splits.train, 3, 1e-3, |batch| simple.faded(batch));
    let persistence = |batch: &ae_models::Batch| {
        batch.values.narrow(1, 2, 1).expand([-1, 3, -1, -1, -1], false).flatten(2, -1)
    };
    let persistence = judge(&splits.train, 3, 1e-3, persistence);
    assert!(faded.means()[0] < 0.5 * persistence.means()[0] && faded.means()[1] < persistence.means()[1]);
    let batch = splits.train.rows(0, 2);
    assert_eq!(simple.faded(&batch).size(), [2, 3, 256]);
}

#[test]
fn another_set_is_refused_with_the_nearest() {
    let mut options = OptionValues::default();
    options.set("data", vec!["moving".into()]);
    let error = Bench::new()
        .with(&[0], |context| crate::tasks::run(&TASK, context, &options))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "--data has no value `moving`; did you mean `moving-mnist`?; it is ecg5000, nab or moving-mnist"
    );
}

/// Their rows stand in one table.
#[test]
fn all_networks_for_moving_digits_have_the_same_sequences() {
    let data = PRESETS.map(|(preset, _)| super::wanted(preset, 0).unwrap().experiment.data);
    assert!(data.iter().all(|of_preset| *of_preset == data[0]), "{data:?}");
}
