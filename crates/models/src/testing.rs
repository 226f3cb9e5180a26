//! The tiny nets of `tests/reference/variational.py`, for the tests of this crate.

use crate::model::{DataSummary, Losses, Model};
use ae_tensor::{Kind, Noise, Tensor, tch};
use serde_json::Value;

pub(crate) const ROWS: i64 = 3;
pub(crate) const VALUES: i64 = 6;
pub(crate) const HIDDEN: i64 = 5;
pub(crate) const LATENT: i64 = 2;
pub(crate) const CLASSES: i64 = 3;
pub(crate) const DRAWS: i64 = 4;

pub(crate) fn data() -> DataSummary {
    DataSummary { shape: vec![VALUES], mean: 0.5, low: 0.0, high: 1.0, classes: CLASSES }
}

pub(crate) fn noise() -> Noise {
    Noise::new(0, 0, tch::Device::Cpu)
}

fn places(n: i64) -> Tensor {
    Tensor::arange(n, (Kind::Double, tch::Device::Cpu))
}

/// `[ROWS, VALUES]` in [0, 1].
pub(crate) fn grey() -> Tensor {
    ((places(ROWS * VALUES) * 0.9).sin() * 0.4 + 0.5).view([ROWS, VALUES]).to_kind(Kind::Float)
}

pub(crate) fn bits() -> Tensor {
    grey().gt(0.5).to_kind(Kind::Float)
}

/// Fixed values in place of draws from N(0, 1).
pub(crate) fn draws(shape: &[i64]) -> Tensor {
    ((places(shape.iter().product()) * 1.3).cos() * 1.2).view(shape).to_kind(Kind::Float)
}

/// Gives a model the reference's weights.
pub(crate) fn set_weights(model: &dyn Model) {
    for (index, (_, mut parameter)) in model.parameters().into_iter().enumerate() {
        let values = (places(parameter.numel() as i64) * 1.7 + index as f64).sin() * 0.6;
        tch::no_grad(|| parameter.copy_(&values.view(parameter.size().as_slice())));
    }
}

/// Compares terms, figures and the gradient of the total with the reference's, in single precision.
pub(crate) fn check_reference(name: &str, model: &dyn Model, losses: &Losses) {
    let text = include_str!("../tests/reference/variational.json");
    let golden: Value = serde_json::from_str(text).expect("the reference is JSON");
    let golden = &golden[name];
    let close = |what: &str, obtained: f64, expected: &Value| {
        let expected = expected.as_f64().unwrap_or_else(|| panic!("{name} has no {what}"));
        let off = (obtained - expected).abs();
        assert!(off < 2e-5 * (1.0 + expected.abs()), "{name} {what}: {obtained} in place of {expected}");
    };
    for (term, value) in losses.terms.iter().chain(&losses.figures) {
        close(term, value.double_value(&[]), &golden["terms"][*term]);
    }
    losses.total().expect("nothing rests").backward();
    for (index, (_, parameter)) in model.parameters().into_iter().enumerate() {
        let gradient = parameter.grad().to_kind(Kind::Double);
        close("sum", gradient.sum(Kind::Double).double_value(&[]), &golden["gradient_sums"][index]);
        close("norm", gradient.norm().double_value(&[]), &golden["gradient_norms"][index]);
    }
}
