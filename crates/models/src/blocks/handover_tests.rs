//! Tests of encoder and decoders that hand over their states.

use super::*;
use crate::network::{Cell, ConvLstm, Recurrent};
use ae_tensor::{Device, Kind};

fn noise() -> Noise {
    Noise::new(4, 0, Device::Cpu)
}

fn far(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

fn model(conditional: Conditional, teacher_forcing: TeacherForcing) -> Handover {
    let recurrent =
        [Layer::Recurrent(Recurrent { cell: Cell::Lstm, units: 6, whole: true, both_ways: false })];
    let plan = Plan {
        variant: "composite",
        given: Some(5),
        form: Form::Features,
        recurrent: &recurrent,
        conditional,
        teacher_forcing,
        reconstruction: 0.5,
        output: Activation::Identity,
        loss: ReconstructionLoss::MeanSquared,
    };
    let data = DataSummary { shape: vec![8, 2], mean: 0.2, low: -3.0, high: 3.0, classes: 0 };
    Handover::new(&plan, &data, &noise()).unwrap()
}

fn batch(values: Tensor) -> Batch {
    Batch { values, labels: None, observed: None, given: None }
}

fn terms(model: &Handover, batch: &Batch, pass: &Pass) -> Vec<f64> {
    model.losses(batch, pass)[0].terms.iter().map(|(_, value)| value.double_value(&[])).collect()
}

#[test]
fn a_forecast_depends_on_what_is_given_alone() {
    for conditional in [Conditional::None, Conditional::Future, Conditional::Both] {
        let model = model(conditional, TeacherForcing::default());
        let x = noise().normal("x", &[3, 8, 2]);
        let other = Tensor::cat(&[x.narrow(1, 0, 5), x.narrow(1, 5, 3) + 1.0], 1);
        let forecast = model.forecast(&x.narrow(1, 0, 5));
        assert_eq!(forecast.size(), [3, 3, 2]);
        let whole = model.reconstruct(&x);
        assert_eq!(whole, model.reconstruct(&other));
        assert!(far(&whole.narrow(1, 5, 3), &forecast) < 1e-6, "a reconstruction ends with the forecast");
        assert!(far(&forecast, &model.forecast(&(x.narrow(1, 0, 5) + 1.0))) > 1e-4);
        assert_eq!(model.code_size(), 12, "the output and the memory");
    }
}

/// The losses are those of the forecast and of the reproduction, as they are in use.
#[test]
fn an_evaluation_judges_what_is_used() {
    for conditional in [Conditional::None, Conditional::Future, Conditional::Both] {
        let model = model(conditional, TeacherForcing::default());
        let x = noise().normal("x", &[3, 8, 2]);
        let whole = model.reconstruct(&x);
        let mean = |from: i64, n: i64| {
            let squares = (whole.narrow(1, from, n) - x.narrow(1, from, n)).square();
            squares.mean(Kind::Double).double_value(&[])
        };
        let got = terms(&model, &batch(x.shallow_clone()), &Pass::evaluation(noise()));
        assert!((got[0] - mean(5, 3)).abs() < 1e-5 && (got[1] - 0.5 * mean(0, 5)).abs() < 1e-5, "{got:?}");
    }
}

#[test]
fn the_truth_is_shown_as_often_as_the_schedule_says() {
    let schedule = TeacherForcing { start: 1.0, end: 0.0 };
    let model = model(Conditional::Future, schedule);
    assert_eq!([0, 50].map(|step| schedule.rate(&Pass::training(noise(), step, 100))), [1.0, 0.5]);
    let x = batch(noise().normal("x", &[64, 8, 2]));
    let of = |step| terms(&model, &x, &Pass::training(noise(), step, 1000))[0];
    let free = terms(&model, &x, &Pass::evaluation(noise()))[0];
    let [all, most, few] = [of(0), of(1), of(999)];
    assert!(all != free && (most - all).abs() < (free - all).abs() && (few - free).abs() < (few - all).abs());
    // A decoder that sees nothing cannot be taught.
    let blind = self::model(Conditional::None, schedule);
    let of = |pass: &Pass| terms(&blind, &x, pass)[0];
    assert_eq!(of(&Pass::training(noise(), 0, 1000)), of(&Pass::evaluation(noise())));
}

#[test]
fn images_are_cut_into_patches_and_put_together_again() {
    let form = Form::Patches { side: 2 };
    let shape = [3, 2, 4, 6];
    assert_eq!(form.step(&shape), [2, 3, 8]);
    let x = noise().normal("x", &[5, 3, 2, 4, 6]);
    let steps = form.view(&x);
    assert_eq!(steps.size(), [5, 3, 2, 3, 8]);
    assert_eq!(form.restore(&steps, &shape), x);
    // A patch holds the values of its own square.
    let square = x.get(1).get(2).narrow(1, 2, 2).narrow(2, 4, 2).reshape([-1]);
    assert_eq!(steps.get(1).get(2).get(1).get(2), square);
}

/// What happens in one place of an image happens in every other.
#[test]
fn a_convolutional_lstm_knows_no_places() {
    let recurrent = [Layer::ConvLstm(ConvLstm { channels: 4, kernel: 3 })];
    let plan = Plan {
        variant: "conv_lstm",
        given: None,
        form: Form::Patches { side: 2 },
        recurrent: &recurrent,
        conditional: Conditional::None,
        teacher_forcing: TeacherForcing::default(),
        reconstruction: 0.0,
        output: Activation::Sigmoid,
        loss: ReconstructionLoss::BinaryCrossEntropy,
    };
    let data = DataSummary { shape: vec![4, 1, 24, 24], mean: 0.1, low: 0.0, high: 1.0, classes: 0 };
    let model = Handover::new(&plan, &data, &noise()).unwrap();
    assert!(model.as_autoencoder().is_none() && model.networks().len() == 2);
    let at = |place: i64| {
        let x = Tensor::zeros([1, 2, 1, 24, 24], (Kind::Float, Device::Cpu));
        let _ = x.narrow(3, place, 2).narrow(4, place, 2).fill_(1.0);
        model.forecast(&x).narrow(3, place - 2, 6).narrow(4, place - 2, 6)
    };
    assert!(far(&at(10), &at(12)) < 1e-6);
}

#[test]
fn settings_out_of_range_are_refused() {
    let check = |text: &str, shape: &[i64], expected: &str| {
        let config: crate::ModelConfig = serde_json::from_str(text).unwrap();
        let data = DataSummary { shape: shape.to_vec(), mean: 0.2, low: 0.0, high: 1.0, classes: 0 };
        let error = config.initialise(&data, &noise()).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains(expected), "{text}: {error}");
    };
    check(r#"{"composite":{"given":8}}"#, &[8, 2], "model.composite.given = 8");
    check(r#"{"composite":{"given":0}}"#, &[8, 2], "less than the steps of a sample");
    check(r#"{"composite":{}}"#, &[1], "less than the steps");
    check(r#"{"composite":{"teacher_forcing":{"end":1.5}}}"#, &[8, 2], "teacher_forcing");
    check(r#"{"composite":{"reconstruction":-1.0}}"#, &[8, 2], "at least 0");
    check(r#"{"composite":{}}"#, &[1, 28, 28], "a sequence [T, F]");
    check(r#"{"conv_lstm":{}}"#, &[8, 2], "images over time; set data.shape = [T, C, H, W]");
    check(r#"{"conv_lstm":{"patch":5}}"#, &[8, 1, 16, 16], "divides both sides");
    check(r#"{"conv_lstm":{"channels":[]}}"#, &[8, 1, 16, 16], "at least one number");
    check(r#"{"conv_lstm":{"kernel":2}}"#, &[8, 1, 16, 16], "must be odd");
}
