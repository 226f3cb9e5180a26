//! A learned prior over codes of indices: how probable each index is given those before it.

use crate::error::ModelError;
use crate::network::{Layer, Network, Recurrent};
use crate::registry::{at_least_one, layers, out_of_range};
use ae_network::Cell;
use ae_tensor::{Kind, Noise, Tensor};
use serde::{Deserialize, Serialize};
use std::f64::consts::FRAC_1_SQRT_2;

/// Settings of the prior.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriorConfig {
    /// Width of the recurrent layers (gated recurrent units).
    pub units: i64,
    /// Number of recurrent layers.
    pub layers: usize,
    /// Share of the run before it is trained, in [0, 1): codes that still change are not worth learning.
    pub after: f64,
}

impl Default for PriorConfig {
    fn default() -> Self {
        PriorConfig { units: 192, layers: 1, after: 0.25 }
    }
}

impl PriorConfig {
    pub(crate) fn check(&self, variant: &'static str) -> Result<(), ModelError> {
        at_least_one(variant, "prior.units", self.units)?;
        at_least_one(variant, "prior.layers", self.layers as i64)?;
        layers(variant, "prior.layers", self.layers)?;
        match (0.0..1.0).contains(&self.after) {
            true => Ok(()),
            false => {
                Err(out_of_range(variant, "prior.after", &self.after.to_string(), "at least 0 and below 1"))
            }
        }
    }
}

/// `p(k) = Π p(k_t | k_1 … k_{t-1})`, the positions of a code in raster order (van den Oord et al., NeurIPS 2017, section 3.3,
/// who use a PixelCNN). A recurrent network sees, at each position, the index before it, for grids also the one above it, and where
/// it is.
#[derive(Debug)]
pub struct CodePrior {
    pub(crate) network: Network,
    /// Shape of the positions: `[H, W]`, or of one dimension.
    grid: Vec<i64>,
    /// Number of different indices, `K`.
    entries: i64,
}

impl CodePrior {
    /// For codes of `entries` different indices at the positions of `grid`.
    ///
    /// # Errors
    /// Names a setting that is out of range.
    pub(crate) fn new(
        config: &PriorConfig,
        grid: &[i64],
        entries: i64,
        noise: &Noise,
    ) -> Result<Self, ModelError> {
        let positions = grid.iter().fold(1i64, |all, side| all.saturating_mul(*side));
        let seen = if above(grid).is_some() { 2 } else { 1 };
        let features = entries.saturating_mul(seen).saturating_add(positions);
        let recurrent = Layer::Recurrent(Recurrent {
            cell: Cell::Gru,
            units: config.units,
            whole: true,
            both_ways: false,
        });
        let mut layers = vec![recurrent; config.layers];
        layers.push(Layer::DensePerStep { units: entries });
        let network = Network::new("prior", layers, &[positions, features], noise)?;
        Ok(CodePrior { network, grid: grid.to_vec(), entries })
    }

    /// Number of positions.
    pub(crate) fn positions(&self) -> i64 {
        self.network.input_shape()[0]
    }

    /// Values of one sample that the network reads.
    pub(crate) fn input_size(&self) -> i64 {
        self.network.input_shape().iter().fold(1i64, |all, side| all.saturating_mul(*side))
    }

    /// `-log p` of indices `[B, …]`, int64: `[B]`, in nats.
    pub(crate) fn negative_log_prob(&self, indices: &Tensor) -> Tensor {
        let indices = indices.flatten(1, -1);
        let logits = self.network.forward(&self.inputs(&indices));
        let chosen = logits.log_softmax(-1, None::<Kind>).gather(2, &indices.unsqueeze(-1), false);
        -chosen.sum_dim_intlist([1i64, 2].as_slice(), false, None::<Kind>)
    }

    /// Indices int64 `[B, …]` from draws of N(0, 1) `[B, P]`, one for each position: the quantile of the index's distribution at the
    /// probability of the draw.
    pub(crate) fn indices(&self, draws: &Tensor) -> Tensor {
        let (samples, positions) = draws.size2().expect("draws are [B, P]");
        let shares = ((draws * FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
        let places = Tensor::eye(positions, (draws.kind(), draws.device()));
        let nothing = Tensor::zeros([samples, self.entries], (draws.kind(), draws.device()));
        let mut states = None;
        let (mut chosen, mut seen) = (Vec::<Tensor>::new(), Vec::<Tensor>::new());
        for place in 0..positions {
            let before = |distance: i64| {
                let at = usize::try_from(place - distance).ok();
                at.map_or_else(|| nothing.shallow_clone(), |at| seen[at].shallow_clone())
            };
            let mut parts = vec![before(1)];
            parts.extend(above(&self.grid).map(before));
            parts.push(places.narrow(0, place, 1).expand([samples, positions], false));
            let input = Tensor::cat(&parts, 1).unsqueeze(1);
            let continued = self.network.forward_from(&input, states.as_ref());
            states = Some(continued.states);
            let cumulative =
                continued.output.squeeze_dim(1).softmax(-1, None::<Kind>).cumsum(1, None::<Kind>);
            let index = cumulative.lt_tensor(&shares.narrow(1, place, 1)).sum_dim_intlist(
                [1i64].as_slice(),
                false,
                Kind::Int64,
            );
            let index = index.clamp_max(self.entries - 1);
            seen.push(index.one_hot(self.entries).to_kind(draws.kind()));
            chosen.push(index);
        }
        Tensor::stack(&chosen, 1).view([&[samples], self.grid.as_slice()].concat().as_slice())
    }

    /// What the network reads for indices `[B, P]`: `[B, P, F]`.
    fn inputs(&self, indices: &Tensor) -> Tensor {
        let (samples, positions) = indices.size2().expect("indices are [B, P]");
        let kind = Kind::Float;
        let one_hot = indices.one_hot(self.entries).to_kind(kind);
        let shifted = |distance: i64| {
            let distance = distance.min(positions);
            let nothing = Tensor::zeros([samples, distance, self.entries], (kind, indices.device()));
            Tensor::cat(&[nothing, one_hot.narrow(1, 0, positions - distance)], 1)
        };
        let mut parts = vec![shifted(1)];
        parts.extend(above(&self.grid).map(shifted));
        parts.push(
            Tensor::eye(positions, (kind, indices.device())).expand([samples, positions, positions], false),
        );
        Tensor::cat(&parts, 2)
    }
}

/// How many positions before one in a grid the one above it is.
fn above(grid: &[i64]) -> Option<i64> {
    match grid {
        [_, width] => Some(*width),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Device, tch};

    fn noise() -> Noise {
        Noise::new(4, 0, Device::Cpu)
    }

    fn prior(grid: &[i64], entries: i64) -> CodePrior {
        let config = PriorConfig { units: 8, layers: 2, after: 0.0 };
        CodePrior::new(&config, grid, entries, &noise()).unwrap()
    }

    /// All codes of two positions by two, of two indices each: their probabilities sum to one, so none is used twice.
    #[test]
    fn probabilities_of_all_codes_sum_to_one() {
        for grid in [&[2, 2][..], &[4]] {
            let prior = prior(grid, 2);
            let all: Vec<i64> = (0..16).flat_map(|code| (0..4).map(move |place| code >> place & 1)).collect();
            let codes = Tensor::from_slice(&all).view([&[16], grid].concat().as_slice());
            let sum = tch::no_grad(|| (-prior.negative_log_prob(&codes)).exp().sum(Kind::Double));
            assert!((sum.double_value(&[]) - 1.0).abs() < 1e-5, "{sum:?}");
        }
    }

    /// Drawn codes are as frequent as their probabilities say: step by step is the same as all at once.
    #[test]
    fn draws_follow_the_probabilities() {
        let prior = prior(&[2, 2], 3);
        let n = 20_000;
        let drawn = tch::no_grad(|| prior.indices(&noise().normal("draws", &[n, 4])));
        assert_eq!(drawn.size(), [n, 2, 2]);
        let place = Tensor::from_slice(&[27i64, 9, 3, 1]);
        let numbers = (drawn.flatten(1, -1) * place).sum_dim_intlist([1i64].as_slice(), false, Kind::Int64);
        let found = numbers.bincount(None::<&Tensor>, 81).to_kind(Kind::Double) / n as f64;
        let all: Vec<i64> = (0..81).flat_map(|code| [27, 9, 3, 1].map(|unit| code / unit % 3)).collect();
        let codes = Tensor::from_slice(&all).view([81, 2, 2]);
        let expected = tch::no_grad(|| (-prior.negative_log_prob(&codes)).exp().to_kind(Kind::Double));
        let spread = ((&expected - expected.square()) / n as f64).sqrt();
        let far = ((found - expected) / spread).abs().max().double_value(&[]);
        assert!(far < 4.5, "{far} standard errors");
    }
}
