//! Reconstruction losses: what an autoencoder minimises between its output and the sample.

use crate::activation::Activate;
use crate::distance::Distance;
use crate::kernels::Kernels;
use crate::likelihood::Likelihood;
use crate::operation;
use crate::tape::Tape;
use ae_kernels::{Loss, Reduction, ValueLoss};
use ae_network::{Activation, Range};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// The reconstruction loss: a mean over the values of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReconstructionLoss {
    /// Mean squared error, in the squared unit of the data.
    #[default]
    #[serde(rename = "mse", alias = "mean_squared")]
    MeanSquared,
    /// Mean absolute error, in the unit of the data.
    #[serde(rename = "mae", alias = "mean_absolute")]
    MeanAbsolute,
    /// Binary cross-entropy `-x ln x̂ - (1 - x) ln(1 - x̂)`, in nats: each value of a sample is the
    /// probability of a 1, and the output is its logit. It is [`Likelihood::Bernoulli`] for each value. For a
    /// perfect reconstruction it is the entropy of the values, which is 0 only for bits.
    #[serde(rename = "bce")]
    BinaryCrossEntropy,
}

/// An output or data for which a reconstruction loss is not defined.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum LossError {
    /// An output whose values are not probabilities.
    #[error(
        "the loss bce needs a sigmoid output, got {output}; set output = \"sigmoid\", or choose the loss mse or mae"
    )]
    Output {
        /// The output's activation.
        output: String,
    },
    /// Values that are not probabilities.
    #[error(
        "the data span [{low}, {high}], but the loss bce only takes values in [0, 1]; set \
         data.scale = \"min-max\" or \"min-max-channels\", or choose the loss mse or mae"
    )]
    OutOfRange {
        /// Least value seen.
        low: f64,
        /// Greatest value seen.
        high: f64,
    },
}

impl ReconstructionLoss {
    /// The short name that settings, tables and logs use.
    pub fn name(self) -> &'static str {
        match self {
            ReconstructionLoss::MeanSquared => "mse",
            ReconstructionLoss::MeanAbsolute => "mae",
            ReconstructionLoss::BinaryCrossEntropy => "bce",
        }
    }

    /// Refuses an output or data that the loss is not defined for; `low` and `high` are the least and
    /// greatest values seen.
    ///
    /// # Errors
    /// For [`Self::BinaryCrossEntropy`], an output other than a sigmoid, or values outside [0, 1].
    pub fn check(self, output: Activation, low: f64, high: f64) -> Result<(), LossError> {
        if self != ReconstructionLoss::BinaryCrossEntropy {
            return Ok(());
        }
        if output != Activation::Sigmoid {
            return Err(LossError::Output { output: format!("{output:?}").to_lowercase() });
        }
        if Range::UNIT.holds(low, high) { Ok(()) } else { Err(LossError::OutOfRange { low, high }) }
    }

    /// What each value costs whose output goes through `activation`.
    fn of_value(self, activation: Activation) -> ValueLoss {
        match self {
            ReconstructionLoss::MeanSquared => ValueLoss::Squared(activation),
            ReconstructionLoss::MeanAbsolute => ValueLoss::Absolute(activation),
            ReconstructionLoss::BinaryCrossEntropy => ValueLoss::CrossEntropy,
        }
    }

    /// Whether our own kernels compute the loss behind this activation.
    pub fn has_kernel(self, activation: Activation) -> bool {
        let loss = |processor| Loss::new(self.of_value(activation), Reduction::Mean, processor);
        Kernels::chosen().processor().and_then(loss).is_some()
    }

    /// [`Self::mean`] of all values without a graph, as the end of a tape; `None` if libtorch is to compute it.
    pub fn recorded_mean(
        self,
        output: &Tensor,
        activation: Activation,
        target: &Tensor,
        tape: &mut Tape,
    ) -> Option<Tensor> {
        operation::loss(self.of_value(activation), output, target, Reduction::Mean, Some(tape))
    }

    /// The mean over all values, or over those that were observed: a scalar. `output` is what the decoder
    /// gives before its `activation`; `observed` is 1 where a value counts and 0 elsewhere, and if no value
    /// was observed, the loss is 0. All are `[B, …]`.
    pub fn mean(
        self,
        output: &Tensor,
        activation: Activation,
        target: &Tensor,
        observed: Option<&Tensor>,
    ) -> Tensor {
        let by_kernels = || operation::loss(self.of_value(activation), output, target, Reduction::Mean, None);
        if let Some(mean) = observed.is_none().then(by_kernels).flatten() {
            return mean;
        }
        let distance = match self {
            ReconstructionLoss::MeanSquared => Distance::MeanSquared,
            ReconstructionLoss::MeanAbsolute => Distance::MeanAbsolute,
            ReconstructionLoss::BinaryCrossEntropy => {
                let values = Likelihood::Bernoulli.negative_log_prob_per_value(output, target);
                return match observed {
                    None => values.mean(None::<Kind>),
                    Some(observed) => mean_of_observed(&values, &observed.flatten(1, -1)),
                };
            }
        };
        let reconstruction = activation.apply(output);
        match observed {
            None => distance.mean(&reconstruction, target),
            Some(observed) => mean_of_observed(&distance.per_value(&reconstruction, target), observed),
        }
    }
}

/// The mean of the observed values: a scalar, 0 if there are none. Both tensors have the same shape.
fn mean_of_observed(values: &Tensor, observed: &Tensor) -> Tensor {
    (values * observed).sum(None::<Kind>) / observed.sum(None::<Kind>).clamp_min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReconstructionLoss::{BinaryCrossEntropy as Bce, MeanAbsolute as Mae, MeanSquared as Mse};

    fn tensor(values: [f32; 4]) -> Tensor {
        Tensor::from_slice(&values).view([2, 2])
    }

    #[test]
    fn only_what_was_observed_counts() {
        let (target, output) = (tensor([1.0, 2.0, 0.0, 4.0]), tensor([1.5, 0.0, 9.0, 5.0]));
        let observed = tensor([1.0, 1.0, 0.0, 1.0]);
        for (loss, expected) in [(Mse, (0.25 + 4.0 + 1.0) / 3.0), (Mae, (0.5 + 2.0 + 1.0) / 3.0)] {
            let mean = |observed| loss.mean(&output, Activation::Identity, &target, Some(observed));
            assert!((mean(&observed).double_value(&[]) - expected).abs() < 1e-6, "{loss:?}");
            let none = mean(&observed.zeros_like()).double_value(&[]);
            assert_eq!(none, 0.0, "without an observed value there is nothing to miss");
        }
    }

    /// `torch.nn.functional.binary_cross_entropy_with_logits` of PyTorch 2.11, in double precision, on the
    /// same numbers.
    const PYTORCH: f64 = 1.0981450909973138;

    #[test]
    fn the_cross_entropy_is_its_formula_and_pytorchs() {
        let (logits, target) = (tensor([0.3, -2.0, 4.0, 0.0]), tensor([1.0, 0.0, 0.25, 0.5]));
        let formula = |logit: f64, x: f64| {
            let p = 1.0 / (1.0 + (-logit).exp());
            -x * p.ln() - (1.0 - x) * (1.0 - p).ln()
        };
        let values = [formula(0.3, 1.0), formula(-2.0, 0.0), formula(4.0, 0.25), formula(0.0, 0.5)];
        let all = Bce.mean(&logits, Activation::Sigmoid, &target, None).double_value(&[]);
        assert!((all - values.iter().sum::<f64>() / 4.0).abs() < 1e-6, "{all}");
        assert!((all - PYTORCH).abs() < 1e-6, "{all}");
        let observed = tensor([1.0, 1.0, 0.0, 1.0]);
        let some = Bce.mean(&logits, Activation::Sigmoid, &target, Some(&observed)).double_value(&[]);
        assert!((some - (values[0] + values[1] + values[3]) / 3.0).abs() < 1e-6, "{some}");
    }

    #[test]
    fn a_cross_entropy_of_what_is_no_probability_is_refused() {
        assert_eq!(Bce.check(Activation::Sigmoid, 0.0, 1.0), Ok(()));
        for loss in [Mse, Mae] {
            assert_eq!(loss.check(Activation::Identity, -3.0, 255.0), Ok(()));
        }
        let error = Bce.check(Activation::Sigmoid, -3.0, 255.0).unwrap_err().to_string();
        assert!(error.contains("[-3, 255]") && error.contains("[0, 1]"), "{error}");
        let error = Bce.check(Activation::Identity, 0.0, 1.0).unwrap_err().to_string();
        assert!(error.contains("got identity; set output = \"sigmoid\""), "{error}");
        assert!(Bce.check(Activation::Sigmoid, f64::NAN, 1.0).is_err());
    }

    #[test]
    fn settings_name_it_as_the_field_does_and_older_files_load() {
        let read = |text: &str| serde_json::from_str::<ReconstructionLoss>(text).unwrap();
        for loss in [Mse, Mae, Bce] {
            assert_eq!(read(&format!("{:?}", loss.name())), loss);
            assert_eq!(serde_json::to_string(&loss).unwrap(), format!("{:?}", loss.name()));
        }
        assert_eq!((read("\"mean_squared\""), read("\"mean_absolute\"")), (Mse, Mae));
    }
}
