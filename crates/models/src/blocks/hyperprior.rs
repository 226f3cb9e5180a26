//! Side latents, and what they and the neighbours say of a latent ([`ae_coding::HyperPrior`]) in training.

use crate::error::ModelError;
use crate::model::Pass;
use crate::network::{Layer, Network, dense_network};
use crate::registry::at_least_one;
use ae_coding::{Density, HyperPrior, KNOWN, SIDE_STRIDE};
use ae_tensor::{Activation, Kind, Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Settings of a hyperprior.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HyperConfig {
    /// Channels of the side latents, `N`.
    pub side: i64,
    /// Width of the networks.
    pub units: i64,
    /// Whether a latent is foretold from those next to it, too, not from the side latents alone.
    pub neighbours: bool,
}

impl Default for HyperConfig {
    fn default() -> Self {
        HyperConfig { side: 8, units: 128, neighbours: true }
    }
}

/// The networks of a hyperprior.
#[derive(Debug)]
pub(crate) struct Hyper {
    /// `[M, h, w]`, of even sides, to `[N, h/2, w/2]`.
    pub(crate) side: Network,
    /// The inputs of [`HyperPrior`] to means and logarithms of scales.
    pub(crate) prior: Network,
    neighbours: bool,
}

impl Hyper {
    /// Rows of side latents on either side of a row that see it.
    pub(crate) const REACH: i64 = 2;

    /// For latents of this shape `[M, h, w]`.
    pub(crate) fn new(
        variant: &'static str,
        config: HyperConfig,
        shape: &[i64],
        noise: &Noise,
    ) -> Result<Self, ModelError> {
        at_least_one(variant, "hyperprior.side", config.side)?;
        at_least_one(variant, "hyperprior.units", config.units)?;
        let conv = |channels, kernel, stride, padding| Layer::Conv2d { channels, kernel, stride, padding };
        let relu = Layer::Activation(Activation::Relu);
        let stride = SIDE_STRIDE as i64;
        let layers = vec![
            conv(config.units, 3, 1, 1),
            relu.clone(),
            conv(config.units, 2 * stride, stride, stride / 2),
            relu.clone(),
            conv(config.side, 1, 1, 0),
        ];
        let even = shape[1..].iter().map(|side| side + side % stride);
        let side = Network::new("side", layers, &[&shape[..1], &even.collect::<Vec<_>>()].concat(), noise)?;
        let known = if config.neighbours { KNOWN.len() as i64 * shape[0] } else { 0 };
        let dense = |units| Layer::Dense { units };
        let layers = vec![dense(config.units), relu.clone(), dense(config.units), relu, dense(2 * shape[0])];
        let prior = Network::new("prior", layers, &[known + 9 * config.side + 3], noise)?;
        Ok(Hyper { side, prior, neighbours: config.neighbours })
    }

    /// Side latents `[B, N, ⌈h/2⌉, ⌈w/2⌉]` of latents `[B, M, h, w]`, not rounded.
    pub(crate) fn side_latents(&self, latents: &Tensor) -> Tensor {
        let [_, _, height, width] = latents.size()[..] else {
            panic!("latents have four dimensions, got {latents:?}")
        };
        let missing = [height, width].map(|side| side % SIDE_STRIDE as i64);
        match missing {
            [0, 0] => self.side.forward_image(latents),
            [rows, columns] => self.side.forward_image(&latents.replication_pad2d([0, columns, 0, rows])),
        }
    }

    /// Means and logarithms of scales, each `[B, M, h, w]`, as [`HyperPrior::parameters`] gives them at each place; `step` is
    /// `[B, 1, 1, 1]`.
    pub(crate) fn parameters(&self, known: &Tensor, side: &Tensor, step: &Tensor) -> [Tensor; 2] {
        let [batch, channels, height, width] = known.size()[..] else {
            panic!("latents have four dimensions, got {known:?}")
        };
        let mut inputs = Vec::new();
        if self.neighbours {
            let padded = known.constant_pad_nd([1, 1, 1, 0]);
            inputs.extend(KNOWN.map(|[row, column]| {
                padded.narrow(2, row as i64 + 1, height).narrow(3, column as i64 + 1, width)
            }));
        }
        let [rows, columns] = [side.size()[2], side.size()[3]];
        let padded = side.constant_pad_nd([1, 1, 1, 1]);
        let around =
            (0..9).map(|at| padded.narrow(2, at / 3, rows).narrow(3, at % 3, columns)).collect::<Vec<_>>();
        let stride = SIDE_STRIDE as i64;
        let around =
            Tensor::cat(&around, 1).upsample_nearest2d([rows * stride, columns * stride], None, None);
        inputs.push(around.narrow(2, 0, height).narrow(3, 0, width));
        let odd = |side| Tensor::arange(side, (Kind::Float, known.device())).remainder(stride as f64);
        let plane = |values: Tensor| values.expand([batch, 1, height, width], false);
        inputs.push(plane(odd(height).view([1, 1, -1, 1])));
        inputs.push(plane(odd(width).view([1, 1, 1, -1])));
        inputs.push(plane(step.log()));
        let inputs = Tensor::cat(&inputs, 1).permute([0, 2, 3, 1]).reshape([batch * height * width, -1]);
        let outputs = self.prior.forward(&inputs).view([batch, height, width, 2 * channels]);
        let outputs = outputs.permute([0, 3, 1, 2]);
        [outputs.narrow(1, 0, channels), outputs.narrow(1, channels, channels)]
    }

    /// What a coder needs, with the densities of the side latents.
    pub(crate) fn coder(&self, side: Vec<Density>) -> HyperPrior {
        let network = dense_network(&self.prior, &[], Activation::Identity).expect("its layers are dense");
        HyperPrior::new(side, network).expect("it has the inputs that it was made with")
    }
}

/// Values with uniform noise of one step in training, otherwise rounded to multiples of it.
pub(crate) fn noisy_or_rounded(values: &Tensor, step: &Tensor, name: &str, pass: &Pass) -> Tensor {
    match pass.is_training() {
        true => values + (pass.noise.uniform(name, &values.size()) - 0.5) * step,
        false => rounded(values, step),
    }
}

/// `values` rounded to multiples of `step`.
pub(crate) fn rounded(values: &Tensor, step: &Tensor) -> Tensor {
    (values / step).round() * step
}

#[cfg(test)]
#[path = "hyperprior_tests.rs"]
mod tests;
