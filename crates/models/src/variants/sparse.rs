//! Sparse autoencoders: for each sample, few of many code units answer.
//!
//! Minimises `mean (x - x̂)² + penalty`, in one of three ways:
//! - `l1` (default): `weight · Σ|h|`, the L1 norm of each sample's code (Chollet, "Building autoencoders in Keras", 2016);
//! - `rate`: `weight · Σ_d KL(ρ ‖ mean of h_d over the batch)`, for a code of sigmoids (Ng, CS294A lecture notes, 2011,
//!   section 3; the notes' weight is for the summed, halved error: divide it by half the number of values in a sample);
//! - `top_k`: no penalty; the `k` largest numbers of each sample's code are kept, the others are zero (Makhzani & Frey,
//!   "k-sparse autoencoders", ICLR 2014, with `code_activation = "identity"` as there).
//!
//! The figure `active` is the share of code numbers above 1e-3. Use it for codes wider than the data, and for parts that
//! one can look at: the run's report shows the dictionary. For the least error at a given width take [`super::vanilla`].

use super::deep;
use crate::blocks::{body::Body, point::PointAutoencoder};
use crate::model::{Autoencoder, Batch, Code, DataSummary, Losses, Model, ModelError, Pass};
use crate::network::Network;
use crate::registry::{Variant, out_of_range};
use ae_tensor::{Activation, Kind, Noise, ReconstructionLoss, Tensor, penalty};
use serde::{Deserialize, Serialize};

/// A number of the code above this counts as active.
const ACTIVE: f64 = 1e-3;

/// Settings of the sparse autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Widths between data and code; the decoder has them in reverse. Without any, the decoder is a dictionary.
    pub hidden: Vec<i64>,
    /// Another encoder than dense layers of `hidden`, such as `"conv"`.
    pub encoder: Option<Body>,
    /// Another decoder than the mirror of the encoder.
    pub decoder: Option<Body>,
    /// Width of the code.
    pub code: i64,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// Activation of the code; `sigmoid` where the sparsity is a rate.
    pub code_activation: Activation,
    /// Activation of the reconstruction; `identity` for data that are not scaled to [0, 1].
    pub output: Activation,
    /// What is minimised beside the penalty: `mse`, `mae`, or for a sigmoid output `bce`, the binary cross-entropy.
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
    /// How far the mean of each code number over the batch is from a target.
    Rate {
        /// The target ρ, between 0 and 1.
        rate: f64,
        /// The weight of the divergence, in the unit of the loss for a nat; at least 0.
        weight: f64,
    },
    /// Only the largest numbers of each sample's code are kept.
    TopK {
        /// How many; at least 1 and at most the width of the code.
        k: i64,
        /// How many at the beginning, falling in a straight line to `k` over the first half of a run, so that no unit
        /// is left out for good (section 4.2.1 there); absent: `k` from the first step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<i64>,
    },
}

impl Default for Config {
    fn default() -> Self {
        Config {
            hidden: vec![],
            encoder: None,
            decoder: None,
            code: 64,
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
                    "sigmoid where the sparsity is a rate: a rate lies in (0, 1)",
                )
            }
            Sparsity::TopK { k, start } => {
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
                )
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
        let inner = deep.autoencoder(Self::NAME, data, noise)?;
        Ok(Box::new(Sparse { inner, sparsity: self.sparsity }))
    }
}

#[derive(Debug)]
struct Sparse {
    inner: PointAutoencoder,
    sparsity: Sparsity,
}

impl Sparse {
    /// `[B, D]`, when so much of the run is done.
    fn code(&self, x: &Tensor, progress: f64) -> Tensor {
        let code = self.inner.encoder.forward(x);
        match self.sparsity {
            Sparsity::TopK { k, start } => {
                let more = (start.unwrap_or(k) - k) as f64 * (1.0 - 2.0 * progress).max(0.0);
                keep_largest(&code, k + more.round() as i64)
            }
            _ => code,
        }
    }

    /// Name and value of the penalty, a scalar.
    fn penalty(&self, code: &Tensor) -> Option<(&'static str, Tensor)> {
        match self.sparsity {
            Sparsity::L1 { weight } => Some(("l1", penalty::l1_activity(code).mean(Kind::Float) * weight)),
            Sparsity::Rate { rate, weight } => Some(("rate", penalty::rate_divergence(code, rate) * weight)),
            Sparsity::TopK { .. } => None,
        }
    }
}

/// The `k` largest numbers of each row of `code` `[B, D]`; zeros in place of the others.
fn keep_largest(code: &Tensor, k: i64) -> Tensor {
    let (_, places) = code.topk(k, -1, true, false);
    code * code.detach().zeros_like().scatter_value(-1, &places, 1.0)
}

impl Model for Sparse {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        self.inner.networks()
    }

    fn objective(&self) -> &'static str {
        self.inner.objective()
    }

    fn masks_missing(&self) -> bool {
        true
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let code = self.code(&batch.values, pass.progress());
        let reconstruction = self.inner.loss_of(&self.inner.decoder.forward(&code), batch);
        let active = code.detach().gt(ACTIVE).to_kind(Kind::Float).mean(Kind::Float);
        let figure = reconstruction.detach();
        let terms = [("reconstruction", reconstruction)].into_iter().chain(self.penalty(&code)).collect();
        vec![Losses::new(terms).with_figure(self.objective(), &figure).with_figure("active", &active)]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

impl Autoencoder for Sparse {
    fn encode(&self, x: &Tensor) -> Code {
        Code::Point(self.code(x, 1.0))
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.inner.decode(code)
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
    use ae_tensor::{Device, Optimizer, OptimizerConfig};

    #[test]
    fn the_largest_are_kept_with_their_gradients() {
        let code =
            Tensor::from_slice(&[0.5f32, -3.0, 2.0, 1.0, 7.0, 0.0]).view([2, 3]).set_requires_grad(true);
        let kept = keep_largest(&code, 2);
        assert_eq!(kept.detach(), Tensor::from_slice(&[0.5f32, 0.0, 2.0, 1.0, 7.0, 0.0]).view([2, 3]));
        kept.sum(Kind::Float).backward();
        assert_eq!(code.grad(), Tensor::from_slice(&[1f32, 0.0, 1.0, 1.0, 1.0, 0.0]).view([2, 3]));
    }

    /// Trains on sixteen random samples; the code of them afterwards.
    fn code_after_training(config: &Config) -> Tensor {
        ae_tensor::device::set_threads(1);
        let noise = Noise::new(0, 0, Device::Cpu);
        let data = DataSummary { shape: vec![20], mean: 0.5, low: 0.0, high: 1.0, classes: 0 };
        let model = config.initialise(&data, &noise).unwrap();
        let parameters: Vec<Tensor> = model.parameters().into_iter().map(|p| p.1).collect();
        let mut optimizer = Optimizer::new(OptimizerConfig::default(), &parameters).unwrap();
        let batch = Batch { values: noise.uniform("samples", &[16, 20]), labels: None, observed: None };
        for step in 0..600 {
            optimizer.zero_gradients().unwrap();
            model.losses(&batch, &Pass::training(noise, step, 600))[0].total().unwrap().backward();
            optimizer.step(0.01).unwrap();
        }
        model.as_autoencoder().unwrap().encode(&batch.values).point().detach()
    }

    fn mean(code: &Tensor) -> f64 {
        code.abs().mean(Kind::Double).double_value(&[])
    }

    #[test]
    fn each_kind_makes_the_code_as_sparse_as_it_says() {
        let with = |code_activation, sparsity| {
            code_after_training(&Config { code: 30, code_activation, sparsity, ..Config::default() })
        };
        let plain = with(Activation::Relu, Sparsity::L1 { weight: 0.0 });
        let l1 = with(Activation::Relu, Sparsity::L1 { weight: 3e-3 });
        assert!(mean(&l1) < 0.5 * mean(&plain), "{} and {}", mean(&l1), mean(&plain));
        let rate = with(Activation::Sigmoid, Sparsity::Rate { rate: 0.1, weight: 0.1 });
        assert!((mean(&rate) - 0.1).abs() < 0.03, "{}", mean(&rate));
        let top = with(Activation::Identity, Sparsity::TopK { k: 4, start: Some(12) });
        let kept = top.not_equal(0.0).sum_dim_intlist([1i64].as_slice(), false, Kind::Int64);
        assert_eq!(kept, Tensor::full([16], 4, (Kind::Int64, Device::Cpu)));
    }
}
