//! AutoRec (Sedhain, Menon, Sanner & Xie, WWW 2015): ratings as rows, with one hidden layer.
//!
//! Minimises, over the observed ratings `r` of each row, their squared errors and the size of the weights:
//! `mean over rows of Σ_observed (r - r̂)² + λ/2 · (‖W‖² + ‖V‖²)`, `r̂ = W sigmoid(V r + μ) + b` (equations 1 and 2,
//! divided by the number of rows: the paper's λ is ours times that number). What was not rated is 0 in the input and
//! does not count in the error, so the weights of a rating get a gradient only where it was given.
//!
//! A row is what is rated (I-AutoRec, `data.rows = "items"`) or a user (U-AutoRec, `"users"`). Use the former for the
//! best predictions among known users, and the latter for users that come later: its rows are theirs. To rank what
//! users may like, train [`super::mult_vae`] on likes instead.

use crate::blocks::{dense, point::PointAutoencoder};
use crate::model::{Autoencoder, Batch, Code, DataSummary, Losses, Model, ModelError, Pass};
use crate::network::Network;
use crate::registry::{Variant, at_least_one, out_of_range};
use ae_tensor::{Activation, DenseChain, Kind, Noise, ReconstructionLoss, Tensor, penalty};
use serde::{Deserialize, Serialize};

/// Settings of AutoRec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Width of the hidden layer.
    pub hidden: i64,
    /// Its activation.
    pub activation: Activation,
    /// λ: weight of the penalty on the weights of both layers; at least 0.
    pub l2: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { hidden: 500, activation: Activation::Sigmoid, l2: 0.05 }
    }
}

impl Variant for Config {
    const NAME: &'static str = "autorec";
    const ABOUT: &'static str = "ratings predicted from the others of the same user or film";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        at_least_one(Self::NAME, "hidden", self.hidden)?;
        if !(self.l2 >= 0.0 && self.l2.is_finite()) {
            return Err(out_of_range(Self::NAME, "l2", &self.l2.to_string(), "at least 0"));
        }
        let encoder = dense::encoder(&[self.hidden], self.activation, self.activation);
        let decoder = dense::decoder(&[], self.activation, &data.shape);
        let (output, loss) = (Activation::Identity, ReconstructionLoss::MeanSquared);
        let inner = PointAutoencoder::new(encoder, decoder, output, loss, data, noise)?;
        Ok(Box::new(AutoRec { inner, l2: self.l2 }))
    }
}

#[derive(Debug)]
struct AutoRec {
    inner: PointAutoencoder,
    l2: f64,
}

impl Model for AutoRec {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        self.inner.networks()
    }

    fn objective(&self) -> &'static str {
        "mse"
    }

    fn masks_missing(&self) -> bool {
        true
    }

    fn predicts(&self) -> bool {
        true
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let output = self.inner.output_in(&self.inner.encoder.forward_in(batch.input(), pass), pass);
        let mut errors = (&output - &batch.values).square();
        if let Some(observed) = &batch.observed {
            errors *= observed;
        }
        let squared = errors.sum(None::<Kind>) / batch.len().max(1);
        let mse = self.inner.loss_of(&output, batch, pass);
        let penalty = penalty::half_squared_weights(&self.parameters()) * self.l2;
        let losses = Losses::new(vec![("squared_error", squared), ("l2", penalty)]);
        vec![losses.with_figure("mse", &mse)]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

impl Autoencoder for AutoRec {
    fn encode(&self, x: &Tensor) -> Code {
        self.inner.encode(x)
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.inner.decode(code)
    }

    fn dense_chain(&self) -> Option<DenseChain> {
        self.inner.dense_chain()
    }

    fn code_size(&self) -> i64 {
        self.inner.code_size()
    }

    fn dictionary(&self) -> Option<Tensor> {
        self.inner.dictionary()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::Device;

    fn model(l2: f64) -> Box<dyn Model> {
        let data = DataSummary { shape: vec![3], mean: 3.0, low: 1.0, high: 5.0, classes: 0 };
        let config = Config { hidden: 4, l2, ..Config::default() };
        Variant::initialise(&config, &data, &Noise::new(1, 0, Device::Cpu)).unwrap()
    }

    fn tensor(values: [f32; 6]) -> Tensor {
        Tensor::from_slice(&values).view([2, 3])
    }

    #[test]
    fn the_losses_are_those_of_the_paper() {
        let model = model(0.5);
        let (values, observed) =
            (tensor([5.0, 0.0, 1.0, 0.0, 3.0, 0.0]), tensor([1.0, 0.0, 1.0, 0.0, 1.0, 0.0]));
        let rated = |values: &Tensor| model.as_autoencoder().unwrap().reconstruct(values);
        let errors = ((rated(&values) - &values).square() * &observed).sum(Kind::Double).double_value(&[]);
        let weights = model.parameters().into_iter().filter(|(name, _)| name.ends_with("weight"));
        let size: f64 = weights.map(|(_, w)| w.square().sum(Kind::Double).double_value(&[])).sum();
        let batch = Batch { values, labels: None, observed: Some(observed), given: None };
        let losses = &model.losses(&batch, &Pass::evaluation(Noise::new(0, 0, Device::Cpu)))[0];
        let value = |at: usize| losses.terms[at].1.double_value(&[]);
        assert_eq!(
            (losses.terms[0].0, losses.terms[1].0, losses.figures[0].0),
            ("squared_error", "l2", "mse")
        );
        assert!((value(0) - errors / 2.0).abs() < 1e-5, "a mean over the two rows");
        assert!((value(1) - 0.25 * size).abs() < 1e-5, "λ/2 of both weights, not of the biases");
        assert!(
            (losses.figures[0].1.double_value(&[]) - errors / 3.0).abs() < 1e-5,
            "a mean over the ratings"
        );
    }

    #[test]
    fn held_out_ratings_are_predicted_from_the_given_ones() {
        let model = model(0.0);
        let (given, observed) =
            (tensor([5.0, 0.0, 1.0, 0.0, 0.0, 2.0]), tensor([0.0, 1.0, 0.0, 1.0, 0.0, 0.0]));
        let mse = |values: [f32; 6], given: &Tensor| {
            let (observed, given) = (Some(observed.shallow_clone()), Some(given.shallow_clone()));
            let batch = Batch { values: tensor(values), labels: None, observed, given };
            model.losses(&batch, &Pass::evaluation(Noise::new(0, 0, Device::Cpu)))[0].figures[0]
                .1
                .double_value(&[])
        };
        let first = mse([0.0, 4.0, 0.0, 2.0, 0.0, 0.0], &given);
        let predicted = model.as_autoencoder().unwrap().reconstruct(&given);
        let off =
            |row: i64, column: i64, value: f64| (predicted.double_value(&[row, column]) - value).powi(2);
        assert!((first - (off(0, 1, 4.0) + off(1, 0, 2.0)) / 2.0).abs() < 1e-5);
        assert_ne!(first, mse([0.0, 4.0, 0.0, 2.0, 0.0, 0.0], &(&given * 0.5)), "the input is what is given");
    }

    #[test]
    fn a_penalty_below_zero_is_refused() {
        let data = DataSummary { shape: vec![3], mean: 3.0, low: 1.0, high: 5.0, classes: 0 };
        for l2 in [-1.0, f64::NAN] {
            let config = Config { l2, ..Config::default() };
            assert!(Variant::initialise(&config, &data, &Noise::new(0, 0, Device::Cpu)).is_err());
        }
    }
}
