//! Mult-DAE (Liang, Krishnan, Hoffman & Jebara, WWW 2018, section 2.4): [`super::mult_vae`] without a distribution over
//! codes.
//!
//! Minimises `-Σ x_i log π_i + λ/2 · Σ‖W‖²` with `π = softmax(f(g(x)))`, where the encoder sees only a share of each
//! row in training.
//!
//! Use it as [`super::mult_vae`], where there are few users or a simpler model is wanted; it has no β to choose.

use crate::blocks::dense;
use crate::blocks::preferences::{normalised, shown, totals};
use crate::model::{Autoencoder, Batch, Code, DataSummary, Losses, Model, ModelError, Pass};
use crate::network::Network;
use crate::registry::{Variant, at_least_one, check_dropout, out_of_range, widths};
use ae_tensor::{Activation, Kind, Likelihood, Noise, Tensor, penalty};
use serde::{Deserialize, Serialize};

/// Settings of Mult-DAE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Widths between likes and code; the decoder uses them in reverse.
    pub hidden: Vec<i64>,
    /// Width of the code.
    pub code: i64,
    /// Activation of the hidden layers and of the code.
    pub activation: Activation,
    /// Share of a row that the encoder does not see in training, in `[0, 1)`.
    pub dropout: f64,
    /// λ: weight of the penalty on all weights; at least 0.
    pub l2: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { hidden: vec![], code: 200, activation: Activation::Tanh, dropout: 0.5, l2: 4e-5 }
    }
}

impl Variant for Config {
    const NAME: &'static str = "mult_dae";
    const ABOUT: &'static str = "likes ranked by a denoising autoencoder with a multinomial likelihood";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        let Config { code, activation, dropout, l2, .. } = *self;
        at_least_one(Self::NAME, "code", code)?;
        widths(Self::NAME, "hidden", &self.hidden)?;
        check_dropout(Self::NAME, "dropout", dropout)?;
        if !(l2 >= 0.0 && l2.is_finite()) {
            return Err(out_of_range(Self::NAME, "l2", &l2.to_string(), "at least 0"));
        }
        Likelihood::Multinomial.check(data.low, data.high)?;
        let down = [self.hidden.as_slice(), &[code]].concat();
        let up: Vec<i64> = self.hidden.iter().rev().copied().collect();
        let encoder = dense::encoder(&down, activation, activation);
        let encoder = Network::new("encoder", encoder, &data.shape, noise)?;
        let decoder = dense::decoder(&up, activation, &data.shape);
        let decoder = Network::new("decoder", decoder, encoder.output_shape(), noise)?;
        Ok(Box::new(MultDae { encoder, decoder, dropout, l2 }))
    }
}

#[derive(Debug)]
struct MultDae {
    encoder: Network,
    decoder: Network,
    dropout: f64,
    l2: f64,
}

impl Model for MultDae {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        vec![("encoder", &self.encoder), ("decoder", &self.decoder)]
    }

    fn objective(&self) -> &'static str {
        "negative_log_likelihood"
    }

    fn predicts(&self) -> bool {
        true
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let input = shown(batch.input(), self.dropout, pass);
        let output = self.decoder.forward_in(&self.encoder.forward_in(&input, pass), pass);
        let missed = Likelihood::Multinomial.negative_log_prob(&output, &batch.values).mean(None::<Kind>);
        let penalty = penalty::half_squared_weights(&self.parameters()) * self.l2;
        let figure = missed.detach();
        let losses = Losses::new(vec![("reconstruction", missed), ("l2", penalty)]);
        vec![losses.with_figure("negative_log_likelihood", &figure)]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

impl Autoencoder for MultDae {
    fn encode(&self, x: &Tensor) -> Code {
        Code::Point(self.encoder.forward(&normalised(x)))
    }

    /// Shares of each row's total, which sum to 1.
    fn decode(&self, code: &Tensor) -> Tensor {
        Likelihood::Multinomial.mean(&self.decoder.forward(code))
    }

    fn reconstruct(&self, x: &Tensor) -> Tensor {
        self.decode(self.encode(x).point()) * totals(x)
    }

    fn code_size(&self) -> i64 {
        self.encoder.output_shape().iter().product()
    }
}
