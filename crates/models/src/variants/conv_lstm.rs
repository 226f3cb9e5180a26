//! The convolutional LSTM that forecasts images (Shi et al., NeurIPS 2015, sections 3.1 and 3.2).
//!
//! Minimises the loss between the images that follow and their forecast. Images are cut into patches, which become
//! the features of each place. The encoder reads the given images; its last states are the first ones of a forecaster of
//! the same layers, which has no other input, and whose uppermost states a 1×1 convolution turns into patches. Unlike
//! the paper, gates do not see the memory, and the convolution sees the last layer only.
//!
//! Use it for images over time, in which the same thing may happen anywhere: its weights do not grow with the image, and
//! what it learns of motion in one place it knows in all. It is slow: without a GPU take small images or few channels.

use super::composite::no_sequence;
use crate::blocks::handover::{Conditional, Form, Handover, Plan, TeacherForcing};
use crate::model::{DataSummary, Model, ModelError};
use crate::network::{ConvLstm, Layer};
use crate::registry::{Variant, at_least_one, out_of_range, widths};
use ae_tensor::{Activation, Noise, ReconstructionLoss};
use serde::{Deserialize, Serialize};

/// Settings of the convolutional LSTM.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Features of the states of each layer, from the image on.
    pub channels: Vec<i64>,
    /// Side of the kernels; odd.
    pub kernel: i64,
    /// Side of the patches that images are cut into; it divides both sides of an image.
    pub patch: i64,
    /// Images of a sample that are given, at least 1; the others are forecast. Absent: half, rounded down.
    pub given: Option<i64>,
    /// Weight of the reproduction of the given images, in reverse order, by a second decoder; 0: there is none; at least 0.
    pub reconstruction: f64,
    /// Activation of the output; `identity` allows any value.
    pub output: Activation,
    /// The loss: `mse`, `mae`, or `bce` (binary cross-entropy) for a sigmoid output.
    pub loss: ReconstructionLoss,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            channels: vec![128, 64, 64],
            kernel: 5,
            patch: 4,
            given: None,
            reconstruction: 0.0,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::BinaryCrossEntropy,
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "conv_lstm";
    const ABOUT: &'static str = "convolutional LSTM: forecasts the images that follow";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        widths(Self::NAME, "channels", &self.channels)?;
        at_least_one(Self::NAME, "kernel", self.kernel)?;
        at_least_one(Self::NAME, "patch", self.patch)?;
        if self.channels.is_empty() {
            return Err(out_of_range(Self::NAME, "channels", "[]", "a list with at least one number"));
        }
        let [_, _, height, width] = data.shape[..] else {
            let example = match data.shape[..] {
                // The channels of an image may be the images of a sequence.
                [steps, height, width] if steps > 1 => vec![steps, 1, height, width],
                _ => vec![10, 1, 32, 32],
            };
            let needed = format!(
                "images over time; set data.shape = [T, C, H, W], such as data.shape = {example:?}, or use `lstm` for series"
            );
            return Err(no_sequence("images over time", needed, &data.shape));
        };
        if [height, width].iter().any(|side| side % self.patch != 0) {
            let legal = "a number that divides both sides of an image";
            return Err(out_of_range(Self::NAME, "patch", &self.patch.to_string(), legal));
        }
        let layer = |&channels: &i64| Layer::ConvLstm(ConvLstm { channels, kernel: self.kernel });
        let plan = Plan {
            variant: Self::NAME,
            given: self.given,
            form: Form::Patches { side: self.patch },
            recurrent: &self.channels.iter().map(layer).collect::<Vec<_>>(),
            conditional: Conditional::None,
            teacher_forcing: TeacherForcing::default(),
            reconstruction: self.reconstruction,
            output: self.output,
            loss: self.loss,
        };
        Ok(Box::new(Handover::new(&plan, data, noise)?))
    }
}
