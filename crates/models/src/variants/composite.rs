//! The composite LSTM autoencoder (Srivastava, Mansimov & Salakhutdinov, ICML 2015, sections 2.3 and 2.4): what has
//! been, and what comes next.
//!
//! Minimises `L(future) + w · L(past)`, `L` the loss between a sequence and what a decoder gives for it. The encoder
//! reads the given steps. Its last states, those of all layers, are the first states of both decoders. One forecasts the
//! steps that follow; the other reproduces the given ones in reverse order. Forecasting alone may forget what was given,
//! reproducing alone need not care what follows; together they must hold both. The decoder of the future is conditional:
//! at each step it sees the step before, which in use is its own output.
//!
//! Use it to forecast a part of a sequence of known length, for series (`w = 0` is sequence to sequence) and small
//! images. Images of more than some thousand pixels are better forecast by [`super::conv_lstm`], whose weights do not
//! grow with them. On short series with few training rows compare it with a linear model first.

use crate::blocks::handover::{Conditional, Form, Handover, Plan, TeacherForcing};
use crate::blocks::recurrent::{ONLY_SEQUENCES, told_as_sequences};
use crate::model::{DataSummary, Model, ModelError};
use crate::network::{Cell, Layer, Recurrent, ShapeError};
use crate::registry::{Variant, at_least_one, layers};
use ae_tensor::{Activation, Noise, ReconstructionLoss};
use serde::{Deserialize, Serialize};

/// Settings of the composite autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `lstm` or `gru`, in encoder and decoders.
    pub cell: Cell,
    /// Width of the states of a layer.
    pub units: i64,
    /// Recurrent layers, in the encoder and in each decoder.
    pub layers: usize,
    /// Steps of a sample that are given, at least 1; the others are forecast. Absent: half, rounded down.
    pub given: Option<i64>,
    /// Which decoders see the step before: `none`, `future` or `both`.
    pub conditional: Conditional,
    /// How often it is the true one in training.
    pub teacher_forcing: TeacherForcing,
    /// `w`: weight of the reproduction of the given steps; 0: no decoder for them; at least 0.
    pub reconstruction: f64,
    /// Activation of both decoders' output; `identity` allows any value.
    pub output: Activation,
    /// The loss of both: `mse`, `mae`, or `bce` (binary cross-entropy) for a sigmoid output.
    pub loss: ReconstructionLoss,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            cell: Cell::Lstm,
            units: 2048,
            layers: 1,
            given: None,
            conditional: Conditional::Future,
            teacher_forcing: TeacherForcing::default(),
            reconstruction: 1.0,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::BinaryCrossEntropy,
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "composite";
    const ABOUT: &'static str = "recurrent: reproduces the given part of a sequence and forecasts the rest";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        at_least_one(Self::NAME, "units", self.units)?;
        at_least_one(Self::NAME, "layers", self.layers as i64)?;
        layers(Self::NAME, "layers", self.layers)?;
        if !matches!(data.shape.len(), 1 | 2 | 4) {
            let told = told_as_sequences(&data.shape);
            let needed = format!("a sequence [T, F] or [T, C, H, W], or a vector [D] as one; set {told}");
            return Err(no_sequence(ONLY_SEQUENCES, needed, &data.shape));
        }
        let layer =
            Layer::Recurrent(Recurrent { cell: self.cell, units: self.units, whole: true, both_ways: false });
        let plan = Plan {
            variant: Self::NAME,
            given: self.given,
            form: Form::Features,
            recurrent: &vec![layer; self.layers],
            conditional: self.conditional,
            teacher_forcing: self.teacher_forcing,
            reconstruction: self.reconstruction,
            output: self.output,
            loss: self.loss,
        };
        Ok(Box::new(Handover::new(&plan, data, noise)?))
    }
}

/// The error for samples of another shape than `layer` needs.
pub(super) fn no_sequence(layer: &str, needed: String, shape: &[i64]) -> ModelError {
    ModelError::Shape(ShapeError {
        network: "encoder".into(),
        position: 1,
        layer: layer.into(),
        input: shape.into(),
        reason: format!("it needs {needed}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::ModelConfig;
    use ae_tensor::Device;

    fn check(model: &str, shape: &[i64], expected: &str) {
        let config: ModelConfig = serde_json::from_str(&format!("{{\"{model}\": {{}}}}")).unwrap();
        let data = DataSummary { shape: shape.into(), mean: 0.5, low: 0.0, high: 1.0, classes: 0 };
        let built = config.initialise(&data, &Noise::new(0, 0, Device::Cpu));
        let error = built.err().unwrap().to_string();
        assert!(error.contains(expected), "{model}: {error}");
    }

    #[test]
    fn samples_that_are_no_sequences_are_refused_with_the_shape_to_set() {
        for model in ["composite", "lstm", "tcn"] {
            check(model, &[3, 8, 5], "data.shape = [T, F], such as data.shape = [24, 5]");
        }
        check("conv_lstm", &[3, 8, 5], "such as data.shape = [3, 1, 8, 5]");
        check("conv_lstm", &[24, 3], "such as data.shape = [10, 1, 32, 32], or use `lstm` for series");
    }
}
