//! The contractive autoencoder (Rifai, Vincent, Muller, Glorot & Bengio, "Contractive auto-encoders: explicit
//! invariance during feature extraction", ICML 2011).
//!
//! Minimises `mean (x - x̂)² + λ · ‖∂h/∂x‖²_F`, the second term being the mean over samples of the squared
//! Frobenius norm of the encoder's Jacobian, for `h = sigmoid(W x + b)` and `x̂ = sigmoid(Wᵀ h + b')`. The
//! weights are tied, as in the paper: separate decoder weights could grow while the encoder's shrink, and the
//! penalty would fall without any contraction. For one layer of sigmoids the norm has a closed form (section
//! 3.1); for other encoders it is computed exactly, by one double backward pass for each number of the code,
//! or estimated from a few random probes.
//!
//! The paper minimises the cross-entropy (`loss = "bce"`), summed over the values of a sample, by stochastic
//! gradient descent. Here the loss is a mean over values, so λ is the paper's divided by their number; the
//! preset uses the squared error, as the other presets do, and Adam.
//!
//! The figure `jacobian` is the mean of `‖∂h/∂x‖_F`. Use this variant for codes that hardly change when a
//! sample changes a little, as features for a classifier. For reconstruction alone the penalty only hurts:
//! use [`super::vanilla`].

use super::deep;
use crate::blocks::{body::Body, point::PointAutoencoder};
use crate::model::{Autoencoder, Batch, Code, DataSummary, Losses, Model, ModelError, Pass};
use crate::network::Network;
use crate::registry::{Variant, out_of_range};
use ae_coding::DenseNetwork;
use ae_tensor::{Activation, DenseChain, Kind, Noise, ReconstructionLoss, Tensor, kernels, penalty, tch};
use serde::{Deserialize, Serialize};

/// Settings of the contractive autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Widths between data and code, each at least 1; the decoder uses them in reverse. Empty with the closed form.
    pub hidden: Vec<i64>,
    /// An encoder other than dense layers of `hidden`, such as `"conv"`; absent with the closed form.
    pub encoder: Option<Body>,
    /// A decoder other than the encoder's mirror.
    pub decoder: Option<Body>,
    /// Width of the code; at least 1.
    pub code: i64,
    /// Whether the decoder's weights are the transposes of the encoder's, as in the paper, where both are
    /// dense layers of `hidden`; other networks have separate weights.
    pub tied: bool,
    /// Activation of the hidden layers, if any; a smooth one, because the second derivative of a ReLU is
    /// zero.
    pub activation: Activation,
    /// Activation of the code; `sigmoid` with the closed form.
    pub code_activation: Activation,
    /// Activation of the reconstruction; `identity` for data that are not scaled to [0, 1].
    pub output: Activation,
    /// Reconstruction loss besides the penalty: `mse`, `mae`, or `bce` (binary cross-entropy) for a sigmoid
    /// output.
    #[serde(alias = "distance")]
    pub loss: ReconstructionLoss,
    /// λ, the weight of the penalty; at least 0.
    pub weight: f64,
    /// How the penalty is computed.
    pub jacobian: Jacobian,
}

/// How the norm of the Jacobian is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Jacobian {
    /// From the code and the weights of one sigmoid layer; costs next to nothing.
    ClosedForm,
    /// For any encoder; costs a backward pass for each number of the code.
    Exact,
    /// For any encoder; costs a backward pass for each probe.
    Estimate {
        /// Random vectors of ±1 for each sample; at least 1.
        probes: i64,
    },
}

impl Default for Config {
    fn default() -> Self {
        Config {
            hidden: vec![],
            encoder: None,
            decoder: None,
            code: 64,
            tied: true,
            activation: Activation::Tanh,
            code_activation: Activation::Sigmoid,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::MeanSquared,
            weight: 1e-4,
            jacobian: Jacobian::ClosedForm,
        }
    }
}

impl Config {
    fn check(&self) -> Result<(), ModelError> {
        let refuse = |setting, got: String, legal| Err(out_of_range(Self::NAME, setting, &got, legal));
        if !(self.weight >= 0.0 && self.weight.is_finite()) {
            return refuse("weight", self.weight.to_string(), "at least 0");
        }
        let one_layer = self.hidden.is_empty() && self.encoder.is_none();
        match self.jacobian {
            Jacobian::ClosedForm if !one_layer || self.code_activation != Activation::Sigmoid => refuse(
                "jacobian",
                "closed_form".into(),
                "exact or estimate, unless the encoder is one layer of sigmoids",
            ),
            Jacobian::Estimate { probes } if probes < 1 => {
                refuse("jacobian.estimate.probes", probes.to_string(), "at least 1")
            }
            _ => Ok(()),
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "contractive";
    const ABOUT: &'static str = "a code that hardly changes when the sample changes a little";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        self.check()?;
        let deep = deep::Config {
            hidden: self.hidden.clone(),
            encoder: self.encoder.clone(),
            decoder: self.decoder.clone(),
            code: self.code,
            activation: self.activation,
            code_activation: self.code_activation,
            output: self.output,
            loss: self.loss,
        };
        let tied = self.tied && deep.can_be_tied();
        let inner = deep.autoencoder(Self::NAME, tied, data, noise)?;
        Ok(Box::new(Contractive { inner, tied, weight: self.weight, jacobian: self.jacobian }))
    }
}

#[derive(Debug)]
struct Contractive {
    inner: PointAutoencoder,
    tied: bool,
    weight: f64,
    jacobian: Jacobian,
}

impl Contractive {
    /// The code, and the squared norm of its Jacobian for each sample: `[B, D]` and `[B]`.
    fn code_and_norm(&self, x: &Tensor, pass: &Pass) -> (Tensor, Tensor) {
        let encoder = &self.inner.encoder;
        if self.jacobian == Jacobian::ClosedForm {
            let code = encoder.forward_in(x, pass);
            let (_, weight) = &encoder.parameters()[0];
            let norm = penalty::sigmoid_jacobian_norm(&code, weight);
            return (code, norm);
        }
        // The norm itself needs gradients, even in an evaluation.
        tch::with_grad(|| {
            let x = x.detach().set_requires_grad(true);
            let code = kernels::by_libtorch(|| encoder.forward_in(&x, pass)); // the norm's gradient is one of a gradient
            let norm = match self.jacobian {
                Jacobian::Estimate { probes } => {
                    let sign =
                        |probe| pass.noise.mask(&format!("probe {probe}"), &code.size(), 0.5) * 2.0 - 1.0;
                    let probes: Vec<Tensor> = (0..probes).map(sign).collect();
                    penalty::jacobian_norm_estimate(&code, &x, &probes, pass.is_training())
                }
                _ => penalty::jacobian_norm(&code, &x, pass.is_training()),
            };
            (code, norm)
        })
    }
}

impl Model for Contractive {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        self.inner.networks()
    }

    fn objective(&self) -> &'static str {
        self.inner.objective()
    }

    fn masks_missing(&self) -> bool {
        true
    }

    fn warnings(&self) -> Vec<String> {
        let evaded = "the decoder has separate weights, so small encoder weights and large decoder weights can evade the \
                      penalty; to tie them, set model.contractive.tied = true and use dense layers";
        if self.tied { vec![] } else { vec![evaded.into()] }
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let (code, norm) = self.code_and_norm(&batch.values, pass);
        let reconstruction = self.inner.loss_of(&self.inner.output_in(&code, pass), batch, pass);
        let figure = reconstruction.detach();
        let jacobian = norm.detach().sqrt().mean(Kind::Float);
        let contraction = norm.mean(Kind::Float) * self.weight;
        let losses = Losses::new(vec![("reconstruction", reconstruction), ("contraction", contraction)]);
        vec![losses.with_figure(self.objective(), &figure).with_figure("jacobian", &jacobian)]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

impl Autoencoder for Contractive {
    fn encode(&self, x: &Tensor) -> Code {
        self.inner.encode(x)
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.inner.decode(code)
    }

    fn dense_decoder(&self) -> Option<DenseNetwork> {
        self.inner.dense_decoder()
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
#[path = "contractive_tests.rs"]
mod tests;
