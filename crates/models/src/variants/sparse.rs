//! Sparse autoencoders: for each sample, only a few of many code units are active.
//!
//! Minimises `mean (x - x̂)² + penalty`, in one of three ways:
//! - `l1` (default): `weight · Σ|h|`, the L1 norm of each sample's code (Chollet, "Building autoencoders in
//!   Keras", 2016);
//! - `rate`: `weight · Σ_d KL(ρ ‖ mean of h_d over the batch)`, for a code of sigmoids (Ng, CS294A lecture
//!   notes, 2011, section 3; the notes' weight is for the summed, halved error: divide it by half the number
//!   of values in a sample);
//! - `top_k`: no penalty; the `k` largest values of each sample's code are kept, the others are zero
//!   (Makhzani & Frey, "k-sparse autoencoders", ICLR 2014). As in the paper: `tied = true`, and
//!   `code_activation` and `output` are `identity`.
//!
//! Units that are never among the `k` largest get no gradient and stay unused. The paper's remedy is a `k`
//! that falls during training (`start`); the `auxiliary` loss of Gao et al. (2024) leaves far fewer of them.
//!
//! The figure `active` is the share of code values above 1e-3. Use it for codes wider than the data, and for
//! parts that can be inspected: the run's report shows the dictionary. For the least error at a given width
//! use [`super::vanilla`].

use super::deep;
use crate::blocks::dead_units::{self, DeadUnits};
use crate::blocks::{body::Body, point::PointAutoencoder};
use crate::model::{Autoencoder, Batch, Code, DataSummary, Losses, Model, ModelError, Pass};
use crate::network::Network;
use crate::registry::{Variant, out_of_range};
use ae_coding::DenseNetwork;
use ae_tensor::{Activation, DenseChain, Kind, Noise, ReconstructionLoss, Tensor, penalty};
use serde::{Deserialize, Serialize};

/// A code value above this counts as active.
const ACTIVE: f64 = 1e-3;

/// Settings of the sparse autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Widths between data and code, each at least 1; the decoder uses them in reverse. Without any, the decoder is a
    /// dictionary.
    pub hidden: Vec<i64>,
    /// An encoder other than dense layers of `hidden`, such as `"conv"`.
    pub encoder: Option<Body>,
    /// A decoder other than the encoder's mirror.
    pub decoder: Option<Body>,
    /// Width of the code; at least 1.
    pub code: i64,
    /// Whether the decoder's weights are the transposes of the encoder's; both are then dense layers of
    /// `hidden`.
    pub tied: bool,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// Activation of the code; `sigmoid` if the sparsity is a rate.
    pub code_activation: Activation,
    /// Activation of the reconstruction; `identity` for data that are not scaled to [0, 1].
    pub output: Activation,
    /// Reconstruction loss besides the penalty: `mse`, `mae`, or `bce` (binary cross-entropy) for a sigmoid
    /// output.
    #[serde(alias = "distance")]
    pub loss: ReconstructionLoss,
    /// What makes the code sparse.
    pub sparsity: Sparsity,
}

/// What makes a code sparse.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Sparsity {
    /// The L1 norm of each sample's code.
    L1 {
        /// Its weight; at least 0.
        weight: f64,
    },
    /// The divergence of each code value's mean over the batch from a target.
    Rate {
        /// The target ρ, between 0 and 1.
        rate: f64,
        /// The weight of the divergence, in the unit of the loss per nat; at least 0.
        weight: f64,
    },
    /// Only the largest values of each sample's code are kept.
    TopK {
        /// How many; at least 1 and at most the width of the code.
        k: i64,
        /// How many at the beginning, falling linearly to `k` over the first half of a run, so that no unit
        /// is left out for good (section 4.2.1 of the paper); absent: `k` from the first step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<i64>,
        /// A loss that revives dead units, for a decoder of one linear layer and an `identity` output.
        /// Absent: none, as in the paper.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        auxiliary: Option<dead_units::Settings>,
    },
}

impl Default for Config {
    fn default() -> Self {
        Config {
            hidden: vec![],
            encoder: None,
            decoder: None,
            code: 64,
            tied: false,
            activation: Activation::Relu,
            code_activation: Activation::Relu,
            output: Activation::Sigmoid,
            loss: ReconstructionLoss::MeanSquared,
            sparsity: Sparsity::L1 { weight: 1e-4 },
        }
    }
}

impl Config {
    fn check(&self) -> Result<(), ModelError> {
        let fine = |fine: bool, setting, got: String, legal| {
            if fine { Ok(()) } else { Err(out_of_range(Self::NAME, setting, &got, legal)) }
        };
        let positive = |weight: f64| weight >= 0.0 && weight.is_finite();
        match self.sparsity {
            Sparsity::L1 { weight } => {
                fine(positive(weight), "sparsity.l1.weight", weight.to_string(), "at least 0")
            }
            Sparsity::Rate { rate, weight } => {
                let inside = rate > 0.0 && rate < 1.0;
                fine(inside, "sparsity.rate.rate", rate.to_string(), "above 0 and below 1")?;
                fine(positive(weight), "sparsity.rate.weight", weight.to_string(), "at least 0")?;
                let sigmoid = self.code_activation == Activation::Sigmoid;
                let got = format!("{:?}", self.code_activation).to_lowercase();
                fine(
                    sigmoid,
                    "code_activation",
                    got,
                    "sigmoid if the sparsity is a rate, because a rate lies in (0, 1)",
                )
            }
            Sparsity::TopK { k, start, auxiliary } => {
                let within = (1..=self.code).contains(&k);
                fine(
                    within,
                    "sparsity.top_k.k",
                    k.to_string(),
                    "at least 1 and at most the width of the code",
                )?;
                let start = start.unwrap_or(k);
                let within = (k..=self.code).contains(&start);
                fine(
                    within,
                    "sparsity.top_k.start",
                    start.to_string(),
                    "at least k and at most the width of the code",
                )?;
                let Some(dead_units::Settings { k, weight, dead_after }) = auxiliary else { return Ok(()) };
                let width = "at least 1 and at most the width of the code";
                fine((1..=self.code).contains(&k), "sparsity.top_k.auxiliary.k", k.to_string(), width)?;
                let got = weight.to_string();
                fine(positive(weight), "sparsity.top_k.auxiliary.weight", got, "at least 0")?;
                let got = dead_after.to_string();
                fine(dead_after >= 1, "sparsity.top_k.auxiliary.dead_after", got, "at least 1")
            }
        }
    }
}

impl Variant for Config {
    const NAME: &'static str = "sparse";
    const ABOUT: &'static str = "few active code units: L1, a target rate, or the k largest";

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
        if self.tied && !deep.can_be_tied() {
            let legal = "false unless encoder and decoder are the dense layers of `hidden`";
            return Err(out_of_range(Self::NAME, "tied", "true", legal));
        }
        let inner = deep.autoencoder(Self::NAME, self.tied, data, noise)?;
        let mut dead_units = None;
        if let Sparsity::TopK { auxiliary: Some(settings), .. } = self.sparsity {
            if inner.dictionary().is_none() || self.output != Activation::Identity {
                let legal = "absent unless one linear layer leads from the code to the data and output = \"identity\"";
                return Err(out_of_range(Self::NAME, "sparsity.top_k.auxiliary", "{ … }", legal));
            }
            dead_units = Some(DeadUnits::new(settings, self.code, noise));
        }
        Ok(Box::new(Sparse { inner, sparsity: self.sparsity, dead_units }))
    }
}

#[derive(Debug)]
struct Sparse {
    inner: PointAutoencoder,
    sparsity: Sparsity,
    /// Present with an auxiliary loss.
    dead_units: Option<DeadUnits>,
}

impl Sparse {
    /// What is kept of the encoder's output `[B, D]` at this progress of the run.
    fn selected(&self, code: &Tensor, progress: f64) -> Tensor {
        match self.sparsity {
            Sparsity::TopK { k, start, .. } => {
                let more = (start.unwrap_or(k) - k) as f64 * (1.0 - 2.0 * progress).max(0.0);
                keep_largest(code, k + more.round() as i64)
            }
            _ => code.shallow_clone(),
        }
    }

    /// The auxiliary loss, a scalar: what the dead units miss of the error that `output` leaves. `code` is
    /// the encoder's output.
    fn auxiliary(
        &self,
        dead_units: &DeadUnits,
        [code, output]: [&Tensor; 2],
        batch: &Batch,
        pass: &Pass,
    ) -> Tensor {
        let bias = self.inner.output_of(&code.detach().narrow(0, 0, 1).zeros_like());
        let rebuilt = self.inner.output_of(&dead_units.largest(code)) - bias;
        let error = (&batch.values - output).detach();
        let (squared, linear) = (ReconstructionLoss::MeanSquared, Activation::Identity);
        let observed = batch.observed.as_ref();
        let missed = pass.over_observed(squared.mean(&rebuilt, linear, &error, observed), observed);
        missed * dead_units.any() * dead_units.weight()
    }

    /// Name and value of the penalty, a scalar.
    fn penalty(&self, code: &Tensor, pass: &Pass) -> Option<(&'static str, Tensor)> {
        match self.sparsity {
            Sparsity::L1 { weight } => Some(("l1", penalty::l1_activity(code).mean(Kind::Float) * weight)),
            Sparsity::Rate { rate, weight } => {
                let means = code.mean_dim([0i64].as_slice(), false, None::<Kind>);
                let means = pass.over_batch(means).unsqueeze(0);
                Some(("rate", penalty::rate_divergence(&means, rate) * weight))
            }
            Sparsity::TopK { .. } => None,
        }
    }
}

/// The `k` largest values of each row of `code` `[B, D]`; the others are zero.
fn keep_largest(code: &Tensor, k: i64) -> Tensor {
    let (_, places) = code.topk(k, -1, true, false);
    code * code.detach().zeros_like().scatter_value(-1, &places, 1.0)
}

impl Model for Sparse {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        self.inner.networks()
    }

    fn numel(&self) -> i64 {
        self.inner.numel().saturating_add(self.dead_units.as_ref().map_or(0, DeadUnits::numel))
    }

    fn buffers(&self) -> Vec<(String, Tensor)> {
        let mut buffers = self.inner.buffers();
        buffers.extend(self.dead_units.as_ref().map(DeadUnits::buffer));
        buffers
    }

    fn objective(&self) -> &'static str {
        self.inner.objective()
    }

    fn masks_missing(&self) -> bool {
        true
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let encoded = self.inner.encoder.forward_in(&batch.values, pass);
        let code = self.selected(&encoded, pass.progress());
        let output = self.inner.output_in(&code, pass);
        let reconstruction = self.inner.loss_of(&output, batch, pass);
        let active = code.detach().gt(ACTIVE).to_kind(Kind::Float).mean(Kind::Float);
        let figure = reconstruction.detach();
        let mut terms = vec![("reconstruction", reconstruction)];
        terms.extend(self.penalty(&code, pass));
        if let Some(dead_units) = &self.dead_units {
            terms.push(("auxiliary", self.auxiliary(dead_units, [&encoded, &output], batch, pass)));
            if pass.is_training() {
                dead_units.count(&code.detach(), pass.part.as_ref());
            }
        }
        vec![Losses::new(terms).with_figure(self.objective(), &figure).with_figure("active", &active)]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

impl Autoencoder for Sparse {
    fn encode(&self, x: &Tensor) -> Code {
        Code::Point(self.selected(&self.inner.encoder.forward(x), 1.0))
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.inner.decode(code)
    }

    fn dense_chain(&self) -> Option<DenseChain> {
        let is_whole = !matches!(self.sparsity, Sparsity::TopK { .. });
        is_whole.then(|| self.inner.dense_chain()).flatten()
    }

    fn dense_decoder(&self) -> Option<DenseNetwork> {
        self.inner.dense_decoder()
    }

    fn code_size(&self) -> i64 {
        self.inner.code_size()
    }

    fn dictionary(&self) -> Option<Tensor> {
        self.inner.dictionary()
    }
}

#[cfg(test)]
#[path = "sparse_tests.rs"]
mod tests;
